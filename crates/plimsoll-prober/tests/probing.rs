//! Probers of pipelines in memory, in simulated time: what is exported against what the pipeline knows.

#![allow(clippy::expect_used, reason = "a test fails by it")]

use async_trait::async_trait;
use plimsoll_context::{Clock, Stamp};
use plimsoll_model::{HistogramValue, Labels, Value};
use plimsoll_prober::{Gap, Marker, Origin, ProberError, ProberSpec, Serving, StoreError};
use plimsoll_record::Registry;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, sleep, sleep_until};

/// The clock of tokio's simulated time.
#[derive(Debug)]
struct SimulatedClock(Instant);

impl Clock for SimulatedClock {
    fn own_ns(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + self.0.elapsed()
    }
}

/// What a store does when it is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Well,
    Down,
    Hangs,
}

/// A system of record and a store behind it, which shows each marker when its delay is over.
#[derive(Clone)]
struct Pipeline(Arc<Mutex<State>>);

struct State {
    clock: SimulatedClock,
    /// Markers, when they were committed, and when they become readable.
    written: Vec<(Marker, u64, u64)>,
    delay: Duration,
    writes: Mood,
    reads: Mood,
    /// Shown in place of what was written.
    instead: Option<Option<Marker>>,
}

const COMMIT: Duration = Duration::from_millis(3);
const READ: Duration = Duration::from_millis(1);

impl Pipeline {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            clock: SimulatedClock(Instant::now()),
            written: Vec::new(),
            delay: ms(40),
            writes: Mood::Well,
            reads: Mood::Well,
            instead: None,
        })))
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().expect("no test panics here"))
    }

    fn clock(&self) -> SimulatedClock {
        self.with(|state| SimulatedClock(state.clock.0))
    }
}

#[async_trait]
impl Origin for Pipeline {
    async fn write(&self, marker: Marker) -> Result<(), StoreError> {
        sleep(COMMIT / 2).await;
        let mood = self.with(|state| {
            let now_ns = state.clock.own_ns();
            if state.writes == Mood::Well {
                let shown_ns = now_ns.saturating_add(state.delay.as_nanos() as u64);
                state.written.push((marker, now_ns, shown_ns));
            }
            state.writes
        });
        sleep(COMMIT / 2).await;
        answer(mood).await
    }
}

#[async_trait]
impl Serving for Pipeline {
    async fn newest(&self) -> Result<Option<Marker>, StoreError> {
        sleep(READ / 2).await;
        let (mood, shown) = self.with(|state| {
            let now_ns = state.clock.own_ns();
            let readable = state.written.iter().rev().find(|(.., shown_ns)| *shown_ns <= now_ns);
            (state.reads, state.instead.unwrap_or(readable.map(|(marker, ..)| *marker)))
        });
        sleep(READ / 2).await;
        answer(mood).await.map(|()| shown)
    }
}

async fn answer(mood: Mood) -> Result<(), StoreError> {
    match mood {
        Mood::Well => Ok(()),
        Mood::Down => Err(StoreError::Unreachable("connection refused".into())),
        Mood::Hangs => std::future::pending().await,
    }
}

/// A prober of a pipeline that runs until the test ends, and what it exports.
struct Probing {
    pipeline: Pipeline,
    registry: Registry,
    gaps: Arc<Mutex<Vec<Gap>>>,
    frontier: plimsoll_prober::Frontier,
    troubles: plimsoll_prober::Troubles,
    running: tokio::task::JoinHandle<()>,
}

