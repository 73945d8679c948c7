//! `plimsoll demo`: the whole thing in one process, with faults to try; without instrumentation, the
//! service in processes of its own.

use anyhow::Context;
use clap::Subcommand;
use plimsoll_demo::fault::{ScheduledFault, parse_time};
use plimsoll_demo::outside::{self, Outside, Scene};
use plimsoll_demo::{Demo, Options};
use plimsoll_plain::Topic;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(clap::Args)]
#[command(
    about = "Run an instrumented service, a load and the daemon, and break things at will",
    after_help = "Faults, the SLO that each breaks, and what sees it with --no-instrumentation:\n  \
        slow-dependency   auth-latency      the proxy\n  \
        lock-hog          lock-wait         /proc: who waits and how long, not who has the lock\n  \
        stalled-consumer  consumer-lag      Redis, with --redis\n  \
        queue-flood       queue-not-full    the proxy\n  \
        stale-snapshot    fresh-under-load  nothing: a snapshot's age is in the service's memory\n  \
        unguarded-commits charged-once      nothing: what a decision had read only the service knows\n  \
        deadlock          none              nothing; with instrumentation, /debug/cycles names it\n\n\
        Examples: plimsoll demo --duration 60s --fault queue-flood@10s+20s\n          \
        plimsoll demo --no-instrumentation --redis redis://127.0.0.1:6379"
)]
pub(crate) struct Arguments {
    /// Address of the page
    #[arg(long, default_value = "127.0.0.1:9797", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where the daemon keeps its state; a temporary folder otherwise
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Seed of the load, for the same arrivals each time
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
    /// End after so long with a summary; otherwise Ctrl-C does
    #[arg(long, value_parser = parse_time, value_name = "TIME")]
    duration: Option<Duration>,
    /// Break one thing: NAME@START+LENGTH, counted from readiness; may be given several times
    #[arg(long = "fault", value_name = "NAME@START+LENGTH")]
    faults: Vec<ScheduledFault>,
    /// Send alerts to an Alertmanager, as 127.0.0.1:9093; may be given several times
    #[arg(long = "alertmanager", value_name = "ADDRESS")]
    alertmanagers: Vec<String>,
    /// Run the service without instrumentation, in processes of its own, and a sidecar that sees it
    /// from outside
    #[arg(long)]
    no_instrumentation: bool,
    /// Publish fulfilled orders there, for a consumer that can stall
    #[arg(long, requires = "no_instrumentation", value_name = "URL")]
    redis: Option<String>,
}

/// A process of the service without instrumentation.
#[derive(Subcommand)]
pub(crate) enum Part {
    /// The service itself
    Checkout {
        #[arg(requires = "key")]
        url: Option<String>,
        key: Option<String>,
    },
    /// The consumer of its orders
    Billing { url: String, key: String },
}

pub(crate) fn run(arguments: Arguments, log: &str) -> anyhow::Result<ExitCode> {
    let options = Options {
        listen: arguments.listen,
        data_dir: arguments.data_dir,
        seed: arguments.seed,
        duration: arguments.duration,
        faults: arguments.faults,
        alertmanagers: arguments.alertmanagers,
    };
    if arguments.no_instrumentation {
        return run_outside(options, arguments.redis, log);
    }
    let demo = Demo::start(options)?;
    println!("{}", demo.welcome());
    let summary = demo.run_to_end()?;
    println!("{summary}");
    Ok(ExitCode::SUCCESS)
}

fn run_outside(options: Options, redis: Option<String>, log: &str) -> anyhow::Result<ExitCode> {
    let faults = options.faults.iter();
    let refusals: Vec<String> =
        faults.filter_map(|scheduled| outside::refusal(scheduled.fault, redis.is_some())).collect();
    if !refusals.is_empty() {
        refusals.iter().for_each(|refusal| eprintln!("plimsoll: {refusal}"));
        return Ok(ExitCode::from(2));
    }
    let program = std::env::current_exe().context("the own program can't be found")?;
    let words = ["--log", log, "demo-part"].map(OsString::from);
    let program = std::iter::once(program.into_os_string()).chain(words).collect();
    let scene = Scene::start(options, &Outside { program, redis })?;
    println!("{}", scene.welcome());
    let summary = scene.run_to_end()?;
    println!("{summary}");
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn run_part(part: Part) -> anyhow::Result<ExitCode> {
    match part {
        Part::Checkout { url, key } => {
            let topic = url.zip(key).map(|(url, key)| Topic { url, key });
            plimsoll_plain::checkout(topic)?;
        }
        Part::Billing { url, key } => plimsoll_plain::billing(Topic { url, key })?,
    }
    Ok(ExitCode::SUCCESS)
}
