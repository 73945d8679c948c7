//! A past into the state of a daemon: one that runs, or one that doesn't.

use super::plan::id;
use super::told::Told;
use crate::daemon::DaemonArguments;
use anyhow::{Context, bail};
use plimsoll_daemon::Config;
use plimsoll_model::TimeMs;
use plimsoll_runtime::clock::{Clock, SystemClock};
use plimsoll_slo::{Slo, Windows};
use plimsoll_store::{Archive, Limits, OpenError, Store};
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Where a past goes.
pub(crate) enum Into<'a> {
    /// Into the data folder of a daemon that doesn't run.
    Folder(&'a Config),
    /// Into one that runs, at that URL.
    Daemon(&'a DaemonArguments, &'a str),
}

impl Into<'_> {
    /// Returns since when each SLO knows about itself; what isn't there yet does from now on.
    pub(crate) async fn known_since(
        &self,
        slos: &[Arc<Slo>],
        now: TimeMs,
    ) -> anyhow::Result<Vec<(Arc<Slo>, TimeMs)>> {
        let known = match self {
            Self::Folder(config) => of_folder(config)?,
            Self::Daemon(daemon, url) => of_daemon(daemon, url).await?,
        };
        let since = |slo: &Arc<Slo>| {
            let own = known.iter().filter(|(name, _)| *name == id(slo));
            (slo.clone(), own.map(|(_, since)| *since).min().unwrap_or(now))
        };
        Ok(slos.iter().map(since).collect())
    }

    /// Puts what an archive holds before what is known.
    pub(crate) async fn put(
        &self,
        archive: Archive,
        slos: Vec<Arc<Slo>>,
        scratch: &Path,
    ) -> anyhow::Result<Told> {
        match self {
            Self::Folder(config) => into_folder(config, archive, slos),
            Self::Daemon(daemon, url) => {
                let path = scratch.join("backup.jsonl");
                archive.backup()?.write(BufWriter::new(File::create(&path)?))?;
                into_daemon(daemon, url, &path).await
            }
        }
    }
}

fn open(config: &Config) -> anyhow::Result<(Archive, Store)> {
    let archive = match Archive::open(config.data_dir()) {
        Err(error @ OpenError::Locked(_)) => {
            bail!("{error}; or give --url to fill a daemon that runs")
        }
        opened => opened?,
    };
    archive.set_bytes_max(config.disk_bytes());
    let mut store = Store::new(config.slos().to_vec(), Limits { slice: config.slice() })?;
    archive.load(&mut store)?;
    Ok((archive, store))
}

fn of_folder(config: &Config) -> anyhow::Result<Vec<(String, TimeMs)>> {
    if !config.data_dir().is_dir() {
        return Ok(Vec::new());
    }
    let (archive, store) = open(config)?;
    if archive.last_step()?.is_none() {
        return Ok(Vec::new());
    }
    let known = store.ledgers().iter().filter(|ledger| ledger.watched_since() > TimeMs::default());
    Ok(known.map(|ledger| (id(ledger.slo()), ledger.watched_since())).collect())
}

fn into_folder(config: &Config, part: Archive, slos: Vec<Arc<Slo>>) -> anyhow::Result<Told> {
    let (mut archive, mut store) = open(config)?;
    let past = part.into_past(slos)?;
    // What was never counted here begins now.
    let now = SystemClock::start().now();
    store.advance(past.at().map_or(now, |at| at.max(now)));
    let found = store.precede(past);
    archive.flush(store.checkpoint())?;
    Ok(found.into())
}

async fn of_daemon(daemon: &DaemonArguments, url: &str) -> anyhow::Result<Vec<(String, TimeMs)>> {
    let answer: Value = daemon.get(url, "/api/v1/slos").await?.json().await?;
    let since = |slo: &Value| {
        let name = format!("{}/{}", slo["service"].as_str()?, slo["slo"].as_str()?);
        let since = OffsetDateTime::parse(slo["watched_since"].as_str()?, &Rfc3339).ok()?;
        let ms = i64::try_from(since.unix_timestamp_nanos() / 1_000_000).ok()?;
        Some((name, TimeMs(ms)))
    };
    let slos = answer["slos"].as_array();
    let slos = slos.with_context(|| format!("{url} is no daemon of Plimsoll"))?;
    Ok(slos.iter().filter_map(since).collect())
}

/// Sends a backup to a running daemon.
pub(crate) async fn into_daemon(
    daemon: &DaemonArguments,
    url: &str,
    backup: &Path,
) -> anyhow::Result<Told> {
    let name = backup.display().to_string();
    if name == "-" {
        bail!("standard input goes to --data-dir only: give --url a file");
    }
    let file = tokio::fs::File::open(backup).await.with_context(|| name.clone())?;
    let request = daemon.post(url, "/api/v1/import")?.header(CONTENT_TYPE, "application/jsonl");
    let answer = daemon.send(request.body(file), url).await.with_context(|| name)?;
    answer.json().await.context("the daemon's answer can't be read")
}
