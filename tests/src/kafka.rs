//! A real Kafka broker, and its own client.

use crate::process::Process;
use crate::{free_port, peers, root, scratch, wait};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running broker in a process of its own, which is its own controller.
pub struct Kafka {
    /// The listener where everybody may do everything.
    pub address: String,
    /// The listener where a user has to log in: `watch` by password, `scram` by proof of it, both with the
    /// password `secret`.
    pub guarded: String,
    process: Process,
    jars: PathBuf,
    folder: tempfile::TempDir,
}

/// Kafka's own client, in Java.
pub struct Client {
    _process: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Kafka {
    /// Starts one and waits until it takes connections. None, and a line that says so, when it isn't there.
    pub async fn start() -> Option<Self> {
        let jars = peers::kafka()?;
        let (open, guarded, control) = (free_port(), free_port(), free_port());
        let folder = scratch();
        let path = folder.path();
        crate::write(path, "server.properties", &properties(path, open, guarded, control));
        let mut format = java(&jars, "256m");
        format.args(["kafka.tools.StorageTool", "format", "-t", "cGxpbXNvbGwtdGVzdHMtMQ", "-c"]);
        format.arg(path.join("server.properties"));
        format.args(["--add-scram", "SCRAM-SHA-256=[name=scram,password=secret]"]);
        let formatted = format.output().expect("java runs");
        assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stderr));
        let process = spawn(&jars, path);
        let address = format!("127.0.0.1:{open}");
        let guarded = format!("127.0.0.1:{guarded}");
        let kafka = Self { address, guarded, process, jars, folder };
        kafka.await_ready().await;
        Some(kafka)
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it anew with what it has stored.
    pub async fn restart(&mut self) {
        self.process = spawn(&self.jars, self.folder.path());
        self.await_ready().await;
    }

    /// Starts a client.
    pub fn client(&self) -> Client {
        let mut command = java(&self.jars, "128m");
        command.arg(root().join("tests/peers/kafka/Client.java")).arg(&self.address);
        let mut command = tokio::process::Command::from(command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.kill_on_drop(true).spawn().expect("java runs");
        let orders = process.stdin.take().expect("its input");
        let answers = BufReader::new(process.stdout.take().expect("its output")).lines();
        Client { _process: process, orders, answers }
    }

    async fn await_ready(&self) {
        wait::until("Kafka to listen", PATIENCE, || async {
            tokio::net::TcpStream::connect(&*self.address).await.ok()
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
        let sent = self.orders.write_all(format!("{order}\n").as_bytes()).await;
        sent.expect("the client runs");
        let answer = tokio::time::timeout(PATIENCE, self.answers.next_line()).await;
        let answer = answer.unwrap_or_else(|_| panic!("{order}: no answer")).expect("an answer");
        assert_eq!(answer.as_deref(), Some("done"), "{order}");
    }
}

fn java(jars: &Path, heap: &str) -> Command {
    let mut command = Command::new("java");
    command.arg(format!("-Xmx{heap}")).args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    command.arg("-cp").arg(jars.join("*"));
    command
}

fn spawn(jars: &Path, folder: &Path) -> Process {
    let mut command = java(jars, "384m");
    command.arg("kafka.Kafka").arg(folder.join("server.properties"));
    Process::start("Kafka", &mut command, &folder.join("log"))
}

fn properties(folder: &Path, open: u16, guarded: u16, control: u16) -> String {
    let data = folder.join("data");
    let plain = "org.apache.kafka.common.security.plain.PlainLoginModule";
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule";
    format!(
        "process.roles=broker,controller\nnode.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{control}\n\
         listeners=OPEN://127.0.0.1:{open},GUARDED://127.0.0.1:{guarded},CONTROL://127.0.0.1:{control}\n\
         advertised.listeners=OPEN://127.0.0.1:{open},GUARDED://127.0.0.1:{guarded}\n\
         listener.security.protocol.map=OPEN:PLAINTEXT,GUARDED:SASL_PLAINTEXT,CONTROL:PLAINTEXT\n\
         controller.listener.names=CONTROL\ninter.broker.listener.name=OPEN\n\
         sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256\n\
         listener.name.guarded.plain.sasl.jaas.config={plain} required user_watch=\"secret\";\n\
         listener.name.guarded.scram-sha-256.sasl.jaas.config={scram} required;\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:ANONYMOUS\n\
         log.dirs={}\nlog.cleaner.backoff.ms=200\nlog.initial.task.delay.ms=100\n\
         offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
         group.initial.rebalance.delay.ms=0\n\
         transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=1\n",
        data.display()
    )
}
