use crate::rig::{Peer, Rig};
use tokio::io::AsyncWriteExt;

const GET: &str = "GET / HTTP/1.1\r\nhost: shop\r\n\r\n";
const STREAM: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// Counts what timed out with this status, by OpenTelemetry's convention.
fn timeouts(method: &str, status: u16) -> String {
    format!(
        r#"http_server_request_duration_seconds_count{{error_type="timeout",http_request_method="{method}",http_response_status_code="{status}",url_scheme="http"}}"#
    )
}

/// Asks for something, and returns both ends once the target has the head.
async fn asked(rig: &Rig, request: &str) -> (Peer, Peer) {
    let mut client = rig.client().await;
    client.send(request).await;
    let mut target = rig.target().await;
    target.head().await;
    (client, target)
}

#[tokio::test]
async fn a_client_that_owes_its_body_is_not_waited_for() {
    let rig = Rig::start("http", "body_timeout: 300ms").await;
    let (mut client, mut target) =
        asked(&rig, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf").await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    target.gone().await;
    rig.ended("timed_out", 1.0).await;
    rig.until(&timeouts("POST", 408), 1.0).await;
}

#[tokio::test]
async fn a_body_that_comes_slowly_is_not_stalled() {
    let rig = Rig::start("http", "body_timeout: 500ms").await;
    let (mut client, mut target) =
        asked(&rig, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n\r\n").await;
    // In all three times as long as one byte may take.
    for byte in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        client.send(byte).await;
        target.until(byte).await;
    }
    target.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert!(client.head().await.starts_with("HTTP/1.1 204"));
    rig.ended("ok", 1.0).await;
}

#[tokio::test]
async fn a_target_that_does_not_take_the_body_is_a_gateway_timeout() {
    let rig = Rig::start("http", "body_timeout: 300ms").await;
    let length = 64 << 20;
    let head = format!("PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    let (client, target) = asked(&rig, &head).await;
    let (read, mut write) = client.0.into_split();
    let sending = tokio::spawn(async move { write.write_all(&vec![b'x'; length]).await });
    let mut client = String::new();
    let mut read = tokio::io::BufReader::new(read);
    tokio::io::AsyncBufReadExt::read_line(&mut read, &mut client).await.unwrap();
    assert_eq!(client, "HTTP/1.1 504 Gateway Timeout\r\n");
    rig.ended("timed_out", 1.0).await;
    rig.until(&timeouts("PUT", 504), 1.0).await;
    drop((target, read));
    let _ = sending.await.unwrap();
}

#[tokio::test]
async fn a_response_that_was_promised_is_waited_for_so_long_only() {
    let rig = Rig::start("http", "body_timeout: 300ms").await;
    let (mut client, mut target) = asked(&rig, GET).await;
    target.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
    client.until("half").await;
    client.gone().await;
    target.gone().await;
    rig.ended("timed_out", 1.0).await;
    rig.until(&timeouts("GET", 200), 1.0).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    let rig = Rig::start("http", "body_timeout: 300ms").await;
    let (client, target) = asked(&rig, GET).await;
    let (mut read, mut write) = target.0.into_split();
    let sending = tokio::spawn(async move {
        write.write_all(STREAM.as_bytes()).await?;
        let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20));
        for _ in 0..64 {
            write.write_all(chunk.as_bytes()).await?;
        }
        std::io::Result::Ok(())
    });
    rig.ended("timed_out", 1.0).await;
    // The target is told, and can stop.
    assert!(sending.await.unwrap().is_err());
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut read, &mut Vec::new()).await;
    drop(client);
}

#[tokio::test]
async fn a_stream_and_an_answer_take_as_long_as_they_take() {
    let rig = Rig::start("http", "body_timeout: 300ms").await;
    let (mut events, mut source) = asked(&rig, GET).await;
    source.send(STREAM).await;
    events.head().await;
    let (mut patient, mut thinking) = asked(&rig, GET).await;
    // Bytes go both ways when both like; nobody owes any once the answer has begun.
    let (mut talker, mut listener) =
        asked(&rig, "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await;
    listener.send(STREAM).await;
    talker.head().await;
    // One that began after them is cut.
    let (mut owing, _target) =
        asked(&rig, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n").await;
    assert!(owing.rest().await.starts_with("HTTP/1.1 408 "));
    rig.in_flight(3.0).await;
    source.send("0\r\n\r\n").await;
    events.until("0\r\n\r\n").await;
    thinking.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    patient.head().await;
    talker.send("0\r\n\r\n").await;
    listener.until("0\r\n\r\n").await;
    listener.send("0\r\n\r\n").await;
    talker.until("0\r\n\r\n").await;
    rig.in_flight(0.0).await;
}

#[tokio::test]
async fn what_is_idle_has_a_bound_where_one_is_set() {
    let rig = Rig::start("http", "idle_timeout: 300ms").await;
    let (mut client, mut target) = asked(&rig, GET).await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"), "{answer}");
    target.gone().await;
    rig.ended("timed_out", 1.0).await;
    let (mut client, mut target) = asked(&rig, GET).await;
    target.send(STREAM).await;
    client.head().await;
    client.gone().await;
    rig.ended("timed_out", 2.0).await;
    let upgrade = "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: a\r\n\r\n";
    let (mut client, mut target) = asked(&rig, upgrade).await;
    target.send("HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: a\r\n\r\n").await;
    client.head().await;
    client.gone().await;
    target.gone().await;
    rig.ended("timed_out", 3.0).await;
}

#[tokio::test]
async fn an_idle_connection_of_bytes_has_a_bound_where_one_is_set() {
    let rig = Rig::start("tcp", "idle_timeout: 300ms").await;
    let mut client = rig.client().await;
    let mut target = rig.target().await;
    target.send("hello").await;
    client.until("hello").await;
    client.gone().await;
    target.gone().await;
    rig.ended("timed_out", 1.0).await;
}
