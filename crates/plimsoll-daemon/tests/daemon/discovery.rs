//! Targets that come and go while the daemon runs.

use crate::target::{Manner, Target};
use crate::world::{Folder, Running, slos};
use serde_json::{Value, json};
use std::net::SocketAddr;

const CONFIG: &str = "listen: 127.0.0.1:0\ndata_dir: state\n\
    global: {scrape_interval: 100ms, scrape_timeout: 100ms}\n\
    scrape_configs:\n  - job_name: checkout\n    file_sd_configs: [{files: ['t*.json']}]\n    \
    relabel_configs: [{source_labels: [__meta_filepath], regex: '.*/(.*)[.]json', target_label: file}]\n    \
    metric_relabel_configs: [{source_labels: [__name__], regex: 'requests_(.*)', target_label: __name__, \
    replacement: 'asked_$1'}, {source_labels: [__name__], regex: 'failures_.*', target_label: kind, \
    replacement: bad}]\n\
    slo_files: ['slo*.yml']\n";

fn group(targets: &[SocketAddr]) -> String {
    let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
    json!([{"targets": targets, "labels": {"zone": "a"}}]).to_string()
}

fn states(list: &Value) -> Vec<(String, String)> {
    let targets = list["targets"].as_array().expect("targets");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    targets.iter().map(|each| (text(&each["instance"]), text(&each["state"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_follow_their_file_and_a_broken_one_keeps_them() {
    let (one, two) = (Target::start(Manner::Good).await, Target::start(Manner::Good).await);
    let folder = Folder::new();
    let renamed = slos(&["checkout"])
        .replace("requests_total{", "asked_total{zone=\"a\",file=\"targets\",")
        .replace("failures_total{", "failures_total{kind=\"bad\",");
    folder.write("slo.yml", &renamed);
    folder.write("plimsoll.yml", CONFIG);
    folder.write("targets.json", &group(&[one.address]));
    let daemon = Running::start(folder.config());
    let up = |target: &Target| (target.address.to_string(), "up".to_owned());
    let path = "/api/v1/targets";
    daemon.until(path, |list| states(list) == [up(&one)]).await;

    folder.write("targets.json", &group(&[one.address, two.address]));
    let both = |list: &Value| {
        let states = states(list);
        states.len() == 2 && states.contains(&up(&one)) && states.contains(&up(&two))
    };
    daemon.until(path, both).await;
    let slo = "/api/v1/slos/shop%2Fcheckout";
    let counted = |slo: &Value| slo["counts"]["good"].as_u64().unwrap_or_default();
    daemon.until(slo, |slo| counted(slo) > 500).await;

    folder.write("targets.json", "[{\"targets\": [");
    let broken = daemon.until(path, |list| list["discovery"] != json!([])).await;
    let known: Vec<String> = states(&broken).into_iter().map(|(instance, _)| instance).collect();
    assert!(known.len() == 2 && known.contains(&two.address.to_string()), "{broken:#}");
    let error = broken["discovery"][0]["error"].as_str().expect("a reason");
    assert!(error.contains("targets.json: EOF while parsing"), "{error}");

    // A target that is gone is expected no longer: nothing stays unknown.
    *two.manner.lock().expect("unpoisoned") = Manner::Garbage;
    daemon.until(path, |list| list.to_string().contains("\"down\"")).await;
    folder.write("targets.json", &group(&[one.address]));
    daemon.until(path, |list| states(list) == [up(&one)] && list["discovery"] == json!([])).await;
    let shortest = |slo: &Value| slo["burn"]["500ms"].clone();
    daemon.until(slo, |slo| shortest(slo) == json!({"low": 0.0, "high": 0.0})).await;

    std::fs::remove_file(folder.0.join("targets.json")).expect("removed");
    daemon.until(path, |list| list["targets"] == json!([])).await;
    daemon.stop().await;
}
