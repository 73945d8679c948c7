//! Clients that ask, wait for the answer and ask again.

use super::target::END;
use plimsoll_record::clock::now_ns;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

/// Fields as a browser or a client library sends them.
const REQUEST: &[u8] = b"GET /orders/17?expand=lines HTTP/1.1\r\nHost: shop.example\r\n\
    User-Agent: bench/1.0\r\nAccept: application/json\r\nAccept-Encoding: gzip, br\r\n\
    Authorization: Bearer 0123456789abcdef0123456789abcdef\r\nX-Request-Id: 7f1c2d9a\r\n\
    traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";

/// How clients ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) clients: usize,
    /// Between an answer and the next request.
    pub(crate) pause: Duration,
    pub(crate) lasts: Duration,
}

/// How long each request took, in nanoseconds, ascending.
pub(crate) struct Took(Vec<u64>);

impl Took {
    /// Puts those of several stretches together.
    pub(crate) fn pooled(stretches: Vec<Self>) -> Self {
        Self::sorted(stretches.into_iter().map(|took| took.0).collect::<Vec<_>>().concat())
    }

    fn sorted(mut took: Vec<u64>) -> Self {
        took.sort_unstable();
        Self(took)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns a quantile in microseconds.
    pub(crate) fn quantile_us(&self, quantile: f64) -> f64 {
        let at = (self.0.len() as f64 * quantile) as usize;
        self.0.get(at).copied().map_or(f64::NAN, |ns| ns as f64 / 1e3)
    }
}

/// Runs a load on the calling thread.
pub(crate) fn run(load: Load, address: SocketAddr) -> Took {
    alone(async move {
        let end_ns = now_ns() + load.lasts.as_nanos() as u64;
        let mut clients = JoinSet::new();
        for _ in 0..load.clients {
            clients.spawn_local(client(load, address, end_ns));
        }
        Took::sorted(clients.join_all().await.concat())
    })
}

async fn client(load: Load, address: SocketAddr, end_ns: u64) -> Vec<u64> {
    let mut stream = TcpStream::connect(address).await.expect("a server");
    let _ = stream.set_nodelay(true);
    let mut took = Vec::new();
    let mut answer = Vec::with_capacity(4_096);
    while now_ns() < end_ns {
        let began_ns = now_ns();
        stream.write_all(REQUEST).await.expect("sent");
        answer.clear();
        while !answer.ends_with(END) {
            let read = stream.read_buf(&mut answer).await.expect("an answer");
            assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
        }
        took.push(now_ns() - began_ns);
        if !load.pause.is_zero() {
            tokio::time::sleep(load.pause).await;
        }
    }
    took
}

/// Opens so many connections that ask and wait for ever; returns them once all have asked.
pub(crate) async fn hold(clients: usize, address: SocketAddr) -> Vec<TcpStream> {
    let mut held = Vec::with_capacity(clients);
    for _ in 0..clients {
        let mut stream = TcpStream::connect(address).await.expect("a server");
        stream.write_all(REQUEST).await.expect("sent");
        held.push(stream);
    }
    held
}

/// Runs something on a runtime of the calling thread.
pub(crate) fn alone<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), what)
}
