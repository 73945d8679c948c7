//! Probers that a daemon runs from its configuration, against what the stores know: its SLOs, its own
//! metrics, and what it says of each store that it can't ask.

use crate::probing::{Arrivals, TABLES, pipeline};
use plimsoll_model::{Labels, catalog};
use plimsoll_record::{ActivitySpec, Registry};
use plimsoll_runtime::admin;
use plimsoll_runtime::ready::Readiness;
use plimsoll_tests::plimsoll::Daemon;
use plimsoll_tests::postgres::Postgres;
use plimsoll_tests::redis::Redis;
use plimsoll_tests::{free_port, scratch, wait, write};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);

const SLOS: &str = "
apiVersion: plimsoll/v1
service: shop
slos:
  - name: fresh
    objective: 90%
    window: 1h
    sli: {staleness: {signal: 'concurrency_propagation_seconds{store=\"key\"}', within: 30s}}
  - name: not-stuck
    objective: 90%
    window: 1h
    sli: {lag: {signal: 'concurrency_propagation_oldest_unseen_seconds{store=\"key\"}', at_most: 2s}}
";

/// The stores that are all right, in the order of the configuration.
const WELL: [&str; 2] = ["key", "view"];

/// A pipeline from PostgreSQL to Redis, and what a daemon is told of both.
struct Shop {
    postgres: Postgres,
    redis: Redis,
    runs: Arc<AtomicBool>,
}

impl Shop {
    async fn open() -> Self {
        let (postgres, redis) = (Postgres::start().await, Redis::start().await);
        let client = postgres.connect().await;
        client.batch_execute(TABLES).await.expect("tables");
        client.batch_execute("CREATE ROLE poor LOGIN").await.expect("a role");
        let may = ["ACL", "SETUSER", "probe", "on", ">hush", "~*", "+get"];
        redis.ask::<()>(&may).await;
        let runs = Arc::new(AtomicBool::new(true));
        let stores = (postgres.url.clone(), redis.url.clone());
        tokio::spawn(pipeline(stores, Arc::clone(&runs), Arrivals::default()));
        Self { postgres, redis, runs }
    }

    /// Writes the configuration with the stores that are well, and `more`.
    fn configure(&self, folder: &Path, more: &str) {
        let postgres = &self.postgres.url;
        let redis = self.redis.url.replace("//", "//probe@");
        let text = format!(
            "global: {{scrape_interval: 100ms}}\nslo_files: [slos.yaml]\nprobers:\n  \
             - name: orders\n    interval: 50ms\n    edges: [30s]\n    origin: {{postgres: \
             {{url: '{postgres}&application_name=prober', table: plimsoll_heartbeat}}}}\n    stores:\n      \
             - {{name: key, redis: {{url: '{redis}', password_file: password, key: heartbeat}}}}\n      \
             - {{name: view, postgres: {{url: '{postgres}', query: SELECT marker FROM shown}}}}\n{more}"
        );
        write(folder, "plimsoll.yml", &text);
    }

    /// Stores that can't be asked, each with a part of what is said of it.
    fn faulty(&self) -> Vec<(&'static str, String, &'static str)> {
        let postgres = &self.postgres.url;
        let poor = postgres.replace("postgres@", "poor@");
        let tls = postgres.replace("sslmode=disable", "sslmode=verify-full");
        let redis = self.redis.url.replace("//", "//probe@");
        let gone = format!("redis://127.0.0.1:{}", free_port());
        let known = |store: &str| format!("{{url: '{redis}', password_file: password, {store}}}");
        vec![
            (
                "absent",
                format!("postgres: {{url: '{postgres}', table: absent}}"),
                "it refuses: relation \"absent\" does not exist: create it",
            ),
            (
                "denied",
                format!("postgres: {{url: '{poor}', table: plimsoll_heartbeat}}"),
                "it refuses: permission denied for table plimsoll_heartbeat: GRANT SELECT",
            ),
            (
                "plain",
                format!("postgres: {{url: '{tls}', table: plimsoll_heartbeat}}"),
                "server does not support TLS: set it up there, or say sslmode=disable",
            ),
            ("gone", format!("redis: {{url: '{gone}', key: heartbeat}}"), "can't reach it: "),
            (
                "locked",
                format!("redis: {{url: '{redis}', password_file: wrong, key: heartbeat}}"),
                "it refuses: Password authentication failed",
            ),
            (
                "barred",
                format!("redis: {}", known("stream: events")),
                "it refuses: NoPerm: this user has no permissions",
            ),
            (
                "unfed",
                format!("redis: {}", known("key: nobody")),
                "no marker was ever seen there: does the pipeline pass the heartbeat on?",
            ),
        ]
    }

