use super::Arguments;
use super::plan::{Plan, id};
use super::put::Into;
use crate::progress::Progress;
use crate::prometheus::Server;
use anyhow::{Context, bail};
use plimsoll_backtest::{Player, Recording};
use plimsoll_daemon::Config;
use plimsoll_model::TimeMs;
use plimsoll_runtime::clock::{Clock, SystemClock};
use plimsoll_slo::{Slo, Span};
use plimsoll_store::{Archive, Limits, Store};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The folder of an import that isn't whole yet, beside the data file or in the working directory.
const FOLDER: &str = "import.part";

/// Takes in what a Prometheus knows.
pub(crate) fn run(arguments: &Arguments, server: &str, config: &Path) -> anyhow::Result<ExitCode> {
    let mut config = match Config::read(config) {
        Ok(config) => config,
        Err(faults) => {
            faults.iter().for_each(|fault| eprintln!("{fault}"));
            return Ok(ExitCode::from(2));
        }
    };
    if let Some(folder) = &arguments.data_dir {
        config = config.with_data_dir(folder.clone());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let now = SystemClock::start().now();
    let into = match &arguments.daemon.url {
        Some(url) => Into::Daemon(&arguments.daemon, url),
        None => Into::Folder(&config),
    };
    let known = runtime.block_on(into.known_since(config.slos(), now))?;
    let plan = Plan::new(server, &known, arguments.from.at());
    if plan.parts.is_empty() {
        bail!("there is nothing to fill: each SLO knows itself since before --from");
    }
    let base = match into {
        Into::Daemon(..) => PathBuf::from(FOLDER),
        Into::Folder(config) => config.data_dir().join(FOLDER),
    };
    let plan = plan.resume(&base)?;
    let filling = Filling { server, config: &config, plan: &plan, base: &base };
    for part in 0..plan.parts.len() {
        let (archive, slos, seen) = runtime.block_on(filling.read(part))?;
        let told = runtime.block_on(into.put(archive, slos, &base))?;
        print!("{}", told.with_gaps(&seen).text());
    }
    std::fs::remove_dir_all(&base).with_context(|| base.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// An import that goes on.
struct Filling<'a> {
    server: &'a str,
    config: &'a Config,
    plan: &'a Plan,
    base: &'a Path,
}

/// A part that is whole, the SLOs that it holds, and what it saw of them.
type Read = (Archive, Vec<Arc<Slo>>, Vec<(String, Vec<Span>)>);

impl Filling<'_> {
    /// Reads one part to its end, from where it was broken off.
    async fn read(&self, part: usize) -> anyhow::Result<Read> {
        let Some(planned) = self.plan.parts.get(part) else { bail!("there is no part {part}") };
        let until = TimeMs(planned.until_ms);
        let slos: Vec<Arc<Slo>> = self
            .config
            .slos()
            .iter()
            .filter(|slo| planned.slos.contains(&id(slo)))
            .cloned()
            .collect();
        let mut archive = Archive::open(&self.plan.folder(self.base, part))?;
        archive.set_bytes_max(self.config.disk_bytes());
        let mut store = Store::new(slos.clone(), Limits { slice: self.config.slice() })?;
        archive.load(&mut store)?;
        let mut at = archive.last_step()?.unwrap_or(TimeMs(self.plan.from_ms));
        let bar = Progress::new(
            &format!("reading {}", self.server),
            Span { start: TimeMs(self.plan.from_ms), end: until },
        );
        let mut server = Server::new(self.server, &slos)?;
        let (mut recording, mut waiting, mut player) = (Recording::default(), Some(store), None);
        while at < until {
            recording.clear();
            at = server.read(&mut recording, at, until).await?;
            bar.set(at);
            // Nothing is expected before the first sample.
            if let Some(store) = waiting.take_if(|_| recording.span().is_ok()) {
                player = Some(Player::new(store, self.step(&recording)));
            }
            if let Some(player) = &mut player {
                player.play(&recording, at, |_, _| true);
                archive.flush(player.store_mut().checkpoint())?;
            }
        }
        bar.clear();
        for selector in server.not_found() {
            eprintln!("warning: {selector}: no such series in that range");
        }
        if let Some(player) = player {
            archive.flush(player.into_store().checkpoint())?;
        }
        if archive.last_step()?.is_none() {
            bail!("{} knows nothing of these SLOs in that range", self.server);
        }
        let seen = gaps(&archive, &slos, self.config.slice())?;
        Ok((archive, slos, seen))
    }

    fn step(&self, recording: &Recording) -> Duration {
        recording.interval().unwrap_or_default().max(self.config.slice())
    }
}

/// Returns of each SLO the stretches in which something was missing.
fn gaps(
    archive: &Archive,
    slos: &[Arc<Slo>],
    slice: Duration,
) -> anyhow::Result<Vec<(String, Vec<Span>)>> {
    let mut store = Store::new(slos.to_vec(), Limits { slice })?;
    archive.load(&mut store)?;
    let mut found = Vec::new();
    for ledger in store.ledgers() {
        let all = (TimeMs(0), TimeMs(i64::MAX));
        let points = archive.history(ledger.id(), all, Duration::ZERO, &ledger.recent())?;
        let mut gaps: Vec<Span> = Vec::new();
        for point in points.iter().filter(|point| point.known < point.expected) {
            let end = point.at + ledger.history_slot();
            match gaps.last_mut() {
                Some(last) if last.end == point.at => last.end = end,
                _ => gaps.push(Span { start: point.at, end }),
            }
        }
        found.push((ledger.id().to_owned(), gaps));
    }
    Ok(found)
}
