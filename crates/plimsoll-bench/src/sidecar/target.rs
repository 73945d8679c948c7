//! What stands behind the proxies: it answers at once, or not at all.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// What a response ends with.
pub(crate) const END: &[u8] = b"that is all\n";

/// A target on a thread of its own, for as long as the program runs.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// Connections that have asked something and are still open.
    pub(crate) held: Arc<AtomicUsize>,
}

/// Starts one; if it `holds` it never answers.
pub(crate) fn start(holds: bool) -> Target {
    let held = Arc::new(AtomicUsize::new(0));
    let counted = held.clone();
    let (sender, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        super::load::alone(async move {
            let socket = TcpSocket::new_v4().expect("a socket");
            socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
            let listener = socket.listen(4_096).expect("it listens");
            sender.send(listener.local_addr().expect("an address")).expect("somebody waits");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::task::spawn_local(serve(stream, holds, counted.clone()));
            }
        });
    });
    Target { address: address.recv().expect("it has started"), held }
}

async fn serve(mut stream: TcpStream, holds: bool, held: Arc<AtomicUsize>) {
    let _ = stream.set_nodelay(true);
    let body = [b"x".repeat(500).as_slice(), END].concat();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let answer = [head.as_bytes(), &body].concat();
    let mut asked = [0; 4_096];
    if holds {
        let _ = stream.read(&mut asked).await;
        held.fetch_add(1, Ordering::Relaxed);
        while matches!(stream.read(&mut asked).await, Ok(1..)) {}
        held.fetch_sub(1, Ordering::Relaxed);
        return;
    }
    // A request without a body comes whole.
    while matches!(stream.read(&mut asked).await, Ok(1..)) {
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}
