//! Rubbish in: every fault is named with its place, a bad target costs only its own SLOs, and a
//! start that can't succeed says why in one sentence.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use axum::{Router, body::Body, response::Response, routing::get};
use plimsoll_tests::plimsoll::{Daemon, binary};
use plimsoll_tests::{free_port, scratch, wait, write};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

fn plimsoll(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).current_dir(folder).output().expect("it runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn check_reports_every_fault_of_every_file_at_once() {
    let folder = scratch();
    write(
        folder.path(),
        "plimsoll.yml",
        "listen: nowhere\nscrape_config: []\nslo_files: [slos.yaml]\n",
    );
    write(
        folder.path(),
        "slos.yaml",
        "apiVersion: plimsoll/v1\nservice: shop\nslos:\n- name: a\n  objective: 100%\n  window: 30d\n  \
         sli: {events: {total: t_total, bad: b_total}}\n- name: b\n  objectiv: 99%\n  window: 1M\n",
    );
    let output = plimsoll(folder.path(), &["check", "plimsoll.yml", "slos.yaml"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for (place, word) in [
        ("plimsoll.yml:1:9:", "nowhere"),
        ("plimsoll.yml:2:1:", "scrape_configs"),
        ("slos.yaml:5:14:", "100%"),
        ("slos.yaml:9:3:", "objective"),
        ("slos.yaml:10:11:", "1M"),
    ] {
        assert!(
            text.lines().any(|line| line.starts_with(place) && line.contains(word)),
            "no line starts with {place} and names {word:?}:\n{text}"
        );
    }
}

#[test]
fn the_shipped_examples_and_templates_are_faultless() {
    let folder = scratch();
    let slos = plimsoll_tests::root().join("examples/demo/slos.yaml");
    let output = plimsoll(folder.path(), &["check", slos.to_str().expect("a path")]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 8);

    let output = plimsoll(folder.path(), &["init", "monitoring"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let files = ["check", "monitoring/plimsoll.yml", "monitoring/slos/example.yaml"];
    let output = plimsoll(folder.path(), &files);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 3, "each SLO once");
    let output = plimsoll(folder.path(), &["init", "monitoring"]);
    assert_eq!(output.status.code(), Some(1), "nothing that exists is overwritten");
    assert!(stderr(&output).contains("exists already"));
}

#[tokio::test]
async fn a_start_that_cannot_succeed_says_why_in_one_sentence() {
    let folder = scratch();
    write(folder.path(), "plimsoll.yml", "scrape_configs: []\nslo_files: []\n");
    let serve = |listen: &str, data: &str| {
        let output = plimsoll(
            folder.path(),
            &[
                "serve",
                "--config",
                "plimsoll.yml",
                "--listen",
                listen,
                "--data-dir",
                data,
                "--log",
                "off",
            ],
        );
        assert!(!output.status.success());
        let text = stderr(&output);
        assert_eq!(text.trim().lines().count(), 1, "one sentence: {text}");
        text
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    assert!(serve(&address, "data").contains(&address));

    let free = format!("127.0.0.1:{}", free_port());
    write(folder.path(), "file", "");
    assert!(serve(&free, "file").contains("file"));

    std::fs::create_dir(folder.path().join("corrupt")).expect("a folder");
    let state = Daemon::serve(scratch_with_config()).await;
    let locked = state.folder().join("data").display().to_string();
    assert!(serve(&free, &locked).contains("another"), "the folder is locked");
    let database = std::fs::read_dir(&locked)
        .expect("the data folder")
        .next()
        .expect("a file")
        .expect("its entry")
        .file_name();
    let corrupt = folder.path().join("corrupt").join(database);
    std::fs::write(&corrupt, b"this is no database").expect("a file");
    let text = serve(&free, "corrupt");
    assert!(text.contains("corrupt"), "{text}");
    let kept = std::fs::read(&corrupt).expect("the file is still there");
    assert_eq!(kept, b"this is no database", "state files are never deleted or overwritten");
}

fn scratch_with_config() -> tempfile::TempDir {
    let folder = scratch();
    write(folder.path(), "plimsoll.yml", "scrape_configs: []\nslo_files: []\n");
    folder
}

/// Serves every kind of target that a scraper meets.
async fn zoo() -> std::net::SocketAddr {
    let good = || async { "# TYPE good_total counter\ngood_total 1\n" };
    let router = Router::new()
        .route("/good", get(good))
        .route("/slow", get(|| async { std::future::pending::<String>().await }))
        .route("/huge", get(|| async { "x_total 1\n".repeat(200_000) }))
        .route("/not-text", get(|| async { vec![0_u8, 159, 146, 150] }))
        .route("/half", get(half))
        .route("/error", get(|| async { axum::http::StatusCode::INTERNAL_SERVER_ERROR }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    address
}

/// Answers with less than its header promises.
async fn half() -> Response {
    Response::builder()
        .header("content-type", "text/plain; version=0.0.4")
        .header("content-length", "1000")
        .body(Body::from("# TYPE half_total counter\nhalf_tot"))
        .expect("an answer")
}

#[tokio::test]
async fn a_bad_target_costs_only_its_own_slos() {
    const BAD: [&str; 5] = ["slow", "huge", "not-text", "half", "error"];
    let address = zoo().await;
    let dead = free_port();
    let folder = scratch();
    let mut jobs = format!(
        "- {{job_name: dead, static_configs: [{{targets: ['127.0.0.1:{dead}']}}]}}\n\
         - {{job_name: good, metrics_path: /good, static_configs: [{{targets: ['{address}']}}]}}\n"
    );
    let mut slos = String::from("apiVersion: plimsoll/v1\nservice: zoo\nslos:\n");
    for job in BAD {
        jobs += &format!(
            "- {{job_name: {job}, metrics_path: /{job}, body_size_limit: 100KiB, \
             static_configs: [{{targets: ['{address}']}}]}}\n"
        );
    }
    for job in BAD.iter().chain(&["good", "dead"]) {
        let word = if *job == "good" { "good" } else { "x" };
        slos += &format!(
            "- {{name: {job}, objective: 99%, window: 1h, sli: {{events: {{total: \
             '{word}_total{{job=\"{job}\"}}', bad: 'bad_total{{job=\"{job}\"}}'}}}}}}\n"
        );
    }
    write(
        folder.path(),
        "plimsoll.yml",
        &format!(
            "global: {{scrape_interval: 500ms, scrape_timeout: 300ms}}\nscrape_configs:\n{jobs}slo_files: [slos.yaml]\n"
        ),
    );
    write(folder.path(), "slos.yaml", &slos);
    let daemon = Daemon::serve(folder).await;
    for job in BAD.iter().chain(&["dead"]) {
        let target = wait::until(&format!("{job} to be down"), PATIENCE, || async {
            let body = daemon.get("/api/v1/targets").await;
            let targets = body["targets"].as_array()?;
            targets.iter().find(|t| t["job"] == *job && t["state"] == "down").cloned()
        })
        .await;
        let reason = target["reason"].as_str().unwrap_or_default();
        assert!(!reason.is_empty(), "{job}: a reason is given: {target}");
        let slo = daemon.slo(job).await.expect("its SLO");
        assert!(slo["ratio"]["high"].is_null(), "{job}: unknown, not good: {slo}");
        assert!(slo["reasons"].as_object().is_some_and(|map| !map.is_empty()), "{job}: {slo}");
    }
    wait::until("the good one to be known", PATIENCE, || async {
        let slo = daemon.slo("good").await?;
        (slo["coverage"].as_f64()? > 0.9).then_some(())
    })
    .await;
}
