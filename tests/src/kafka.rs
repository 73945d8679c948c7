//! Real Kafka brokers, and their own client.

use crate::authority::Files;
use crate::process::Process;
use crate::{free_port, peers, root, scratch, wait};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

const PATIENCE: Duration = Duration::from_secs(60);

/// Running brokers, each in a process of its own, which are their own controllers.
pub struct Kafka {
    /// The first one's listener where everybody may do everything.
    pub address: String,
    /// Its listener where a user has to log in: `watch` by password, `scram` by proof of it, both with the
    /// password `secret`.
    pub guarded: String,
    brokers: Vec<Broker>,
    jars: PathBuf,
}

struct Broker {
    open: u16,
    process: Process,
    folder: tempfile::TempDir,
}

/// Where a broker listens.
#[derive(Clone, Copy)]
struct Ports {
    open: u16,
    guarded: u16,
    control: u16,
}

/// Kafka's own client, in Java.
pub struct Client {
    _process: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Kafka {
    /// Starts a broker and waits until it takes connections. None, and a line that says so, when it isn't
    /// there.
    pub async fn start() -> Option<Self> {
        Self::cluster(1, "").await
    }

    /// Starts one that has a listener with TLS for each of those certificates as well; returns their ports.
    pub async fn with_tls(certificates: &[Files]) -> Option<(Self, Vec<u16>)> {
        let ports: Vec<u16> = certificates.iter().map(|_| free_port()).collect();
        let listeners = ports.iter().zip(certificates).enumerate();
        let listeners: Vec<String> = listeners
            .map(|(index, (port, files))| {
                let (name, both) = (format!("TLS{index}"), files.both.display());
                let key = format!("listener.name.{}.ssl.keystore", name.to_lowercase());
                format!("{name}://127.0.0.1:{port} {name}:SSL {key}.type=PEM {key}.location={both}")
            })
            .collect();
        Some((Self::cluster(1, &listeners.join("\n")).await?, ports))
    }

    /// Starts as many brokers; `listeners` are further ones of each: an address, its protocol and settings a
    /// line.
    pub async fn cluster(brokers: usize, listeners: &str) -> Option<Self> {
        let jars = peers::kafka()?;
        let new = || Ports { open: free_port(), guarded: free_port(), control: free_port() };
        let ports: Vec<Ports> = (0..brokers).map(|_| new()).collect();
        let start = |index: usize| {
            let folder = scratch();
            let text = properties(folder.path(), &ports, index, listeners);
            format(&jars, &crate::write(folder.path(), "server.properties", &text));
            let process = spawn(&jars, folder.path());
            Broker { open: ports[index].open, process, folder }
        };
        let brokers: Vec<Broker> = (0..brokers).map(start).collect();
        let address = format!("127.0.0.1:{}", ports[0].open);
        let guarded = format!("127.0.0.1:{}", ports[0].guarded);
        let kafka = Self { address, guarded, brokers, jars };
        for index in 0..kafka.brokers.len() {
            kafka.await_ready(index).await;
        }
        Some(kafka)
    }

    /// Returns the open listener of a broker; the first is 0.
    pub fn address_of(&self, broker: usize) -> String {
        format!("127.0.0.1:{}", self.brokers[broker].open)
    }

    /// Ends a broker as `kill -9` does.
    pub fn kill(&mut self, broker: usize) {
        self.brokers[broker].process.kill();
    }

    /// Sends a signal to a broker.
    pub fn signal(&self, broker: usize, signal: &str) {
        self.brokers[broker].process.signal(signal);
    }

    /// Starts a broker anew with what it has stored.
    pub async fn restart(&mut self, broker: usize) {
        let one = &mut self.brokers[broker];
        one.process = spawn(&self.jars, one.folder.path());
        self.await_ready(broker).await;
    }

    /// Starts a client.
    pub fn client(&self) -> Client {
        let all: Vec<_> = (0..self.brokers.len()).map(|broker| self.address_of(broker)).collect();
        let mut command = java(&self.jars, "128m");
        command.arg(root().join("tests/peers/kafka/Client.java")).arg(all.join(","));
        let mut command = tokio::process::Command::from(command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.kill_on_drop(true).spawn().expect("java runs");
        let orders = process.stdin.take().expect("its input");
        let answers = BufReader::new(process.stdout.take().expect("its output")).lines();
        Client { _process: process, orders, answers }
    }

    async fn await_ready(&self, broker: usize) {
        let address = self.address_of(broker);
        wait::until("Kafka to listen", PATIENCE, || async {
            tokio::net::TcpStream::connect(&address).await.ok()
        })
        .await;
    }
}

impl Client {
    /// Has it do something, as `consume GROUP TOPIC COUNT`; see its source.
    ///
    /// # Panics
    /// It can't, or takes too long.
    pub async fn obey(&mut self, order: &str) {
        assert_eq!(self.ask(order).await, "done", "{order}");
    }

    /// Asks it for something, as `leader TOPIC PARTITION`.
    ///
    /// # Panics
    /// It can't, or takes too long.
    pub async fn ask(&mut self, order: &str) -> String {
        let sent = self.orders.write_all(format!("{order}\n").as_bytes()).await;
        sent.expect("the client runs");
        let answer = tokio::time::timeout(PATIENCE, self.answers.next_line()).await;
        let answer = answer.unwrap_or_else(|_| panic!("{order}: no answer")).expect("an answer");
        answer.unwrap_or_else(|| panic!("{order}: the client has ended"))
    }
}

fn java(jars: &Path, heap: &str) -> Command {
    let mut command = Command::new("java");
    command.arg(format!("-Xmx{heap}")).args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    command.arg("-cp").arg(jars.join("*"));
    command
}

fn format(jars: &Path, properties: &Path) {
    let mut format = java(jars, "256m");
    format.args(["kafka.tools.StorageTool", "format", "-t", "cGxpbXNvbGwtdGVzdHMtMQ", "-c"]);
    format.arg(properties).args(["--add-scram", "SCRAM-SHA-256=[name=scram,password=secret]"]);
    let formatted = format.output().expect("java runs");
    assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stderr));
}

