//! A child process that ends with its owner.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A running child; dropped, it is killed and waited for.
pub struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts `command` with its output in `log`.
    ///
    /// # Panics
    /// The program isn't installed: a needed server that is absent is a failure.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Self {
        let out = std::fs::File::create(log).expect("a log file");
        let error = out.try_clone().expect("the same log file");
        let child =
            command.stdin(Stdio::null()).stdout(out).stderr(error).spawn().unwrap_or_else(
                |error| panic!("{name} can't be started ({error}): is it installed?"),
            );
        Self { child, name: name.to_owned() }
    }

    /// Sends a signal by its name, as `TERM`.
    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([&format!("-{signal}"), &pid]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{signal} {}", self.name);
    }

    /// Kills it as `kill -9` does and waits for it.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self, limit: Duration) -> ExitStatus {
        let name = self.name.clone();
        crate::wait::until(&format!("{name} to end"), limit, || {
            let status = self.child.try_wait().expect("its status");
            async move { status }
        })
        .await
    }

    /// Says whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Returns its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
