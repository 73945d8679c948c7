//! Watches the daemon's memory while a service lives through a day that is pressed into minutes.

pub(crate) mod sidecar;

use crate::run::{Failure, cargo, step};
use std::f64::consts::TAU;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Resident memory may grow by so much between the middle and the last third of the watch: one
/// allocator arena, which no leak of a scrape each second would stay below for long.
const GROWTH_KIB_MAX: f64 = 1_024.0;

/// Runs the daemon at a 1 s scrape for `length` and compares its resident memory.
///
/// # Errors
/// The daemon doesn't run, ends early, or its memory grows.
pub(crate) fn watch(length: Duration) -> Result<(), Failure> {
    step("release build", &mut cargo(&["build", "--release", "--package", "plimsoll-cli"]))?;
    println!("\n=== soak: the daemon's memory over {length:?}");
    let seconds = usize::try_from(length.as_secs()).unwrap_or(usize::MAX).max(6);
    let folder = PathBuf::from("target/soak");
    let target = serve_a_day(seconds).map_err(|error| failed("the target", &error))?;
    let mut daemon = start(&folder, target).map_err(|error| failed("the daemon", &error))?;
    let samples = sample(&mut daemon, seconds);
    let _ = daemon.kill();
    let _ = daemon.wait();
    judge(&samples?)
}

/// Kills the daemon 300 times at random instants, in traffic that goes on.
///
/// # Errors
/// A count was lost, an alert began anew, or the file didn't open.
pub(crate) fn kills() -> Result<(), Failure> {
    let mut test = cargo(&["test", "--package", "plimsoll-tests", "--test", "restart", "kills_"]);
    step("soak: 300 kills", test.env("PLIMSOLL_KILLS", "300").current_dir(crate::root()))
}

fn failed(what: &str, error: &std::io::Error) -> Failure {
    Failure::Step(format!("soak: {what}: {error}"))
}

fn start(folder: &Path, target: SocketAddr) -> std::io::Result<Child> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("plimsoll.yml"), config(target))?;
    std::fs::write(folder.join("slos.yaml"), SLOS)?;
    Command::new("target/release/plimsoll")
        .args(["serve", "--log", "error", "--config"])
        .arg(folder.join("plimsoll.yml"))
        .arg("--data-dir")
        .arg(folder.join("data"))
        .stdout(Stdio::null())
        .spawn()
}

fn config(target: SocketAddr) -> String {
    format!(
        "listen: 127.0.0.1:0\n\
         global: {{scrape_interval: 1s, scrape_timeout: 800ms}}\n\
         scrape_configs: [{{job_name: soak, static_configs: [{{targets: ['{target}']}}]}}]\n\
         slo_files: [slos.yaml]\n"
    )
}

const SLOS: &str = "\
apiVersion: plimsoll/v1
service: soak
slos:
- name: availability
  objective: 99.9%
  window: 30d
  by: [route]
  max_groups: 50
  sli: {events: {total: requests_total, bad: 'requests_total{code=\"500\"}'}}
";

/// Reads the resident memory once a second.
fn sample(daemon: &mut Child, seconds: usize) -> Result<Vec<f64>, Failure> {
    let mut samples = Vec::with_capacity(seconds);
    for second in 1..=seconds {
        std::thread::sleep(Duration::from_secs(1));
        if let Ok(Some(status)) = daemon.try_wait() {
            return Err(Failure::Step(format!("soak: the daemon ended ({status})")));
        }
        let resident = resident_kib(daemon.id())
            .ok_or_else(|| Failure::Step("soak: can't read the daemon's memory".into()))?;
        samples.push(resident);
        if second % 10 == 0 || second == seconds {
            println!("{second:>5} s  {resident:>8} KiB");
        }
    }
    Ok(samples)
}

fn resident_kib(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn judge(samples: &[f64]) -> Result<(), Failure> {
    let third = samples.len() / 3;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (middle, last) = (mean(&samples[third..2 * third]), mean(&samples[2 * third..]));
    println!("middle third {middle:.0} KiB, last third {last:.0} KiB");
    if last - middle > GROWTH_KIB_MAX {
        return Err(Failure::Step(format!("soak: memory grew by {:.0} KiB", last - middle)));
    }
    Ok(())
}

/// Serves a service's metrics whose traffic follows a day that lasts `seconds`; a thread of this
/// process, which ends with it.
fn serve_a_day(seconds: usize) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        let mut day = Day { scrapes: 0, length: seconds as f64, requests: 0.0, errors: 0.0 };
        for stream in listener.incoming().flatten() {
            let _ = answer(stream, &mut day);
        }
    });
    Ok(address)
}

struct Day {
    scrapes: u64,
    length: f64,
    requests: f64,
    errors: f64,
}

impl Day {
    /// Returns the next second's metrics: traffic as a wave, and a burst of errors at noon.
    fn next(&mut self) -> String {
        let hour = self.scrapes as f64 / self.length;
        self.scrapes += 1;
        self.requests += (500.0 - 450.0 * (TAU * hour).cos()).round();
        self.errors += if (0.45..0.55).contains(&hour) { 40.0 } else { 0.0 };
        let mut text = String::from("# TYPE requests_total counter\n");
        for route in 0..20 {
            let (requests, errors) = (self.requests, self.errors);
            text += &format!("requests_total{{route=\"/{route}\",code=\"200\"}} {requests}\n");
            text += &format!("requests_total{{route=\"/{route}\",code=\"500\"}} {errors}\n");
        }
        text
    }
}

fn answer(mut stream: TcpStream, day: &mut Day) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut request = [0; 4_096];
    let _ = stream.read(&mut request)?;
    let body = day.next();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}
