//! The kinds of collectors: whatever knows them all is made of the one list at the end.

use super::raw::RawCollector;
use crate::kind::{CollectorKind, Kind};
use crate::{
    AmplifyConfig, Collector, HaproxyConfig, HostConfig, KafkaConfig, NatsConfig, NginxConfig,
    Pace, PgbouncerConfig, PostgresConfig, ProbeConfig, ProcessConfig, ProxyConfig, RabbitMqConfig,
    Reason, RedisConfig, World,
};
use plimsoll_servers::prober::check_probers;
use plimsoll_spec::{MapShape, Parsed, Shape, optional};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

macro_rules! kinds {
    ($($(#[$doc:meta])* $key:ident: $variant:ident($config:ty),)*) => {
        /// One kind of collector and what it is told.
        #[derive(Clone, Debug, PartialEq)]
        pub enum CollectorConfig {
            $($(#[$doc])* $variant($config),)*
        }

        /// Every kind of collector, in the order of the page and of `--help`.
        pub static KINDS: &[Kind] = &[$(Kind {
            name: stringify!($key),
            pace: <$config as CollectorKind>::PACE,
            flags: <$config as CollectorKind>::FLAGS,
        },)*];

        /// What a file may hold.
        pub(super) static SIDECAR: MapShape = MapShape {
            keys: &[
                optional("listen", Shape::parsed::<SocketAddr>()),
                optional("proc_root", Shape::TEXT),
                optional("sys_root", Shape::TEXT),
                $(optional(
                    stringify!($key),
                    Shape::List(&Shape::Map(<$config as CollectorKind>::SHAPE)),
                ),)*
            ],
            check: Some(|view, faults| check_probers(view.get("probe").as_ref(), faults)),
        };

        /// The file as it was written.
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct RawConfig {
            pub(super) listen: Option<Parsed<SocketAddr>>,
            pub(super) proc_root: Option<PathBuf>,
            pub(super) sys_root: Option<PathBuf>,
            $($key: Vec<RawCollector<$config>>,)*
        }

        impl RawConfig {
            /// Takes every collector out, each list under its key.
            pub(super) fn take_lists(&mut self) -> Vec<(&'static str, Vec<RawCollector<CollectorConfig>>)> {
                vec![$((stringify!($key), {
                    let of_kind = std::mem::take(&mut self.$key).into_iter();
                    of_kind.map(|raw| raw.map(CollectorConfig::$variant)).collect()
                }),)*]
            }
        }

        impl CollectorConfig {
            /// Returns what the `collector` label says when nobody chose a name: the kind and what it
            /// looks at.
            pub fn name(&self) -> String {
                let (kind, target) = match self {
                    $(Self::$variant(config) => (stringify!($key), config.target()),)*
                };
                if target.is_empty() { kind.into() } else { format!("{kind}:{target}") }
            }

            /// Returns the pace of this kind.
            pub fn pace(&self) -> Pace {
                match self {
                    $(Self::$variant(_) => <$config as CollectorKind>::PACE,)*
                }
            }

            pub(crate) fn is_named(&self) -> bool {
                match self {
                    $(Self::$variant(_) => <$config as CollectorKind>::IS_NAMED,)*
                }
            }

            pub(crate) fn listens(&self) -> Option<SocketAddr> {
                match self {
                    $(Self::$variant(config) => config.listens(),)*
                }
            }

            pub(super) fn lies_in(&mut self, folder: &Path) {
                match self {
                    $(Self::$variant(config) => config.lies_in(folder),)*
                }
            }

            pub(crate) fn check(&self) -> Result<(), Reason> {
                match self {
                    $(Self::$variant(config) => config.check(),)*
                }
            }

            pub(crate) fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
                match self {
                    $(Self::$variant(config) => config.build(world),)*
                }
            }
        }
    };
}

kinds! {
    /// Gauges of a page of metrics.
    amplify: Amplify(AmplifyConfig),
    /// The machine as a whole.
    host: Host(HostConfig),
    /// A group of processes.
    process: Process(ProcessConfig),
    /// A proxy.
    proxy: Proxy(ProxyConfig),
    /// A PostgreSQL server.
    postgres: Postgres(PostgresConfig),
    /// A PgBouncer.
    pgbouncer: Pgbouncer(PgbouncerConfig),
    /// A Redis server.
    redis: Redis(RedisConfig),
    /// The consumer groups of a Kafka cluster.
    kafka: Kafka(KafkaConfig),
    /// The JetStream of a NATS account.
    nats: Nats(NatsConfig),
    /// The queues of a RabbitMQ server.
    rabbitmq: RabbitMq(RabbitMqConfig),
    /// A prober of a system of record and of the stores behind it.
    probe: Probe(ProbeConfig),
    /// An nginx, by its `stub_status` page.
    nginx: Nginx(NginxConfig),
    /// A HAProxy, by its statistics as CSV: `http://127.0.0.1:8404/stats;csv`.
    haproxy: Haproxy(HaproxyConfig),
}
