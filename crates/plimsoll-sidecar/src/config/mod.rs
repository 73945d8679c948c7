//! What to look at, and how often: from flags, or from a file whose every fault is told at once.

mod raw;

pub(crate) use raw::{interval, length};

use crate::{
    AmplifyConfig, Collector, HostConfig, KafkaConfig, NatsConfig, PageConfig, PgbouncerConfig,
    PostgresConfig, ProcessConfig, ProxyConfig, RabbitMqConfig, RedisConfig, World,
};
use crate::{
    amplify, haproxy, host, kafka, nats, nginx, paged, pgbouncer, postgres, process, proxy,
    rabbitmq, redis,
};
use plimsoll_spec::{Document, Fault, MapShape, Place, Shape, optional};
use raw::{RawConfig, all};
use std::fmt;
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
#[derive(Clone, Debug)]
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
        let name = self.label.clone().unwrap_or_else(|| self.collector.name());
        write!(out, "{name}: every {interval:?}, within {deadline:?}")
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

/// One kind of collector and what it is told.
#[derive(Clone, Debug)]
pub enum CollectorConfig {
    /// Gauges of a page of metrics.
    Amplify(AmplifyConfig),
    /// The machine as a whole.
    Host(HostConfig),
    /// A PostgreSQL server.
    Postgres(PostgresConfig),
    /// A proxy.
    Proxy(ProxyConfig),
    /// A group of processes.
    Process(ProcessConfig),
    /// The JetStream of a NATS account.
    Nats(NatsConfig),
    /// A Redis server.
    Redis(RedisConfig),
    /// The consumer groups of a Kafka cluster.
    Kafka(KafkaConfig),
    /// The queues of a RabbitMQ server.
    RabbitMq(RabbitMqConfig),
    /// A PgBouncer.
    Pgbouncer(PgbouncerConfig),
    /// An nginx, by its `stub_status` page.
    Nginx(PageConfig),
    /// A HAProxy, by its statistics as CSV: `http://127.0.0.1:8404/stats;csv`.
    Haproxy(PageConfig),
}

