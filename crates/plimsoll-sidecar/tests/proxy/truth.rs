use crate::rig::{Peer, Rig};
use plimsoll_record::clock::now_ns;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::sleep;

const CLIENTS: u64 = 16;
const REQUESTS: u64 = 4;

/// Answers each request of a connection after a time of its own, and adds up how long it had them.
async fn serve(mut peer: Peer, seed: u64, had_ns: Arc<AtomicU64>) {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut byte = [0];
    // The first byte says whether there is another request.
    while peer.0.peek(&mut byte).await.is_ok_and(|read| read > 0) {
        peer.head().await;
        let began_ns = now_ns();
        sleep(Duration::from_millis(random.random_range(400..800))).await;
        had_ns.fetch_add(now_ns() - began_ns, Ordering::Relaxed);
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_integral_is_that_of_the_load_itself() {
    let rig = Rig::start("http", "").await;
    let target_ns = Arc::new(AtomicU64::new(0));
    let client_ns = Arc::new(AtomicU64::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (proxy, client_ns) = (rig.proxy, client_ns.clone());
        clients.spawn(async move {
            let mut peer = Peer(TcpStream::connect(proxy).await.unwrap());
            for _ in 0..REQUESTS {
                let began_ns = now_ns();
                peer.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
                peer.until("ok").await;
                client_ns.fetch_add(now_ns() - began_ns, Ordering::Relaxed);
            }
        });
    }
    let mut seed = 0;
    loop {
        tokio::select! {
            ended = clients.join_next() => match ended {
                Some(ended) => ended.unwrap(),
                None => break,
            },
            peer = rig.target() => {
                seed += 1;
                tokio::spawn(serve(peer, seed, target_ns.clone()));
            }
        }
    }
    let series = rig.until(r#"concurrency_in_flight{operation="shop"}"#, 0.0).await;
    let proxy_s = series[r#"concurrency_in_flight_time_seconds_total{operation="shop"}"#];
    let [target_s, client_s] =
        [target_ns, client_ns].map(|ns| ns.load(Ordering::Relaxed) as f64 / 1e9);
    // What the target had was in flight, and so was nothing that the clients didn't wait for.
    assert!((target_s..=client_s).contains(&proxy_s), "{target_s} ≤ {proxy_s} ≤ {client_s}");
    assert!(proxy_s >= 0.99 * client_s, "{proxy_s} of {client_s} s");
    let count = series.iter().filter(|(name, _)| {
        name.starts_with("concurrency_operations_total") && name.contains(r#"outcome="ok""#)
    });
    assert_eq!(count.map(|(_, count)| count).sum::<f64>(), (CLIENTS * REQUESTS) as f64);
}
