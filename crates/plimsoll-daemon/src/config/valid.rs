use plimsoll_model::Labels;
use plimsoll_servers::ProberConfig;
use plimsoll_slo::Slo;
use plimsoll_spec::Fault;
use plimsoll_store::{LabelMap, Relabeling};
use reqwest::Url;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The step of a daemon without any target: nothing happens, and the page says so each second.
const IDLE_STEP: Duration = Duration::from_secs(1);

/// A configuration that has no fault: what [`crate::Daemon::bind`] builds from.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) file: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    pub(crate) external_url: Option<Url>,
    pub(crate) web_config: Option<PathBuf>,
    pub(crate) external_labels: Labels,
    pub(crate) jobs: Vec<Job>,
    /// By job: how often a target of it that pushes is expected to.
    pub(crate) pushed: HashMap<String, Duration>,
    pub(crate) probers: Vec<Prober>,
    pub(crate) limits: Limits,
    /// By the name that SLOs ask for.
    pub(crate) backends: BTreeMap<String, Backend>,
    pub(crate) slos: Vec<Arc<Slo>>,
    pub(crate) alertmanagers: Vec<Alertmanager>,
    pub(crate) webhooks: Vec<Webhook>,
    /// Whether changes are written to the standard output.
    pub(crate) stdout: bool,
    pub(crate) warnings: Vec<Fault>,
}

/// Targets that are scraped alike.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) discoveries: Vec<Discovery>,
    pub(crate) scheme: String,
    pub(crate) metrics_path: String,
    pub(crate) params: BTreeMap<String, Vec<String>>,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) bounds: ScrapeBounds,
    pub(crate) honor_labels: bool,
    pub(crate) access: Access,
    /// What becomes of a target's labels before it is scraped.
    pub(crate) relabeling: Relabeling,
    /// What becomes of the series that it exposes.
    pub(crate) metric_relabeling: Relabeling,
}

/// A prober of one system of record and of the stores behind it.
#[derive(Clone, Debug)]
pub(crate) struct Prober {
    pub(crate) config: ProberConfig,
    /// How often its series are taken in.
    pub(crate) read_every: Duration,
}

/// Where the targets of a job come from.
#[derive(Clone, Debug)]
pub(crate) enum Discovery {
    Static(Vec<TargetGroup>),
    /// Files of target groups.
    Files {
        patterns: Vec<PathBuf>,
        refresh: Duration,
    },
    /// Names whose records are targets.
    Names {
        names: Vec<String>,
        records: Records,
        /// The port of targets whose record says none.
        port: u16,
        refresh: Duration,
    },
}

/// The type of the records that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Records {
    A,
    Aaaa,
    Srv,
}

/// Targets that share labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TargetGroup {
    pub(crate) targets: Vec<String>,
    pub(crate) labels: LabelMap,
}

/// What one body may hold before the scrape counts as failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScrapeBounds {
    pub(crate) body_bytes: u64,
    /// `None` is Prometheus's 0: no limit of its own.
    pub(crate) samples: Option<usize>,
    pub(crate) series: usize,
    /// Label sets of one family.
    pub(crate) label_sets: usize,
}

/// How a server wants to be spoken to; secrets in files are read at each use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    pub(crate) credentials: Credentials,
    pub(crate) tls: Tls,
}

/// What a request says about who sends it.
#[derive(Clone, Debug, Default)]
pub(crate) enum Credentials {
    #[default]
    None,
    Basic {
        username: String,
        password: Secret,
    },
    Header {
        scheme: String,
        credentials: Secret,
    },
}

/// A secret, which no `Debug` shows.
#[derive(Clone)]
pub(crate) enum Secret {
    Inline(String),
    File(PathBuf),
}

impl Secret {
    /// Reads the secret; a file's trailing line end isn't part of it.
    ///
    /// # Errors
    /// The file can't be read.
    pub(crate) fn read(&self) -> std::io::Result<String> {
        match self {
            Self::Inline(text) => Ok(text.clone()),
            Self::File(path) => {
                std::fs::read_to_string(path).map(|text| text.trim_end_matches(['\r', '\n']).into())
            }
        }
    }

    /// Returns the file that holds the secret; empty for one that stands in the configuration.
    pub(crate) fn file(&self) -> &Path {
        match self {
            Self::Inline(_) => Path::new(""),
            Self::File(path) => path,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(_) => out.write_str("Inline(…)"),
            Self::File(path) => write!(out, "File({})", path.display()),
        }
    }
}

/// Prometheus's `tls_config`, as far as it is supported.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) identity: Option<TlsIdentity>,
    pub(crate) insecure_skip_verify: bool,
}

/// The certificate that the daemon shows.
#[derive(Clone, Debug)]
pub(crate) struct TlsIdentity {
    pub(crate) cert_file: PathBuf,
    pub(crate) key_file: PathBuf,
}

/// One server with the Prometheus API that counts SLOs.
#[derive(Clone, Debug)]
pub(crate) struct Backend {
    /// Where its page is; the API lies below it.
    pub(crate) url: Url,
    pub(crate) timeout: Duration,
    /// No window is asked for more often.
    pub(crate) interval: Duration,
    /// How long it keeps samples, as far as the file says.
    pub(crate) retention: Option<Duration>,
    pub(crate) access: Access,
}

/// One Alertmanager.
#[derive(Clone, Debug)]
pub(crate) struct Alertmanager {
    /// Where its page is; the API lies below it.
    pub(crate) url: Url,
    pub(crate) timeout: Duration,
    pub(crate) access: Access,
}

/// One receiver of changes as JSON.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(crate) url: Url,
    pub(crate) secret: Option<Secret>,
}

/// The bounds that hold for all targets together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) body_bytes: u64,
    pub(crate) series_per_target: usize,
    pub(crate) label_sets_per_family: usize,
    pub(crate) disk_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 64 << 20,
            series_per_target: 100_000,
            label_sets_per_family: 2_000,
            disk_bytes: 4 << 30,
        }
    }
}

impl Config {
    /// Returns the address that the daemon will listen on.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Returns the directory of the daemon's state.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Returns the length of a slice: the shortest interval at which a target is heard.
    pub fn slice(&self) -> Duration {
        let scraped = self.jobs.iter().map(|job| job.interval);
        let probed = self.probers.iter().map(|prober| prober.read_every);
        scraped.chain(self.pushed.values().copied()).chain(probed).min().unwrap_or(IDLE_STEP)
    }

    /// Returns how long the data file may become, in bytes.
    pub fn disk_bytes(&self) -> u64 {
        self.limits.disk_bytes
    }

    /// Returns the SLOs of every file, in the order of the files.
    pub fn slos(&self) -> &[Arc<Slo>] {
        &self.slos
    }

    /// Returns what is allowed but likely not meant, as an alert that can never fire.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// Replaces the address to listen on, as `--listen` does.
    #[must_use]
    pub fn with_listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    /// Replaces the directory of the daemon's state, as `--data-dir` does.
    #[must_use]
    pub fn with_data_dir(mut self, data_dir: PathBuf) -> Self {
        self.data_dir = data_dir;
        self
    }
}