    async fn written(&self) -> u64 {
        let client = self.postgres.connect().await;
        let row = client.query_one("SELECT count(*) FROM written", &[]).await.expect("a count");
        u64::try_from(row.get::<_, i64>(0)).expect("not negative")
    }
}

async fn start(shop: &Shop, more: &str) -> Daemon {
    let folder = scratch();
    write(folder.path(), "slos.yaml", SLOS);
    write(folder.path(), "password", "hush\n");
    write(folder.path(), "wrong", "wrong\n");
    shop.configure(folder.path(), more);
    Daemon::serve(folder).await
}

/// What is said of the prober's stores; nothing when all is known.
async fn reason(daemon: &Daemon) -> Option<String> {
    let body = daemon.get("/api/v1/targets").await;
    let targets = body["targets"].as_array().expect("targets").clone();
    let is_it = |target: &&Value| target["job"] == "prober" && target["instance"] == "orders";
    let target = targets.iter().find(is_it).expect("the prober").clone();
    assert_ne!(target["state"], "down", "{target}");
    target["reason"].as_str().map(str::to_owned)
}

/// Good and bad events of an SLO.
async fn counts(daemon: &Daemon, slo: &str) -> (u64, u64) {
    let slo = daemon.slo(slo).await.expect("it is there");
    let count = |which: &str| slo["counts"][which].as_u64().expect("a count");
    (count("good"), count("bad"))
}

async fn until_good(daemon: &Daemon, least: u64) -> u64 {
    wait::until(&format!("{least} good ones"), PATIENCE, || async {
        Some(counts(daemon, "fresh").await.0).filter(|good| *good >= least)
    })
    .await
}