static SIDECAR: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("listen", Shape::parsed::<SocketAddr>()),
        optional("proc_root", Shape::TEXT),
        optional("sys_root", Shape::TEXT),
        optional("amplify", Shape::List(&Shape::Map(&amplify::SHAPE))),
        optional("host", Shape::List(&Shape::Map(&host::SHAPE))),
        optional("postgres", Shape::List(&Shape::Map(&postgres::SHAPE))),
        optional("proxy", Shape::List(&Shape::Map(&proxy::SHAPE))),
        optional("process", Shape::List(&Shape::Map(&process::SHAPE))),
        optional("nats", Shape::List(&Shape::Map(&nats::SHAPE))),
        optional("redis", Shape::List(&Shape::Map(&redis::SHAPE))),
        optional("kafka", Shape::List(&Shape::Map(&kafka::SHAPE))),
        optional("rabbitmq", Shape::List(&Shape::Map(&rabbitmq::SHAPE))),
        optional("pgbouncer", Shape::List(&Shape::Map(&pgbouncer::SHAPE))),
        optional("nginx", Shape::List(&Shape::Map(&paged::SHAPE))),
        optional("haproxy", Shape::List(&Shape::Map(&paged::SHAPE))),
    ],
    check: None,
});

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
        let Shape::Map(map) = &SIDECAR else { return false };
        let own = map.keys.iter().filter(|key| key.name != "listen");
        own.into_iter().any(|key| document.root().get(key.name).is_some())
    }

    /// Reads a configuration.
    ///
    /// # Errors
    /// Every fault of the file, each with its place.
    pub fn read(file: &Path) -> Result<Self, Vec<Fault>> {
        let name = file.display().to_string();
        let text = plimsoll_spec::load(file).map_err(|error| {
            let reason = format!("can't be read: {error}");
            let Place { line, column } = Place { line: 1, column: 1 };
            let file = name.as_str().into();
            vec![Fault { file, line, column, key: String::new(), value: String::new(), reason }]
        })?;
        Self::parse(&name, &text)
    }

    /// Reads a configuration from its text; `file` is what faults call it.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Fault>> {
        let document = Document::parse(file, text)?;
        let raw: RawConfig = document.read(&SIDECAR)?;
        let base = Self::default();
        let mut config = Self {
            listen: raw.listen.map_or(base.listen, |listen| listen.0),
            proc_root: raw.proc_root.unwrap_or(base.proc_root),
            sys_root: raw.sys_root.unwrap_or(base.sys_root),
            collectors: Vec::new(),
        };
        let mut faults = Vec::new();
        let kinds = [
            ("amplify", all(raw.amplify, CollectorConfig::Amplify)),
            ("host", all(raw.host, CollectorConfig::Host)),
            ("postgres", all(raw.postgres, CollectorConfig::Postgres)),
            ("process", all(raw.process, CollectorConfig::Process)),
            ("proxy", all(raw.proxy, CollectorConfig::Proxy)),
            ("nats", all(raw.nats, CollectorConfig::Nats)),
            ("redis", all(raw.redis, CollectorConfig::Redis)),
            ("kafka", all(raw.kafka, CollectorConfig::Kafka)),
            ("rabbitmq", all(raw.rabbitmq, CollectorConfig::RabbitMq)),
            ("pgbouncer", all(raw.pgbouncer, CollectorConfig::Pgbouncer)),
            ("nginx", all(raw.nginx, CollectorConfig::Nginx)),
            ("haproxy", all(raw.haproxy, CollectorConfig::Haproxy)),
        ];
        for (kind, collectors) in kinds {
            for (index, raw) in collectors.into_iter().enumerate() {
                match raw.planned() {
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
    /// Returns what the `collector` label says when nobody chose a name: the kind and what it looks at.
    pub fn name(&self) -> String {
        match self {
            Self::RabbitMq(config) => config.name(),
            Self::Kafka(config) => config.name(),
            Self::Nats(config) => config.name(),
            Self::Amplify(config) => config.name(),
            Self::Host(config) => config.name(),
            Self::Postgres(config) => config.name(),
            Self::Proxy(config) => config.name(),
            Self::Process(config) => config.name(),
            Self::Redis(config) => config.name(),
            Self::Pgbouncer(config) => config.name(),
            Self::Nginx(config) => config.name("nginx"),
            Self::Haproxy(config) => config.name("haproxy"),
        }
    }

    /// Returns the pace of this kind.
    pub fn pace(&self) -> Pace {
        match self {
            Self::RabbitMq(_) => Pace::EACH_5_SECONDS,
            Self::Kafka(_) => Pace::EACH_5_SECONDS,
            Self::Nats(_) => Pace::EACH_5_SECONDS,
            Self::Amplify(_) => Pace::EACH_100_MS,
            Self::Host(_) => Pace::EACH_SECOND,
            Self::Proxy(_) => Pace::EACH_SECOND,
            Self::Process(_) => Pace::EACH_SECOND,
            Self::Postgres(_) => Pace::EACH_5_SECONDS,
            Self::Redis(_) => Pace::EACH_5_SECONDS,
            Self::Pgbouncer(_) => Pace::EACH_5_SECONDS,
            Self::Nginx(_) => Pace::EACH_5_SECONDS,
            Self::Haproxy(_) => Pace::EACH_5_SECONDS,
        }
    }

    /// Looks at what only shows between its keys.
    ///
    /// # Errors
    /// What can't be used, without secrets.
    fn check(&self) -> Result<(), crate::Reason> {
        match self {
            Self::Amplify(_) => Ok(()),
            Self::Host(_) | Self::RabbitMq(_) | Self::Kafka(_) | Self::Nats(_) => Ok(()),
            Self::Proxy(_) => Ok(()),
            Self::Process(_) => Ok(()),
            Self::Postgres(config) => config.check(),
            Self::Redis(config) => config.check(),
            Self::Pgbouncer(config) => config.check(),
            Self::Nginx(_) => Ok(()),
            Self::Haproxy(_) => Ok(()),
        }
    }

    /// Plans it with its own name and pace.
    pub fn planned(self) -> Planned {
        Planned { label: None, pace: self.pace(), collector: self }
    }

    /// Makes the collector.
    ///
    /// # Errors
    /// What can't be had at all, as an address that is in use. What may come later isn't asked for
    /// here: a server that is down is a reason of its rounds.
    pub(crate) fn build(self, world: &World) -> Result<Box<dyn Collector>, crate::Reason> {
        match self {
            Self::RabbitMq(config) => Ok(config.build(world)),
            Self::Kafka(config) => Ok(config.build(world)),
            Self::Nats(config) => Ok(config.build(world)),
            Self::Amplify(config) => config.build(world),
            Self::Host(config) => config.build(world),
            Self::Postgres(config) => config.build(world),
            Self::Proxy(config) => config.build(world),
            Self::Process(config) => config.build(world),
            Self::Redis(config) => config.build(world),
            Self::Pgbouncer(config) => config.build(world),
            Self::Nginx(config) => Ok(config.build(nginx::read, world)),
            Self::Haproxy(config) => Ok(config.build(haproxy::read, world)),
        }
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
}
