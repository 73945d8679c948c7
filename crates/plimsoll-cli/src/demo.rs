//! `plimsoll demo`: the whole thing in one process, with faults to try.

use plimsoll_demo::fault::{ScheduledFault, parse_time};
use plimsoll_demo::{Demo, Options};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(clap::Args)]
#[command(
    about = "Run an instrumented service, a load and the daemon, and break things at will",
    after_help = "Faults and the SLO that each breaks:\n  \
        slow-dependency   auth-latency\n  \
        lock-hog          lock-wait\n  \
        stalled-consumer  consumer-lag\n  \
        stale-snapshot    fresh-under-load\n  \
        queue-flood       queue-not-full\n  \
        unguarded-commits charged-once\n  \
        deadlock          none: /debug/cycles of the service names it\n\n\
        Example: plimsoll demo --duration 60s --fault queue-flood@10s+20s"
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
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let options = Options {
        listen: arguments.listen,
        data_dir: arguments.data_dir,
        seed: arguments.seed,
        duration: arguments.duration,
        faults: arguments.faults,
        alertmanagers: arguments.alertmanagers,
    };
    let demo = Demo::start(options)?;
    println!("{}", demo.welcome());
    let summary = demo.run_to_end()?;
    println!("{summary}");
    Ok(ExitCode::SUCCESS)
}
