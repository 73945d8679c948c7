//! `plimsoll`, the one binary.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the command line")]

mod backtest;
mod check;
mod daemon;
mod demo;
mod explain;
mod export;
mod import;
mod init;
mod out;
mod progress;
mod prometheus;
mod rules;
mod serve;
mod sidecar;
mod slo_files;
mod when;

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Records concurrency signals, keeps SLO error budgets on them, and says what is going wrong.
#[derive(Parser)]
#[command(
    name = "plimsoll",
    version,
    after_help = "Example: plimsoll demo --fault slow-dependency@10s+20s"
)]
struct Arguments {
    /// What to log on standard error: error, warn, info, debug, or a filter as plimsoll_daemon=debug
    #[arg(long, global = true, default_value = "info", value_name = "FILTER")]
    log: String,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run an instrumented service, a load and the daemon, and break things at will
    Demo(demo::Arguments),
    /// Run the daemon: scrape, keep budgets, page
    Serve(serve::Arguments),
    /// Look at software that isn't Rust from outside, and export its concurrency signals
    Sidecar(sidecar::Arguments),
    /// Read configuration and SLO files and report every fault at once
    Check(check::Arguments),
    /// Write a commented configuration and SLO file to start from
    Init(init::Arguments),
    /// Say in words why an SLO pages or doesn't, with every number
    Explain(explain::Arguments),
    /// Write recording and alert rules of SLOs for Prometheus, Thanos, Mimir or VictoriaMetrics
    Rules(rules::Arguments),
    /// Replay recorded samples: which SLO would have paged, when, and at what cost
    Backtest(backtest::Arguments),
    /// Write the whole state as a backup: lines of JSON, for plimsoll import
    Export(export::Arguments),
    /// Fill a daemon's state: from a backup that plimsoll export wrote, or from a Prometheus
    Import(import::Arguments),
    /// Run one process of the demo without instrumentation, which its standard input holds
    #[command(subcommand, hide = true)]
    DemoPart(demo::Part),
    /// Print completions for a shell
    #[command(after_help = "Example: plimsoll completions bash > /etc/bash_completion.d/plimsoll")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(reason) = start_log(&arguments.log) {
        eprintln!("plimsoll: --log {:?}: {reason}", arguments.log);
        return ExitCode::from(2);
    }
    // Which cryptography a process uses is the binary's choice; nothing has chosen before this line.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let outcome = match arguments.verb {
        Verb::Demo(words) => demo::run(words, &arguments.log),
        Verb::DemoPart(part) => demo::run_part(part),
        Verb::Serve(arguments) => serve::run(&arguments),
        Verb::Sidecar(arguments) => sidecar::run(arguments),
        Verb::Check(arguments) => Ok(check::run(&arguments)),
        Verb::Init(arguments) => init::run(&arguments),
        Verb::Explain(arguments) => explain::run(&arguments),
        Verb::Rules(arguments) => rules::run(&arguments),
        Verb::Backtest(arguments) => backtest::run(&arguments),
        Verb::Export(arguments) => export::run(&arguments),
        Verb::Import(arguments) => import::run(&arguments),
        Verb::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "plimsoll", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("plimsoll: {error:#}");
        ExitCode::FAILURE
    })
}

fn start_log(filter: &str) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter = EnvFilter::builder().parse(filter)?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    Ok(())
}
