//! The contract of the API, over HTTP.

use crate::target::{Manner, Target};
use crate::world::{Folder, PATIENCE, Running, config, slos};
use serde_json::{Value, json};

async fn calm() -> (Folder, Target, Running) {
    let (folder, target) = (Folder::new(), Target::start(Manner::Good).await);
    folder.write("slo.yml", &slos(&["checkout"]));
    folder.write("plimsoll.yml", &config(&[("checkout", target.address)], ""));
    let daemon = Running::start(folder.config());
    let path = "/api/v1/slos/shop%2Fcheckout";
    daemon.until(path, |slo| slo["counts"]["good"].as_u64() > Some(200)).await;
    (folder, target, daemon)
}

/// Holds a value against a schema of the OpenAPI document: every required key, no other key, and
/// each of its type.
fn hold(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        return hold(document, &document["components"]["schemas"][name], value, at);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let choice = choices.iter().find(|choice| (choice["type"] == "null") == value.is_null());
        return hold(document, choice.expect("a choice"), value, at);
    }
    if let Some(allowed) = schema["enum"].as_array() {
        return assert!(allowed.contains(value), "{at}: {value} is none of {allowed:?}");
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    let fits = types.iter().any(|each| each == kind || (kind == "integer" && each == "number"));
    assert!(fits, "{at}: {value} is no {types:?}");
    for item in value.as_array().into_iter().flatten() {
        hold(document, &schema["items"], item, &format!("{at}[]"));
    }
    let Some(object) = value.as_object() else { return };
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(object.contains_key(key) || key == "explanation", "{at}: no {key}");
    }
    for (key, below) in object {
        let schema = schema["properties"].get(key).unwrap_or(&schema["additionalProperties"]);
        assert!(schema.is_object(), "{at}: {key} isn't documented");
        hold(document, schema, below, &format!("{at}.{key}"));
    }
}

