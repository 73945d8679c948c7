//! Who overtakes whom, against what PostgreSQL counts.

use crate::cards::{Desk, How, cards, excess, key};
use crate::count;
use plimsoll_context::{DecisionPoint, DecisionSpec, Report, false_conflict_probability};
use plimsoll_record::Registry;
use plimsoll_tests::postgres::Postgres;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

const THINK: Duration = Duration::from_millis(10);

fn point(stripes: usize) -> (DecisionPoint, Registry) {
    let registry = Registry::new();
    let spec = DecisionSpec::new("card_auth", Duration::from_millis(300)).stripes(stripes);
    (spec.register_in(&registry).expect("registers"), registry)
}

fn counted(registry: &Registry, family: &str) -> u64 {
    count(registry, family, &[("decision", "card_auth")])
}

/// Lets groups of `sizes` decide over one card each, one group after the other. Each of `points` is a
/// process of its own, and they take turns.
async fn race(server: &Postgres, points: &[DecisionPoint], how: How, sizes: &[usize]) -> u64 {
    let client = cards(server, i32::try_from(sizes.len()).expect("few")).await;
    let most = sizes.iter().copied().max().unwrap_or(0);
    let mut desks = Vec::new();
    for _ in 0..most {
        desks.push(Arc::new(Desk::open(server).await));
    }
    for (card, size) in sizes.iter().enumerate() {
        let card = i32::try_from(card).expect("few");
        let mut group = JoinSet::new();
        for (place, desk) in desks.iter().take(*size).enumerate() {
            let (desk, point) = (Arc::clone(desk), points[place % points.len()].clone());
            group.spawn(async move { desk.decide(&point, card, how, THINK).await });
        }
        while let Some(decided) = group.join_next().await {
            decided.expect("it decides");
        }
    }
    excess(&client).await
}

