//! A real browser: headless Chromium behind chromedriver.

use crate::process::Process;
use crate::{free_port, scratch, wait};
use fantoccini::{Client, ClientBuilder};
use serde_json::json;
use std::process::Command;
use std::time::Duration;

/// A running browser with one window.
pub struct Browser {
    /// The WebDriver session.
    pub window: Client,
    _driver: Process,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// Starts one with a window of `width` by `height` and a fresh profile.
    pub async fn start(width: u32, height: u32) -> Self {
        let folder = scratch();
        let port = free_port();
        let driver = Process::start(
            "chromedriver",
            Command::new("chromedriver").arg(format!("--port={port}")),
            &folder.path().join("log"),
        );
        let profile = folder.path().join("profile");
        let arguments = [
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.display()),
        ];
        let wanted = json!({"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}});
        let serde_json::Value::Object(capabilities) = wanted else { unreachable!("an object") };
        let url = format!("http://127.0.0.1:{port}");
        let window = wait::until("chromedriver to answer", Duration::from_secs(60), || {
            let mut builder =
                ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
            builder.capabilities(capabilities.clone());
            let url = url.clone();
            async move { builder.connect(&url).await.ok() }
        })
        .await;
        Self { window, _driver: driver, _folder: folder }
    }

    /// Ends the session, so that Chromium goes before its driver does.
    pub async fn close(self) {
        self.window.close().await.expect("the browser closes");
    }
}
