//! The targets of one job, as they come and go.

use super::fetch::Fetcher;
use super::found::{Finder, Found};
use super::heard::{Arrival, Heard, TargetNumber};
use super::scraper::Scraper;
use super::target::{ScrapeTarget, targets};
use crate::client::{AccessError, Caller};
use crate::config::Job;
use crate::timeline::Timeline;
use plimsoll_exposition::Interest;
use plimsoll_runtime::shutdown::Stop;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// The most targets of one job; those past it are told of.
const TARGETS_MAX: usize = 10_000;

/// Findings that wait for the job at most.
const FINDINGS: usize = 4;

/// How many targets that can't be scraped are told of by name.
const WRONG_TOLD: usize = 3;

/// Numbers for targets: none is given twice while the daemon's configuration stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers(Arc<AtomicUsize>);

impl Numbers {
    pub(crate) fn next(&self) -> TargetNumber {
        TargetNumber(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// One job, its targets, and what finds them.
#[derive(Debug)]
pub(crate) struct JobSource {
    job: Job,
    caller: Caller,
    finders: Vec<Finder>,
    found: Vec<Found>,
    numbers: Numbers,
    /// The series that are read; all of them without it.
    interest: Option<Arc<Interest>>,
    /// By key.
    targets: BTreeMap<String, Running>,
}

/// A target, and what scrapes it once the job runs.
#[derive(Debug)]
struct Running {
    number: TargetNumber,
    target: ScrapeTarget,
    dropped: Arc<AtomicU64>,
    task: Option<AbortHandle>,
}

/// Why a job can't be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error("job {job}: {reason}")]
    Discovery { job: String, reason: String },
}

impl JobSource {
    /// Builds one job with the targets that are known at once.
    ///
    /// # Errors
    /// A certificate that can't be read, or nobody to ask for names.
    pub(crate) fn new(job: &Job, numbers: Numbers) -> Result<Self, JobError> {
        let finder = |discovery| {
            Finder::new(discovery)
                .map_err(|reason| JobError::Discovery { job: job.name.clone(), reason })
        };
        let finders = job.discoveries.iter().map(finder).collect::<Result<Vec<_>, _>>()?;
        let found = finders.iter().map(Finder::first).collect();
        let caller = caller(job)?;
        let targets = BTreeMap::new();
        let job = job.clone();
        let mut source = Self { job, caller, finders, found, numbers, interest: None, targets };
        source.meet();
        Ok(source)
    }

    /// Makes it read only the series that are asked for by name, unless relabelling may give a series
    /// such a name.
    pub(crate) fn only(self, interest: &Arc<Interest>) -> Self {
        let is_by_name = !self.job.metric_relabeling.renames();
        Self { interest: is_by_name.then(|| interest.clone()), ..self }
    }

    /// Returns the targets that are known before it runs.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.targets.values().map(Running::arrival).collect()
    }

    /// Scrapes its targets and follows discovery, until the daemon stops or the engine is gone.
    pub(crate) fn spawn(
        self,
        tasks: &mut JoinSet<()>,
        heard: mpsc::Sender<Heard>,
        clock: Timeline,
        stop: Stop,
    ) {
        tasks.spawn(async move {
            stop.run_until_stopped(self.run(heard, clock)).await;
        });
    }

    async fn run(mut self, heard: mpsc::Sender<Heard>, clock: Timeline) {
        let (sender, mut findings) = mpsc::channel(FINDINGS);
        let mut finding = JoinSet::new();
        for (position, finder) in std::mem::take(&mut self.finders).into_iter().enumerate() {
            finding.spawn(look(position, finder, sender.clone()));
        }
        let mut scraping = JoinSet::new();
        let mut told = None;
        loop {
            let (gone, come, trouble) = self.meet();
            if self.tell(&heard, gone, come).await.is_none() {
                return;
            }
            if told != trouble {
                told.clone_from(&trouble);
                let news = Heard::Discovery { job: self.job.name.clone(), error: trouble };
                if heard.send(news).await.is_err() {
                    return;
                }
            }
            self.scrape(&mut scraping, &heard, &clock);
            while scraping.try_join_next().is_some() {}
            let Some((position, found)) = findings.recv().await else { return };
            if let Some(known) = self.found.get_mut(position) {
                *known = found;
            }
        }
    }

    /// Tells the engine who went and who came; `None` once it is gone.
    async fn tell(
        &self,
        heard: &mpsc::Sender<Heard>,
        gone: Vec<TargetNumber>,
        come: Vec<Arrival>,
    ) -> Option<()> {
        for number in gone {
            heard.send(Heard::Gone(number)).await.ok()?;
        }
        for arrival in come {
            heard.send(Heard::Come(Box::new(arrival))).await.ok()?;
        }
        Some(())
    }

    /// Makes the targets those that were found; says who went, who came, and what is wrong.
    fn meet(&mut self) -> (Vec<TargetNumber>, Vec<Arrival>, Option<String>) {
        let groups: Vec<_> =
            self.found.iter().flat_map(|found| found.groups.iter().cloned()).collect();
        let (mut found, wrong) = targets(&self.job, &groups);
        let mut trouble: Vec<String> =
            self.found.iter().filter_map(|found| found.error.clone()).collect();
        trouble.extend(wrong.iter().take(WRONG_TOLD).cloned());
        if wrong.len() > WRONG_TOLD {
            trouble.push(format!("{} more targets can't be scraped", wrong.len() - WRONG_TOLD));
        }
        while found.len() > TARGETS_MAX {
            found.pop_last();
            if trouble.last().is_none_or(|last| !last.starts_with("more than")) {
                trouble.push(format!("more than {TARGETS_MAX} targets: the rest isn't scraped"));
            }
        }
        let mut gone = Vec::new();
        self.targets.retain(|key, running| {
            let stays = found.get(key).is_some_and(|target| *target == running.target);
            if !stays {
                gone.push(running.number);
                running.task.iter().for_each(AbortHandle::abort);
            }
            stays
        });
        let mut come = Vec::new();
        for (key, target) in found {
            if !self.targets.contains_key(&key) {
                let number = self.numbers.next();
                let running = Running { number, target, dropped: Arc::default(), task: None };
                come.push(running.arrival());
                self.targets.insert(key, running);
            }
        }
        (gone, come, (!trouble.is_empty()).then(|| trouble.join("; ")))
    }

    /// Starts to scrape whoever isn't scraped yet.
    fn scrape(&mut self, tasks: &mut JoinSet<()>, heard: &mpsc::Sender<Heard>, clock: &Timeline) {
        for running in self.targets.values_mut().filter(|running| running.task.is_none()) {
            let scraper = Scraper {
                number: running.number,
                fetcher: Fetcher::Http {
                    caller: self.caller.clone(),
                    url: running.target.url.clone(),
                    timeout: running.target.timeout,
                },
                interval: running.target.target.interval,
                bounds: self.job.bounds,
                interest: self.interest.clone(),
                dropped: running.dropped.clone(),
            };
            running.task = Some(tasks.spawn(scraper.run(heard.clone(), clock.clone())));
        }
    }
}

impl Running {
    fn arrival(&self) -> Arrival {
        Arrival {
            number: self.number,
            target: self.target.target.clone(),
            url: self.target.url.to_string(),
            dropped: self.dropped.clone(),
        }
    }
}

async fn look(position: usize, mut finder: Finder, findings: mpsc::Sender<(usize, Found)>) {
    loop {
        let found = finder.next().await;
        if findings.send((position, found)).await.is_err() {
            return;
        }
    }
}

/// Relabelling may choose https for a target of a plain job; where the machine has no roots of
/// trust, such a target is then down with the reason.
fn caller(job: &Job) -> Result<Caller, AccessError> {
    let is_https = job.scheme == "https";
    match Caller::new(&job.access, job.timeout, is_https || !job.relabeling.is_empty()) {
        Err(_) if !is_https => Caller::new(&job.access, job.timeout, false),
        built => built,
    }
}
