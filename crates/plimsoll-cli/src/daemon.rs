//! A daemon that runs, for commands that ask it.

use anyhow::{Context, bail};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use std::path::PathBuf;

/// Where a daemon listens that nobody told otherwise.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:9797";

#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct DaemonArguments {
    /// Where a running daemon listens
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// A file with a token that the daemon's web configuration knows
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl DaemonArguments {
    /// Asks for a resource.
    pub(crate) async fn get(&self, url: &str, path: &str) -> anyhow::Result<Response> {
        let request = reqwest::Client::new().get(whole(url, path));
        self.send(self.signed(request)?, url).await
    }

    /// Begins a request that changes something.
    pub(crate) fn post(&self, url: &str, path: &str) -> anyhow::Result<RequestBuilder> {
        self.signed(reqwest::Client::new().post(whole(url, path)))
    }

    fn signed(&self, request: RequestBuilder) -> anyhow::Result<RequestBuilder> {
        let Some(file) = &self.token_file else { return Ok(request) };
        let token = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        Ok(request.bearer_auth(token.trim_end()))
    }

    /// Sends a request; an answer that isn't a success is an error in the daemon's words.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        url: &str,
    ) -> anyhow::Result<Response> {
        let answer = request.send().await.with_context(|| {
            format!(
                "no daemon answers at {url}: is --url right? --data-dir is for one that doesn't run"
            )
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let problem: Value = answer.json().await.unwrap_or_default();
        match problem["detail"].as_str() {
            Some(detail) => bail!("{detail}"),
            None => bail!("{url} answered {status}"),
        }
    }
}

fn whole(url: &str, path: &str) -> String {
    format!("{}{path}", url.trim_end_matches('/'))
}
