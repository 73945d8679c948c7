//! A connection that only carries bytes, both ways, until both ends have closed.

use super::framing::Framing;
use super::http::Client;
use super::pipe::{Broken, Pipe};
use super::recorded::Measured;
use super::stall::{Awaited, Stall};
use super::thread::Thread;
use super::upstream::Connection;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// Carries a client of a TCP proxy.
pub(crate) async fn serve(stream: TcpStream, thread: Rc<Thread>) {
    let signals = &thread.shared.signals;
    let Ok(permit) = signals.admit() else { return };
    let measured = Measured::connection(signals.clone(), permit);
    let mut client = Client { stream, came: Vec::new(), seat: thread.seats.seat() };
    match thread.upstream.connect().await {
        Ok(connection) => {
            let stall = Stall::new(thread.shared.timing);
            carry(&mut client, (connection, Vec::new()), measured, stall).await;
        }
        Err(_) => measured.fail(),
    }
}

/// Who ended a tunnel by force.
enum Cut {
    Client,
    Target,
    /// Nobody said anything for too long.
    Idle,
}

/// Carries bytes; `came` is what the target has sent already.
pub(crate) async fn carry(
    client: &mut Client,
    (mut target, came): (Connection, Vec<u8>),
    measured: Measured,
    mut stall: Stall,
) {
    let mut up = Direction::new(std::mem::take(&mut client.came));
    let mut down = Direction::new(came);
    let ended = poll_fn(|context| {
        let upload = up.poll(context, &mut client.stream, &mut target);
        if let Poll::Ready(Err(broken)) = &upload {
            let is_source = *broken == Broken::Source;
            return Poll::Ready(Err(if is_source { Cut::Client } else { Cut::Target }));
        }
        let download = down.poll(context, &mut target, &mut client.stream);
        if let Poll::Ready(Err(broken)) = &download {
            let is_source = *broken == Broken::Source;
            return Poll::Ready(Err(if is_source { Cut::Target } else { Cut::Client }));
        }
        if upload.is_ready() && download.is_ready() {
            return Poll::Ready(Ok(()));
        }
        let moves = up.pipe.moves() + down.pipe.moves();
        stall.poll(context, &client.seat, Awaited::Event, moves).map(|()| Err(Cut::Idle))
    });
    match ended.await {
        Ok(()) => measured.close(),
        Err(Cut::Target) => measured.fail(),
        Err(Cut::Idle) => measured.time_out(),
        // Let go, it is cancelled.
        Err(Cut::Client) => drop(measured),
    }
}

struct Direction {
    pipe: Pipe,
    is_shut: bool,
}

impl Direction {
    fn new(came: Vec<u8>) -> Self {
        Self { pipe: Pipe::new(came, Framing::UntilClose), is_shut: false }
    }

    /// Moves bytes until the source closes, and tells the sink so.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        source: &mut TcpStream,
        sink: &mut TcpStream,
    ) -> Poll<Result<(), Broken>> {
        ready!(self.pipe.poll(context, source, sink, &mut Vec::new()))?;
        if !self.is_shut {
            // Whoever is gone already needn't be told.
            let _ = ready!(Pin::new(sink).poll_shutdown(context));
            self.is_shut = true;
        }
        Poll::Ready(Ok(()))
    }
}
