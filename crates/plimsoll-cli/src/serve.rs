//! `plimsoll serve`: the daemon, until it is told to stop.

use anyhow::Context;
use plimsoll_daemon::{Config, Daemon};
use plimsoll_runtime::clock::SystemClock;
use plimsoll_runtime::shutdown;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(clap::Args)]
#[command(
    about = "Run the daemon: scrape, keep budgets, page",
    after_help = "SIGTERM or Ctrl-C drains and exits with 0, a second one aborts; SIGHUP reloads.\n\n\
                  Example: plimsoll serve --config plimsoll.yml"
)]
pub(crate) struct Arguments {
    /// The configuration; `plimsoll init` writes one
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Address of the API and the page, instead of the configuration's
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where the state is kept, instead of the configuration's
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut config = match Config::read(&arguments.config) {
        Ok(config) => config,
        Err(faults) => {
            for fault in faults {
                eprintln!("{fault}");
            }
            return Ok(ExitCode::from(2));
        }
    };
    for warning in config.warnings() {
        eprintln!("warning: {warning}");
    }
    if let Some(listen) = arguments.listen {
        config = config.with_listen(listen);
    }
    if let Some(folder) = &arguments.data_dir {
        config = config.with_data_dir(folder.clone());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("can't start the runtime")?;
    runtime.block_on(async {
        let bound = Daemon::bind(config, Arc::new(SystemClock::start()))?;
        println!("plimsoll listens on http://{}/", bound.address());
        let (stopper, stop) = shutdown::channel();
        let signals = tokio::spawn(shutdown::on_signals(stopper)?);
        bound.run(stop).await?;
        signals.abort();
        anyhow::Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
