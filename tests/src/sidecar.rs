//! The sidecar: its page and its series, of the real binary or of one within a test.

use crate::plimsoll::binary;
use crate::process::Process;
use crate::scrape::Scrape;
use crate::{free_port, scratch, wait};
use std::future::Future;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// How long a series may take to become what it must be.
const PATIENCE: Duration = Duration::from_secs(60);

/// A sidecar as whoever scrapes it sees it.
#[derive(Debug)]
pub struct Watched {
    /// Its address, as `http://127.0.0.1:9798`.
    pub url: String,
    http: reqwest::Client,
}

/// The real binary; dropped, it is killed.
pub struct Sidecar {
    watched: Watched,
    /// The process.
    pub process: Process,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

impl Watched {
    /// Looks at the sidecar with this address, as `http://127.0.0.1:9798`.
    pub fn at(url: String) -> Self {
        Self { url, http: crate::http() }
    }

    /// Returns the body that a path has.
    ///
    /// # Panics
    /// It doesn't answer.
    pub async fn get(&self, path: &str) -> String {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.expect("sent");
        answer.text().await.expect("a body")
    }

    /// Scrapes it.
    pub async fn scrape(&self) -> Scrape {
        Scrape::parse(&self.get("/metrics").await)
    }

    /// Scrapes it until `holds`, and returns that scrape.
    pub async fn until(&self, what: &str, holds: impl Fn(&Scrape) -> bool) -> Scrape {
        let scrape = || async { Some(self.scrape().await).filter(|scrape| holds(scrape)) };
        self.patiently(what, scrape).await
    }

    /// Reads its page until it says all of `words`.
    pub async fn until_page(&self, words: &[&str]) -> String {
        let page = || async {
            Some(self.get("/").await).filter(|page| words.iter().all(|word| page.contains(word)))
        };
        self.patiently(&format!("a page that says {words:?}"), page).await
    }

    /// Waits until a collector is up, or down.
    pub async fn until_up(&self, collector: &str, up: bool) -> Scrape {
        let wanted = f64::from(u8::from(up));
        let is_it = |seen: &Scrape| {
            seen.get("concurrency_collector_up", &[("collector", collector)]) == Some(wanted)
        };
        self.until(&format!("{collector} that is up: {up}"), is_it).await
    }

    /// Waits until a round that began after this was called has brought a reading.
    pub async fn next_round(&self, collector: &str) -> Scrape {
        let rounds = |seen: &Scrape| {
            let labels = [("collector", collector), ("result", "ok")];
            seen.get("concurrency_collector_rounds_total", &labels).unwrap_or(0.0)
        };
        // The round that runs now may have looked before.
        let enough = rounds(&self.scrape().await) + 2.0;
        let is_new = |seen: &Scrape| {
            let up = seen.get("concurrency_collector_up", &[("collector", collector)]);
            rounds(seen) >= enough && up == Some(1.0)
        };
        self.until("a new round", is_new).await
    }

    async fn patiently<T, F>(&self, what: &str, look: impl FnMut() -> F) -> T
    where
        F: Future<Output = Option<T>>,
    {
        match tokio::time::timeout(PATIENCE, wait::until(what, 2 * PATIENCE, look)).await {
            Ok(found) => found,
            Err(_) => panic!("no {what}:\n{}\n{:#?}", self.get("/").await, self.scrape().await),
        }
    }
}

impl Sidecar {
    /// Starts the binary with these arguments on a port of its own, and waits until it answers.
    ///
    /// # Panics
    /// It ends, or doesn't answer.
    pub async fn start(arguments: &[&str]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        Self::start_at(Command::new(binary()), arguments, &address).await
    }

    /// Starts a command that becomes the binary, as `setpriv … plimsoll`, at this address.
    ///
    /// # Panics
    /// As [`Sidecar::start`].
    pub async fn start_at(mut command: Command, arguments: &[&str], address: &str) -> Self {
        let folder = scratch();
        let log = folder.path().join("log");
        command.arg("sidecar").args(arguments).args(["--listen", address]);
        let process = Process::start("plimsoll", &mut command, &log);
        let watched = Watched::at(format!("http://{address}"));
        let mut sidecar = Self { watched, process, log, _folder: folder };
        let end = tokio::time::Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(address).await.is_err() {
            assert!(sidecar.process.is_running(), "the sidecar ended: {}", sidecar.said());
            assert!(tokio::time::Instant::now() < end, "it doesn't listen: {}", sidecar.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sidecar
    }

    /// Returns what it has written so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Deref for Sidecar {
    type Target = Watched;

    fn deref(&self) -> &Watched {
        &self.watched
    }
}
