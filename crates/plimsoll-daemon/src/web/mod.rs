//! How others come in: TLS, users and tokens, read anew when their files change.

mod front;
mod gate;
mod tls;

pub(crate) use front::Front;
pub(crate) use gate::{Entry, Gate};

use crate::config::{WebConfig, read_web};
use rustls::ServerConfig;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What the web configuration says now.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) config: WebConfig,
}

/// Why a web configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebError {
    #[error("{0}")]
    Config(String),
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
}

/// The web configuration, which is read anew when one of its files changed. One that is broken
/// leaves the last good one in force.
#[derive(Debug)]
pub(crate) struct Web {
    file: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rules: Arc<Rules>,
    stamps: Vec<Option<(SystemTime, u64)>>,
    looked: Instant,
}

impl Web {
    /// Reads the configuration; without a file everybody comes in, and who changes something has
    /// to sit at this machine.
    ///
    /// # Errors
    /// A fault of the file, or a certificate that isn't one.
    pub(crate) fn new(file: Option<PathBuf>) -> Result<Self, WebError> {
        let rules = match &file {
            Some(file) => Arc::new(read(file)?),
            None => Arc::default(),
        };
        let stamps = stamps(file.as_deref(), &rules.config);
        let state = State { rules, stamps, looked: Instant::now() };
        Ok(Self { file, state: Mutex::new(state) })
    }

    /// Returns what holds now.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = &self.file else { return state.rules.clone() };
        if state.looked.elapsed() < LOOK {
            return state.rules.clone();
        }
        state.looked = Instant::now();
        let stamps = stamps(Some(file), &state.rules.config);
        if stamps != state.stamps {
            match read(file) {
                Ok(rules) => {
                    tracing::info!(file = %file.display(), "the web configuration was read anew");
                    state.rules = Arc::new(rules);
                }
                Err(error) => tracing::error!(
                    file = %file.display(), %error,
                    "the web configuration can't be read; the one before stays in force"
                ),
            }
            state.stamps = stamps;
        }
        state.rules.clone()
    }
}

fn read(file: &Path) -> Result<Rules, WebError> {
    let config = read_web(file).map_err(|faults| {
        let all: Vec<String> = faults.iter().map(ToString::to_string).collect();
        WebError::Config(all.join("; "))
    })?;
    let tls = config.tls.as_ref().map(tls::server).transpose()?.map(Arc::new);
    Ok(Rules { tls, config })
}

/// Says how old and long each file is.
fn stamps(file: Option<&Path>, config: &WebConfig) -> Vec<Option<(SystemTime, u64)>> {
    let tls = config.tls.iter();
    let files = tls
        .flat_map(|tls| [Some(&tls.cert_file), Some(&tls.key_file), tls.client_ca_file.as_ref()]);
    let files = files.flatten().map(PathBuf::as_path).chain(file);
    let stamp = |file: &Path| {
        let meta = std::fs::metadata(file).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    };
    files.map(stamp).collect()
}
