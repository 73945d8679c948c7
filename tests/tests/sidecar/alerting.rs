//! The shipped alerts on real faults: Prometheus scrapes the real binary, and nothing of the rules is
//! changed but how long they take.

use crate::panels::{program as waits, run};
use plimsoll_tests::postgres::Postgres;
use plimsoll_tests::process::Process;
use plimsoll_tests::prometheus::Prometheus;
use plimsoll_tests::redis::Redis;
use plimsoll_tests::sidecar::Sidecar;
use plimsoll_tests::{free_port, root, scratch, wait, write};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A transaction has to be a minute old to be one that blocks for long.
const PATIENCE: Duration = Duration::from_secs(180);

/// What has to fire.
const FAULTS: [&str; 6] = [
    "ConcurrencyAcceptQueueFull",
    "ConcurrencyConsumerStopped",
    "ConcurrencyProcessDeadlock",
    "ConcurrencyProxyShedding",
    "ConcurrencyRootBlockerOld",
    "PlimsollCollectorDown",
];

/// What the same faults bring about after half a minute.
const WITH_THEM: [&str; 1] = ["ConcurrencyProcessLockStuck"];

/// Writes down the shipped rules with each window and each wait 30 times shorter.
fn hastened(folder: &Path) -> PathBuf {
    let mut rules = fs::read_to_string(root().join("alerts/rules.yaml")).expect("the rules");
    for (long, short) in [("[5m]", "[10s]"), ("for: 1m", "for: 2s"), ("for: 2m", "for: 4s")] {
        assert!(rules.contains(long), "no rule has {long}");
        rules = rules.replace(long, short);
    }
    for (long, short) in [("for: 5m", "for: 10s"), ("for: 10m", "for: 20s")] {
        rules = rules.replace(long, short);
    }
    write(folder, "rules.yaml", &rules)
}

/// Returns the names of the sidecar's alerts that fire.
async fn firing(server: &Prometheus) -> BTreeSet<String> {
    let rules = fs::read_to_string(root().join("alerts/rules.yaml")).expect("the rules");
    let group = rules.split("- name: ").find(|group| group.starts_with("plimsoll-sidecar\n"));
    let names = group.expect("the sidecar's rules").lines();
    let names: BTreeSet<&str> =
        names.filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let alerts = server.query("ALERTS{alertstate=\"firing\"}").await;
    let of_sidecar = alerts.iter().filter_map(|alert| alert["metric"]["alertname"].as_str());
    of_sidecar.filter(|name| names.contains(name)).map(str::to_owned).collect()
}

/// Answers `/slow` after a second, and the rest at once.
async fn service() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await?);
                }
                if head.starts_with(b"GET /slow") {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .await
            });
        }
    });
    port
}

