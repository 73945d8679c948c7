//! Watches the sidecar while what it watches is restarted as often as in a day, which is pressed into
//! minutes.

use super::{failed, judge, resident_kib};
use crate::run::{Failure, cargo, step};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A restart a minute for 24 hours.
const RESTARTS: u32 = 1_440;

/// Between two looks: each life of the program gets some.
const INTERVAL: Duration = Duration::from_millis(50);

/// What the program does in its lives, in turn, and how many processes that takes.
const LIVES: [(&[&str], u64); 5] = [
    (&["hog", "8"], 1),
    (&["listen", "5"], 1),
    (&["fork", "3"], 4),
    (&["deadlock"], 1),
    (&["convoy", "4"], 1),
];

/// Of the processes so many parts of a hundred must have been seen to start: the others may have lived
/// between two looks of a busy machine.
const SEEN_PERCENT: u64 = 95;

/// What the sidecar takes and gives at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sight {
    descriptors: usize,
    series: usize,
}

/// Restarts a program 1,440 times over `length` while three groups of one sidecar watch it.
///
/// # Errors
/// The sidecar doesn't run, its memory grows, it keeps a descriptor or a series of what has ended, or it
/// hasn't seen the restarts.
pub(crate) fn watch(length: Duration) -> Result<(), Failure> {
    step("release build", &mut cargo(&["build", "--release", "--package", "plimsoll-cli"]))?;
    println!("\n=== soak: the sidecar over {RESTARTS} restarts in {length:?}");
    let folder = crate::root().join("target/soak-sidecar");
    let program = prepare(&folder).map_err(|error| failed("the program", &error))?;
    let mut sidecar = start(&folder).map_err(|error| failed("the sidecar", &error))?;
    let outcome = restart_and_look(&mut sidecar, &program, length);
    let _ = sidecar.child.kill();
    let _ = sidecar.child.wait();
    outcome
}

struct Sidecar {
    child: Child,
    address: SocketAddr,
}

/// Compiles the program that the process collector's own tests watch.
fn prepare(folder: &Path) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let program = folder.join("waits");
    let source = crate::root().join("crates/plimsoll-sidecar/tests/programs/locks.c");
    let mut compiler = Command::new("cc");
    let status =
        compiler.arg("-O1").arg(source).args(["-lpthread", "-o"]).arg(&program).status()?;
    if !status.success() {
        return Err(std::io::Error::other(format!("{compiler:?} failed")));
    }
    Ok(program)
}

fn start(folder: &Path) -> std::io::Result<Sidecar> {
    let (pid_file, config) = (folder.join("waits.pid"), folder.join("sidecar.yml"));
    let _ = std::fs::remove_file(&pid_file);
    let which = ["name: waits", "cmdline: 'soak-sidecar/waits '"].map(String::from);
    let by_file = format!("pid_file: '{}'", pid_file.display());
    let groups = which.into_iter().chain([by_file]).enumerate().map(|(number, which)| {
        format!("- {{label: 'process:{number}', interval: {INTERVAL:?}, {which}}}\n")
    });
    std::fs::write(
        &config,
        format!("listen: 127.0.0.1:0\nprocess:\n{}", groups.collect::<String>()),
    )?;
    let mut child = Command::new(crate::root().join("target/release/plimsoll"))
        .args(["sidecar", "--log", "error", "--config"])
        .arg(config)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    BufReader::new(child.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe)?)
        .read_line(&mut said)?;
    let address = said.trim().rsplit("http://").next().unwrap_or_default().trim_end_matches('/');
    let address =
        address.parse().map_err(|_| std::io::Error::other(format!("it says {said:?}")))?;
    Ok(Sidecar { child, address })
}

fn restart_and_look(
    sidecar: &mut Sidecar,
    program: &Path,
    length: Duration,
) -> Result<(), Failure> {
    let pid_file = program.with_extension("pid");
    let lives = length / RESTARTS;
    let at_rest = sidecar.at_rest()?;
    let (mut memory, mut most, mut started) = (Vec::new(), 0, 0);
    for number in 0..RESTARTS {
        let (words, processes) = LIVES[number as usize % LIVES.len()];
        let mut life = Command::new(program);
        let mut life = life
            .args(words)
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| failed("a life", &error))?;
        let written = std::fs::write(&pid_file, life.id().to_string());
        std::thread::sleep(lives);
        started += processes;
        if number % 5 == 0 {
            memory.push(sidecar.resident_kib()?);
            most = most.max(sidecar.sight()?.series);
        }
        let seen = (number + 1 == RESTARTS).then(|| sidecar.starts());
        let _ = life.kill();
        let _ = life.wait();
        written.map_err(|error| failed("the pid file", &error))?;
        if let Some(seen) = seen {
            judge_starts(seen?, started)?;
        }
        if number % 144 == 143 {
            println!("{:>5} restarts  {:>8} KiB", number + 1, memory.last().unwrap_or(&0.0));
        }
    }
    println!("{at_rest:?} before; at most {most} series; {:?} after", sidecar.at_rest()?);
    if sidecar.at_rest()? != at_rest {
        return Err(Failure::Step(format!("soak: {:?} is left of {at_rest:?}", sidecar.sight()?)));
    }
    judge(&memory)
}

fn judge_starts(seen: u64, started: u64) -> Result<(), Failure> {
    println!("{seen} starts seen of {started}");
    if seen * 100 < started * SEEN_PERCENT || seen > started {
        return Err(Failure::Step(format!("soak: {seen} starts were seen of {started}")));
    }
    Ok(())
}

impl Sidecar {
    /// Waits until nothing is watched, and says what the sidecar has then.
    fn at_rest(&self) -> Result<Sight, Failure> {
        for _ in 0..200 {
            let body = self.get("/metrics")?;
            if body.matches("concurrency_collector_up{").count() == 3
                && !body.contains("concurrency_process_members")
            {
                // What the last answers took is given back.
                std::thread::sleep(4 * INTERVAL);
                return self.sight();
            }
            std::thread::sleep(INTERVAL);
        }
        Err(Failure::Step("soak: a process that has ended is still watched".into()))
    }

    fn sight(&self) -> Result<Sight, Failure> {
        let folder = format!("/proc/{}/fd", self.child.id());
        let body = self.get("/metrics")?;
        let series = body.lines().filter(|line| !line.starts_with('#')).count();
        let descriptors =
            std::fs::read_dir(folder).map_err(|error| failed("the sidecar", &error))?;
        Ok(Sight { descriptors: descriptors.count(), series })
    }

    fn resident_kib(&mut self) -> Result<f64, Failure> {
        let ended = Failure::Step("soak: the sidecar ended".into());
        resident_kib(self.child.id()).ok_or(ended)
    }

    /// Reads how many processes the first group has seen start.
    fn starts(&self) -> Result<u64, Failure> {
        let body = self.get("/metrics")?;
        let line = body
            .lines()
            .find_map(|line| line.strip_prefix("concurrency_process_starts_total{process=\"0\"} "));
        let missing = || Failure::Step("soak: there is no count of starts".into());
        line.and_then(|value| value.parse().ok()).ok_or_else(missing)
    }

    fn get(&self, path: &str) -> Result<String, Failure> {
        let read = || {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            write!(stream, "GET {path} HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_string()))
        };
        read().map_err(|error| failed("the sidecar", &error))
    }
}
