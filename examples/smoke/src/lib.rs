//! Starts an example as its own process, reads what it answers on `/metrics`, and stops it as a
//! service manager does. Only the standard library is in it.

#![allow(clippy::expect_used, clippy::panic, reason = "a harness fails its test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Longer than anything here takes: past it, a read or a wait has failed.
const LIMIT: Duration = Duration::from_secs(30);

/// What lets an example choose its port.
pub const FREE: &str = "127.0.0.1:0";

/// A running example. Dropped, it is killed.
#[derive(Debug)]
pub struct Example {
    child: Child,
    service: Option<SocketAddr>,
    metrics: SocketAddr,
    is_asked: bool,
}

impl Example {
    /// Starts `program` with `arguments`, in which it gets free ports, and waits until it says where it
    /// serves: in lines `serving ADDRESS`, unless it serves nothing, and last `metrics ADDRESS`.
    pub fn start(program: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo has built the example");
        let said = BufReader::new(child.stdout.take().expect("it is piped"));
        let (mut service, mut metrics) = (None, None);
        for line in said.lines() {
            let line = line.expect("text");
            let (what, address) = line.split_once(' ').expect("what, and an address");
            match what {
                "serving" => service = address.parse().ok(),
                _ => metrics = address.parse().ok(),
            }
            if metrics.is_some() {
                break;
            }
        }
        let metrics = metrics.expect("the example says where its metrics are");
        Self { child, service, metrics, is_asked: false }
    }

    /// Where it serves.
    pub fn service(&self) -> SocketAddr {
        self.service.expect("it serves something")
    }

    /// Opens a connection to what it serves.
    pub fn connect(&self) -> TcpStream {
        connect(self.service())
    }

    /// Sends a request to what it serves and returns status and body.
    pub fn request(&self, method: &str, path: &str) -> (u16, String) {
        request(self.service(), method, path)
    }

    /// Reads the sum of the series of `family` that have all of these labels; `None` if there is none.
    pub fn sum(&self, family: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let (status, text) = request(self.metrics, "GET", "/metrics");
        assert_eq!(status, 200, "{text}");
        let values: Vec<f64> = text
            .lines()
            .filter_map(|line| line.rsplit_once(' '))
            .filter(|(series, _)| series.split('{').next() == Some(family))
            .filter(|(series, _)| {
                labels.iter().all(|(name, value)| series.contains(&format!("{name}=\"{value}\"")))
            })
            .map(|(_, value)| value.parse().expect("a number"))
            .collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// Reads until the sum is `expected`: for what the example does by itself.
    pub fn until(&self, family: &str, labels: &[(&str, &str)], expected: f64) {
        let clock = std::thread::spawn(|| std::thread::park_timeout(LIMIT));
        loop {
            let found = self.sum(family, labels);
            if found == Some(expected) {
                return;
            }
            assert!(!clock.is_finished(), "{family}{labels:?} is {found:?}, not {expected}");
            std::thread::yield_now();
        }
    }

    /// Asks it to stop, as a service manager does.
    pub fn ask_to_stop(&mut self) {
        self.is_asked = true;
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status();
        assert!(asked.is_ok_and(|status| status.success()), "kill -TERM {id}");
    }

    /// Asks it to stop, unless it was asked already, and returns how it ended.
    pub fn stop(mut self) -> ExitStatus {
        if !self.is_asked {
            self.ask_to_stop();
        }
        self.child.wait().expect("it ends")
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    stream
}

/// An HTTP/1.0 request: the answer ends where the connection does.
fn request(address: SocketAddr, method: &str, path: &str) -> (u16, String) {
    let mut stream = connect(address);
    write!(stream, "{method} {path} HTTP/1.0\r\n\r\n").expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), body.to_owned())
}
