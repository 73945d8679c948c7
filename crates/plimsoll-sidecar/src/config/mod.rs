//! What to look at, and how often: from flags, or from a file whose every fault is told at once.

mod kinds;
mod raw;

pub use kinds::{CollectorConfig, KINDS};
pub(crate) use raw::{DEADLINE, INTERVAL, LABEL, interval, length};

use kinds::{RawConfig, SIDECAR};
use plimsoll_spec::{Document, Fault, Shape};
use std::fmt;
use std::mem::discriminant;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the sidecar listens, if nothing else is said.
pub const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9798);

/// What the sidecar runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address of `/metrics` and of the page.
    pub listen: SocketAddr,
    /// Where `/proc` is.
    pub proc_root: PathBuf,
    /// Where `/sys` is.
    pub sys_root: PathBuf,
    /// What to look at.
    pub collectors: Vec<Planned>,
}

/// A collector and its pace.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// What its `collector` label says, instead of the name that it has by itself.
    pub label: Option<String>,
    /// How often and how long.
    pub pace: Pace,
    /// What it looks at.
    pub collector: CollectorConfig,
}

impl fmt::Display for Planned {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pace { interval, deadline } = self.pace;
        write!(out, "{}: every {interval:?}, within {deadline:?}", self.name())
    }
}

impl Planned {
    /// Returns what its `collector` label says, unless another has that name.
    pub(crate) fn name(&self) -> String {
        self.label.clone().unwrap_or_else(|| self.collector.name())
    }

    /// Says whether its series need a name to be told from those of others of its kind.
    pub(crate) fn names_series(&self, all: &[Self]) -> bool {
        let is_of_kind =
            |other: &&Self| discriminant(&other.collector) == discriminant(&self.collector);
        !self.collector.is_named() && all.iter().filter(is_of_kind).count() > 1
    }
}

/// How often a collector looks, and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From the begin of a round to that of the next.
    pub interval: Duration,
    /// After so long a round has failed.
    pub deadline: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: LISTEN,
            proc_root: "/proc".into(),
            sys_root: "/sys".into(),
            collectors: Vec::new(),
        }
    }
}

impl Config {
    /// Says whether a document is one of these, by the keys that only a sidecar has.
    pub fn recognises(document: &Document) -> bool {
        let own = SIDECAR.keys.iter().filter(|key| key.name != "listen");
        own.into_iter().any(|key| document.root().get(key.name).is_some())
    }

    /// Reads a configuration.
    ///
    /// # Errors
    /// Every fault of the file, each with its place.
    pub fn read(file: &Path) -> Result<Self, Vec<Fault>> {
        let name = file.display().to_string();
        let text =
            plimsoll_spec::load(file).map_err(|error| vec![Fault::unreadable(file, error)])?;
        Self::parse(&name, &text)
    }

    /// Reads a configuration from its text; `file` is what faults call it, and relative paths begin in
    /// its folder.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Fault>> {
        let document = Document::parse(file, text)?;
        let mut raw: RawConfig = document.read(&Shape::Map(&SIDECAR))?;
        let lists = raw.take_lists();
        let base = Self::default();
        let mut config = Self {
            listen: raw.listen.map_or(base.listen, |listen| listen.0),
            proc_root: raw.proc_root.unwrap_or(base.proc_root),
            sys_root: raw.sys_root.unwrap_or(base.sys_root),
            collectors: Vec::new(),
        };
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        let mut faults = Vec::new();
        for (kind, collectors) in lists {
            for (index, raw) in collectors.into_iter().enumerate() {
                match raw.planned(folder) {
                    Ok(planned) => config.collectors.push(planned),
                    Err((key, reason)) => {
                        let path = format!("{kind}[{index}].{key}");
                        faults.push(document.fault(path.trim_end_matches('.'), reason));
                    }
                }
            }
        }
        if faults.is_empty() && config.collectors.is_empty() {
            faults.push(document.fault("", "names nothing to look at: add a list, as host: [{}]"));
        }
        if faults.is_empty() { Ok(config) } else { Err(faults) }
    }
}

impl CollectorConfig {
    /// Plans it with its own name and pace.
    pub fn planned(self) -> Planned {
        Planned { label: None, pace: self.pace(), collector: self }
    }
}

impl Pace {
    /// Ten times a second.
    pub const EACH_100_MS: Self =
        Self { interval: Duration::from_millis(100), deadline: Duration::from_millis(100) };

    /// Once a second, with a second to do it.
    pub const EACH_SECOND: Self =
        Self { interval: Duration::from_secs(1), deadline: Duration::from_secs(1) };

