//! Targets that give nothing: their SLO is unknown with the reason, and the others go on.

use crate::target::{Manner, Target};
use crate::world::{Folder, Running, config, slos, slowed};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn each_bad_target_blinds_its_own_slo_only() {
    let good = Target::start(Manner::Good).await;
    let mut jobs = vec![("good", good.address)];
    let bad = [
        ("slow", Manner::Slow, "no complete answer within 900 ms"),
        ("huge", Manner::Huge, "the body is longer than 1048576 bytes"),
        ("html", Manner::Html, "answered \"text/html\", which is no metrics format"),
        ("half", Manner::Half, "the body broke off"),
        ("garbage", Manner::Garbage, "not readable: line 1"),
    ];
    for (name, manner, _) in bad {
        jobs.push((name, Target::start(manner).await.address));
    }
    // Whoever has the port doesn't listen, and nobody else can have it.
    let unheard = tokio::net::TcpSocket::new_v4().expect("a socket");
    unheard.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    jobs.push(("closed", unheard.local_addr().expect("an address")));
    let folder = Folder::new();
    let names: Vec<&str> = jobs.iter().map(|(name, _)| *name).collect();
    folder.write("slo.yml", &slos(&names));
    // On a busy machine a megabyte takes longer than the tenth of a second that others have.
    folder.write("plimsoll.yml", &slowed(&config(&jobs, "limits: {body: 1MiB}\n")));
    let daemon = Running::start(folder.config());

    let of = |list: &Value, name: &str| {
        let all = list["targets"].as_array().expect("targets");
        all.iter().find(|target| target["job"] == name).expect("the target").clone()
    };
    let closed = ("closed", Manner::Slow, "no connection: Connection refused");
    for (name, _, reason) in bad.into_iter().chain([closed]) {
        let is_told = |list: &Value| {
            let target = of(list, name);
            let told = target["reason"].as_str().is_some_and(|told| told.starts_with(reason));
            target["state"] == "down" && told
        };
        daemon.until("/api/v1/targets", is_told).await;
        let path = format!("/api/v1/slos/shop%2F{name}");
        let slo = daemon.until(&path, |slo| slo["state"] == "unknown").await;
        assert_eq!(slo["ratio"]["low"], Value::Null);
        assert_eq!(slo["reasons"]["state"], "target_down");
        let blind = slo["blind"].to_string();
        assert!(blind.contains(name), "{blind}");
    }
    let path = "/api/v1/slos/shop%2Fgood";
    let is_ok = |slo: &Value| slo["state"] == "ok" && slo["counts"]["good"].as_u64() > Some(0);
    assert_eq!(daemon.until(path, is_ok).await["counts"]["bad"], 0);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_family_of_too_many_label_sets_leaves_room_for_the_others() {
    let folder = Folder::new();
    let router = axum::Router::new().route(
        "/metrics",
        axum::routing::get(|| async {
            let crowd = (0..20).map(|user| format!("crowd_total{{user=\"{user}\"}} 1\n"));
            crowd
                .chain(["requests_total 100\n".into(), "failures_total 1\n".into()])
                .collect::<String>()
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    folder.write("slo.yml", &slos(&["crowd"]).replace("requests_total", "crowd_total"));
    let limits = "limits: {label_sets_per_family: 5}\n";
    folder.write("plimsoll.yml", &config(&[("crowd", address)], limits));
    let daemon = Running::start(folder.config());
    let is_refused = |list: &Value| {
        let target = &list["targets"][0];
        // 15 of the crowd at each scrape.
        let refused = target["samples_refused"]["label_set_limit"].as_u64();
        target["state"] == "up" && refused.is_some_and(|refused| refused > 0 && refused % 15 == 0)
    };
    daemon.until("/api/v1/targets", is_refused).await;
    let metrics = daemon.get("/metrics").await.text().await.expect("text");
    let family = "plimsoll_scrape_samples_refused_total{reason=\"label_set_limit\"";
    assert!(metrics.contains(family), "{metrics}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_comes_back_is_seen_again() {
    let target = Target::start(Manner::Garbage).await;
    let folder = Folder::new();
    folder.write("slo.yml", &slos(&["checkout"]));
    folder.write("plimsoll.yml", &config(&[("checkout", target.address)], ""));
    let daemon = Running::start(folder.config());
    let path = "/api/v1/slos/shop%2Fcheckout";
    daemon.until(path, |slo| slo["reasons"]["state"] == "target_down").await;
    *target.manner.lock().expect("unpoisoned") = Manner::Good;
    daemon.until(path, |slo| slo["state"] == "ok").await;
    daemon.stop().await;
}
