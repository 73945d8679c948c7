use crate::rig::Rig;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn an_upgraded_connection_is_in_flight_until_both_ends_close() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client
        .send(
            "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\nearly",
        )
        .await;
    let mut target = rig.target().await;
    let head = target.head().await;
    assert!(head.contains("connection: upgrade\r\nupgrade: websocket\r\n"), "{head}");
    target.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello").await;
    let head = client.until("hello").await;
    assert!(head.contains("connection: upgrade\r\nupgrade: websocket\r\n"), "{head}");
    assert_eq!(target.until("early").await, "early");
    client.send("ping").await;
    target.until("ping").await;
    target.send("pong").await;
    client.until("pong").await;
    rig.in_flight(1.0).await;
    client.0.shutdown().await.unwrap();
    target.gone().await;
    // One direction is still open.
    target.send("bye").await;
    assert_eq!(client.until("bye").await, "bye");
    rig.in_flight(1.0).await;
    drop(target);
    client.gone().await;
    rig.ended("ok", 1.0).await;
}

#[tokio::test]
async fn a_target_may_refuse_an_upgrade() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client
        .send("GET /ws HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n")
        .await;
    let mut target = rig.target().await;
    target.head().await;
    target.send("HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\n\r\n").await;
    assert!(client.head().await.starts_with("HTTP/1.1 426 "));
    rig.ended("ok", 1.0).await;
}

#[tokio::test]
async fn a_tcp_proxy_counts_connections() {
    let rig = Rig::start("tcp", "").await;
    let mut client = rig.client().await;
    let mut target = rig.target().await;
    // Whoever speaks first: no protocol is assumed.
    target.send("220 ready\n").await;
    assert_eq!(client.until("\n").await, "220 ready\n");
    client.send("QUIT\n").await;
    target.until("QUIT\n").await;
    rig.in_flight(1.0).await;
    drop(target);
    client.gone().await;
    drop(client);
    rig.ended("ok", 1.0).await;
    let series = rig.series().await;
    assert!(!series.keys().any(|name| name.starts_with("http_server")), "{series:#?}");
}