impl Probing {
    fn start() -> Self {
        let (pipeline, registry) = (Pipeline::new(), Registry::new());
        let gaps = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&gaps);
        let prober = ProberSpec::new("record", pipeline.clone(), 1)
            .store("cache", pipeline.clone())
            .interval(ms(100))
            .timeout(ms(50))
            .edges(&[ms(300)])
            .clock(Arc::new(pipeline.clock()))
            .on_gap(move |gap| told.lock().expect("no test panics here").push(gap.clone()))
            .build_in(&registry)
            .expect("builds");
        let frontier = prober.frontier("cache").expect("it is watched");
        let troubles = prober.troubles();
        let running = tokio::spawn(prober.run(std::future::pending()));
        Self { pipeline, registry, gaps, frontier, troubles, running }
    }

    fn series(&self, family: &str, labels: &[(&str, &str)]) -> Option<Value> {
        let labels = Labels::new(labels.iter().copied()).expect("valid labels");
        let family = self.registry.snapshot().families.into_iter().find(|of| of.name == family)?;
        family.series.into_iter().find(|series| series.labels == labels).map(|series| series.value)
    }

    fn oldest_unseen(&self) -> Option<f64> {
        let family = "concurrency_propagation_oldest_unseen_seconds";
        match self.series(family, &[("store", "cache")]) {
            Some(Value::Gauge(age)) => Some(age),
            None => None,
            Some(other) => panic!("no gauge: {other:?}"),
        }
    }

    fn errors(&self, store: &str, reason: &str) -> u64 {
        let labels = [("store", store), ("reason", reason)];
        match self.series("concurrency_prober_errors", &labels) {
            Some(Value::Count(count)) => count,
            other => panic!("no counter: {other:?}"),
        }
    }

    fn histogram(&self) -> HistogramValue {
        match self.series("concurrency_propagation_seconds", &[("store", "cache")]) {
            Some(Value::Histogram(histogram)) => histogram,
            other => panic!("no histogram: {other:?}"),
        }
    }

    /// What is said to be wrong, as `store: reason`.
    fn troubles(&self) -> Vec<String> {
        let all = self.troubles.now();
        all.into_iter().map(|of| format!("{}: {}", of.store, of.reason)).collect()
    }

    fn gaps(&self) -> Vec<Gap> {
        self.gaps.lock().expect("no test panics here").clone()
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[tokio::test(start_paused = true)]
async fn each_gap_lies_within_its_bounds() {
    let probing = Probing::start();
    for delay in [0, 7, 40, 250, 33] {
        probing.pipeline.with(|state| state.delay = ms(delay));
        sleep(ms(5_000)).await;
    }
    probing.pipeline.with(|state| state.writes = Mood::Hangs);
    sleep(ms(1_000)).await;
    let (gaps, written) = (probing.gaps(), probing.pipeline.with(|state| state.written.clone()));
    assert_eq!(gaps.len(), written.len(), "each marker is told once");
    assert!(written.len() > 100);
    for (at, gap) in gaps.iter().enumerate() {
        // A marker is readable with the first one after it that is.
        let shown_ns = written[at..].iter().map(|of| of.2).min().expect("itself");
        let truth = Duration::from_nanos(shown_ns - written[at].1);
        let upper = gap.length.upper.expect("a marker that was seen");
        assert!(gap.length.lower <= truth && truth <= upper, "{at}: {truth:?} in {gap:?}");
        // The poll, the commit and two looks; a timer is a millisecond late at most.
        assert!(upper - gap.length.lower <= ms(5 + 5 + 6), "{gap:?}");
    }
    let (histogram, sum) = (probing.histogram(), gaps.iter().filter_map(|gap| gap.length.upper));
    assert_eq!(histogram.count() as usize, gaps.len());
    assert!((histogram.sum - sum.sum::<Duration>().as_secs_f64()).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_is_stuck_shows_a_second_more_each_second() {
    let probing = Probing::start();
    sleep(ms(3_000)).await;
    probing.pipeline.with(|state| state.delay = Duration::from_secs(1 << 30));
    sleep(ms(2_000)).await;
    let (first, told) = (probing.oldest_unseen().expect("it is known"), probing.gaps().len());
    for second in 1..=150 {
        sleep(ms(1_000)).await;
        let age = probing.oldest_unseen().expect("it is known");
        assert!((age - first - f64::from(second)).abs() < 1e-6, "{age} after {second} s");
    }
    assert_eq!(probing.gaps().len(), told, "the histogram says nothing");
    let Some(Stamp::Own(frontier_ns)) = probing.frontier.get() else { panic!("it is known") };
    let stuck_ns = probing.pipeline.with(|state| state.clock.own_ns()) - frontier_ns;
    assert!(stuck_ns as f64 / 1e9 > first + 150.0, "the frontier stands");
    // It catches up, and every marker counts, by what was remembered of some 1,500.
    let written = probing.pipeline.with(|state| {
        let now_ns = state.clock.own_ns();
        state.written.iter_mut().for_each(|of| of.2 = of.2.min(now_ns));
        state.delay = ms(40);
        state.written.len()
    });
    sleep(ms(1_000)).await;
    assert!(written > 1_200, "{written}");
    assert!(probing.histogram().count() as usize >= written);
    assert!(probing.oldest_unseen().expect("it is known") < 0.1);
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_without_traffic_is_not_stale() {
    let probing = Probing::start();
    sleep(ms(10_000)).await;
    let mut unseen = 0;
    for _ in 0..1_000 {
        sleep(ms(7)).await;
        let age = probing.oldest_unseen().expect("it is known");
        assert!(age < 0.06, "{age}");
        unseen += usize::from(age > 0.0);
    }
    // A marker is unseen for some 45 ms; with one each 100 ms on average, a third of the time.
    assert!((200..500).contains(&unseen), "{unseen} of 1,000");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_is_unknown_and_counted() {
    let probing = Probing::start();
    sleep(ms(2_000)).await;
    for (mood, reason) in [(Mood::Down, "unreachable"), (Mood::Hangs, "timed_out")] {
        probing.pipeline.with(|state| state.reads = mood);
        sleep(ms(2_000)).await;
        assert_eq!((probing.oldest_unseen(), probing.frontier.get()), (None, None), "{mood:?}");
        assert!(probing.errors("cache", reason) > 0);
        probing.pipeline.with(|state| state.reads = Mood::Well);
        sleep(ms(2_000)).await;
        assert!(probing.oldest_unseen().is_some());
    }
    probing.pipeline.with(|state| state.writes = Mood::Hangs);
    sleep(ms(2_000)).await;
    assert_eq!(
        probing.oldest_unseen(),
        None,
        "all that was written is readable; nothing is written"
    );
    assert!(probing.errors("record", "timed_out") > 0);
    let counted = probing.gaps().len();
    assert_eq!(counted, probing.pipeline.with(|state| state.written.len()), "no marker is lost");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_goes_back_or_shows_another_prober_is_counted() {
    let probing = Probing::start();
    sleep(ms(2_000)).await;
    let (old, told) = (probing.pipeline.with(|state| state.written[3].0), probing.gaps().len());
    probing.pipeline.with(|state| state.instead = Some(Some(old)));
    sleep(ms(1_000)).await;
    assert_eq!(probing.errors("cache", "regressed"), 1);
    assert_eq!(probing.gaps().len(), told, "what was readable once isn't told again");
    assert!(probing.oldest_unseen().expect("it is known") > 2.0, "as old as the fifth marker");
    let foreign = Marker { run: old.run.wrapping_add(1), number: 1 };
    probing.pipeline.with(|state| state.instead = Some(Some(foreign)));
    sleep(ms(1_000)).await;
    assert!(probing.errors("cache", "foreign") > 0);
    assert_eq!(probing.oldest_unseen(), None);
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_has_left_is_no_fault() {
    let pipeline = Pipeline::new();
    pipeline.with(|state| state.written.push((Marker { run: 1, number: 900 }, 0, 0)));
    let registry = Registry::new();
    let prober = ProberSpec::new("record", pipeline.clone(), 5)
        .store("cache", pipeline.clone())
        .clock(Arc::new(pipeline.clock()))
        .banded(&[1, 4], || Some(9))
        .build_in(&registry)
        .expect("builds");
    let deadline = Instant::now() + ms(20_000);
    prober.run(sleep_until(deadline)).await;
    let families = registry.snapshot().families;
    let find = |name: &str| families.iter().find(|of| of.name == name);
    let errors = find("concurrency_prober_errors").expect("they are there");
    assert!(errors.series.iter().all(|of| matches!(of.value, Value::Count(0))), "{errors:?}");
    let gaps = find("concurrency_propagation_seconds").expect("it is there");
    let of_band = |band: &str| {
        gaps.series.iter().find(|of| of.labels.iter().any(|pair| pair == ("band", band)))
    };
    let count = |band| match of_band(band).map(|series| &series.value) {
        Some(Value::Histogram(histogram)) => histogram.count(),
        other => panic!("no histogram: {other:?}"),
    };
    assert!(count("4") > 5 && count("1") == 0, "nine in flight are in the band from four on");
    let unseen = find("concurrency_propagation_oldest_unseen_seconds");
    assert!(unseen.is_none_or(|of| of.series.is_empty()), "absent once it has stopped: {unseen:?}");
}

#[tokio::test(start_paused = true)]
async fn dropping_it_makes_its_gauges_absent() {
    let probing = Probing::start();
    sleep(ms(1_000)).await;
    assert!(probing.oldest_unseen().is_some());
    probing.running.abort();
    sleep(ms(1)).await;
    assert_eq!(probing.oldest_unseen(), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_said_in_words_until_it_is_right() {
    let probing = Probing::start();
    probing.pipeline.with(|state| state.instead = Some(None));
    sleep(ms(900)).await;
    assert_eq!(probing.troubles(), [""; 0], "it may yet come");
    sleep(ms(200)).await;
    let never = "no marker was ever seen there: does the pipeline pass the heartbeat on?";
    assert_eq!(probing.troubles(), [format!("cache: {never}")]);
    probing.pipeline.with(|state| (state.reads, state.writes) = (Mood::Down, Mood::Hangs));
    sleep(ms(2_000)).await;
    let (down, hangs) = ("can't reach it: connection refused", "it gave no answer in time");
    assert_eq!(probing.troubles(), [format!("cache: {down}"), format!("record: {hangs}")]);
    probing.pipeline.with(|state| {
        (state.reads, state.writes, state.instead) = (Mood::Well, Mood::Well, None);
    });
    sleep(ms(2_000)).await;
    assert_eq!(probing.troubles(), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_used_is_said() {
    let pipeline = Pipeline::new();
    let spec = || ProberSpec::new("record", pipeline.clone(), 1);
    let with = || spec().store("cache", pipeline.clone());
    let error =
        |spec: ProberSpec| spec.build_in(&Registry::new()).map(|_| ()).expect_err("refused");
    assert_eq!(error(spec()), ProberError::NoStore);
    let twice = error(with().store("cache", pipeline.clone()));
    assert_eq!(twice, ProberError::Twice("cache".into()));
    assert_eq!(error(with().poll(Duration::ZERO)), ProberError::Zero("poll"));
    assert_eq!(error(with().banded(&[0, 4], || None)), ProberError::Bands);
}
