use crate::clock::now_ns;
use crate::instrument::Distribution;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// What is recorded of a watched task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PollSignals {
    pub(crate) schedule: Distribution,
    pub(crate) poll: Distribution,
}

pin_project! {
    /// The future of [`RuntimeProbe::watch`](crate::RuntimeProbe::watch).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Watched<F> {
        signals: PollSignals,
        woken: Arc<Woken>,
        waker: Waker,
        #[pin]
        future: F,
    }
}

/// When a task was woken, and whom to wake.
#[derive(Debug)]
struct Woken {
    /// 0 since it was polled.
    at_ns: AtomicU64,
    task: Mutex<Option<Waker>>,
}

impl<F> Watched<F> {
    pub(crate) fn new(future: F, signals: PollSignals, at_ns: u64) -> Self {
        let woken = Woken { at_ns: AtomicU64::new(at_ns.max(1)), task: Mutex::new(None) };
        let woken = Arc::new(woken);
        Self { signals, waker: Waker::from(Arc::clone(&woken)), woken, future }
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.woken.wakes(context.waker());
        let polling = Polling { signals: this.signals, began_ns: now_ns() };
        match this.woken.at_ns.swap(0, Ordering::Relaxed) {
            0 => {} // Polled without being woken, as by `select!`.
            at_ns => polling.signals.schedule.observe(polling.began_ns.saturating_sub(at_ns)),
        }
        this.future.poll(&mut Context::from_waker(this.waker))
    }
}

/// A poll under way. It is timed when it is dropped, so one that panics is as well.
struct Polling<'a> {
    signals: &'a PollSignals,
    began_ns: u64,
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.signals.poll.observe(now_ns().saturating_sub(self.began_ns));
    }
}

impl Woken {
    /// Wakes `task` from now on. Its lock is held for no longer than a waker is cloned.
    fn wakes(&self, task: &Waker) {
        let mut known = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *known {
            Some(known) => known.clone_from(task), // It does nothing if it is the same.
            None => *known = Some(task.clone()),
        }
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let unset = self.at_ns.load(Ordering::Relaxed) == 0;
        if unset {
            // Another waker may have been first; the later one leaves its time as it is.
            let at_ns = now_ns().max(1);
            let _ = self.at_ns.compare_exchange(0, at_ns, Ordering::Relaxed, Ordering::Relaxed);
        }
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}
