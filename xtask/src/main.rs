//! The project's own chores: `cargo xtask COMMAND`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]

mod bench;
mod generate;
mod needs;
mod peers;
mod run;
mod soak;
mod test;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

const HELP: &str = "\
cargo xtask COMMAND

  test              install what the tests need (as root), then run all of them
  test --quick      the same without the end-to-end tests
  generate          write dashboards/, alerts/ and docs/signals.md from their Rust source
  generate --check  fail if they differ from it
  bench record      measure the recorder and its peers in one run (about a minute)
  bench slo         measure the daemon beside Prometheus (about 6 minutes; --full: half an hour)
  peers             build what Debian lacks, once: Prometheus 3, the Collector, Thanos
  soak [MINUTES]    watch the daemon's memory over MINUTES (10) at a 1 s scrape
  soak kills        kill the daemon 300 times at random instants, and count

Example: cargo xtask test
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["test"] => test::everything(),
        ["test", "--quick"] => test::quick(),
        ["generate"] => {
            generate::write(root()).map_err(generation).and_then(|()| generate::write_signals())
        }
        ["generate", "--check"] => {
            generate::check(root()).map_err(generation).and_then(|()| generate::check_signals())
        }
        ["bench", name, arguments @ ..] => bench::run(name, arguments),
        ["peers"] => peers::ensure(),
        ["soak"] => soak::watch(Duration::from_secs(600)),
        ["soak", "kills"] => soak::kills(),
        ["soak", minutes] => match minutes.parse::<u64>() {
            Ok(minutes) if minutes > 0 => soak::watch(Duration::from_secs(60 * minutes)),
            _ => Err(run::Failure::Usage(format!("{minutes:?} is no number of minutes"))),
        },
        [] | ["--help" | "-h" | "help"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => Err(run::Failure::Usage(format!("no such command: {}", other.join(" ")))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            failure.exit_code()
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

fn generation(error: anyhow::Error) -> run::Failure {
    run::Failure::Step(format!("{error:#}"))
}