/// Groups of 2, 4 and 8.
fn sizes() -> Vec<usize> {
    [2, 4, 8].repeat(20)
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_stores_versions_the_conflicts_are_those_that_sql_counts() {
    let server = Postgres::start().await;
    let (point, registry) = point(1 << 16);
    let truth = race(&server, &[point], How::Versions, &sizes()).await;
    assert!(truth > 100, "they do race: {truth}");
    assert_eq!(counted(&registry, "concurrency_stale_commits"), truth);
    assert_eq!(counted(&registry, "concurrency_conflict_excess"), truth);
}

#[tokio::test(flavor = "multi_thread")]
async fn guarded_commits_are_no_conflicts() {
    let server = Postgres::start().await;
    let (point, registry) = point(1 << 16);
    let truth = race(&server, &[point], How::Guarded, &sizes()).await;
    assert_eq!((truth, counted(&registry, "concurrency_stale_commits")), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn between_processes_the_stores_comparison_refuses() {
    let server = Postgres::start().await;
    let processes = [point(64), point(64)];
    let points = processes.each_ref().map(|(point, _)| point.clone());
    let stripes = race(&server, &points, How::Stripes, &sizes()).await;
    let seen = |family| processes.iter().map(|(_, of)| counted(of, family)).sum::<u64>();
    let of_stripes = seen("concurrency_stale_commits");
    assert!(of_stripes < stripes, "stripes are blind between processes: {of_stripes} of {stripes}");
    let versions = race(&server, &points, How::Versions, &sizes()).await;
    assert_eq!(seen("concurrency_stale_commits") - of_stripes, versions, "versions aren't");
    let truth = race(&server, &points, How::Compared, &sizes()).await;
    assert_eq!(truth, 0);
    assert_eq!(seen("concurrency_stale_commits") - of_stripes, versions);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_declared_key_is_not_seen() {
    let server = Postgres::start().await;
    let (point, registry) = point(1 << 16);
    let truth = race(&server, &[point], How::Phantom, &sizes()).await;
    assert!(truth > 100, "they do race: {truth}");
    assert_eq!(counted(&registry, "concurrency_stale_commits"), 0, "it is blind to phantoms");
}

#[tokio::test]
async fn a_version_that_is_read_after_the_data_hides_what_came_between() {
    let server = Postgres::start().await;
    let client = cards(&server, 1).await;
    let (desk, (point, registry)) = (Desk::open(&server).await, point(1 << 16));
    let mut late = point.begin([]);
    assert!(desk.has_room(0).await);
    let other = desk.decide(&point, 0, How::Versions, Duration::ZERO).await;
    assert!(other.is_some());
    late.read_version(key(0), desk.version(0).await);
    let store = async { desk.approve(0).await.map(|version| ((), version)) };
    let report = late.commit_versioned(store).await.expect("stored").report;
    assert_eq!(report.conflicts.stale_keys, 0);
    assert_eq!((excess(&client).await, counted(&registry, "concurrency_stale_commits")), (1, 0));
}

/// What happened while decisions were taken over many cards at once, a few of which were raced for.
struct Traffic {
    truth: u64,
    seen: u64,
    /// Commits that overtook nobody in truth.
    innocent: u64,
    commits_per_second: f64,
    exposure: Duration,
}

const WORKERS: usize = 24;
const CARDS: i32 = 1_500;
/// Every so many-th card is raced for by two.
const RACED: i32 = 50;

async fn traffic(server: &Postgres, stripes: usize) -> Traffic {
    let client = cards(server, CARDS).await;
    let (point, registry) = point(stripes);
    let next = Arc::new(AtomicI32::new(0));
    let mut workers = JoinSet::new();
    let began = Instant::now();
    for _ in 0..WORKERS {
        let desks = [Desk::open(server).await, Desk::open(server).await];
        let (point, next) = (point.clone(), Arc::clone(&next));
        workers.spawn(async move {
            let (mut commits, mut spent) = (0_u32, Duration::ZERO);
            loop {
                let card = next.fetch_add(1, Ordering::Relaxed);
                if card >= CARDS {
                    return (commits, spent);
                }
                let begun = Instant::now();
                let decide = |desk: usize| desks[desk].decide(&point, card, How::Stripes, THINK);
                let done = if card % RACED == 0 {
                    let (first, second) = tokio::join!(decide(0), decide(1));
                    [first, second]
                } else {
                    [decide(0).await, None]
                };
                let reports: Vec<Report> = done.into_iter().flatten().map(|of| of.report).collect();
                commits += u32::try_from(reports.len()).expect("two at most");
                spent += begun.elapsed() * u32::try_from(reports.len()).expect("two at most");
            }
        });
    }
    let (mut commits, mut spent) = (0, Duration::ZERO);
    while let Some(of) = workers.join_next().await {
        let (more, longer) = of.expect("it decides");
        (commits, spent) = (commits + more, spent + longer);
    }
    let truth = excess(&client).await;
    Traffic {
        truth,
        seen: counted(&registry, "concurrency_stale_commits"),
        innocent: u64::from(commits) - truth,
        commits_per_second: f64::from(commits) / began.elapsed().as_secs_f64(),
        exposure: spent / commits,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_stripes_none_is_missed_and_the_excess_is_the_models() {
    let server = Postgres::start().await;
    let mut tried = Vec::new();
    // One of twenty runs lies outside of a 95 % interval by chance.
    for _ in 0..3 {
        let of = traffic(&server, 256).await;
        assert!(of.truth > 0 && of.seen >= of.truth, "{} of {}", of.seen, of.truth);
        let probability = false_conflict_probability(of.commits_per_second, of.exposure, 1, 256);
        let expected = probability * of.innocent as f64;
        let half_width = 1.96 * (expected * (1.0 - probability)).sqrt();
        let beyond = (of.seen - of.truth) as f64;
        if (beyond - expected).abs() <= half_width {
            return;
        }
        tried.push(format!("{beyond} seen, {expected:.1} ± {half_width:.1} expected"));
    }
    panic!("the model doesn't hold: {tried:?}");
}
