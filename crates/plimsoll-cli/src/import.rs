//! `plimsoll import`: a backup into a new data folder.

use anyhow::Context;
use plimsoll_store::Archive;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(
    about = "Read a backup that plimsoll export wrote into a new data folder",
    after_help = "All of it or nothing: a backup that isn't one is refused with its line.\n\n\
                  Example: plimsoll import backup.jsonl --data-dir plimsoll-data"
)]
pub(crate) struct Arguments {
    /// The backup; - is standard input
    #[arg(value_name = "FILE")]
    backup: PathBuf,
    /// The folder, which may hold no data file yet
    #[arg(long, value_name = "FOLDER")]
    data_dir: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let name = arguments.backup.display().to_string();
    let backup: Box<dyn BufRead> = match name.as_str() {
        "-" => Box::new(io::stdin().lock()),
        _ => Box::new(BufReader::new(File::open(&arguments.backup).with_context(|| name.clone())?)),
    };
    let slos = Archive::import(&arguments.data_dir, backup).with_context(|| name)?;
    println!("{slos} SLOs are in {}", arguments.data_dir.display());
    Ok(ExitCode::SUCCESS)
}
