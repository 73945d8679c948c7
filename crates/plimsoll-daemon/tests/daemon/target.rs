//! Targets that behave, and targets that don't.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Events that happen between two scrapes of a good target.
pub(crate) const EVENTS: u64 = 50;

/// How a target answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Text, `EVENTS` more events each time.
    Good,
    /// The head of an answer, and then nothing.
    Slow,
    /// A body without end.
    Huge,
    /// A page for browsers.
    Html,
    /// Text that says it is longer than it is.
    Half,
    /// Bytes that are no exposition.
    Garbage,
}

/// One target and its handles.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) manner: Arc<Mutex<Manner>>,
    /// Whether what happens now goes wrong.
    pub(crate) failing: Arc<AtomicBool>,
    pub(crate) total: Arc<AtomicU64>,
    pub(crate) bad: Arc<AtomicU64>,
}

impl Target {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let target = Self {
            address: listener.local_addr().expect("an address"),
            manner: Arc::new(Mutex::new(manner)),
            failing: Arc::default(),
            total: Arc::default(),
            bad: Arc::default(),
        };
        let serving = target.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let target = serving.clone();
                tokio::spawn(async move { target.converse(stream).await });
            }
        });
        target
    }

    async fn converse(&self, mut stream: TcpStream) {
        let mut request = Vec::new();
        let mut buffer = [0; 1024];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => request.extend_from_slice(&buffer[..read]),
            }
            if request.ends_with(b"\r\n\r\n") {
                request.clear();
                let manner = *self.manner.lock().expect("unpoisoned");
                if self.answer(&mut stream, manner).await.is_none() {
                    return;
                }
            }
        }
    }

    async fn answer(&self, stream: &mut TcpStream, manner: Manner) -> Option<()> {
        const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n";
        let whole = |body: &str| format!("{HEAD}Content-Length: {}\r\n\r\n{body}", body.len());
        match manner {
            Manner::Good => stream.write_all(whole(&self.body()).as_bytes()).await.ok(),
            Manner::Slow => {
                let head = format!("{HEAD}Content-Length: 1000\r\n\r\n# HELP");
                stream.write_all(head.as_bytes()).await.ok()?;
                // Until the daemon hangs up.
                drop(stream.read(&mut [0; 1]).await);
                None
            }
            Manner::Huge => {
                let head = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n");
                stream.write_all(head.as_bytes()).await.ok()?;
                let chunk = format!("2710\r\n{}\r\n", "#".repeat(10_000));
                while stream.write_all(chunk.as_bytes()).await.is_ok() {}
                None
            }
            Manner::Html => {
                let head =
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
                stream.write_all(head.as_bytes()).await.ok()
            }
            Manner::Half => {
                let body = self.body();
                let head = format!("{HEAD}Content-Length: {}\r\n\r\n{body}", body.len() + 100);
                stream.write_all(head.as_bytes()).await.ok();
                None
            }
            Manner::Garbage => stream.write_all(whole("what is {this\n").as_bytes()).await.ok(),
        }
    }

    fn body(&self) -> String {
        let total = self.total.fetch_add(EVENTS, Ordering::SeqCst) + EVENTS;
        let worse = if self.failing.load(Ordering::SeqCst) { EVENTS } else { 0 };
        let bad = self.bad.fetch_add(worse, Ordering::SeqCst) + worse;
        format!(
            "# TYPE requests_total counter\n\
             requests_total {total}\n\
             # TYPE failures_total counter\n\
             failures_total {bad}\n\
             # TYPE concurrency_queue_depth gauge\n\
             concurrency_queue_depth{{queue=\"orders\"}} 3\n\
             # TYPE concurrency_queue_depth_limit gauge\n\
             concurrency_queue_depth_limit{{queue=\"orders\"}} 8\n\
             # TYPE process_start_time_seconds gauge\n\
             process_start_time_seconds 1000\n"
        )
    }
}
