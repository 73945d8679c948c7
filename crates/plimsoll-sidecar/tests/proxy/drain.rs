use crate::rig::Rig;

const GET: &str = "GET / HTTP/1.1\r\nhost: shop\r\n\r\n";

#[tokio::test]
async fn the_stop_lets_what_is_in_flight_end() {
    let rig = Rig::start("http", "").await;
    let mut idle = rig.client().await;
    idle.send(GET).await;
    let mut target = rig.target().await;
    target.head().await;
    target.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    idle.head().await;
    let mut busy = rig.client().await;
    busy.send(GET).await;
    let mut target = rig.again(target).await;
    rig.in_flight(1.0).await;
    rig.stopper.drain();
    let proxy = rig.proxy;
    let ended = tokio::spawn(rig.bound.run());
    // Who asks nothing is let go at once, and nobody new is let in.
    idle.gone().await;
    assert!(tokio::net::TcpStream::connect(proxy).await.is_err());
    assert!(!ended.is_finished());
    target.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    assert!(busy.rest().await.contains("\r\nconnection: close\r\n"));
    ended.await.unwrap();
}

#[tokio::test]
async fn a_second_stop_lets_go_of_what_is_in_flight() {
    let rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client.send(GET).await;
    rig.target().await.head().await;
    rig.stopper.drain();
    rig.stopper.abort();
    rig.bound.run().await;
    client.gone().await;
}

#[tokio::test]
async fn draining_has_an_end() {
    let rig = Rig::start("http", "drain_timeout: 300ms").await;
    let mut client = rig.client().await;
    client.send(GET).await;
    let mut target = rig.target().await;
    target.head().await;
    rig.stopper.drain();
    rig.bound.run().await;
    target.gone().await;
}
