//! `plimsoll import`: what is known elsewhere, a backup or a Prometheus, into a daemon's state.

mod backup;
mod fill;
mod plan;
mod put;
mod told;

use crate::daemon::DaemonArguments;
use crate::when;
use clap::ArgGroup;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(
    about = "Fill a daemon's state: from a backup that plimsoll export wrote, or from a Prometheus",
    group(ArgGroup::new("source").required(true).args(["backup", "prometheus"])),
    group(ArgGroup::new("into").required(true).multiple(true).args(["config", "data_dir", "url"])),
    after_help = "A backup goes into a new data folder, or with --url into a running daemon.\n\n\
                  What a Prometheus knows goes to the SLOs of --config, up to where their own counts \
                  begin: into the data folder of a daemon that doesn't run, or with --url into one \
                  that does. It counts as if it had been scraped then: gaps are unknown. An import that was \
                  broken off goes on where it was.\n\n\
                  All of it or nothing: what isn't right is refused, and the state stays as it was.\n\n\
                  Examples:\n  plimsoll import backup.jsonl --data-dir plimsoll-data\n  \
                  plimsoll import --prometheus http://127.0.0.1:9090 --config plimsoll.yml"
)]
pub(crate) struct Arguments {
    /// The backup; - is standard input
    #[arg(value_name = "FILE")]
    backup: Option<PathBuf>,
    /// Read from a Prometheus, Thanos, Mimir or VictoriaMetrics
    #[arg(long, value_name = "URL", requires = "config")]
    prometheus: Option<String>,
    /// Where the import of a Prometheus begins
    #[arg(long, value_name = "WHEN", default_value = "30d", value_parser = when::parse)]
    from: when::When,
    /// The daemon's configuration
    #[arg(long, value_name = "FILE", conflicts_with = "backup")]
    config: Option<PathBuf>,
    /// The data folder, instead of the configuration's; for a backup one without a data file
    #[arg(long, value_name = "FOLDER", conflicts_with = "url")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    daemon: DaemonArguments,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match (&arguments.prometheus, &arguments.config, &arguments.backup) {
        (Some(server), Some(config), _) => fill::run(arguments, server, config),
        (_, _, Some(backup)) => backup::run(arguments, backup),
        _ => anyhow::bail!("say what to import: a backup, or --prometheus with --config"),
    }
}
