//! A server that is measured from outside: processor time and memory as the kernel counts them.

use super::service::wall_s;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Ticks of a second in `/proc`, on every Linux that there is.
const TICKS: f64 = 100.0;

/// A running server; dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) folder: PathBuf,
}

/// What a server has used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    at_s: f64,
    user_s: f64,
    system_s: f64,
}

/// What a server used over a stretch, in parts of a core.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) user: f64,
    pub(crate) whole: f64,
}

impl Server {
    /// Starts it; its output goes to `log` in `folder`.
    pub(crate) fn start(command: &mut Command, address: SocketAddr, folder: &Path) -> Self {
        let log = std::fs::File::create(folder.join("log")).expect("a log file");
        let error = log.try_clone().expect("the same log file");
        let child = command.stdin(Stdio::null()).stdout(log).stderr(error).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?} can't be started: {error}"));
        Self { child, address, folder: folder.into() }
    }

    /// Returns its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it says that it is ready, and returns how many seconds that took.
    pub(crate) fn await_ready(&mut self) -> f64 {
        let began_s = wall_s();
        while !matches!(get(self.address, "/-/ready"), Some(answer) if answer.starts_with("HTTP/1.1 200"))
        {
            if let Ok(Some(status)) = self.child.try_wait() {
                let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                panic!("it ended with {status}: {log}");
            }
            assert!(wall_s() - began_s < 300.0, "not ready after five minutes");
            std::thread::sleep(Duration::from_millis(5));
        }
        wall_s() - began_s
    }

    /// Returns what it has used so far, with its worker processes if it has any.
    pub(crate) fn used(&self) -> Used {
        let id = self.child.id();
        let workers = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let workers = workers.unwrap_or_default();
        let all = workers.split_whitespace().filter_map(|worker| worker.parse().ok());
        let ticks = all.chain([id]).map(ticks);
        let [user, system] =
            ticks.fold([0.0; 2], |sum, [user, system]| [sum[0] + user, sum[1] + system]);
        Used { at_s: wall_s(), user_s: user / TICKS, system_s: system / TICKS }
    }

    /// Returns the resident memory, in bytes.
    pub(crate) fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        let kib: Option<f64> = line.split_whitespace().next().and_then(|kib| kib.parse().ok());
        kib.unwrap_or(f64::NAN) * 1024.0
    }

    /// Ends it as `SIGTERM` does.
    pub(crate) fn stop(mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Used {
    /// Returns the processor time until `later`, in seconds.
    pub(crate) fn processor_s(self, later: Self) -> f64 {
        later.user_s - self.user_s + later.system_s - self.system_s
    }

    pub(crate) fn until(self, later: Self) -> Load {
        let seconds = later.at_s - self.at_s;
        let user = (later.user_s - self.user_s) / seconds;
        Load { user, whole: user + (later.system_s - self.system_s) / seconds }
    }
}

/// Returns the user and system time of a process, in ticks.
fn ticks(id: u32) -> [f64; 2] {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The name of the program, in brackets, may hold anything.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).filter_map(|word| word.parse().ok()).collect();
    let [user, system] = ticks[..] else { panic!("no processor time in {stat:?}") };
    [user, system]
}

/// Measures several servers over the same `seconds`.
pub(crate) fn watch<const N: usize>(servers: [&Server; N], seconds: f64) -> [Load; N] {
    let before = servers.map(Server::used);
    std::thread::sleep(Duration::from_secs_f64(seconds));
    std::array::from_fn(|at| before[at].until(servers[at].used()))
}

/// Asks a server, and returns the whole answer with its head.
pub(crate) fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// Returns an address that nothing listens on.
pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address")
}
