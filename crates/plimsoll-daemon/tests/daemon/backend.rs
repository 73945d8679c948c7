//! SLOs that a server with the Prometheus API counts.

use crate::sink::Sink;
use crate::world::{Folder, Running, slos};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

const SLO: &str = "/api/v1/slos/shop%2Fcheckout";

/// How the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// So many bad of a thousand.
    Bad(u32),
    Warning,
    Partial,
    Fails,
    Hangs,
    /// About a minute ago.
    Stale,
    /// The total gives nothing.
    Empty,
}

async fn server(manner: Manner) -> (SocketAddr, Arc<Mutex<Manner>>) {
    let manner = Arc::new(Mutex::new(manner));
    let router = Router::new().route("/api/v1/query", post(answer)).with_state(manner.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, manner)
}

async fn answer(State(manner): State<Arc<Mutex<Manner>>>, form: String) -> Response {
    let url = reqwest::Url::parse(&format!("http://query/?{form}")).expect("a form");
    let get = |key: &str| {
        url.query_pairs().find(|(name, _)| name == key).expect("it is there").1.into_owned()
    };
    assert_eq!(get("partial_response"), "false");
    let (query, at) = (get("query"), get("time").parse::<f64>().expect("a time"));
    let manner = *manner.lock().expect("unpoisoned");
    let (mut about, mut more, mut bad) = (at, json!({}), 0);
    match manner {
        Manner::Bad(count) => bad = count,
        Manner::Warning => more = json!({"warnings": ["one store is down"]}),
        Manner::Partial => more = json!({"isPartial": true}),
        Manner::Stale => about = at - 60.0,
        Manner::Hangs => std::future::pending().await,
        Manner::Fails => {
            let error = json!({"status": "error", "errorType": "timeout", "error": "too slow"});
            return (axum::http::StatusCode::SERVICE_UNAVAILABLE, Json(error)).into_response();
        }
        Manner::Empty => {}
    }
    let mut series = Vec::new();
    let many: Vec<&str> = query.split("label_replace(").skip(1).collect();
    let asked = if many.is_empty() { vec![query.as_str()] } else { many };
    for (number, question) in asked.into_iter().enumerate() {
        let value = match question {
            _ if question.contains("count_over_time((") => 120,
            _ if question.contains("failures_total") => bad,
            // The bucket that isn't there.
            _ if question.contains("le=~\"0\\\\.3\"") => continue,
            _ if manner == Manner::Empty => continue,
            _ => 1_000,
        };
        let metric = json!({"plimsoll_question": number.to_string()});
        series.push(json!({"metric": metric, "value": [about, value.to_string()]}));
    }
    let mut body = json!({"status": "success", "data": {"resultType": "vector", "result": series}});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    Json(body).into_response()
}

fn start(folder: &Folder, server: SocketAddr, more: &str) -> Running {
    let asked = slos(&["checkout"])
        .replace("    window: 1h\n", "    window: 1h\n    backend: prometheus\n");
    folder.write("slo.yml", &asked);
    let text = format!(
        "listen: 127.0.0.1:0\ndata_dir: state\nslo_files: ['slo*.yml']\n\
         backends: {{prometheus: {{url: 'http://{server}', interval: 200ms, timeout: 500ms}}}}\n{more}"
    );
    folder.write("plimsoll.yml", &text);
    Running::start(folder.config())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_whole_answer_is_unknown_and_never_wrong() {
    let (folder, (address, manner)) = (Folder::new(), server(Manner::Bad(3)).await);
    let daemon = start(&folder, address, "");
    let set = |to: Manner| *manner.lock().expect("unpoisoned") = to;
    let is_known = |slo: &Value| slo["counts"]["bad"] == 3 && slo["state"] == "ok";
    let slo = daemon.until(SLO, is_known).await;
    assert_eq!(slo["counts"]["good"], 997);
    assert_eq!((&slo["ratio"]["low"], &slo["coverage"]), (&0.003.into(), &1.0.into()));
    for (wrong, words) in [
        (Manner::Warning, "one store is down"),
        (Manner::Partial, "isn't whole"),
        (Manner::Fails, "too slow"),
        (Manner::Hangs, "no complete answer within 500 ms"),
        (Manner::Stale, "about another time"),
    ] {
        set(wrong);
        let nothing = json!({"low": null, "high": null});
        let is_unknown = |slo: &Value| {
            slo["state"] == "unknown"
                && slo["blind"].to_string().contains(words)
                && slo["burn"]["2s"] == nothing
        };
        daemon.until(SLO, is_unknown).await;
        set(Manner::Bad(3));
        daemon.until(SLO, is_known).await;
    }
    set(Manner::Empty);
    daemon.until(SLO, |slo| slo["burn"]["2s"]["low"].is_null()).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_pages_by_what_the_server_counts_and_stays_when_that_goes_blind() {
    let (folder, (address, manner)) = (Folder::new(), server(Manner::Bad(0)).await);
    let alertmanager = Sink::start("/api/v2/alerts").await;
    let more = format!(
        "alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{}']}}]}}]}}\n",
        alertmanager.address
    );
    let daemon = start(&folder, address, &more);
    daemon.until(SLO, |slo| slo["state"] == "ok").await;
    *manner.lock().expect("unpoisoned") = Manner::Bad(900);
    alertmanager.alert(|alert| alert["labels"]["alertname"] == "SloPage").await;
    *manner.lock().expect("unpoisoned") = Manner::Fails;
    daemon.until(SLO, |slo| slo["burn"]["2s"]["low"].is_null()).await;
    let slo = daemon.slo("shop/checkout").await;
    assert_eq!(slo["state"], "page", "going blind resolves nothing: {slo:#}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_threshold_that_is_no_edge_is_unknown_and_not_all_bad() {
    let (folder, (address, _manner)) = (Folder::new(), server(Manner::Bad(0)).await);
    let latency = |name: &str, within: &str| {
        format!(
            "  - {{name: {name}, objective: 99%, window: 1h, backend: prometheus, \
             sli: {{latency: {{histogram: took_seconds, within: {within}}}}}}}\n"
        )
    };
    let both = latency("edge", "250ms") + &latency("between", "300ms");
    folder
        .write("slo-latency.yml", &format!("apiVersion: plimsoll/v1\nservice: lib\nslos:\n{both}"));
    let daemon = start(&folder, address, "");
    let edge = "/api/v1/slos/lib%2Fedge";
    let slo = daemon.until(edge, |slo| slo["counts"]["good"] == 1_000).await;
    assert_eq!(slo["state"], "ok", "{slo:#}");
    let slo = daemon.slo("lib/between").await;
    assert_eq!(slo["ratio"], json!({"low": null, "high": null}), "{slo:#}");
    daemon.stop().await;
}
