//! Reading the configuration anew while a process runs.

use plimsoll_model::{Family, FamilyKind, Labels, Series, TimeMs, Value, catalog};
use std::io;

/// How the last reload ended.
#[derive(Clone, Debug, Default)]
pub struct ReloadState {
    /// When; `None` before the first.
    pub at: Option<TimeMs>,
    /// Why it was refused, a line each; empty when it wasn't.
    pub refused: Vec<String>,
}

impl ReloadState {
    /// Logs how a reload ended, and keeps it: `refused` is empty when it was taken.
    pub fn note(at: TimeMs, refused: Vec<String>) -> Self {
        if refused.is_empty() {
            tracing::info!("the configuration was reloaded");
        } else {
            tracing::error!(?refused, "the reload was refused; the old configuration stays");
        }
        Self { at: Some(at), refused }
    }

    /// Returns whether the last one was taken, as a family of `/metrics`.
    pub fn family(&self) -> Family {
        let signal = &catalog::CONFIG_LAST_RELOAD_SUCCESSFUL;
        let value = Value::Gauge(f64::from(u8::from(self.refused.is_empty())));
        Family {
            name: signal.name.into(),
            help: signal.help.into(),
            unit: signal.prometheus_unit(),
            kind: FamilyKind::Gauge,
            series: vec![Series { labels: Labels::default(), value }],
        }
    }
}

/// SIGHUP, where there is one.
#[cfg(unix)]
#[derive(Debug)]
pub struct Hangups(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Hangups {
    /// Listens from now on; until then a hangup ends the process.
    ///
    /// # Errors
    /// The handler can't be installed.
    ///
    /// # Panics
    /// Outside a tokio runtime with its I/O driver enabled.
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next one. Those that come meanwhile are one.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// SIGHUP, which there isn't here.
#[cfg(not(unix))]
#[derive(Debug)]
pub struct Hangups;

#[cfg(not(unix))]
impl Hangups {
    /// Listens for nothing.
    ///
    /// # Errors
    /// None.
    pub fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits for ever.
    pub async fn next(&mut self) {
        std::future::pending().await
    }
}
