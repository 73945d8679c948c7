//! Sessions by what they do and what they wait for.

use crate::Reading;
use crate::reading::labelled;
use crate::sql::Row;
use plimsoll_model::catalog;
use std::collections::BTreeMap;

pub(super) const QUERY: &str = "SELECT state, wait_event_type, count(*) AS sessions \
    FROM pg_stat_activity \
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1, 2";

/// Sessions by state and wait. Both are words of ours, so what was once there stays at 0: an alert must
/// not resolve into a gap.
#[derive(Debug)]
pub(super) struct Sessions(BTreeMap<(&'static str, &'static str), u64>);

impl Default for Sessions {
    fn default() -> Self {
        let always =
            [("active", "none"), ("active", "lock"), ("idle", "client"), IDLE_IN_TRANSACTION];
        Self(always.into_iter().map(|key| (key, 0)).collect())
    }
}

const IDLE_IN_TRANSACTION: (&str, &str) = ("idle_in_transaction", "client");

impl Sessions {
    /// Adds the series, and returns how many sessions wait for a lock.
    pub(super) fn read(&mut self, rows: &[Row], server: &str, reading: &mut Reading) -> u64 {
        self.0.values_mut().for_each(|sessions| *sessions = 0);
        for row in rows {
            let key = (state(row.text("state")), wait(row.text("wait_event_type")));
            *self.0.entry(key).or_default() += row.value("sessions").unwrap_or(0);
        }
        for ((state, wait), sessions) in &self.0 {
            let labels = labelled([("server", server), ("state", state), ("wait", wait)]);
            reading.gauge(&catalog::POSTGRES_SESSIONS, &labels, *sessions as f64);
        }
        self.0.iter().filter(|((_, wait), _)| *wait == "lock").map(|(_, sessions)| sessions).sum()
    }
}

/// Returns a state as a label.
pub(super) fn state(state: Option<&str>) -> &'static str {
    match state {
        Some("active") => "active",
        Some("idle") => "idle",
        Some("idle in transaction") => "idle_in_transaction",
        Some("idle in transaction (aborted)") => "idle_in_transaction_aborted",
        Some("fastpath function call") => "fastpath",
        Some("disabled") => "disabled",
        None => "starting",
        Some(_) => "other",
    }
}

/// Returns what is waited for as a label.
fn wait(kind: Option<&str>) -> &'static str {
    match kind {
        None => "none",
        Some("Activity") => "activity",
        Some("BufferPin" | "Buffer") => "buffer",
        Some("Client") => "client",
        Some("Extension") => "extension",
        Some("IO") => "io",
        Some("IPC") => "ipc",
        Some("Lock") => "lock",
        Some("LWLock") => "lwlock",
        Some("Timeout") => "timeout",
        Some(_) => "other",
    }
}
