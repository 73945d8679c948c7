//! `plimsoll export`: the whole state as a backup.

use crate::daemon::{DEFAULT_URL, DaemonArguments};
use anyhow::{Context, bail};
use plimsoll_store::Archive;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(
    about = "Write the whole state as a backup: lines of JSON, for plimsoll import",
    after_help = "Of a daemon that runs, at http://127.0.0.1:9797 unless --url says otherwise, or of \
                  the folder of one that doesn't.\n\n\
                  Example: plimsoll export --data-dir plimsoll-data --out backup.jsonl"
)]
pub(crate) struct Arguments {
    /// The folder of a daemon that doesn't run
    #[arg(long, value_name = "FOLDER", conflicts_with = "url")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    daemon: DaemonArguments,
    /// Where the backup goes, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.out {
        None => write(arguments, io::stdout().lock())?,
        Some(path) => {
            // Under another name until it is whole: half a backup is none.
            let part = path.with_extension("part");
            let file = File::create(&part).with_context(|| part.display().to_string())?;
            if let Err(error) = write(arguments, &file) {
                let _ = std::fs::remove_file(&part);
                return Err(error);
            }
            file.sync_all().and_then(|()| std::fs::rename(&part, path))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write(arguments: &Arguments, out: impl Write) -> anyhow::Result<()> {
    match &arguments.data_dir {
        Some(folder) => of_folder(folder, out),
        None => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(of_daemon(&arguments.daemon, out))
        }
    }
}

fn of_folder(folder: &Path, out: impl Write) -> anyhow::Result<()> {
    if !folder.is_dir() {
        bail!("{} is no folder of a daemon", folder.display());
    }
    let archive = Archive::open(folder)?;
    Ok(archive.backup()?.write(BufWriter::new(out))?)
}

async fn of_daemon(daemon: &DaemonArguments, mut out: impl Write) -> anyhow::Result<()> {
    let url = daemon.url.as_deref().unwrap_or(DEFAULT_URL);
    let mut answer = daemon.get(url, "/api/v1/export").await?;
    let mut last = Vec::new();
    while let Some(chunk) = answer.chunk().await.context("the daemon broke off")? {
        out.write_all(&chunk)?;
        last.extend_from_slice(&chunk);
        last.drain(..last.len().saturating_sub(64));
    }
    if !String::from_utf8_lossy(&last).contains("\"kind\":\"end\"") {
        bail!("the daemon broke off before the end of the backup");
    }
    Ok(out.flush()?)
}
