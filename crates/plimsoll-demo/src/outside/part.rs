//! A process of the service without instrumentation. It ends when its standard input closes, so when we
//! stop it and when we are gone, however that came.

use crate::fault::Fault;
use anyhow::Context;
use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long a process may take to begin, to answer and to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running process.
pub(super) struct Part {
    name: &'static str,
    pid: u32,
    process: Child,
    wire: Wire,
}

/// What is said to a process and what it answers; clones share it.
#[derive(Clone)]
pub(super) struct Wire(Arc<Mutex<Option<Pipes>>>);

struct Pipes {
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
}

impl Part {
    /// Starts `program` with its name and more `arguments`. Returns it with the first line that it says.
    ///
    /// # Errors
    /// It can't be started or doesn't begin; what it says about that it says on standard error.
    pub(super) async fn start(
        name: &'static str,
        program: &[OsString],
        arguments: &[String],
    ) -> anyhow::Result<(Self, String)> {
        let (program, first) = program.split_first().context("no program is named")?;
        let mut command = Command::new(program);
        command.args(first).arg(name).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // Ctrl-C is for us: what the processes know is asked for after it.
        command.process_group(0);
        let mut process = command.spawn().with_context(|| format!("{name} can't be started"))?;
        let to = process.stdin.take().context("it has no standard input")?;
        let from = process.stdout.take().context("it has no standard output")?;
        let mut pipes = Pipes { to, from: BufReader::new(from).lines() };
        let first = timeout(PATIENCE, pipes.from.next_line()).await;
        let greeting = first.with_context(|| format!("{name} doesn't begin"))??;
        let greeting = greeting.with_context(|| format!("{name} ended before it began"))?;
        let pid = process.id().with_context(|| format!("{name} ended before it began"))?;
        let wire = Wire(Arc::new(Mutex::new(Some(pipes))));
        Ok((Self { name, pid, process, wire }, greeting))
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the process's id.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn wire(&self) -> Wire {
        self.wire.clone()
    }

    /// Waits until the process ends by itself.
    pub(super) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// Ends the process, and kills it if it doesn't.
    pub(super) async fn stop(mut self) {
        self.wire.0.lock().await.take();
        if timeout(PATIENCE, self.process.wait()).await.is_err() {
            tracing::warn!(part = self.name, "doesn't end, and is killed");
            let _ = self.process.kill().await;
        }
    }
}

impl Wire {
    /// Says which faults are on. A process that is gone is none that could have them.
    pub(super) async fn say_broken(&self, faults: impl Iterator<Item = Fault>) {
        let names: Vec<&str> = faults.map(Fault::name).collect();
        let line = format!("break {}\n", names.join(" "));
        if let Some(pipes) = self.0.lock().await.as_mut() {
            let _ = pipes.to.write_all(line.as_bytes()).await;
        }
    }

    /// Asks what the process knows; none if it doesn't answer.
    pub(super) async fn ask<T: DeserializeOwned>(&self) -> Option<T> {
        let mut pipes = self.0.lock().await;
        let Pipes { to, from } = pipes.as_mut()?;
        let answer = timeout(PATIENCE, async {
            to.write_all(b"tell\n").await.ok()?;
            from.next_line().await.ok()?
        });
        serde_json::from_str(&answer.await.ok()??).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts a shell that plays a part: its arguments are its name and what was given.
    async fn play(script: &str) -> anyhow::Result<(Part, String)> {
        let program = ["sh", "-c", script, "sh"].map(OsString::from);
        Part::start("checkout", &program, &["more".into()]).await
    }

    #[tokio::test]
    async fn it_begins_answers_and_ends_when_its_input_closes() {
        let script = "echo $1 $2; while read -r line; do echo \"\\\"$line\\\"\"; done; exit 7";
        let (part, greeting) = play(script).await.unwrap();
        assert_eq!(greeting, "checkout more");
        let wire = part.wire();
        assert_eq!(wire.ask::<String>().await.as_deref(), Some("tell"));
        part.stop().await;
        assert_eq!(wire.ask::<String>().await, None);
    }

    #[tokio::test]
    async fn one_that_ends_before_it_begins_is_an_error() {
        let error = play("exit 1").await.err().unwrap();
        assert_eq!(error.to_string(), "checkout ended before it began");
        let error = Part::start("checkout", &["/nowhere".into()], &[]).await.err().unwrap();
        assert!(error.to_string().contains("checkout can't be started"), "{error:#}");
    }
}
