use super::{Arguments, put};
use anyhow::{Context, bail};
use plimsoll_store::Archive;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;

/// Takes in a backup.
pub(crate) fn run(arguments: &Arguments, backup: &Path) -> anyhow::Result<ExitCode> {
    let name = backup.display().to_string();
    if let Some(url) = &arguments.daemon.url {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let found = runtime.block_on(put::into_daemon(&arguments.daemon, url, backup))?;
        print!("{}", found.text());
        return Ok(ExitCode::SUCCESS);
    }
    let Some(folder) = &arguments.data_dir else { bail!("say where it goes: --data-dir or --url") };
    let lines: Box<dyn BufRead> = match name.as_str() {
        "-" => Box::new(io::stdin().lock()),
        _ => Box::new(BufReader::new(File::open(backup).with_context(|| name.clone())?)),
    };
    let slos = Archive::import(folder, lines, u64::MAX).with_context(|| name)?;
    println!("{slos} SLOs are in {}", folder.display());
    Ok(ExitCode::SUCCESS)
}
