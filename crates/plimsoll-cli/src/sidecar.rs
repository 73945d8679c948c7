//! `plimsoll sidecar`: concurrency signals of software that isn't Rust, until it is told to stop.

use anyhow::Context;
use plimsoll_runtime::clock::SystemClock;
use plimsoll_runtime::shutdown;
use plimsoll_sidecar::{
    AmplifyConfig, CollectorConfig, Config, HostConfig, KafkaConfig, NatsConfig, PageConfig,
    PgbouncerConfig, PostgresConfig, ProcessConfig, ProxyConfig, RabbitMqConfig, RedisConfig,
    Sidecar,
};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(clap::Args)]
#[command(
    about = "Look at software that isn't Rust from outside, and export its concurrency signals",
    after_help = "The page at / says which collector is up, and why one isn't; /metrics has the series.\n\
                  SIGTERM or Ctrl-C drains and exits with 0, a second one aborts.\n\n\
                  Example: plimsoll sidecar --host"
)]
pub(crate) struct Arguments {
    /// What to look at, and how often; flags are added to it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address of the page and of /metrics [default: 127.0.0.1:9798]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// A page of metrics whose gauges are looked at ten times a second; may be repeated
    #[arg(long, value_name = "URL")]
    amplify: Vec<AmplifyConfig>,
    /// The machine as a whole: processors, load, memory
    #[arg(long)]
    host: bool,
    /// A PostgreSQL server: sessions, who blocks whom, deadlocks, replica lag; may be repeated
    #[arg(long, value_name = "URL")]
    postgres: Vec<String>,
    /// A proxy in front of a service: http://HOST:PORT or tcp://HOST:PORT; may be repeated
    #[arg(long, value_name = "LISTEN=TARGET")]
    proxy: Vec<ProxyConfig>,
    /// Processes of a program or name, those that start later included; may be repeated
    #[arg(long, value_name = "NAME")]
    process: Vec<String>,
    /// One process and what descends from it; may be repeated
    #[arg(long, value_name = "PID")]
    pid: Vec<u32>,
    /// The JetStream of a NATS account: how far its consumers are behind; may be repeated
    #[arg(long, value_name = "URL")]
    nats: Vec<NatsConfig>,
    /// A Redis server: clients, latency, how far the groups of streams are behind; may be repeated
    #[arg(long, value_name = "URL")]
    redis: Vec<String>,
    /// A Kafka cluster: how far its consumer groups are behind; may be repeated
    #[arg(long, value_name = "URL")]
    kafka: Vec<KafkaConfig>,
    /// A RabbitMQ server's management API: queues, consumers, blocked connections; may be repeated
    #[arg(long, value_name = "URL")]
    rabbitmq: Vec<RabbitMqConfig>,
    /// A PgBouncer: pools against their size, who waits for one; may be repeated
    #[arg(long, value_name = "URL")]
    pgbouncer: Vec<String>,
    /// An nginx, by its stub_status page; may be repeated
    #[arg(long, value_name = "URL")]
    nginx: Vec<PageConfig>,
    /// A HAProxy, by its statistics as CSV; may be repeated
    #[arg(long, value_name = "URL")]
    haproxy: Vec<PageConfig>,
    /// Where the system's /proc is, as /host/proc in a container
    #[arg(long, value_name = "FOLDER")]
    proc_root: Option<PathBuf>,
    /// Where the system's /sys is
    #[arg(long, value_name = "FOLDER")]
    sys_root: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut config = match arguments.config.as_deref().map(Config::read).transpose() {
        Ok(config) => config.unwrap_or_default(),
        Err(faults) => {
            for fault in faults {
                eprintln!("{fault}");
            }
            return Ok(ExitCode::from(2));
        }
    };
    arguments.add_to(&mut config);
    if config.collectors.is_empty() {
        eprintln!("plimsoll: nothing to look at: give a flag as --host, or --config FILE");
        return Ok(ExitCode::from(2));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("can't start the runtime")?;
    runtime.block_on(async {
        let (stopper, stop) = shutdown::channel();
        let bound = Sidecar::bind(config, Arc::new(SystemClock::start()), stop)?;
        println!("plimsoll sidecar listens on http://{}/", bound.address());
        let signals = tokio::spawn(shutdown::on_signals(stopper)?);
        bound.run().await;
        signals.abort();
        anyhow::Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    /// Adds what the flags say, which stands above what the file says.
    fn add_to(self, config: &mut Config) {
        config.listen = self.listen.unwrap_or(config.listen);
        if let Some(root) = self.proc_root {
            config.proc_root = root;
        }
        if let Some(root) = self.sys_root {
            config.sys_root = root;
        }
        let mut add = |collector: CollectorConfig| config.collectors.push(collector.planned());
        if self.host {
            add(CollectorConfig::Host(HostConfig::default()));
        }
        for amplify in self.amplify {
            add(CollectorConfig::Amplify(amplify));
        }
        for url in self.postgres {
            add(CollectorConfig::Postgres(PostgresConfig::at(url)));
        }
        for proxy in self.proxy {
            add(CollectorConfig::Proxy(proxy));
        }
        for name in self.process {
            add(CollectorConfig::Process(ProcessConfig::named(name)));
        }
        for pid in self.pid {
            add(CollectorConfig::Process(ProcessConfig::with_pid(pid)));
        }
        for url in self.redis {
            add(CollectorConfig::Redis(RedisConfig::at(url)));
        }
        for nats in self.nats {
            add(CollectorConfig::Nats(nats));
        }
        for kafka in self.kafka {
            add(CollectorConfig::Kafka(kafka));
        }
        for rabbitmq in self.rabbitmq {
            add(CollectorConfig::RabbitMq(rabbitmq));
        }
        for url in self.pgbouncer {
            add(CollectorConfig::Pgbouncer(PgbouncerConfig::at(url)));
        }
        for nginx in self.nginx {
            add(CollectorConfig::Nginx(nginx));
        }
        for haproxy in self.haproxy {
            add(CollectorConfig::Haproxy(haproxy));
        }
    }
}