/// Asks for `path` again and again, as many at a time.
fn ask(port: u16, path: &'static str, at_a_time: usize) {
    for _ in 0..at_a_time {
        tokio::spawn(async move {
            loop {
                let asked = async {
                    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
                    let head =
                        format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
                    stream.write_all(head.as_bytes()).await?;
                    stream.read_to_end(&mut Vec::new()).await
                };
                let _ = asked.await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }
}

/// What is watched, all of it well at first.
struct Scene {
    folder: tempfile::TempDir,
    program: PathBuf,
    listener: Process,
    postgres: Postgres,
    redis: Redis,
    other: Redis,
    proxy: u16,
    service: u16,
}

impl Scene {
    async fn calm() -> Self {
        let folder = scratch();
        // Other tests have programs of the usual name, and their own faults.
        let program = folder.path().join(format!("alerting-{}", std::process::id()));
        fs::rename(waits(folder.path()), &program).expect("renamed");
        let listener = run(&program, ["listen", "5"]);
        let (postgres, redis) = (Postgres::start().await, Redis::start().await);
        let table = postgres.connect().await;
        table.batch_execute("CREATE TABLE t (v int)").await.expect("a table");
        for words in [
            "XGROUP CREATE s g 0 MKSTREAM",
            "XADD s * k v",
            "XREADGROUP GROUP g c COUNT 9 NOACK STREAMS s >",
        ] {
            let _: redis::Value = redis.ask(&words.split(' ').collect::<Vec<_>>()).await;
        }
        let (other, proxy, service) = (Redis::start().await, free_port(), service().await);
        ask(proxy, "/", 1);
        Self { folder, program, listener, postgres, redis, other, proxy, service }
    }

    /// What the processes that are watched are called.
    fn name(&self) -> String {
        self.program.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn config(&self) -> String {
        const PACE: &str = "interval: 500ms, deadline: 500ms";
        format!(
            "proxy:\n- {{label: shop, listen: '127.0.0.1:{}', target: 'http://127.0.0.1:{}', limit: 2}}\n\
             process:\n- {{name: '{}', {PACE}}}\n\
             postgres:\n- {{label: db, url: '{}', {PACE}}}\n\
             redis:\n- {{label: cache, url: '{}', stalled_after: 2s, {PACE}}}\n\
             - {{label: other, url: '{}', {PACE}}}\n",
            self.proxy,
            self.service,
            self.name(),
            self.postgres.url,
            self.redis.url,
            self.other.url
        )
    }

    /// Breaks everything at once; what is returned keeps it broken.
    async fn break_all(&mut self) -> (Process, Vec<TcpStream>, tokio_postgres::Client) {
        let deadlock = run(&self.program, ["deadlock", "2"]);
        let log = self.program.with_file_name("listen");
        let said = fs::read_to_string(log).expect("its port");
        let port: u16 = said.lines().next().and_then(|line| line.parse().ok()).expect("its port");
        // One more than the backlog fills the queue; nobody accepts.
        let mut waiting = Vec::new();
        for _ in 0..6 {
            waiting
                .push(TcpStream::connect(("127.0.0.1", port)).await.expect("the kernel takes it"));
        }
        ask(self.proxy, "/slow", 8);
        let (blocks, waits) = (self.postgres.connect().await, self.postgres.connect().await);
        blocks.batch_execute("BEGIN; LOCK t").await.expect("it has the lock");
        tokio::spawn(async move { waits.batch_execute("BEGIN; LOCK t").await });
        let _: redis::Value = self.redis.ask(&["XADD", "s", "*", "k", "v"]).await;
        self.other.process.kill();
        assert!(self.listener.is_running());
        (deadlock, waiting, blocks)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_fires_its_alert_and_nothing_fires_before() {
    let mut scene = Scene::calm().await;
    let config = write(scene.folder.path(), "sidecar.yml", &scene.config());
    let sidecar = Sidecar::start(&["--config", &config.display().to_string()]).await;
    let up = |seen: &plimsoll_tests::scrape::Scrape| {
        let up: Vec<f64> = seen.all("concurrency_collector_up", &[]).collect();
        up.len() == 5 && up.iter().all(|up| *up == 1.0)
    };
    sidecar.until("all five to be up", up).await;
    let rules = hastened(scene.folder.path());
    let address = sidecar.url.trim_start_matches("http://").to_owned();
    let server = Prometheus::start(&[("sidecar", &address)], &[&rules]).await;
    // Longer than every window with the wait after it.
    wait::until("30 s of calm", PATIENCE, || async {
        let age = server.query("count_over_time(up[60s])").await;
        let age: f64 = age.first()?["value"][1].as_str()?.parse().ok()?;
        (age >= 30.0).then_some(())
    })
    .await;
    let ever = server.query("count_over_time(ALERTS{alertstate=\"firing\"}[60s])").await;
    let ever = ever.iter().filter_map(|alert| alert["metric"]["alertname"].as_str());
    let ever: Vec<_> = ever.filter(|name| FAULTS.contains(name)).collect();
    assert!(ever.is_empty() && firing(&server).await.is_empty(), "on calm: {ever:?}");
    let _broken = scene.break_all().await;
    wait::until("each alert to fire", PATIENCE, || async {
        let firing = firing(&server).await;
        FAULTS.iter().all(|fault| firing.contains(*fault)).then_some(())
    })
    .await;
    let expected = |name: &String| FAULTS.iter().chain(&WITH_THEM).any(|known| known == name);
    let more: Vec<String> =
        firing(&server).await.into_iter().filter(|name| !expected(name)).collect();
    assert!(more.is_empty(), "besides: {more:?}");
}
