//! A real PostgreSQL.

use crate::authority::Identity;
use crate::process::Process;
use crate::{free_port, scratch, wait};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio_postgres::{Client, NoTls};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running PostgreSQL server that syncs nothing to the disk, with an empty database.
pub struct Postgres {
    /// Its address, as `postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable`.
    pub url: String,
    /// The process.
    pub process: Process,
    port: u16,
    folder: tempfile::TempDir,
}

impl Postgres {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    /// PostgreSQL isn't installed, or doesn't start.
    pub async fn start() -> Self {
        let (port, folder) = (free_port(), scratch());
        let data = folder.path().join("data");
        let mut init = program("initdb");
        init.args(["--username", "postgres", "--auth", "trust", "--no-sync", "--pgdata"])
            .arg(&data);
        own(folder.path());
        run(&mut init);
        Self::serve(folder, port).await
    }

    /// Starts a streaming replica of it, and waits until it answers.
    ///
    /// # Panics
    /// PostgreSQL isn't installed, or doesn't start.
    pub async fn replica(&self) -> Self {
        let (port, folder) = (free_port(), scratch());
        own(folder.path());
        let mut backup = program("pg_basebackup");
        // Connects to it, and follows what it writes.
        backup.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--dbname"]);
        backup.arg(&self.url).arg("--pgdata").arg(folder.path().join("data"));
        run(&mut backup);
        Self::serve(folder, port).await
    }

    /// Runs the server whose data is in a folder.
    async fn serve(folder: tempfile::TempDir, port: u16) -> Self {
        let process = spawn(folder.path(), port);
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable");
        let server = Self { url, process, port, folder };
        server.await_ready().await;
        server
    }

    /// Ends it at once, with all of its sessions: those that outlive their server hold up the next one.
    pub async fn quit(&mut self) {
        self.process.signal("QUIT");
        self.process.ended(PATIENCE).await;
    }

    /// Starts it anew with what it has stored, and waits until it answers.
    pub async fn restart(&mut self) {
        self.process = spawn(self.folder.path(), self.port);
        self.await_ready().await;
    }

    async fn await_ready(&self) {
        wait::until("PostgreSQL to be ready", PATIENCE, || async {
            let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.ok()?;
            tokio::spawn(connection);
            client.simple_query("SELECT 1").await.ok()
        })
        .await;
    }

    /// Makes it show a certificate to those who connect from now on.
    ///
    /// # Panics
    /// It refuses.
    pub async fn secure(&self, identity: &Identity) {
        let files = identity.write(&self.folder.path().join("data"));
        let client = self.connect().await;
        let set = [
            format!("ALTER SYSTEM SET ssl_cert_file = '{}'", files.certificate.display()),
            format!("ALTER SYSTEM SET ssl_key_file = '{}'", files.key.display()),
            "ALTER SYSTEM SET ssl = on".to_owned(),
            "SELECT pg_reload_conf()".to_owned(),
        ];
        for statement in set {
            client.batch_execute(&statement).await.expect("it is set");
        }
        wait::until("TLS", PATIENCE, || async {
            let row = self.connect().await.query_one("SHOW ssl", &[]).await.ok()?;
            (row.get::<_, &str>(0) == "on").then_some(())
        })
        .await;
    }

    /// Connects.
    ///
    /// # Panics
    /// It takes no more connections.
    pub async fn connect(&self) -> Client {
        let connected = tokio_postgres::connect(&self.url, NoTls).await;
        let (client, connection) = connected.expect("a connection");
        tokio::spawn(connection);
        client
    }
}

fn spawn(folder: &Path, port: u16) -> Process {
    let mut command = program("postgres");
    command.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
    command.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
    command.args(["-c", "fsync=off", "-c", "synchronous_commit=off"]);
    command.args(["-c", "max_prepared_transactions=4"]);
    Process::start("postgres", &mut command, &folder.join("log"))
}

/// Runs a program to its end.
fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Returns a program of the newest PostgreSQL that Debian has installed, run as its user: the server
/// refuses to run as root.
fn program(name: &str) -> Command {
    let mut command = Command::new(folder().join("bin").join(name));
    if let Some((user, group)) = server_user() {
        command.uid(user).gid(group);
    }
    command
}

fn folder() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let all = versions.filter_map(|entry| Some(entry.ok()?.path()));
    all.max_by_key(version).expect("a version of PostgreSQL")
}

/// Gives a folder to the user that the server runs as.
fn own(folder: &Path) {
    if let Some((user, group)) = server_user() {
        std::os::unix::fs::chown(folder, Some(user), Some(group)).expect("its folder");
    }
}

/// Returns whom the server has to run as, if this is root.
fn server_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse::<u32>().ok()
    };
    if id(&["-u"])? != 0 {
        return None;
    }
    Some((id(&["-u", "postgres"])?, id(&["-g", "postgres"])?))
}