async fn reload(daemon: &Daemon) {
    let answer = plimsoll_tests::http().post(format!("{}/-/reload", daemon.url)).send().await;
    assert!(answer.expect("an answer").status().is_success(), "{}", daemon.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn slos_read_its_probers_without_a_scrape_and_over_a_reload() {
    let shop = Shop::open().await;
    let mut daemon = start(&shop, "").await;
    let before = until_good(&daemon, 50).await;
    assert_eq!(reason(&daemon).await, None, "{}", daemon.log());
    reload(&daemon).await;
    let after = until_good(&daemon, before + 50).await;
    // Each marker counts once, and none that wasn't written.
    assert!(after <= shop.written().await);
    shop.runs.store(false, Ordering::Relaxed);
    wait::until("time that is bad", PATIENCE, || async {
        (counts(&daemon, "not-stuck").await.1 > 1_000).then_some(())
    })
    .await;
    shop.runs.store(true, Ordering::Relaxed);
    until_good(&daemon, after + 100).await;
    let metrics = plimsoll_tests::http().get(format!("{}/metrics", daemon.url)).send().await;
    let metrics = metrics.expect("an answer").text().await.expect("a text");
    for store in WELL {
        let series = format!("concurrency_propagation_seconds_count{{store=\"{store}\"}}");
        assert!(metrics.contains(&series), "{metrics}");
    }
    daemon.process.signal("TERM");
    assert!(daemon.process.ended(PATIENCE).await.success(), "{}", daemon.log());
    wait::until("its connections to end", PATIENCE, || async {
        let query = "SELECT FROM pg_stat_activity WHERE application_name = 'prober'";
        let rows = shop.postgres.connect().await.query(query, &[]).await.expect("rows");
        rows.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_store_that_cannot_be_asked_is_told_of_and_the_others_go_on() {
    let shop = Shop::open().await;
    let faulty = shop.faulty();
    let stores =
        faulty.iter().map(|(name, store, _)| format!("      - {{name: {name}, {store}}}\n"));
    let daemon = start(&shop, &stores.collect::<String>()).await;
    // A store that is slow to answer says only that, until it has.
    let what = faulty.iter().map(|(name, _, part)| format!("\n{name}: …{part}"));
    let said = wait::until(&what.collect::<String>(), PATIENCE, || async {
        reason(&daemon).await.filter(|said| {
            faulty.iter().all(|(name, _, part)| {
                let words = said.split("; ");
                let mut of_it = words.filter_map(|word| word.strip_prefix(&format!("{name}: ")));
                of_it.any(|of_it| of_it.contains(part))
            })
        })
    })
    .await;
    until_good(&daemon, 50).await;
    for text in [&said, &daemon.log()] {
        assert!(!text.contains("hush"), "a password is shown: {text}");
    }
    shop.configure(daemon.folder(), "");
    reload(&daemon).await;
    wait::until("all to be known", PATIENCE, || async {
        reason(&daemon).await.is_none().then_some(())
    })
    .await;
}

/// How many gaps of the store `key` the daemon's own metrics show in a band.
async fn in_band(daemon: &Daemon, band: u64) -> u64 {
    let answer = plimsoll_tests::http().get(format!("{}/metrics", daemon.url)).send().await;
    let metrics = answer.expect("an answer").text().await.expect("a text");
    let series = format!("concurrency_propagation_seconds_count{{band=\"{band}\",store=\"key\"}} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&series));
    value.map_or(0, |value| value.parse().expect("a count"))
}

async fn until_more(daemon: &Daemon, band: u64, least: u64) {
    let before = in_band(daemon, band).await;
    wait::until(&format!("{least} more in band {band}"), PATIENCE, || async {
        (in_band(daemon, band).await >= before + least).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markers_are_sorted_by_what_the_targets_have_in_flight() {
    let shop = Shop::open().await;
    let registry = Registry::new();
    let labels = Labels::new([("operation", "authorize")]).expect("valid");
    let requests = registry.activity(ActivitySpec::new(&catalog::IN_FLIGHT, labels));
    let requests = requests.expect("registers");
    let admin = admin::spawn(([127, 0, 0, 1], 0).into(), registry.clone(), Readiness::new());
    let admin = admin.expect("a free port");
    let many = requests.guard_n(20);
    let more = format!(
        "    bands: {{of: authorize}}\nscrape_configs:\n  - {{job_name: shop, static_configs: \
         [{{targets: ['{}']}}]}}\n",
        admin.address()
    );
    let daemon = start(&shop, &more).await;
    until_more(&daemon, 16, 20).await;
    assert_eq!(in_band(&daemon, 1).await + in_band(&daemon, 4).await, 0, "nobody had so few");
    drop(many);
    let few = requests.guard_n(5);
    until_more(&daemon, 4, 20).await;
    let with_many = in_band(&daemon, 16).await;
    until_more(&daemon, 4, 20).await;
    assert_eq!(in_band(&daemon, 16).await, with_many, "there are few now");
    assert_eq!(in_band(&daemon, 64).await, 0);
    drop(few);
    admin.stop();
    // Nobody tells any more: what is written from then on is in no band.
    wait::until("it isn't known", PATIENCE, || async {
        let (before, written) = (in_band(&daemon, 4).await, shop.written().await);
        wait::until("20 more markers", PATIENCE, || async {
            (shop.written().await >= written + 20).then_some(())
        })
        .await;
        (in_band(&daemon, 4).await == before).then_some(())
    })
    .await;
    let sorted = in_band(&daemon, 1).await + in_band(&daemon, 4).await + with_many;
    assert!(sorted < shop.written().await);
}
