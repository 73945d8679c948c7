//! Requests that are sent when they are due, however long those before them take: a server that stalls is
//! charged for all that came meanwhile.

use super::load::{ask, connect};
use plimsoll_record::clock::now_ns;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinSet, yield_now};

/// Connections to a server, which requests take in turn. One that is due when none is free waits, and that is
/// counted.
const CONNECTIONS: usize = 32;

/// When requests are due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrivals {
    /// From one to the next.
    pub(crate) each_ns: u64,
    pub(crate) count: u64,
    /// So many at the begin aren't counted: the server's memory may have left the processor's caches.
    pub(crate) not_counted: u64,
}

/// Connections to one server, kept from one slice to the next.
pub(crate) struct Clients {
    free: UnboundedReceiver<TcpStream>,
    freed: UnboundedSender<TcpStream>,
    timer: Timer,
}

impl Clients {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let (freed, free) = unbounded_channel();
        for _ in 0..CONNECTIONS {
            freed.send(connect(address).await).expect("it is open");
        }
        Self { free, freed, timer: Timer::new() }
    }

    /// Sends what is due; returns how long after that each was answered, in nanoseconds.
    pub(crate) async fn slice(&mut self, arrivals: Arrivals) -> Vec<u64> {
        let began_ns = now_ns();
        let mut asked = JoinSet::new();
        for at in 0..arrivals.count {
            let due_ns = began_ns + at * arrivals.each_ns;
            self.timer.until(due_ns).await;
            let mut stream = self.free.recv().await.expect("one is free sooner or later");
            let freed = self.freed.clone();
            asked.spawn_local(async move {
                ask(&mut stream).await;
                let took_ns = now_ns() - due_ns;
                let _ = freed.send(stream);
                (at, took_ns)
            });
        }
        let took = asked.join_all().await.into_iter();
        took.filter(|(at, _)| *at >= arrivals.not_counted).map(|(_, took_ns)| took_ns).collect()
    }
}

/// Waits for an instant to some microseconds, which the runtime's own timers know to a millisecond. The
/// kernel's are read as a pipe is, and without `unsafe` the runtime takes them as nothing else.
struct Timer(Receiver);

impl Timer {
    fn new() -> Self {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).expect("a timer");
        Self(Receiver::from_owned_fd_unchecked(timer).expect("a runtime"))
    }

    async fn until(&self, due_ns: u64) {
        let left_ns = due_ns.saturating_sub(now_ns());
        if left_ns == 0 {
            return yield_now().await;
        }
        let once = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec {
                tv_sec: (left_ns / 1_000_000_000) as _,
                tv_nsec: (left_ns % 1_000_000_000) as _,
            },
        };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once).expect("it is set");
        while self.0.try_read(&mut [0; 8]).is_err() {
            self.0.readable().await.expect("it passes");
        }
    }
}
