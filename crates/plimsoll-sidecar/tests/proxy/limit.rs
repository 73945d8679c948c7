use crate::rig::Rig;

const GET: &str = "GET / HTTP/1.1\r\nhost: shop\r\n\r\n";

#[tokio::test]
async fn what_is_beyond_the_limit_is_shed_and_counted() {
    let rig = Rig::start("http", "limit: 1").await;
    let mut first = rig.client().await;
    first.send(GET).await;
    let mut target = rig.target().await;
    target.head().await;
    let mut second = rig.client().await;
    for shed in 1..=2 {
        second.send(GET).await;
        let answer = second.until("is reached\n").await;
        assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
        assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
        let series = r#"concurrency_backpressure_total{reason="shed",source="shop"}"#;
        rig.until(series, f64::from(shed)).await;
    }
    let limiter = r#"concurrency_limiter_in_flight{limiter="shop"}"#;
    let series = rig.until(limiter, 1.0).await;
    assert_eq!(series[r#"concurrency_limiter_limit{limiter="shop"}"#], 1.0);
    target.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    first.head().await;
    rig.until(limiter, 0.0).await;
    second.send(GET).await;
    let mut target = rig.again(target).await;
    target.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    assert!(second.head().await.starts_with("HTTP/1.1 200"));
    rig.ended("ok", 2.0).await;
}

#[tokio::test]
async fn connections_have_a_bound_that_shows() {
    let rig = Rig::start("http", "connections_max: 1").await;
    let mut first = rig.client().await;
    first.send(GET).await;
    rig.target().await.head().await;
    rig.client().await.gone().await;
    rig.until(r#"concurrency_backpressure_total{reason="full",source="shop"}"#, 1.0).await;
    rig.until(r#"concurrency_proxy_connections{proxy="shop",side="client"}"#, 1.0).await;
}
