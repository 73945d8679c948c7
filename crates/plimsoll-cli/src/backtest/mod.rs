//! `plimsoll backtest`: what the SLOs would have made of the past.

mod file;
mod own;
mod policy;
mod server;

use crate::out::{say, write_whole};
use crate::progress::Progress;
use crate::{slo_files, when};
use anyhow::bail;
use clap::ArgGroup;
use plimsoll_backtest::{Outcome, Recording, Replay, json, page, promtool, tested, text};
use plimsoll_slo::{Slo, Span};
use plimsoll_spec::Length;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The step of a file whose samples have none in common.
const STEP_DEFAULT: Duration = Duration::from_secs(60);

#[derive(clap::Args)]
#[command(
    about = "Replay recorded samples: which SLO would have paged, when, and at what cost",
    group(ArgGroup::new("past").required(true).args(["prometheus", "file", "data_dir"])),
    after_help = "The past is one of --prometheus, --file and --data-dir. Times are RFC 3339, Unix \
                  seconds, or so long ago as 30d.\n\n\
                  Exit status: 0, 2 when an SLO file has a fault, 1 when there is nothing to replay \
                  or it can't be had. Files are written at the end and as a whole.\n\n\
                  Example: plimsoll backtest --prometheus http://127.0.0.1:9090 --from 30d slos/*.yaml"
)]
pub(crate) struct Arguments {
    /// SLO files of any dialect
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    past: PastArguments,
    /// The time between two looks; the scrape interval that is found, if not given
    #[arg(long, value_name = "TIME")]
    step: Option<Length>,
    /// Replay a second time under this policy: workbook, two-five, or one that a FILE defines
    #[arg(long, value_name = "POLICY", conflicts_with = "compare")]
    policy: Option<String>,
    /// Replay a second time with these SLO files
    #[arg(long, value_name = "FILE")]
    compare: Vec<PathBuf>,
    #[command(flatten)]
    out: OutArguments,
}

#[derive(clap::Args)]
#[group(skip)]
struct PastArguments {
    /// Read from a Prometheus, Thanos, Mimir or VictoriaMetrics
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// Read OpenMetrics text whose samples have times, as `promtool tsdb dump-openmetrics` writes it
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Read the history that a daemon, which doesn't run, kept in this folder
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Where the replay begins
    #[arg(long, value_name = "WHEN", default_value = "7d", value_parser = when::parse)]
    from: when::When,
    /// Where the replay ends
    #[arg(long, value_name = "WHEN", default_value = "0s", value_parser = when::parse)]
    to: when::When,
}

#[derive(clap::Args)]
#[group(skip)]
struct OutArguments {
    /// Write JSON to standard output, not text
    #[arg(long)]
    json: bool,
    /// Write a page with charts, which needs no other file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write promtool tests of the pages that were found, and their rules beside them
    #[arg(long, value_name = "FILE", conflicts_with = "data_dir")]
    promtool: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Some(slos) = slo_files::read(&arguments.files) else { return Ok(ExitCode::from(2)) };
    let Some(others) = slo_files::read(&arguments.compare) else { return Ok(ExitCode::from(2)) };
    let mut sets = vec![(name(&arguments.files), shared(slos))];
    if let Some(policy) = &arguments.policy {
        let files = policy::under(policy, &arguments.files, &sets)?;
        sets.push((format!("policy {policy}"), shared(files)));
    }
    if !others.is_empty() {
        sets.push((name(&arguments.compare), shared(others)));
    }
    let outcomes = match &arguments.past.data_dir {
        Some(folder) => replay_counts(arguments, &sets, folder)?,
        None => replay_samples(arguments, &sets)?,
    };
    if let Some(path) = &arguments.out.html {
        write_whole(path, &page(&outcomes))?;
    }
    say(&if arguments.out.json { format!("{:#}\n", json(&outcomes)) } else { text(&outcomes) })?;
    Ok(ExitCode::SUCCESS)
}

type NamedSlos = (String, Vec<Arc<Slo>>);

fn shared(slos: Vec<Slo>) -> Vec<Arc<Slo>> {
    slos.into_iter().map(Arc::new).collect()
}

fn name(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" ")
}

fn replay_samples(arguments: &Arguments, sets: &[NamedSlos]) -> anyhow::Result<Vec<Outcome>> {
    let past = &arguments.past;
    let step = arguments.step.map(|step| step.0);
    if step.is_some_and(|step| step.is_zero()) {
        bail!("--step has to be longer than nothing");
    }
    if let Some(path) = &past.file {
        let recording = file::read(path)?;
        let step = step.or_else(|| recording.interval()).unwrap_or(STEP_DEFAULT);
        let outcomes = replay_file(&recording, step, sets)?;
        write_tests(arguments, &outcomes, |_| Ok(recording))?;
        return Ok(outcomes);
    }
    let Some(url) = &past.prometheus else {
        bail!("say where the past is: --prometheus, --file or --data-dir")
    };
    let span = Span { start: past.from.at(), end: past.to.at() };
    let asked = server::Asked { url, span, step };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcomes = runtime.block_on(asked.replay(sets))?;
    write_tests(arguments, &outcomes, |stretches| {
        let slos = sets.first().map(|(_, slos)| slos.as_slice()).unwrap_or_default();
        runtime.block_on(asked.read(slos, stretches))
    })?;
    Ok(outcomes)
}

fn replay_file(
    recording: &Recording,
    step: Duration,
    sets: &[NamedSlos],
) -> anyhow::Result<Vec<Outcome>> {
    let (start, end) = recording.span()?;
    let mut outcomes = Vec::new();
    for (name, slos) in sets {
        let replay = Replay { name: name.clone(), slos: slos.clone(), step };
        let bar = Progress::new(&format!("replaying {name}"), Span { start, end });
        let tell = |now| {
            bar.set(now);
            true
        };
        outcomes.push(replay.samples(recording, tell)?);
        bar.clear();
    }
    Ok(outcomes)
}

/// Writes tests of the first outcome's pages, if they are asked for; `read` gives the samples of the
/// stretches that they need.
fn write_tests(
    arguments: &Arguments,
    outcomes: &[Outcome],
    read: impl FnOnce(&[Span]) -> anyhow::Result<Recording>,
) -> anyhow::Result<()> {
    let asked = arguments.out.promtool.as_ref().zip(outcomes.first());
    let Some((path, outcome)) = asked else { return Ok(()) };
    let recording = read(&tested(outcome))?;
    let rules_path = path.with_extension("rules.yml");
    let rules_name = rules_path.file_name().unwrap_or_default().to_string_lossy();
    let (rules, tests) = promtool(&recording, outcome, &rules_name)?;
    write_whole(&rules_path, &rules)?;
    write_whole(path, &tests)
}

fn replay_counts(
    arguments: &Arguments,
    sets: &[NamedSlos],
    folder: &Path,
) -> anyhow::Result<Vec<Outcome>> {
    let past = &arguments.past;
    let mut outcomes = Vec::new();
    for (name, slos) in sets {
        let (pasts, step) = own::read(folder, slos, past.from.at(), past.to.at())?;
        let replay = Replay { name: name.clone(), slos: slos.clone(), step };
        outcomes.push(replay.counts(&pasts)?);
    }
    Ok(outcomes)
}
