//! `plimsoll rules`: the same SLOs for the ruler that you run.

use crate::out::{say, write_whole};
use crate::slo_files;
use anyhow::Context;
use plimsoll_rules::slo::{Format, Style, generate};
use plimsoll_spec::Length;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(
    about = "Write recording and alert rules of SLOs for Prometheus, Thanos, Mimir or VictoriaMetrics",
    after_help = "Without --out everything goes to standard output as one text. What PromQL can't say \
                  of these SLOs is told on standard error and in the text itself.\n\n\
                  Exit status: 0, 2 when an SLO file has a fault (each is a line on standard error), \
                  1 when a file can't be written.\n\n\
                  Example: plimsoll rules --out /etc/prometheus/slo slos/*.yaml"
)]
pub(crate) struct Arguments {
    /// SLO files of any dialect
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How the rules are laid out
    #[arg(long, value_enum, default_value_t = StyleName::PerSlo, value_name = "STYLE")]
    style: StyleName,
    /// What they are written as
    #[arg(long, value_enum, default_value_t = FormatName::Rules, value_name = "FORMAT")]
    format: FormatName,
    /// Write a file for each service into this folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// How often the targets are scraped: no window is shorter than two scrapes
    #[arg(long, default_value = "15s", value_name = "TIME")]
    scrape_interval: Length,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum StyleName {
    /// All rules for each SLO
    PerSlo,
    /// Three rules for each SLO, the rest shared by all SLOs of a policy
    Generic,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum FormatName {
    /// Prometheus's rule files
    Rules,
    /// PrometheusRule resources for the Prometheus operator
    Crd,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Some(slos) = slo_files::read(&arguments.files) else { return Ok(ExitCode::from(2)) };
    let style = match arguments.style {
        StyleName::PerSlo => Style::PerSlo,
        StyleName::Generic => Style::Generic,
    };
    let format = match arguments.format {
        FormatName::Rules => Format::Rules,
        FormatName::Crd => Format::Crd,
    };
    let generated = generate(&slos, style, arguments.scrape_interval.0);
    match &arguments.out {
        None => say(&generated.text(style, format)?)?,
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("{} can't be made", folder.display()))?;
            for (name, text) in generated.texts(style, format)? {
                let path = folder.join(name);
                write_whole(&path, &text)?;
                say(&format!("{}\n", path.display()))?;
            }
        }
    }
    eprintln!("What PromQL can't say, so that these rules differ from the daemon:");
    generated.limits.iter().for_each(|limit| eprintln!("- {limit}"));
    Ok(ExitCode::SUCCESS)
}
