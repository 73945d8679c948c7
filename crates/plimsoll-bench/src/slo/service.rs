//! What is scraped: two counters for each of many services, over keep-alive HTTP.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A target that serves the counters of `services` services; its threads end with the process.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    services: usize,
    began_s: f64,
    /// From then on everything fails; 0 while nothing does.
    fails_from_ms: AtomicU64,
    fails: AtomicBool,
}

impl Target {
    pub(super) fn serve(services: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let (fails_from_ms, fails) = (AtomicU64::new(0), AtomicBool::new(false));
        let state = Arc::new(State { services, began_s: wall_s(), fails_from_ms, fails });
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                std::thread::spawn(move || state.answer(stream));
            }
        });
        Self { address, state }
    }

    /// Lets every request fail from now on.
    pub(super) fn fail(&self) {
        self.state.fails_from_ms.store((wall_s() * 1e3) as u64, Ordering::SeqCst);
        self.state.fails.store(true, Ordering::SeqCst);
    }

    /// Returns what a scrape gets now.
    pub(super) fn body(&self) -> String {
        self.state.body()
    }
}

impl State {
    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("the same stream"));
        let mut line = String::new();
        loop {
            line.clear();
            match reader.read_line(&mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) if line != "\r\n" => continue,
                Ok(_) => {}
            }
            let body = self.body();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\
                 Content-Length: {}\r\n\r\n",
                body.len()
            );
            let sent = stream.write_all(head.as_bytes()).and(stream.write_all(body.as_bytes()));
            if sent.is_err() {
                return;
            }
        }
    }

    fn body(&self) -> String {
        let now_s = wall_s();
        let fails = self.fails.load(Ordering::SeqCst);
        let from_s =
            if fails { self.fails_from_ms.load(Ordering::SeqCst) as f64 / 1e3 } else { now_s };
        let (clean_s, failing_s) = (from_s - self.began_s + 100.0, now_s - from_s);
        let mut body = format!(
            "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {}\n\
             # TYPE http_requests_total counter\n",
            self.began_s
        );
        for service in 0..self.services {
            let rate = (service % 97 + 1) as f64;
            let good = (clean_s * rate * 10.0) as u64;
            let bad = (clean_s * rate * 0.01 + failing_s * rate * 10.0) as u64;
            // Writing to a string can't fail.
            let _ = writeln!(
                body,
                "http_requests_total{{service=\"s{service}\",code=\"200\"}} {good}\n\
                 http_requests_total{{service=\"s{service}\",code=\"500\"}} {bad}"
            );
        }
        body
    }
}

/// Returns the seconds since the Unix epoch.
#[allow(clippy::disallowed_methods, reason = "peers stamp their samples with the wall clock")]
pub(crate) fn wall_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
