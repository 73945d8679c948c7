//! What the engine shows of itself, made only when somebody looks.

use crate::view::View;
use plimsoll_model::TimeMs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How long a look waits for an engine that is busy being replaced before it takes an older view.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a view is kept that nobody looks at: it is as large as everything that it shows.
const KEPT: Duration = Duration::from_secs(30);

/// The engine's side: says when there is news, and hears when somebody wants it.
#[derive(Debug)]
pub(crate) struct Stage {
    view: watch::Sender<Arc<View>>,
    shared: Arc<Shared>,
}

/// A reader's side; clones look at the same engine.
#[derive(Clone, Debug)]
pub(crate) struct Lens {
    view: watch::Receiver<Arc<View>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    wanted: Notify,
    /// When the engine last took a step, in milliseconds since the Unix epoch.
    stepped_ms: AtomicI64,
}

/// Makes both sides; who looks before the engine's first step waits for it.
pub(crate) fn new() -> (Stage, Lens) {
    let shared = Arc::new(Shared { wanted: Notify::new(), stepped_ms: AtomicI64::new(i64::MIN) });
    let (view, seen) = watch::channel(Arc::default());
    (Stage { view, shared: shared.clone() }, Lens { view: seen, shared })
}

impl Stage {
    /// Notes a step: what was shown before is old.
    pub(crate) fn stepped(&self, at: TimeMs) {
        self.shared.stepped_ms.store(at.0, Ordering::Release);
        self.view.send_if_modified(|view| {
            if at.since(view.at) > KEPT {
                *view = Arc::default();
            }
            // Whoever waits, waits for the next one.
            false
        });
    }

    /// Returns when somebody wants to see a step that wasn't shown yet.
    pub(crate) async fn wanted(&self) {
        loop {
            self.shared.wanted.notified().await;
            if !self.shared.is_current(&self.view.borrow()) {
                return;
            }
        }
    }

    pub(crate) fn show(&self, view: View) {
        self.view.send_replace(Arc::new(view));
    }
}

impl Lens {
    /// Returns the view of the engine's last step.
    pub(crate) async fn look(&self) -> Arc<View> {
        let mut view = self.view.clone();
        if !self.shared.is_current(&view.borrow_and_update()) {
            self.shared.wanted.notify_one();
            // An engine that is gone or being replaced shows nothing new: then the last view stays.
            let _ = tokio::time::timeout(PATIENCE, view.changed()).await;
        }
        let shown = view.borrow();
        shown.clone()
    }
}

impl Shared {
    fn is_current(&self, view: &View) -> bool {
        view.at.0 == self.stepped_ms.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_view_is_made_once_for_each_step_that_somebody_looks_at() {
        let (stage, lens) = new();
        stage.stepped(TimeMs(5));
        let engine = async {
            stage.wanted().await;
            stage.show(View { at: TimeMs(5), ..View::default() });
        };
        let (_, one, other) = tokio::join!(engine, lens.look(), lens.look());
        assert_eq!((one.at, other.at), (TimeMs(5), TimeMs(5)));
        assert!(Arc::ptr_eq(&one, &lens.look().await), "nobody makes it again");
        stage.stepped(TimeMs(40_000));
        assert_eq!(Arc::strong_count(&one), 2, "nobody but this test keeps it");
    }

    #[tokio::test]
    async fn an_engine_that_is_gone_leaves_its_last_view() {
        let (stage, lens) = new();
        stage.show(View { at: TimeMs(5), ..View::default() });
        stage.stepped(TimeMs(6));
        drop(stage);
        assert_eq!(lens.look().await.at, TimeMs(5));
    }
}
