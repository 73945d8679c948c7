//! A real program and a sidecar that watches it.

use crate::scrape;
use plimsoll_runtime::clock::SystemClock;
use plimsoll_runtime::shutdown::{self, Stopper};
use plimsoll_sidecar::{Bound, CollectorConfig, Config, Pace, ProcessConfig, Sidecar};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tempfile::TempDir;

/// The C program, compiled once.
fn program() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    static PROGRAM: OnceLock<std::path::PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = FOLDER.get_or_init(|| TempDir::new().expect("a folder"));
        let program = folder.path().join("waits");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/locks.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", source, "-lpthread", "-o"]).arg(&program);
        let status = compiler.status().expect("a C compiler: install build-essential");
        assert!(status.success(), "{compiler:?}");
        program
    })
}

/// Looks that may be in vain, 50 ms apart at least.
const LOOKS: usize = 600;

/// What was seen at once.
pub(crate) struct Seen(BTreeMap<String, f64>);

impl Seen {
    /// Returns a series by its family and the value of another label than `process`, if it has one.
    pub(crate) fn value(&self, family: &str, label: &str) -> Option<f64> {
        let (family, value) = (format!("{family}{{"), format!("=\"{label}\""));
        let is_it = |name: &str| {
            let has = label.is_empty() || name.contains(&value);
            name.starts_with(&family) && name.contains(r#"process="it""#) && has
        };
        self.0.iter().find(|(name, _)| is_it(name)).map(|(_, value)| *value)
    }
}

/// A running program and what looks at it.
pub(crate) struct Scene {
    pub(crate) child: Child,
    pub(crate) said: Vec<String>,
    address: SocketAddr,
    stopper: Stopper,
    bound: Option<Bound>,
}

impl Scene {
    /// Starts the C program and watches it.
    pub(crate) fn start(words: &[&str]) -> Self {
        Self::watch(Command::new(program()).args(words))
    }

    /// Starts a program that says `ready` once it waits, and watches it.
    pub(crate) fn watch(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("started");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let said: Vec<_> = lines.map_while(Result::ok).take_while(|line| line != "ready").collect();
        let (stopper, stop) = shutdown::channel();
        let mut planned = CollectorConfig::Process(ProcessConfig::with_pid(child.id())).planned();
        let interval = Duration::from_millis(250);
        planned.pace = Pace { interval, deadline: interval };
        planned.label = Some("it".into());
        let listen = ([127, 0, 0, 1], 0).into();
        let config = Config { listen, collectors: vec![planned], ..Config::default() };
        let bound = Sidecar::bind(config, Arc::new(SystemClock::start()), stop).expect("bound");
        Self { child, said, address: bound.address(), stopper, bound: Some(bound) }
    }

    /// Reads a page.
    pub(crate) async fn get(&self, path: &str) -> String {
        scrape::get(self.address, path).await
    }

    /// Waits until a series has a value that is as it should be, and returns all that was seen with it: a
    /// look that passes its deadline on a busy machine leaves nothing to be seen until the next.
    pub(crate) async fn until(
        &self,
        family: &str,
        label: &str,
        is_good: impl Fn(f64) -> bool,
    ) -> Seen {
        let look = || async {
            let seen = Seen(scrape::series(self.address).await);
            seen.value(family, label).is_some_and(&is_good).then_some(seen)
        };
        self.patiently(&format!("{family} {label}"), look).await
    }

    /// Waits until the page says all of `words`.
    pub(crate) async fn until_page(&self, words: &[&str]) {
        let look = || async {
            let page = self.get("/").await;
            words.iter().all(|word| page.contains(word)).then_some(())
        };
        self.patiently(&format!("a page that says {words:?}"), look).await;
    }

    /// Waits until a document of the admin port lists something under `key`.
    pub(crate) async fn until_document(&self, path: &str, key: &str) -> Value {
        let look = || async {
            let document: Value = serde_json::from_str(&self.get(path).await).expect("JSON");
            document[key][0].is_object().then_some(document)
        };
        self.patiently(&format!("{key} at {path}"), look).await
    }

    async fn patiently<T, F: Future<Output = Option<T>>>(
        &self,
        what: &str,
        look: impl Fn() -> F,
    ) -> T {
        for _ in 0..LOOKS {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let seen = scrape::series(self.address).await;
        panic!("no {what}; the page: {}; the series: {seen:#?}", self.get("/").await);
    }

    pub(crate) async fn end(mut self) {
        self.stopper.drain();
        self.bound.take().expect("once").run().await;
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
