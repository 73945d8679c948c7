//! A backup of a daemon that runs, in the folder of another one.

use crate::target::{Manner, Target};
use crate::world::{Folder, Running, config, slos};
use plimsoll_store::Archive;

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_goes_on_from_the_backup_of_another() {
    let (folder, target) = (Folder::new(), Target::start(Manner::Good).await);
    folder.write("slo.yml", &slos(&["checkout"]));
    folder.write("plimsoll.yml", &config(&[("checkout", target.address)], ""));
    let daemon = Running::start(folder.config());
    let path = "/api/v1/slos/shop%2Fcheckout";
    daemon.until(path, |slo| slo["counts"]["good"].as_u64() > Some(200)).await;
    // What is shown is on disk within a second.
    let shown = daemon.slo("shop/checkout").await;
    let as_of = shown["as_of"].as_str().expect("a time").to_owned();
    let is_written = |status: &serde_json::Value| status["flushed_at"].as_str() >= Some(&as_of);
    daemon.until("/api/v1/status", is_written).await;
    let answer = daemon.get("/api/v1/export").await;
    assert_eq!(answer.headers()["content-type"], "application/jsonl");
    let backup = answer.text().await.expect("a body");
    assert!(backup.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert!(
        backup.trim_end().lines().last().is_some_and(|line| line.contains("\"end\"")),
        "{backup}"
    );
    daemon.stop().await;

    let other = Folder::new();
    other.write("slo.yml", &slos(&["checkout"]));
    other.write("plimsoll.yml", &config(&[("checkout", target.address)], ""));
    let other_config = other.config();
    let ledgers = Archive::import(other_config.data_dir(), backup.as_bytes()).expect("imported");
    assert_eq!(ledgers, 1);
    let daemon = Running::start(other_config);
    let counted = shown["counts"]["good"].as_u64();
    let slo = daemon.slo("shop/checkout").await;
    assert!(slo["counts"]["good"].as_u64() >= counted, "{slo} after {counted:?}");
    daemon.stop().await;
}
