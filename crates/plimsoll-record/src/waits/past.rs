//! The last waits, and the holds that made others wait: a bounded ring that no one waits for.

use super::{LiveHold, Site, What, Who};
use crate::sync::{lock, try_lock};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Rings, so that a thread that was stopped with one leaves others free.
const RINGS: usize = 8;

/// Spans in one ring; all together are about a megabyte.
const SPANS: usize = 1_024;

/// A wait, or a hold that made others wait.
#[derive(Clone, Debug)]
pub struct Span {
    /// The resource's kind and name.
    pub what: Arc<What>,
    /// The resource's number.
    pub number: u64,
    /// Where the resource was made.
    pub made_at: Site,
    /// Who waited or held.
    pub who: Who,
    /// Where it was to be acquired, or was.
    pub site: Option<Site>,
    /// When it began, on the clock of [`crate::clock::now_ns`].
    pub from_ns: u64,
    /// When it ended; none while it lasts.
    pub until_ns: Option<u64>,
    /// Whether it is a wait or a hold.
    pub role: Role,
}

/// What a [`Span`] is.
#[derive(Clone, Debug)]
pub enum Role {
    /// A wait, with who held the resource when it began.
    Wait(Option<LiveHold>),
    /// A hold that made others wait: from its beginning if it was acquired after a wait, else from the
    /// first waiter on.
    Hold,
}

static PAST: [Mutex<VecDeque<Span>>; RINGS] = [const { Mutex::new(VecDeque::new()) }; RINGS];

/// Keeps a span that has ended, if there is a ring that nobody uses.
pub(super) fn keep(span: Span) {
    let start = span.from_ns as usize;
    let mut rings = (0..RINGS).filter_map(|step| PAST.get(start.wrapping_add(step) % RINGS));
    // Only tried: when all are in use, the span is left out.
    let Some(mut ring) = rings.find_map(try_lock) else { return };
    if ring.len() >= SPANS {
        ring.pop_front();
    } else if ring.capacity() == 0 {
        ring.reserve_exact(SPANS);
    }
    ring.push_back(span);
}

/// Returns the spans that ended at or after `from_ns`, in no order, as far as they are kept.
pub(crate) fn since(from_ns: u64) -> Vec<Span> {
    let ended = |span: &&Span| span.until_ns.is_none_or(|until_ns| until_ns >= from_ns);
    PAST.iter()
        .flat_map(|ring| lock(ring).iter().filter(ended).cloned().collect::<Vec<_>>())
        .collect()
}

/// Returns the waits that last, and the holds that they wait for.
pub(crate) fn lasting() -> Vec<Span> {
    let waits = super::live();
    let mut spans = Vec::with_capacity(waits.len());
    let mut seen = std::collections::HashSet::new();
    for wait in &waits {
        let span = |who, site, from_ns, role| Span {
            what: wait.resource.shared_what(),
            number: wait.resource.number(),
            made_at: wait.resource.made_at(),
            who,
            site,
            from_ns,
            until_ns: None,
            role,
        };
        // The oldest wait for a resource comes first: from then on its holders made others wait.
        if seen.insert(wait.resource.number()) {
            spans.extend(wait.resource.holders().0.into_iter().map(|hold| {
                span(hold.who, hold.site, hold.since_ns.unwrap_or(wait.since_ns), Role::Hold)
            }));
        }
        let role = Role::Wait(wait.first_holder);
        spans.push(span(wait.by.who, Some(wait.by.site), wait.since_ns, role));
    }
    spans
}
