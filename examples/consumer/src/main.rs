//! A consumer of a log that is instrumented in five lines, marked `(1)` to `(5)`.
//!
//! The log is a file that grows, one message a line; its partition is `0`. A message is an amount to
//! be booked, and one that is no number can't be.

use plimsoll::{LagProbe, Registry, in_flight};
use plimsoll_runtime::{admin, ready::Readiness, shutdown};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

/// How often the log is asked for its end.
const POLL: Duration = Duration::from_millis(20);

/// Books a message.
#[in_flight(name = "book", labels(topic = topic))] // (1) how many, how they end, how long they take
async fn book(topic: &str, message: &str, sum: &mut i64) -> Result<(), std::num::ParseIntError> {
    *sum += message.parse::<i64>()?;
    Ok(())
}

/// The messages of the log from an offset on.
struct Topic {
    path: PathBuf,
    read_bytes: u64,
}

impl Topic {
    /// Returns the messages that are whole and weren't returned yet; none while there is no file.
    fn poll(&mut self) -> io::Result<Vec<String>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(self.read_bytes))?;
        let mut lines = BufReader::new(file.take(1 << 20));
        let mut messages = Vec::new();
        loop {
            let mut line = String::new();
            let read = lines.read_line(&mut line)?;
            let Some(message) = line.strip_suffix('\n') else { return Ok(messages) };
            self.read_bytes += read as u64;
            messages.push(message.to_owned());
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let metrics = arguments.next().unwrap_or_else(|| "127.0.0.1:9095".into()).parse()?;
    let path = arguments.next().unwrap_or_else(|| "payments.log".into());
    let mut topic = Topic { path: path.into(), read_bytes: 0 };

    let admin = admin::spawn(metrics, Registry::global().clone(), Readiness::new())?; // (2)
    print_address(admin.address());
    let lag = LagProbe::named("ledger", "payments", "0"); // (3) how far behind, in messages and time

    let (stopper, stop) = shutdown::channel();
    tokio::spawn(shutdown::on_signals(stopper)?);
    let (mut sum, mut end, mut position) = (0, 0, 0);
    let mut interval = tokio::time::interval(POLL);
    lag.position(position);
    while stop.run_until_stopped(interval.tick()).await.is_some() {
        let messages = topic.poll()?;
        end += messages.len() as u64;
        lag.end(end); // (4) each time, also when nothing is new
        for message in messages {
            // The outcome is in the metrics; a message that can't be booked is passed over.
            let _ = book("payments", &message, &mut sum).await;
            position += 1;
            lag.position(position); // (5)
        }
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "whoever starts it needs the port that it got")]
fn print_address(metrics: std::net::SocketAddr) {
    println!("metrics {metrics}");
}
