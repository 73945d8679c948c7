//! `plimsoll sidecar`: concurrency signals of software that isn't Rust, until it is told to stop.

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};
use plimsoll_runtime::clock::SystemClock;
use plimsoll_runtime::reload::Hangups;
use plimsoll_runtime::shutdown;
use plimsoll_sidecar::{CollectorConfig, Config, Flag, KINDS, ReloadError, Sidecar};
use plimsoll_spec::Fault;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(clap::Args)]
#[command(
    about = "Look at software that isn't Rust from outside, and export its concurrency signals",
    after_help = "The page at / says which collector is up, and why one isn't; /metrics has the series.\n\
                  SIGTERM or Ctrl-C drains and exits with 0, a second one aborts; SIGHUP reloads the file.\n\n\
                  Example: plimsoll sidecar --host"
)]
pub(crate) struct Arguments {
    /// What to look at, and how often; flags are added to it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address of the page and of /metrics [default: 127.0.0.1:9798]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    looks: Looks,
    /// Where the system's /proc is, as /host/proc in a container
    #[arg(long, value_name = "FOLDER")]
    proc_root: Option<PathBuf>,
    /// Where the system's /sys is
    #[arg(long, value_name = "FOLDER")]
    sys_root: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let config = match arguments.read() {
        Ok(config) => config,
        Err(faults) => {
            for fault in faults {
                eprintln!("{fault}");
            }
            return Ok(ExitCode::from(2));
        }
    };
    if config.collectors.is_empty() {
        eprintln!("plimsoll: nothing to look at: give a flag as --host, or --config FILE");
        return Ok(ExitCode::from(2));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("can't start the runtime")?;
    runtime.block_on(async {
        // Whoever sees it answer may hang up.
        let hangups = Hangups::listen()?;
        let (stopper, stop) = shutdown::channel();
        let bound = Sidecar::bind(config, Arc::new(SystemClock::start()), stop)?;
        println!("plimsoll sidecar listens on http://{}/", bound.address());
        let signals = tokio::spawn(shutdown::on_signals(stopper)?);
        bound.run_reloading(hangups, || arguments.reread()).await;
        signals.abort();
        anyhow::Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    /// Reads the file and adds what the flags say, which stands above what the file says.
    fn read(&self) -> Result<Config, Vec<Fault>> {
        let file = self.config.as_deref().map(Config::read).transpose()?;
        let mut config = file.unwrap_or_default();
        config.listen = self.listen.unwrap_or(config.listen);
        if let Some(root) = &self.proc_root {
            config.proc_root.clone_from(root);
        }
        if let Some(root) = &self.sys_root {
            config.sys_root.clone_from(root);
        }
        let looks = self.looks.0.iter().cloned().map(CollectorConfig::planned);
        config.collectors.extend(looks);
        Ok(config)
    }

    /// Reads the file once more, if there is one.
    fn reread(&self) -> Result<Config, ReloadError> {
        match self.config {
            Some(_) => self.read().map_err(ReloadError::Faults),
            None => Err(ReloadError::NoFile),
        }
    }
}

/// What the flags of the kinds ask for.
struct Looks(Vec<CollectorConfig>);

impl Looks {
    fn flags() -> impl Iterator<Item = &'static Flag> {
        KINDS.iter().flat_map(|kind| kind.flags)
    }
}

impl clap::Args for Looks {
    fn augment_args(command: Command) -> Command {
        command.args(Self::flags().map(|flag| {
            let argument = Arg::new(flag.name).long(flag.name).help(flag.help);
            match flag.value {
                Some(value) => argument
                    .value_name(value)
                    .action(ArgAction::Append)
                    .value_parser(|text: &str| flag.collector(text)),
                None => argument.action(ArgAction::SetTrue),
            }
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Looks {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut looks = Self(Vec::new());
        looks.update_from_arg_matches(matches)?;
        Ok(looks)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for flag in Self::flags() {
            if flag.value.is_some() {
                let given = matches.get_many::<CollectorConfig>(flag.name);
                self.0.extend(given.into_iter().flatten().cloned());
            } else if matches.get_flag(flag.name) {
                let made = flag.collector("");
                let refused = |reason| clap::Error::raw(ErrorKind::InvalidValue, reason);
                self.0.push(made.map_err(refused)?);
            }
        }
        Ok(())
    }
}
