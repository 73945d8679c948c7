//! The project's own chores: `cargo xtask COMMAND`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]

mod bench;
mod end_to_end;
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
  test --end-to-end only those
  generate          write dashboards/, alerts/ and docs/signals.md from their Rust source
  generate --check  fail if they differ from it
  bench record      measure the recorder and its peers in one run (about a minute)
  bench context     measure a decision of four readings
  bench slo         measure the daemon beside Prometheus (about 6 minutes; --full: half an hour)
  bench sidecar     measure the sidecar beside nginx and the field's exporters (about 5 minutes)
  peers             build what Debian lacks, once: Prometheus 3, the Collector, Thanos
  soak [MINUTES]    watch the daemon's memory over MINUTES (10) at a 1 s scrape
  soak kills        kill the daemon 300 times at random instants, and count
  soak sidecar      restart what the sidecar watches 1,440 times (5 minutes)

Each COMMAND takes --help.

Example: cargo xtask test
";

const BENCH_HELP: &str = "\
cargo xtask bench record [GROUP]
cargo xtask bench slo [GROUP | --full]
cargo xtask bench sidecar [GROUP]

Measures ours and the peers in one run, prints a table and writes target/bench/NAME.json. Builds for
release first; nothing else should run on the machine.

  record  the recorder: requests, histogram, merge, encode, locks, memory
  slo     the daemon beside Prometheus 3: decode, cost, history, scale, page
          --full: all groups, longer, with 100,000 SLOs (half an hour)
  sidecar the collectors beside their peers: proxy, held, process, exporters

GROUP is the start of a group's name; without it every group is measured.

Example: cargo xtask bench slo decode
";

const SOAK_HELP: &str = "\
cargo xtask soak [MINUTES]
cargo xtask soak kills
cargo xtask soak sidecar [MINUTES]

Runs the release daemon at a 1 s scrape over MINUTES (10) and fails if its resident memory grows by
more than 1 MiB between the middle and the last third. With `kills` it is killed 300 times at random
instants instead, and what it counted is held against what was sent. With `sidecar` what the sidecar
watches is restarted as often as once a minute for a day, within MINUTES (5); it fails if memory grows,
if a descriptor or a series of what has ended stays, or if the restarts weren't seen.

Example: cargo xtask soak 30
";

/// Returns the help of a command, or of all of them.
fn help(command: &str) -> &'static str {
    match command {
        "bench" => BENCH_HELP,
        "soak" => SOAK_HELP,
        _ => HELP,
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let asks_for_help = words.iter().any(|word| matches!(*word, "--help" | "-h"));
    if asks_for_help || matches!(words.as_slice(), [] | ["help", ..]) {
        let command = words.iter().find(|word| !matches!(**word, "help" | "--help" | "-h"));
        print!("{}", help(command.copied().unwrap_or_default()));
        return ExitCode::SUCCESS;
    }
    let outcome = match words.as_slice() {
        ["test"] => test::everything(),
        ["test", "--quick"] => test::quick(),
        ["test", "--end-to-end"] => test::end_to_end(),
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
        ["soak", "sidecar"] => soak::sidecar::watch(Duration::from_secs(300)),
        ["soak", "sidecar", minutes] => match minutes.parse::<u64>() {
            Ok(minutes) if minutes > 0 => soak::sidecar::watch(Duration::from_secs(60 * minutes)),
            _ => Err(run::Failure::Usage(format!("{minutes:?} is no number of minutes"))),
        },
        ["soak", minutes] => match minutes.parse::<u64>() {
            Ok(minutes) if minutes > 0 => soak::watch(Duration::from_secs(60 * minutes)),
            _ => Err(run::Failure::Usage(format!("{minutes:?} is no number of minutes"))),
        },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_of_several_words_has_a_help_of_its_own() {
        for command in ["bench", "soak"] {
            let text = help(command);
            assert!(text.starts_with(&format!("cargo xtask {command} ")), "{text}");
        }
        assert!(help("test").contains("Each COMMAND takes --help."));
    }
}
