//! `plimsoll explain`: asks a running daemon why an SLO pages or doesn't.

use anyhow::{Context, bail};
use serde_json::Value;
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(
    about = "Say in words why an SLO pages or doesn't, with every number",
    after_help = "Example: plimsoll explain checkout/auth-latency"
)]
pub(crate) struct Arguments {
    /// The SLO's id, as service/slo or service/slo{region="eu"}
    #[arg(value_name = "SLO")]
    slo: String,
    /// Where the daemon listens
    #[arg(long, default_value = "http://127.0.0.1:9797", value_name = "URL")]
    url: String,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    print!("{}", runtime.block_on(ask(arguments))?);
    Ok(ExitCode::SUCCESS)
}

async fn ask(arguments: &Arguments) -> anyhow::Result<String> {
    let base = format!("{}/api/v1/slos", arguments.url.trim_end_matches('/'));
    let mut url: reqwest::Url = base.parse().with_context(|| format!("{base} is no URL"))?;
    url.path_segments_mut().map_err(|()| anyhow::anyhow!("{base} is no URL"))?.push(&arguments.slo);
    let answer = reqwest::get(url).await.with_context(|| {
        format!("no daemon answers at {}: is it running, and is --url right?", arguments.url)
    })?;
    let status = answer.status();
    let body: Value = answer.json().await.context("the answer is not JSON: is this a daemon?")?;
    if status == reqwest::StatusCode::NOT_FOUND {
        bail!("no SLO is called {}; there are:\n{}", arguments.slo, ids(&base).await?);
    }
    match body["explanation"].as_str() {
        Some(words) if status.is_success() => Ok(words.to_owned()),
        _ => bail!("the daemon answered {status}: {}", body["detail"].as_str().unwrap_or("")),
    }
}

async fn ids(base: &str) -> anyhow::Result<String> {
    let body: Value = reqwest::get(base).await?.json().await?;
    let slos = body["slos"].as_array().cloned().unwrap_or_default();
    Ok(slos.iter().filter_map(|slo| slo["id"].as_str()).map(|id| format!("  {id}\n")).collect())
}
