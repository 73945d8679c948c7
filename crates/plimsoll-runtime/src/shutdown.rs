//! One stop signal for the whole process: first it drains, then it aborts.

use std::future::{Future, poll_fn};
use std::io;
use std::task::Poll;
use tokio::sync::watch;

/// How far a process is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    Draining,
    Aborting,
}

/// Makes the two ends of a stop signal.
pub fn channel() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(Phase::Running);
    (Stopper(sender), Stop(vec![receiver]))
}

/// The end that says stop. When it is dropped, everything drains: what nobody can stop any more
/// may not run for ever.
#[derive(Debug)]
pub struct Stopper(watch::Sender<Phase>);

impl Stopper {
    /// Asks everybody to finish what they have begun and begin nothing new.
    pub fn drain(&self) {
        self.raise(Phase::Draining);
    }

    /// Asks everybody to let go at once.
    pub fn abort(&self) {
        self.raise(Phase::Aborting);
    }

    /// Waits until every [`Stop`] is dropped, so until everybody has finished.
    pub async fn drained(&self) {
        self.0.closed().await;
    }

    fn raise(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let raised = *now < phase;
            *now = phase.max(*now);
            raised
        });
    }
}

/// The end that is told to stop; clone it for each task. It holds the signals of which any stops it.
#[derive(Clone, Debug)]
pub struct Stop(Vec<watch::Receiver<Phase>>);

impl Stop {
    /// Makes the signal of a part, which may be stopped by itself and stops when the whole does.
    pub fn part(&self) -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(Phase::Running);
        let whole = self.0.iter().cloned();
        (Stopper(sender), Self(std::iter::once(receiver).chain(whole).collect()))
    }

    /// Says whether it is time to finish.
    pub fn is_stopped(&self) -> bool {
        self.has_come_to(Phase::Draining)
    }

    /// Says whether it is time to let go at once.
    pub fn is_aborted(&self) -> bool {
        self.has_come_to(Phase::Aborting)
    }

    /// Waits until it is time to finish.
    pub async fn stopped(&self) {
        self.first(|mut signal| async move {
            // A stopper that is gone has said it.
            let _ = signal.wait_for(|now| *now >= Phase::Draining).await;
        })
        .await;
    }

    /// Waits until it is time to let go at once, which may never come.
    pub async fn aborted(&self) {
        self.first(|mut signal| async move {
            if signal.wait_for(|now| *now >= Phase::Aborting).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await;
    }

    /// Runs `work` and returns its output, or `None` when the stop came first.
    ///
    /// `work` is dropped where it waits, so a periodic loop gives its tick and not its deed:
    ///
    /// ```
    /// # async fn doc(stop: plimsoll_runtime::shutdown::Stop, mut interval: tokio::time::Interval) {
    /// while stop.run_until_stopped(interval.tick()).await.is_some() {
    ///     // do what is due, whole
    /// }
    /// # }
    /// ```
    pub async fn run_until_stopped<F: Future>(&self, work: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            () = self.stopped() => None,
            output = work => Some(output),
        }
    }

    fn has_come_to(&self, phase: Phase) -> bool {
        self.0.iter().any(|signal| {
            *signal.borrow() >= phase || (phase == Phase::Draining && signal.has_changed().is_err())
        })
    }

    /// Waits for the first of its signals of which `comes` ends.
    async fn first<F: Future<Output = ()>>(&self, comes: impl Fn(watch::Receiver<Phase>) -> F) {
        let mut waits: Vec<_> =
            self.0.iter().map(|signal| Box::pin(comes(signal.clone()))).collect();
        poll_fn(|context| {
            let came = waits.iter_mut().any(|wait| wait.as_mut().poll(context).is_ready());
            if came { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Listens for SIGTERM and SIGINT: the first one drains, the second one aborts.
///
/// The handlers are in place when this returns; the future that it returns does the rest and ends
/// after the second signal. Its owner spawns it, and dropping it drains.
///
/// # Errors
/// The handlers can't be installed.
///
/// # Panics
/// Outside a tokio runtime with its I/O driver enabled.
pub fn on_signals(stopper: Stopper) -> io::Result<impl Future<Output = ()> + Send> {
    let mut signals = Signals::listen()?;
    Ok(async move {
        signals.next().await;
        tracing::info!("stopping: finishing what has begun; a second signal stops at once");
        stopper.drain();
        signals.next().await;
        tracing::warn!("second signal: stopping at once");
        stopper.abort();
    })
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn listen() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn poll_once<F: Future>(work: F) -> Poll<F::Output> {
        pin!(work).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_first_drains_and_the_second_aborts() {
        let (stopper, stop) = channel();
        assert!(!stop.is_stopped());
        assert!(poll_once(stop.stopped()).is_pending());
        stopper.drain();
        assert!(stop.is_stopped() && !stop.is_aborted());
        assert!(poll_once(stop.stopped()).is_ready());
        assert!(poll_once(stop.aborted()).is_pending());
        stopper.abort();
        stopper.drain();
        assert!(stop.is_aborted(), "an abort can't be taken back");
        assert!(poll_once(stop.aborted()).is_ready());
    }

    #[test]
    fn a_dropped_stopper_drains() {
        let (stopper, stop) = channel();
        drop(stopper);
        assert!(stop.is_stopped() && !stop.is_aborted());
        assert!(poll_once(stop.stopped()).is_ready());
        assert!(poll_once(stop.aborted()).is_pending());
    }

    #[test]
    fn a_part_stops_by_itself_and_with_the_whole() {
        let (whole, all) = channel();
        let [(first, one), (second, other)] = [all.part(), all.part()];
        first.drain();
        assert!(one.is_stopped() && poll_once(one.stopped()).is_ready());
        assert!(!other.is_stopped() && !all.is_stopped());
        assert!(poll_once(other.stopped()).is_pending());
        whole.abort();
        assert!(one.is_aborted() && poll_once(one.aborted()).is_ready());
        assert!(poll_once(other.stopped()).is_ready());
        drop(second);
        assert!(poll_once(other.aborted()).is_ready(), "a part that nobody can stop is part still");
    }

    #[test]
    fn a_loop_ends_with_the_stop_even_if_its_tick_is_due() {
        let (stopper, stop) = channel();
        assert_eq!(poll_once(stop.run_until_stopped(async { 7 })), Poll::Ready(Some(7)));
        stopper.drain();
        assert_eq!(poll_once(stop.run_until_stopped(async { 7 })), Poll::Ready(None));
    }

    #[test]
    fn it_is_drained_when_every_stop_is_dropped() {
        let (stopper, stop) = channel();
        let other = stop.clone();
        stopper.drain();
        drop(stop);
        assert!(poll_once(stopper.drained()).is_pending());
        drop(other);
        assert!(poll_once(stopper.drained()).is_ready());
    }
}