fn spawn(jars: &Path, folder: &Path) -> Process {
    let mut command = java(jars, "384m");
    command.arg("kafka.Kafka").arg(folder.join("server.properties"));
    Process::start("Kafka", &mut command, &folder.join("log"))
}

fn properties(folder: &Path, all: &[Ports], index: usize, more: &str) -> String {
    let data = folder.join("data");
    let Ports { open, guarded, control } = all[index];
    let id = |index: usize| index + 1;
    let voters = all.iter().enumerate();
    let voters: Vec<_> =
        voters.map(|(index, ports)| format!("{}@127.0.0.1:{}", id(index), ports.control)).collect();
    let more: Vec<Vec<&str>> = more.lines().map(|line| line.split(' ').collect()).collect();
    let each = |part: usize| more.iter().map(move |words| format!(",{}", words[part]));
    let (listeners, protocols): (String, String) = (each(0).collect(), each(1).collect());
    let settings: String =
        more.iter().flat_map(|words| &words[2..]).map(|word| format!("{word}\n")).collect();
    let plain = "org.apache.kafka.common.security.plain.PlainLoginModule";
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule";
    let replicas = all.len();
    format!(
        "process.roles=broker,controller\nnode.id={}\n\
         controller.quorum.voters={}\n\
         listeners=OPEN://127.0.0.1:{open},GUARDED://127.0.0.1:{guarded},CONTROL://127.0.0.1:{control}{listeners}\n\
         advertised.listeners=OPEN://127.0.0.1:{open},GUARDED://127.0.0.1:{guarded}{listeners}\n\
         listener.security.protocol.map=OPEN:PLAINTEXT,GUARDED:SASL_PLAINTEXT,CONTROL:PLAINTEXT{protocols}\n\
         {settings}\
         controller.listener.names=CONTROL\ninter.broker.listener.name=OPEN\n\
         sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256\n\
         listener.name.guarded.plain.sasl.jaas.config={plain} required user_watch=\"secret\";\n\
         listener.name.guarded.scram-sha-256.sasl.jaas.config={scram} required;\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:ANONYMOUS\n\
         log.dirs={}\nlog.cleaner.backoff.ms=200\nlog.initial.task.delay.ms=100\n\
         log.retention.check.interval.ms=300\nlog.segment.delete.delay.ms=0\n\
         offsets.topic.replication.factor={replicas}\noffsets.topic.num.partitions=1\n\
         group.initial.rebalance.delay.ms=0\nbroker.session.timeout.ms=3000\n\
         broker.heartbeat.interval.ms=500\n\
         transaction.state.log.replication.factor={replicas}\ntransaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=1\n",
        id(index),
        voters.join(","),
        data.display()
    )
}
