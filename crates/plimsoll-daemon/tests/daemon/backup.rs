//! A backup of a daemon that runs, in the folder of another one or before what another one knows.

use crate::target::{Manner, Target};
use crate::world::{Folder, Running, config, slos};
use plimsoll_store::Archive;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_goes_on_from_the_backup_of_another() {
    let (folder, target) = (Folder::new(), Target::start(Manner::Good).await);
    folder.write("slo.yml", &slos(&["checkout"]));
    folder.write("plimsoll.yml", &config(&[("checkout", target.address)], ""));
    let daemon = Running::start(folder.config());
    let path = "/api/v1/slos/shop%2Fcheckout";
    daemon.until(path, |slo| slo["counts"]["good"].as_u64() > Some(200)).await;
    let shown = daemon.slo("shop/checkout").await;
    daemon.on_disk().await;
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
    let ledgers =
        Archive::import(other_config.data_dir(), backup.as_bytes(), u64::MAX).expect("imported");
    assert_eq!(ledgers, 1);
    let daemon = Running::start(other_config);
    let counted = shown["counts"]["good"].as_u64();
    let slo = daemon.slo("shop/checkout").await;
    assert!(slo["counts"]["good"].as_u64() >= counted, "{slo} after {counted:?}");
    daemon.stop().await;
}

/// Waits until what is shown now is on disk, and returns a backup.
async fn backup(daemon: &Running) -> String {
    daemon.on_disk().await;
    daemon.get("/api/v1/export").await.text().await.expect("a body")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_daemon_puts_a_backup_before_what_it_knows() {
    let target = Target::start(Manner::Good).await;
    let folders = [Folder::new(), Folder::new()];
    for folder in &folders {
        folder.write("slo.yml", &slos(&["checkout"]));
        folder.write("plimsoll.yml", &config(&[("checkout", target.address)], ""));
    }
    let path = "/api/v1/slos/shop%2Fcheckout";
    let daemon = Running::start(folders[0].config());
    daemon.until(path, |slo| slo["counts"]["good"].as_u64() > Some(200)).await;
    let backup = backup(&daemon).await;
    daemon.stop().await;
    let good = |slo: &Value| slo["counts"]["good"].as_u64().expect("a count");

    let daemon = Running::start(folders[1].config());
    daemon.until(path, |slo| slo["counts"]["good"].as_u64() > Some(50)).await;
    let own = daemon.slo("shop/checkout").await;
    // Rubbish changes nothing: cut, of another version, not a backup at all.
    let cut = backup.replacen("{\"kind\":\"end\"", "", 1);
    let newer = backup.replacen("\"version\":2", "\"version\":3", 1);
    for (rubbish, what) in [(cut, "line"), (newer, "version 3"), ("rubbish".into(), "line 1")] {
        let answer = daemon.post("/api/v1/import").body(rubbish).send().await.expect("an answer");
        assert_eq!(answer.status(), 400);
        let problem: Value = answer.json().await.expect("a problem");
        assert!(problem["detail"].as_str().is_some_and(|said| said.contains(what)), "{problem}");
    }
    let after = daemon.slo("shop/checkout").await;
    assert_eq!(after["watched_since"], own["watched_since"]);

    let before = daemon.slo("shop/checkout").await;
    let answer =
        daemon.post("/api/v1/import").body(backup.clone()).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let told: Value = answer.json().await.expect("JSON");
    assert_eq!(told["slos"][0]["slo"], "shop/checkout");
    assert_eq!(told["slos"][0]["own_since"], own["watched_since"]);
    assert!(told["slos"][0]["from"].is_string(), "{told}");
    let filled = daemon.slo("shop/checkout").await;
    assert!(good(&filled) >= good(&before) + 200, "{filled} after {before}");
    assert!(filled["watched_since"].as_str() < own["watched_since"].as_str());
    // Once more there is nothing to fill, and nothing is counted twice.
    let again = daemon.post("/api/v1/import").body(backup).send().await.expect("an answer");
    let told: Value = again.json().await.expect("JSON");
    assert!(told["slos"][0]["from"].is_null(), "{told}");
    // What was answered is on disk: a crash forgets nothing of it.
    let shown = good(&filled);
    daemon.kill().await;
    let daemon = Running::start(folders[1].config());
    let slo = daemon.slo("shop/checkout").await;
    assert!(good(&slo) >= shown, "{slo} after {shown}");
    daemon.stop().await;
}