    /// Every 5 seconds, with 5 seconds to do it: for what costs its server several requests.
    pub const EACH_5_SECONDS: Self =
        Self { interval: Duration::from_secs(5), deadline: Duration::from_secs(5) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_to_look_at() {
        let text = "listen: 127.0.0.1:0\nhost: [{label: machine, interval: 5s}]\n";
        let config = Config::parse("sidecar.yml", text).unwrap();
        let [planned] = config.collectors.as_slice() else { panic!("{config:?}") };
        assert_eq!(planned.label.as_deref(), Some("machine"));
        let second = Duration::from_secs(1);
        assert_eq!(planned.pace, Pace { interval: 5 * second, deadline: second });
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let text = "listen: here\nhost:\n- interval: 0s\n- deadlin: 1s\nhosts: []\n";
        let faults = Config::parse("sidecar.yml", text).unwrap_err();
        let lines: Vec<_> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [1, 3, 4, 5], "{faults:?}");
        let faults =
            Config::parse("sidecar.yml", "host: [{interval: 1s, deadline: 2s}]").unwrap_err();
        assert!(faults[0].to_string().contains("rounds don't overlap"), "{faults:?}");
        let faults = Config::parse("sidecar.yml", "listen: 127.0.0.1:0").unwrap_err();
        assert!(faults[0].to_string().contains("nothing to look at"), "{faults:?}");
    }

    #[test]
    fn faults_of_servers_have_their_places_and_show_no_secret() {
        let text = "\
postgres:
- {url: 'postgres://me:secret@db/shop'}
- {url: 'postgres://db/shop', password: hush, password_file: db.password}
redis:
- {url: 'redis://cache', tls_config: {cert_file: sidecar.crt}}
nats:
- {url: 'nats:', password: hush}
- url: nats://broker:4222
  tls_config:
    insecure_skip_verify: true
probe:
- {name: orders, origin: {postgres: {url: 'postgres://db/shop', table: heartbeat}}, stores: []}
";
        let faults = Config::parse("sidecar.yml", text).unwrap_err();
        let told: Vec<_> = faults.iter().map(|fault| (fault.line, fault.key.as_str())).collect();
        let expected = [
            (2, "postgres[0].password_file"),
            (3, "postgres[1].password_file"),
            (5, "redis[0].tls_config.key_file"),
            (7, "nats[0].url"),
            (10, "nats[1].tls_config.insecure_skip_verify"),
            (12, "probe[0].stores"),
        ];
        assert_eq!(told, expected);
        let said = faults.iter().map(ToString::to_string).collect::<String>();
        assert!(!said.contains("secret@") && !said.contains("hush"), "{said}");
    }

    #[test]
    fn a_file_that_a_server_needs_lies_beside_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sidecar.yml").display().to_string();
        let text = "rabbitmq: [{url: 'https://rabbit', tls_config: {ca_file: ca.pem}}]";
        let faults = Config::parse(&file, text).unwrap_err();
        let missing = folder.path().join("ca.pem").display().to_string();
        assert!(faults[0].reason.contains(&missing), "{faults:?}");
        std::fs::write(&missing, "no PEM").unwrap();
        let faults = Config::parse(&file, text).unwrap_err();
        assert!(faults[0].reason.contains("no certificate"), "{faults:?}");
    }

    #[test]
    fn each_kind_has_the_pace_of_its_page_and_several_of_it_are_told_apart() {
        // Of what needs neither a port of ours nor a file; `needs`: whether its series name no server.
        let kinds = [
            ("amplify", "url: 'http://x', gauges: [{gauge: busy, limit: 2}]", 100, false),
            ("host", "label: x", 1_000, false),
            ("process", "name: x", 1_000, false),
            ("postgres", "url: 'postgres://u@x/d?sslmode=disable'", 5_000, false),
            ("pgbouncer", "url: 'postgres://u@x/pgbouncer?sslmode=disable'", 5_000, false),
            ("redis", "url: 'redis://x'", 5_000, false),
            ("kafka", "url: 'kafka://x'", 5_000, true),
            ("nats", "url: 'nats://x'", 5_000, true),
            ("rabbitmq", "url: 'http://x'", 5_000, true),
            ("nginx", "url: 'http://x'", 5_000, false),
            ("haproxy", "url: 'http://x/;csv'", 5_000, false),
        ];
        for (kind, keys, interval_ms, needs) in kinds {
            let text = format!("{kind}:\n- {{{keys}}}\n- {{{}}}\n", keys.replace('x', "y"));
            let all = Config::parse("sidecar.yml", &text).unwrap().collectors;
            assert_eq!(all.len(), 2, "{kind}");
            for planned in &all {
                let name = planned.collector.name();
                assert!(name == kind || name.starts_with(&format!("{kind}:")), "{name}");
                assert_eq!(planned.pace.interval, Duration::from_millis(interval_ms), "{kind}");
                assert_eq!(planned.names_series(&all), needs, "{kind}");
                assert!(!planned.names_series(&all[..1]), "{kind}: one needs no name");
            }
        }
    }

    #[test]
    fn probers_of_one_file_have_a_name_each() {
        let probe = "{name: orders, origin: {postgres: {url: 'postgres://x/d?sslmode=disable', table: t}}, \
                     stores: [{name: cache, redis: {url: 'redis://x', key: k}}]}";
        let faults = Config::parse("sidecar.yml", &format!("probe: [{probe}, {probe}]"));
        let faults = faults.unwrap_err();
        assert!(faults.iter().any(|fault| fault.reason.contains("has this name")), "{faults:?}");
    }
}
