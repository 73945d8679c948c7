use crate::rig::{Peer, Rig};
use plimsoll_record::clock::now_ns;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::sleep;

const CLIENTS: u64 = 16;
const REQUESTS: u64 = 2;

/// Answers each request of a connection after a time of its own, 1.5 s to 2.5 s as many times as the load
/// is the longer, and adds up how long it had them.
async fn serve(mut peer: Peer, attempt: u64, seed: u64, had_ns: Arc<AtomicU64>) {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut byte = [0];
    // The first byte says whether there is another request.
    while peer.0.peek(&mut byte).await.is_ok_and(|read| read > 0) {
        peer.head().await;
        let began_ns = now_ns();
        sleep(Duration::from_millis(attempt * random.random_range(1_500..2_500))).await;
        had_ns.fetch_add(now_ns() - began_ns, Ordering::Relaxed);
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    }
}

/// What clients and targets know of the integral: it lies between these, in seconds.
async fn load(rig: &Rig, attempt: u64) -> (f64, f64) {
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
    let mut seeds = attempt * CLIENTS..;
    loop {
        tokio::select! {
            ended = clients.join_next() => match ended {
                Some(ended) => ended.unwrap(),
                None => break,
            },
            peer = rig.target() => {
                tokio::spawn(serve(peer, attempt, seeds.next().unwrap(), target_ns.clone()));
            }
        }
    }
    let seconds = |ns: Arc<AtomicU64>| ns.load(Ordering::Relaxed) as f64 / 1e9;
    (seconds(target_ns), seconds(client_ns))
}

/// Loads that a busy machine may spoil, each longer than the last: what it adds weighs the less.
const ATTEMPTS: u64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn the_integral_is_that_of_the_load_itself() {
    let mut least_apart = f64::MAX;
    for attempt in 1..=ATTEMPTS {
        let rig = Rig::start("http", "").await;
        // What the target had was in flight, and so was nothing that the clients didn't wait for.
        let (target_s, client_s) = load(&rig, attempt).await;
        let series = rig.until(r#"concurrency_in_flight{operation="shop"}"#, 0.0).await;
        let proxy_s = series[r#"concurrency_in_flight_time_seconds_total{operation="shop"}"#];
        assert!((target_s..=client_s).contains(&proxy_s), "{target_s} ≤ {proxy_s} ≤ {client_s}");
        let count = series.iter().filter(|(name, _)| {
            name.starts_with("concurrency_operations_total") && name.contains(r#"outcome="ok""#)
        });
        assert_eq!(count.map(|(_, count)| count).sum::<f64>(), (CLIENTS * REQUESTS) as f64);
        // Both within 1 % of each other, the integral is known to 1 %.
        least_apart = least_apart.min(1.0 - target_s / client_s);
        if least_apart <= 0.01 {
            return;
        }
    }
    panic!("clients and targets are {least_apart} apart at best: too busy a machine to tell");
}