/// Puts a stretch right, and waits until that counts.
async fn correct(daemon: &Running) {
    let path = "/api/v1/slos/shop%2Fcheckout";
    let history = format!("{path}/history?step=1");
    let told =
        daemon.until(&history, |told| told["points"].as_array().is_some_and(|all| all.len() > 3));
    let points = told.await["points"].clone();
    let mut asked = json!({
        "slo": "shop/checkout", "from": points[1]["at"], "to": points[2]["at"],
        "good": 1_000_000, "bad": 5, "reason": "counted by the gateway", "author": "ada",
    });
    let answer = daemon.post("/api/v1/corrections").json(&asked).send().await.expect("sent");
    let (status, made) = (answer.status(), answer.text().await.expect("a body"));
    assert_eq!(status, 201, "{made}");
    let slo = daemon.until(path, |slo| slo["counts"]["good"].as_u64() > Some(1_000_000)).await;
    let spent = |which: &str| slo["budget"][which]["spent"]["low"].as_f64();
    assert_ne!(spent("with_exclusions"), spent("without_exclusions"), "{slo}");
    asked["author"] = "".into();
    let answer = daemon.post("/api/v1/corrections").json(&asked).send().await.expect("sent");
    assert_eq!(answer.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_what_the_openapi_document_says() {
    let (_folder, _target, daemon) = calm().await;
    let mark = json!({"kind": "deploy", "service": "shop", "text": "v2"});
    assert_eq!(daemon.post("/api/v1/events").json(&mark).send().await.expect("sent").status(), 201);
    correct(&daemon).await;
    let document = daemon.json("/api/openapi.json").await;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let answer = &item["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        if answer.is_object() {
            let value = daemon.json(&path.replace("{id}", "shop%2Fcheckout")).await;
            hold(&document, answer, &value, path);
            for (key, list) in value.as_object().expect("an object") {
                let is_quiet =
                    path.contains("alerts") || path.contains("{id}") || key == "discovery";
                let is_shown = list.as_array().is_none_or(|list| !list.is_empty());
                assert!(is_quiet || is_shown, "{path} shows nothing");
            }
        }
    }
    daemon.stop().await;
}

/// The routes as they are laid, each as the OpenAPI document writes it.
fn routes() -> Vec<String> {
    let source = include_str!("../../src/api/mod.rs");
    let paths = source.split(".route(").skip(1).filter_map(|rest| rest.split('"').nth(1));
    let documented = paths.filter(|path| !["/", "/{*name}", "/api/openapi.json"].contains(path));
    documented.map(|path| path.replace("{*", "{")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_documented_and_every_documented_one_is_there() {
    let (_folder, _target, daemon) = calm().await;
    let document = daemon.json("/api/openapi.json").await;
    let paths = document["paths"].as_object().expect("paths");
    let laid = routes();
    assert!(laid.len() > 10, "{laid:?}");
    for path in &laid {
        assert!(paths.contains_key(path), "{path} isn't documented");
    }
    for (path, item) in paths {
        let history = path.strip_suffix("/history");
        assert!(laid.iter().any(|each| each == path || Some(each.as_str()) == history), "{path}");
        let url = path.replace("{id}", "shop%2Fcheckout");
        for method in item.as_object().expect("methods").keys() {
            let answer = match method.as_str() {
                "get" => daemon.get(&url).await,
                _ => daemon.post(&url).send().await.expect("an answer"),
            };
            let status = answer.status().as_u16();
            assert!(![404, 405].contains(&status), "{method} {path}: {status}");
        }
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_those_of_the_target() {
    let (_folder, target, daemon) = calm().await;
    let slo = daemon.slo("shop/checkout").await;
    assert_eq!(slo["objective_ppm"], 990_000);
    assert_eq!(slo["window"], "1h");
    assert_eq!(slo["labels"], json!({"team": "payments"}));
    assert_eq!(slo["counts"]["bad"], 0);
    assert_eq!(slo["budget"]["with_exclusions"]["remaining"], json!({"low": 1.0, "high": 1.0}));
    let windows: Vec<&String> = slo["burn"].as_object().expect("burn").keys().collect();
    assert_eq!(
        windows,
        ["10s", "2m", "2s500ms", "30s", "500ms", "5s", "6m"],
        "1 h of 30 d, scaled"
    );
    let words = slo["sli"]["words"].as_str().expect("words");
    assert_eq!(words, r#"no failures_total{job="checkout"} of requests_total{job="checkout"}"#);
    assert!(slo["explanation"].as_str().expect("text").contains("99"));
    let signals = daemon.json("/api/v1/signals").await;
    let level = &signals["signals"][0];
    assert_eq!(
        (&level["name"], &level["level"], &level["limit"]),
        (&"concurrency_queue_depth".into(), &3.0.into(), &8.0.into())
    );
    assert_eq!(level["target"], target.address.to_string());
    assert_eq!(level["peak"], Value::Null, "it isn't exposed, so it isn't known");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_a_problem_document() {
    let (_folder, _target, daemon) = calm().await;
    for (path, status) in [
        ("/api/v1/slos/absent", 404),
        ("/api/v1/slos/%ff", 400),
        ("/api/v1/slos/shop%2Fcheckout/history?step=never", 400),
        ("/api/v1/slos/shop%2Fcheckout/history?from=2&to=1", 400),
        ("/api/v1/slos/shop%2Fcheckout/history?from=0&step=1", 400),
        ("/api/v1/slos/shop%2Fcheckout/history?form=0", 400),
        ("/api/v1/events?from=yesterday", 400),
        ("/api/v1/findings", 404),
        ("/-/reload", 405),
    ] {
        let answer = daemon.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
        let problem: Value = answer.json().await.expect("JSON");
        assert_eq!(problem["status"], status);
        assert!(!problem["detail"].as_str().expect("a detail").is_empty(), "{path}");
    }
    for body in
        ["{", "{\"kind\": \"\"}", "{\"kind\": \"deploy\", \"at\": \"noon\"}", "{\"kin\": 1}"]
    {
        let post = daemon.post("/api/v1/events").header("content-type", "application/json");
        let answer = post.body(body).send().await.expect("sent");
        assert_eq!(answer.status(), 400, "{body}");
    }
    let huge = daemon.post("/api/v1/events").header("content-type", "application/json");
    // One byte over the limit: what a server leaves unread, its answer may be lost in.
    let answer = huge.body(vec![b' '; (64 << 10) + 1]).send().await.expect("sent");
    assert_eq!(answer.status(), 413);
    let strange = daemon.post("/-/reload").header("origin", "http://elsewhere.test");
    assert_eq!(strange.send().await.expect("sent").status(), 403);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_greets_and_then_tells_what_changed() {
    let (_folder, target, daemon) = calm().await;
    let mut stream = daemon.get("/api/v1/stream").await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    let mut until = async |word: &str| {
        let read = async {
            while !text.contains(word) {
                let chunk = stream.chunk().await.expect("it streams").expect("it goes on");
                text.push_str(&String::from_utf8_lossy(&chunk));
            }
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("no {word}"));
        let at = text.find(word).expect("it is there");
        text.split_off(at)
    };
    until("event: hello").await;
    until("event: slos").await;
    until("event: targets").await;
    target.failing.store(true, std::sync::atomic::Ordering::SeqCst);
    until("\"state\":\"page\"").await;
    let mark = json!({"kind": "deploy", "service": "shop", "text": "v3"});
    daemon.post("/api/v1/events").json(&mark).send().await.expect("sent");
    until("event: mark").await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_needs_nothing_from_outside() {
    let (_folder, _target, daemon) = calm().await;
    let page = daemon.get("/").await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.starts_with("default-src 'self'"), "{policy}");
    let tag = page.headers()["etag"].clone();
    let text = page.text().await.expect("text");
    let mut linked: Vec<&str> = text.split(['"']).filter(|part| part.contains('.')).collect();
    linked.retain(|part| part.ends_with(".js") || part.ends_with(".css") || part.ends_with(".svg"));
    assert!(linked.len() > 3, "{linked:?}");
    for name in linked {
        assert_eq!(daemon.get(&format!("/{name}")).await.status(), 200, "{name}");
    }
    let url = format!("http://{}/", daemon.address);
    let client = reqwest::Client::builder().tls_certs_only([]).build().expect("a client");
    let again = client.get(url).header("if-none-match", tag).send().await.expect("an answer");
    assert_eq!(again.status(), 304);
    assert_eq!(daemon.get("/absent.js").await.status(), 404);
    assert_eq!(daemon.get("/..%2Fsrc%2Flib.rs").await.status(), 404);
    daemon.stop().await;
}
