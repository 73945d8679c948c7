//! How much of all events an SLO of an in-flight band speaks for.

use crate::world::{Folder, Running, config};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;

const SLO: &str = "
apiVersion: plimsoll/v1
service: shop
slos:
  - name: fresh-under-load
    objective: 90%
    window: 1h
    sli:
      staleness:
        signal: 'staleness_seconds{source=\"exposure\"}'
        within: 300ms
        when: {in_flight: {of: authorize, at_least: 64}}
";

/// Reads by the band in flight: all, and those of data that was fresh enough.
const READS: [(u64, u64, u64); 4] = [(1, 200, 200), (16, 100, 90), (64, 70, 20), (128, 30, 10)];

async fn expose(State(round): State<Arc<AtomicU64>>) -> String {
    let round = round.load(Ordering::Relaxed);
    let mut body =
        String::from("process_start_time_seconds 1000000000\n# TYPE staleness_seconds histogram\n");
    for (band, all, fresh) in READS {
        for (le, count) in [("0.3", fresh), ("+Inf", all)] {
            let labels = format!("source=\"exposure\",band=\"{band}\",le=\"{le}\"");
            body.push_str(&format!("staleness_seconds_bucket{{{labels}}} {}\n", round * count));
        }
    }
    body
}

async fn serve(round: Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/metrics", get(expose)).with_state(round);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn the_share_of_the_band_is_published_beside_its_verdict() {
    let (folder, round) = (Folder::new(), Arc::new(AtomicU64::new(0)));
    let address = serve(round.clone()).await;
    folder.write("slo.yml", SLO);
    folder.write("plimsoll.yml", &config(&[("shop", address)], ""));
    let daemon = Running::start(folder.config());
    let path = "/api/v1/slos/shop%2Ffresh-under-load";
    let idle = daemon.until(path, |slo| slo["coverage"].as_f64() == Some(1.0)).await;
    assert!(idle["band"]["coverage"].is_null(), "nothing of nothing is unknown: {idle}");
    round.store(3, Ordering::Relaxed);
    let slo = daemon.until(path, |slo| slo["counts"]["bad"].as_u64() > Some(0)).await;
    assert_eq!(slo["counts"]["good"], 3 * (20 + 10));
    assert_eq!(slo["counts"]["bad"], 3 * (50 + 20));
    let band = &slo["band"];
    assert_eq!((&band["of"], &band["at_least"]), (&"authorize".into(), &64.into()));
    assert_eq!(band["coverage"], 0.25, "100 of 400");
    let windows = band["windows"].as_object().expect("windows");
    assert!(!windows.is_empty() && windows.values().all(|share| *share == 0.25), "{band}");
    let words = slo["explanation"].as_str().expect("words");
    let share =
        "counted are events with 64 or more of authorize in flight: 25.00 % of all events\n";
    assert!(words.ends_with(share), "{words}");
    let metrics = daemon.get("/metrics").await.text().await.expect("a body");
    let series = "plimsoll_slo_band_coverage_ratio{service=\"shop\",slo=\"fresh-under-load\",window=\"1h\"} 0.25";
    assert!(metrics.contains(series), "{metrics}");
    // A window of the policy is as long as the period.
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    let named: Vec<&str> = samples.filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect();
    let distinct: BTreeSet<&str> = named.iter().copied().collect();
    assert_eq!(distinct.len(), named.len(), "a series twice: {metrics}");
    // What it is compared with shows nowhere.
    assert!(!metrics.contains("every band"), "{metrics}");
    for path in ["/api/v1/slos", "/api/v1/targets", "/api/v1/alerts"] {
        let body = daemon.get(path).await.text().await.expect("a body");
        assert!(!body.contains("every band"), "{body}");
    }
    daemon.stop().await;
}
