use crate::rig::Rig;

fn refused(reason: &str) -> String {
    format!(r#"concurrency_proxy_refused_total{{proxy="shop",reason="{reason}"}}"#)
}

#[tokio::test]
async fn a_smuggled_request_is_refused_and_the_connection_closed() {
    let rig = Rig::start("http", "").await;
    let smuggled = "GET /admin HTTP/1.1\r\nhost: x\r\n\r\n";
    let heads = [
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\nx: y\r\n transfer-encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\ntransfer-encoding: chunked\r\n\r\n",
    ];
    for (index, head) in heads.into_iter().enumerate() {
        let mut client = rig.client().await;
        client.send(&format!("{head}{smuggled}")).await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head:?}: {answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        rig.until(&refused("malformed"), (index + 1) as f64).await;
    }
    // Not one of them has reached the target.
    assert!(futures_util::FutureExt::now_or_never(rig.target.accept()).is_none());
}

#[tokio::test]
async fn a_bad_chunk_ends_the_request_before_anything_follows() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client.send("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n").await;
    let mut target = rig.target().await;
    target.until("1\r\na\r\n").await;
    client.send("0\n\nGET /admin HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(client.rest().await.starts_with("HTTP/1.1 400 Bad Request\r\n"));
    target.gone().await;
    rig.until(&refused("malformed"), 1.0).await;
    rig.ended("ok", 1.0).await;
}

#[tokio::test]
async fn a_slow_head_is_not_waited_for() {
    let rig = Rig::start("http", "header_timeout: 300ms").await;
    let mut client = rig.client().await;
    client.send("GET / HTTP/1.1\r\nho").await;
    assert!(client.rest().await.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    rig.until(&refused("slow"), 1.0).await;
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client
        .send(&format!("GET / HTTP/1.1\r\nhost: x\r\ncookie: {}\r\n\r\n", "a".repeat(40_000)))
        .await;
    assert!(client.rest().await.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"));
    rig.until(&refused("too_large"), 1.0).await;
}

#[tokio::test]
async fn a_target_that_answers_garbage_is_a_bad_gateway() {
    let rig = Rig::start("http", "").await;
    let answers = [
        "220 mail ready\r\n\r\n",
        "HTTP/1.1 200 OK\r\nhalf-a-he",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        "",
    ];
    for (index, answer) in answers.into_iter().enumerate() {
        let mut client = rig.client().await;
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let mut target = rig.target().await;
        target.head().await;
        target.send(answer).await;
        drop(target);
        assert!(client.rest().await.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{answer:?}");
        rig.ended("error", (index + 1) as f64).await;
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_not_passed_off_as_whole() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut target = rig.target().await;
    target.head().await;
    target.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
    drop(target);
    client.until("half").await;
    client.gone().await;
    rig.ended("error", 1.0).await;
}

#[tokio::test]
async fn a_target_that_is_down_says_why_and_comes_back() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let down = free.local_addr().unwrap();
    drop(free);
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut rig = Rig::before(other, &format!("http://{down}"), "").await;
    let mut client = rig.client().await;
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(client.until("connection\n").await.starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
    rig.ended("error", 1.0).await;
    let up = r#"concurrency_collector_up{collector="shop"}"#;
    rig.until(up, 0.0).await;
    rig.target = tokio::net::TcpListener::bind(down).await.unwrap();
    let mut client = rig.client().await;
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    rig.target().await.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    client.head().await;
    rig.until(up, 1.0).await;
}

#[tokio::test]
async fn a_head_that_stops_amid_is_no_request() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client.send("GET / HTTP/1.1\r\nhost: x\r\n").await;
    drop(client);
    rig.until(r#"concurrency_proxy_connections{proxy="shop",side="client"}"#, 0.0).await;
    let series = rig.series().await;
    assert!(!series.iter().any(|(name, value)| name.contains("_operations_total") && *value > 0.0));
    assert!(futures_util::FutureExt::now_or_never(rig.target.accept()).is_none());
}

#[tokio::test]
async fn a_target_that_answers_before_it_was_asked_everything_is_heard() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf").await;
    let mut target = rig.target().await;
    target.until("half").await;
    target.send("HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno").await;
    drop(target);
    assert!(client.rest().await.ends_with("\r\n\r\nno"));
    rig.ended("ok", 1.0).await;
    rig.in_flight(0.0).await;
}

#[tokio::test]
async fn a_response_that_nobody_asked_for_reaches_nobody() {
    let rig = Rig::start("http", "").await;
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
    let get = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    // Behind the one that was asked for, and on a connection that is kept.
    for late in [false, true] {
        let mut client = rig.client().await;
        client.send(get).await;
        let mut target = rig.target().await;
        target.head().await;
        target.send(&format!("{ok}ok{}", if late { "" } else { "evil" })).await;
        assert_eq!(client.until("ok").await, format!("{ok}ok"));
        if late {
            // On loopback it has arrived once it is sent.
            target.send(&format!("{ok}evil")).await;
        }
        client.send(get).await;
        let mut other = rig.target().await;
        other.head().await;
        other.send(&format!("{ok}so")).await;
        assert_eq!(client.until("so").await, format!("{ok}so"));
        target.gone().await;
        drop((client, other));
        rig.until(r#"concurrency_proxy_connections{proxy="shop",side="target"}"#, 0.0).await;
    }
    rig.ended("ok", 4.0).await;
}

#[tokio::test]
async fn a_target_changes_no_protocol_amid_a_request() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client
        .send(
            "POST / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: a\r\n\
             content-length: 9\r\n\r\nhalf",
        )
        .await;
    let mut target = rig.target().await;
    target.until("half").await;
    target.send("HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: a\r\n\r\n").await;
    assert!(client.rest().await.starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
    rig.ended("error", 1.0).await;
}
