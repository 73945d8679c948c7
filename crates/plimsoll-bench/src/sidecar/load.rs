//! Clients that ask.

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

/// Clients that ask as fast as they are answered.
const CLIENTS: usize = 32;

/// Asks as fast as answers come, on the calling thread; returns how many came.
pub(crate) fn saturate(address: SocketAddr, lasts: Duration) -> usize {
    alone(async move {
        let end_ns = now_ns() + lasts.as_nanos() as u64;
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn_local(async move {
                let mut stream = connect(address).await;
                let mut answered = 0;
                while now_ns() < end_ns {
                    ask(&mut stream).await;
                    answered += 1;
                }
                answered
            });
        }
        clients.join_all().await.into_iter().sum()
    })
}

/// Connects as clients that care for latency do.
pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.expect("a server");
    let _ = stream.set_nodelay(true);
    stream
}

/// Asks once and reads the whole answer.
pub(crate) async fn ask(stream: &mut TcpStream) {
    stream.write_all(REQUEST).await.expect("sent");
    let mut answer = Vec::with_capacity(4_096);
    while !answer.ends_with(END) {
        let read = stream.read_buf(&mut answer).await.expect("an answer");
        assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
    }
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
