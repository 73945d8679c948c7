//! Who blocks whom: the sessions at the root of every chain of waiting.

use super::sessions::state;
use crate::Reading;
use crate::reading::labelled;
use crate::sql::Row;
use plimsoll_model::{LevelPart, Value, catalog};
use std::collections::{BTreeMap, BTreeSet};

/// One row for each pair of a session that waits and one that it waits for, held locks and places in the
/// queue alike. The hundred that have waited longest are looked at: a waiter of a long queue waits for
/// all before it, and the pairs of all would be its square. A blocker 0 is a prepared transaction.
pub(super) const QUERY: &str = "WITH waiting AS MATERIALIZED (\
        SELECT pid, extract(epoch FROM clock_timestamp() - min(waitstart)) AS waited_s \
        FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid() \
        GROUP BY pid ORDER BY min(waitstart) LIMIT 100) \
    SELECT waiting.pid AS waiter, waited_s, blocker, \
        CASE blocker WHEN 0 THEN 'prepared' ELSE state END AS state, \
        wait_event_type = 'Lock' AS waits, \
        extract(epoch FROM clock_timestamp() - CASE blocker \
            WHEN 0 THEN (SELECT min(prepared) FROM pg_prepared_xacts) ELSE xact_start END) AS age_s \
    FROM waiting CROSS JOIN LATERAL unnest(pg_blocking_pids(waiting.pid)) AS blocker \
    LEFT JOIN pg_stat_activity AS activity ON activity.pid = blocker LIMIT 10000";

/// A session that waits for another.
#[derive(Clone, Debug)]
struct Edge {
    waiter: u32,
    waited_s: Option<f64>,
    blocker: u32,
    state: &'static str,
    /// Whether the blocker waits for a lock itself.
    waits: bool,
    age_s: Option<f64>,
}

/// Adds the series; `lock_waiters` is how many sessions wait for a lock.
pub(super) fn read(rows: &[Row], lock_waiters: u64, server: &str, reading: &mut Reading) {
    let edges: Vec<Edge> = rows.iter().filter_map(edge).collect();
    let lock = labelled([("lock", server)]);
    let waiters = Value::Gauge(lock_waiters as f64);
    reading.level_part(&catalog::LOCK_WAITERS, LevelPart::Now, &lock, waiters);
    let waited_s = edges.iter().filter_map(|edge| edge.waited_s).reduce(f64::max);
    // Somebody waits, but nobody has told since when: then it isn't known.
    if let Some(waited_s) = waited_s.or((lock_waiters == 0).then_some(0.0)) {
        let waited = Value::Gauge(waited_s.max(0.0));
        reading.level_part(&catalog::LOCK_WAITERS, LevelPart::OldestAge, &lock, waited);
    }
    let labels = labelled([("server", server)]);
    let roots = Roots::of(&edges);
    for (state, count) in &roots.by_state {
        let labels = labelled([("server", server), ("state", state)]);
        reading.gauge(&catalog::POSTGRES_ROOT_BLOCKERS, &labels, *count as f64);
    }
    reading.gauge(&catalog::POSTGRES_ROOT_BLOCKER_AGE, &labels, roots.age_s_max);
    let behind = roots.waiters_max as f64;
    reading.gauge(&catalog::POSTGRES_ROOT_BLOCKER_WAITERS, &labels, behind);
}

fn edge(row: &Row) -> Option<Edge> {
    Some(Edge {
        waiter: row.value("waiter")?,
        waited_s: row.value("waited_s"),
        blocker: row.value("blocker")?,
        state: match row.text("state")? {
            "prepared" => "prepared",
            other => state(Some(other)),
        },
        waits: row.is("waits"),
        age_s: row.value("age_s"),
    })
}

/// What is known of the sessions that block others and wait for no lock themselves.
#[derive(Debug, PartialEq)]
struct Roots {
    by_state: BTreeMap<&'static str, u64>,
    age_s_max: f64,
    waiters_max: usize,
}

impl Roots {
    fn of(edges: &[Edge]) -> Self {
        let mut blocked_by = BTreeMap::<u32, Vec<u32>>::new();
        let mut roots = BTreeMap::<u32, &Edge>::new();
        let waiting: BTreeSet<u32> = edges.iter().map(|edge| edge.waiter).collect();
        for edge in edges {
            blocked_by.entry(edge.blocker).or_default().push(edge.waiter);
            if !edge.waits && !waiting.contains(&edge.blocker) {
                roots.insert(edge.blocker, edge);
            }
        }
        let mut by_state: BTreeMap<_, _> =
            [("active", 0), ("idle_in_transaction", 0)].into_iter().collect();
        for root in roots.values() {
            *by_state.entry(root.state).or_default() += 1;
        }
        let ages_s = roots.values().filter_map(|root| root.age_s);
        Self {
            by_state,
            age_s_max: ages_s.fold(0.0, f64::max),
            waiters_max: roots.keys().map(|root| behind(*root, &blocked_by)).max().unwrap_or(0),
        }
    }
}

/// Counts who waits behind `root`, at any depth, each once.
fn behind(root: u32, blocked_by: &BTreeMap<u32, Vec<u32>>) -> usize {
    let mut seen = BTreeSet::new();
    let mut next = vec![root];
    while let Some(blocker) = next.pop() {
        let waiters = blocked_by.get(&blocker).into_iter().flatten();
        next.extend(waiters.filter(|waiter| seen.insert(**waiter)));
    }
    seen.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(waiter: u32, blocker: u32, waits: bool, age_s: f64) -> Edge {
        let state = if waits { "active" } else { "idle_in_transaction" };
        Edge { waiter, waited_s: None, blocker, state, waits, age_s: Some(age_s) }
    }

    #[test]
    fn a_chain_has_one_root_and_all_wait_behind_it() {
        // 1 holds a; 2 holds b and waits for a; 3 and 4 wait for b, 4 behind 3.
        let edges = [
            edge(2, 1, false, 60.0),
            edge(3, 2, true, 50.0),
            edge(4, 2, true, 50.0),
            edge(4, 3, true, 40.0),
        ];
        let roots = Roots::of(&edges);
        assert_eq!(roots.by_state, [("active", 0), ("idle_in_transaction", 1)].into());
        assert_eq!((roots.age_s_max, roots.waiters_max), (60.0, 3));
    }

    #[test]
    fn a_circle_that_the_server_has_not_broken_yet_has_no_root() {
        let roots = Roots::of(&[edge(1, 2, true, 1.0), edge(2, 1, true, 1.0)]);
        assert_eq!((roots.age_s_max, roots.waiters_max), (0.0, 0));
    }

    #[test]
    fn two_roots_are_told_apart() {
        let edges = [edge(2, 1, false, 5.0), edge(4, 3, false, 9.0), edge(5, 3, false, 9.0)];
        let roots = Roots::of(&edges);
        assert_eq!(roots.by_state["idle_in_transaction"], 2);
        assert_eq!((roots.age_s_max, roots.waiters_max), (9.0, 2));
    }
}
