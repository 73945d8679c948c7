//! One thread of a proxy: its own runtime and connections, so that no request crosses processors.

use super::seats::{Seats, TICK};
use super::shared::{Counted, Shared};
use super::target::Protocol;
use super::upstream::Upstream;
use super::{http, http2, tunnel};
use plimsoll_runtime::shutdown::Stop;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// Connections that wait for a thread to take them; beyond, the system's queue is the place to wait.
pub(crate) const HANDED_MAX: usize = 256;

/// How long nothing is accepted when there is no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the connections of one thread share.
pub(crate) struct Thread {
    pub(crate) shared: Arc<Shared>,
    pub(crate) seats: Rc<Seats>,
    pub(crate) upstream: Upstream,
    pub(crate) http2: http2::Target,
}

/// A connection that was accepted, on its way to a thread.
pub(crate) type Accepted = (std::net::TcpStream, Counted);

/// Serves what is handed to it until the stop, then until nothing is in flight.
pub(crate) fn run(
    runtime: &tokio::runtime::Runtime,
    shared: Arc<Shared>,
    mut handed: mpsc::Receiver<Accepted>,
    stop: &Stop,
) {
    LocalSet::new().block_on(runtime, async {
        let seats = Rc::new(Seats::default());
        let upstream = Upstream::new(shared.clone(), seats.clone());
        let thread = Rc::new(Thread { shared, seats, upstream, http2: Default::default() });
        let mut connections = JoinSet::new();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                accepted = handed.recv() => match accepted {
                    Some(accepted) => take(&mut connections, accepted, &thread),
                    None => break,
                },
                _ = ticks.tick() => thread.tick(),
                Some(_) = connections.join_next() => {}
            }
        }
        drain(thread, connections, stop).await;
    });
}

/// Lets what is in flight end: as long as is allowed, and no longer than until a second signal.
async fn drain(thread: Rc<Thread>, mut connections: JoinSet<()>, stop: &Stop) {
    thread.seats.drain();
    let limit = thread.shared.timing.drain;
    let all = async {
        let mut ticks = interval(TICK);
        loop {
            tokio::select! {
                ended = connections.join_next() => if ended.is_none() { break },
                _ = ticks.tick() => thread.tick(),
            }
        }
    };
    tokio::select! {
        _ = timeout(limit, all) => {}
        () = stop.aborted() => {}
    }
    connections.shutdown().await;
}

impl Thread {
    fn tick(&self) {
        self.seats.tick();
        self.upstream.tick();
    }
}

fn take(connections: &mut JoinSet<()>, (stream, counted): Accepted, thread: &Rc<Thread>) {
    let thread = thread.clone();
    let Ok(stream) = stream.set_nodelay(true).and_then(|()| TcpStream::from_std(stream)) else {
        return; // It is gone already.
    };
    connections.spawn_local(async move {
        let _counted = counted;
        match thread.shared.target.protocol {
            Protocol::Http => http::serve(stream, thread).await,
            Protocol::Tcp => tunnel::serve(stream, thread).await,
        }
    });
}

/// Accepts connections and hands them to the threads in turn until the stop.
pub(crate) async fn accept(
    listener: Arc<TcpListener>,
    shared: Arc<Shared>,
    threads: Vec<mpsc::Sender<Accepted>>,
    stop: Stop,
) {
    for thread in threads.iter().cycle() {
        let Some(accepted) = stop.run_until_stopped(next(&listener, &shared)).await else { return };
        if thread.send(accepted).await.is_err() {
            tracing::error!("a thread of the proxy has ended; its connections are lost");
        }
    }
}

/// Waits for a connection that there is room for.
async fn next(listener: &TcpListener, shared: &Shared) -> Accepted {
    loop {
        let accepted = match listener.accept().await {
            Ok((stream, _)) => stream.into_std(),
            Err(error) => {
                // One that is gone again costs nothing; without descriptors there is nothing to hurry for.
                if error.kind() != std::io::ErrorKind::ConnectionAborted {
                    shared.signals.full();
                    sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        match accepted {
            Ok(stream) if shared.clients.count() < shared.clients_max => {
                return (stream, shared.clients.enter());
            }
            // Closed at once: the client is told, and not kept waiting.
            Ok(_) => shared.signals.full(),
            Err(_) => {}
        }
    }
}
