//! Our side: `plimsoll serve` on so many SLOs, with or without a month behind them.

use super::process::{Server, free_address};
use super::service::{Target, wall_s};
use plimsoll_model::{Labels, Sample, Scrape, SeriesIndex, SeriesKey, TimeMs};
use plimsoll_slo::Slo;
use plimsoll_store::{Archive, Limits, Store, TargetIndex};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const DAY_S: i64 = 86_400;

/// The job that scrapes.
const JOB: &str = "x";

/// As many SLOs as one file may hold.
const FILE_SLOS: usize = 10_000;

/// A folder with a configuration for SLOs on one target.
pub(super) struct Setting {
    pub(super) folder: PathBuf,
    target: SocketAddr,
    /// The texts of the SLO files.
    files: Vec<String>,
}

impl Setting {
    /// Writes the files for `slos` SLOs on `target`.
    pub(super) fn new(name: &str, target: &Target, slos: usize) -> Self {
        let folder = super::folder(name);
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 900ms}}\n\
             scrape_configs: [{{job_name: {JOB}, static_configs: [{{targets: ['{}']}}]}}]\n\
             slo_files: ['slos-*.yaml']\nlimits: {{series_per_target: 1000000, label_sets_per_family: 1000000}}\n",
            target.address
        );
        std::fs::write(folder.join("plimsoll.yml"), config).expect("written");
        let begins = (0..slos).step_by(FILE_SLOS);
        let files: Vec<String> =
            begins.map(|begin| slo_file(begin..slos.min(begin + FILE_SLOS))).collect();
        for (number, text) in files.iter().enumerate() {
            std::fs::write(folder.join(format!("slos-{number}.yaml")), text).expect("written");
        }
        Self { folder, target: target.address, files }
    }

    /// Starts a daemon on it.
    pub(super) fn start(&self) -> Server {
        let address = free_address();
        let mut command = Command::new(program());
        command
            .args(["serve", "--log", "error", "--listen", &address.to_string(), "--config"])
            .arg(self.folder.join("plimsoll.yml"))
            .arg("--data-dir")
            .arg(self.folder.join("data"));
        Server::start(&mut command, address, &self.folder)
    }

    /// Gives it a month of history that ends now, as if it had been scraped all the time.
    pub(super) fn live_a_month(&self) -> Past {
        let mut past = Past::new(self);
        let mut archive = Archive::open(&self.folder.join("data")).expect("a new data file");
        past.live(&mut archive);
        past
    }
}

/// A store that has lived through a month.
pub(super) struct Past {
    store: Store,
    target: TargetIndex,
    keys: Vec<SeriesKey>,
    services: usize,
}

impl Past {
    fn new(setting: &Setting) -> Self {
        let read = |text: &String| plimsoll_spec::read("slos.yaml", text).expect("good SLOs").slos;
        let slos: Vec<Arc<Slo>> = setting.files.iter().flat_map(read).map(Arc::new).collect();
        let services = slos.len();
        let slice = Duration::from_secs(1);
        let mut store = Store::new(slos, Limits { slice }).expect("valid");
        let target = store.add_target(plimsoll_store::Target {
            job: JOB.into(),
            instance: setting.target.to_string(),
            labels: Labels::default(),
            // As seldom as it is scraped here: nothing is a gap.
            interval: Duration::from_secs(300),
            honor_labels: false,
            relabeling: plimsoll_store::Relabeling::default(),
        });
        Self { store, target, keys: keys(services), services }
    }

    /// Scrapes every five minutes for a month, then each quarter of a minute for six hours, then
    /// each second for ten minutes: every tier is as full as the scrapes of a second make it.
    fn live(&mut self, archive: &mut Archive) {
        let end_s = wall_s() as i64;
        let stretches = [(30 * DAY_S, 300), (DAY_S / 4, 15), (600, 1)];
        let mut at_s = end_s - 30 * DAY_S;
        for (number, (_, step_s)) in stretches.iter().enumerate() {
            let until_s = end_s - stretches.get(number + 1).map_or(0, |(back_s, _)| *back_s);
            while at_s < until_s {
                self.scrape(at_s);
                at_s += step_s;
            }
            archive.flush(self.store.checkpoint()).expect("written");
        }
    }

    fn scrape(&mut self, at_s: i64) {
        let value =
            |service: usize, each: f64| (at_s as f64 * (service % 97 + 1) as f64 * each).floor();
        let samples = (0..self.services).flat_map(|service| {
            let [good, bad] =
                [2 * service, 2 * service + 1].map(|series| SeriesIndex(series as u32));
            [(good, value(service, 10.0)), (bad, value(service, 0.01))]
        });
        let samples = samples
            .map(|(series, value)| Sample { series, value, at_ms: None, is_delta: false })
            .collect();
        let scrape = Scrape { samples, ..Scrape::default() };
        let keys = &self.keys;
        let at = TimeMs(at_s * 1000);
        self.store.ingest(self.target, at, &scrape, |series| keys.get(series.0 as usize).cloned());
        self.store.advance(at);
    }

    /// Returns the bytes of memory that one SLO's windows take.
    pub(super) fn bytes_each(&self) -> f64 {
        let ledgers = self.store.ledgers();
        let bytes: usize = ledgers.iter().map(plimsoll_store::Ledger::memory).sum();
        bytes as f64 / ledgers.len() as f64
    }
}

fn keys(services: usize) -> Vec<SeriesKey> {
    let name: Arc<str> = "http_requests_total".into();
    let key = |service: usize, code: &str| SeriesKey {
        name: name.clone(),
        labels: Labels::new([("service", format!("s{service}").as_str()), ("code", code)])
            .expect("valid"),
    };
    (0..services).flat_map(|service| [key(service, "200"), key(service, "500")]).collect()
}

fn slo_file(services: Range<usize>) -> String {
    let mut text = "apiVersion: plimsoll/v1\nservice: bench\nslos:\n".to_owned();
    for service in services {
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "- name: s{service}\n  objective: 99.9%\n  window: 30d\n  sli: {{events: \
             {{total: 'http_requests_total{{service=\"s{service}\"}}', \
             bad: 'http_requests_total{{service=\"s{service}\",code=~\"5..|429\"}}'}}}}"
        );
    }
    text
}

/// Returns the daemon's program, which `cargo xtask bench slo` builds.
pub(super) fn program() -> PathBuf {
    std::env::var_os("PLIMSOLL").map_or_else(|| "target/release/plimsoll".into(), PathBuf::from)
}
