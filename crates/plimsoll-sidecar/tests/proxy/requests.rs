use crate::rig::Rig;

const GET: &str = "GET / HTTP/1.1\r\nhost: shop\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_connection_carries_one_request_after_the_other() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client.send(GET).await;
    let mut target = rig.target().await;
    for _ in 0..3 {
        assert_eq!(target.head().await, GET);
        target.send(OK).await;
        assert_eq!(client.until("ok").await, OK);
        // The same connection to the target, too.
        client.send(GET).await;
    }
    target.head().await;
    target.send(OK).await;
    client.until("ok").await;
    rig.ended("ok", 4.0).await;
    let series = rig.in_flight_now().await;
    assert_eq!(series[r#"concurrency_in_flight_peak{operation="shop"}"#], 1.0);
    let count = r#"http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",url_scheme="http"}"#;
    assert_eq!(series[count], 4.0);
}

#[tokio::test]
async fn a_request_is_in_flight_until_its_last_byte() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client.send(GET).await;
    let mut target = rig.target().await;
    target.head().await;
    target.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").await;
    client.head().await;
    for _ in 0..3 {
        target.send("5\r\ndata\n\r\n").await;
        // Each event is there as it comes.
        assert_eq!(client.until("data\n\r\n").await, "5\r\ndata\n\r\n");
        rig.in_flight(1.0).await;
    }
    target.send("0\r\n\r\n").await;
    client.until("0\r\n\r\n").await;
    rig.ended("ok", 1.0).await;
    rig.in_flight(0.0).await;
}

#[tokio::test]
async fn a_client_that_leaves_is_cancelled_and_the_target_told() {
    let rig = Rig::start("http", "").await;
    // Before the response has begun, and amid it.
    for begun in [false, true] {
        let mut client = rig.client().await;
        client.send(GET).await;
        let mut target = rig.target().await;
        target.head().await;
        if begun {
            target.send("HTTP/1.1 200 OK\r\n\r\nhalf").await;
            client.until("half").await;
        }
        rig.in_flight(1.0).await;
        drop(client);
        target.gone().await;
        rig.ended("cancelled", 1.0 + f64::from(u8::from(begun))).await;
    }
}

#[tokio::test]
async fn bodies_go_both_ways_at_once() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client.send("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let mut target = rig.target().await;
    target.head().await;
    target.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    client.head().await;
    for chunk in ["1\r\na\r\n", "2\r\nbc\r\n", "0\r\n\r\n"] {
        client.send(chunk).await;
        assert_eq!(target.until(chunk).await, chunk);
        target.send(chunk).await;
        assert_eq!(client.until(chunk).await, chunk);
    }
    rig.ended("ok", 1.0).await;
}

#[tokio::test]
async fn a_large_body_is_the_same_at_the_other_end() {
    let rig = Rig::start("http", "").await;
    let body: String = (0..400_000).map(|number| format!("{number:08}\n")).collect();
    let mut client = rig.client().await;
    let length = body.len();
    let sent = format!("PUT /a HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}");
    let echo = async {
        let mut target = rig.target().await;
        let head = target.head().await;
        assert!(head.contains(&format!("content-length: {length}\r\n")), "{head}");
        let mut bytes = vec![0; length];
        tokio::io::AsyncReadExt::read_exact(&mut target.0, &mut bytes).await.unwrap();
        target.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n")).await;
        target.send(std::str::from_utf8(&bytes).unwrap()).await;
    };
    let ask = async {
        client.send(&sent).await;
        client.head().await;
        // A slow reader: nothing is lost while the proxy has to hold bytes back.
        let mut bytes = vec![0; length];
        for piece in bytes.chunks_mut(100_000) {
            tokio::io::AsyncReadExt::read_exact(&mut client.0, piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert!(bytes == body.as_bytes());
    };
    tokio::join!(echo, ask);
    rig.ended("ok", 1.0).await;
}

#[tokio::test]
async fn interim_responses_come_through() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client
        .send("POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        .await;
    let mut target = rig.target().await;
    assert!(target.head().await.contains("expect: 100-continue\r\n"));
    target.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hi").await;
    target.until("hi").await;
    target.send("HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n").await;
    client.until("link: a\r\n\r\n").await;
    assert_eq!(client.head().await, "HTTP/1.1 204 No Content\r\n\r\n");
    rig.ended("ok", 1.0).await;
}

#[tokio::test]
async fn requests_in_advance_are_answered_in_turn() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client.send("HEAD /1 HTTP/1.1\r\nhost: x\r\n\r\nPOST /2 HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\naGET /3 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let mut target = rig.target().await;
    assert!(target.head().await.starts_with("HEAD /1"));
    target.send("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n").await;
    assert!(target.until("\r\n\r\na").await.starts_with("POST /2"));
    target.send(OK).await;
    assert!(target.head().await.starts_with("GET /3"));
    target.send(OK).await;
    let answers = client.rest().await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
    assert!(answers.ends_with("connection: close\r\n\r\nok"), "{answers}");
    rig.ended("ok", 3.0).await;
}

#[tokio::test]
async fn a_connection_that_the_target_has_closed_is_replaced() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client.send(GET).await;
    let mut target = rig.target().await;
    target.head().await;
    target.send(OK).await;
    client.until("ok").await;
    client.send(GET).await;
    target.head().await;
    // It was open when the request was sent, and closes without an answer.
    drop(target);
    let mut target = rig.target().await;
    target.head().await;
    target.send(OK).await;
    client.until("ok").await;
    // What may change something isn't sent twice.
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await;
    target.head().await;
    drop(target);
    assert!(client.head().await.starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
    rig.ended("ok", 2.0).await;
    rig.ended("error", 1.0).await;
}

#[tokio::test]
async fn an_old_client_gets_what_it_can_read() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    let mut target = rig.target().await;
    assert_eq!(target.head().await, "GET / HTTP/1.0\r\n\r\n");
    target.send("HTTP/1.0 200 OK\r\n\r\nall").await;
    drop(target);
    assert_eq!(client.rest().await, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall");
    rig.ended("ok", 1.0).await;
}

impl Rig {
    async fn in_flight_now(&self) -> std::collections::BTreeMap<String, f64> {
        self.until(r#"concurrency_in_flight{operation="shop"}"#, 0.0).await
    }
}
