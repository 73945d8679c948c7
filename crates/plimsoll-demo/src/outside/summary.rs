//! The summary at the end: budgets and alerts as the daemon has them, then what the load and the service
//! know of themselves, beside what the sidecar saw of it.

use super::eyes::Seen;
use super::truth::Truth;
use crate::answers::Answered;
use crate::summary::{Board, number};
use plimsoll_model::{LevelPart, catalog};
use std::fmt;

/// What a run came to.
pub struct Summary {
    board: Board,
    truth: Truth,
    seen: Seen,
}

/// What a proxy recorded of requests.
#[derive(Clone, Copy, Debug, Default)]
struct Proxied {
    all: Option<u64>,
    bad: Option<u64>,
    in_flight_s: Option<f64>,
    peak: Option<u64>,
    shed: Option<u64>,
}

impl Summary {
    pub(super) fn new(board: Board, truth: Truth, seen: Seen) -> Self {
        Self { board, truth, seen }
    }

    fn proxied(&self, operation: &str) -> Proxied {
        let of = [("operation", operation)];
        let total = |name: &str| format!("{name}_total");
        let operations = total(catalog::OPERATIONS.name);
        let error = [("operation", operation), ("outcome", "error")];
        let time = total(&LevelPart::Time.family_name(&catalog::IN_FLIGHT));
        let peak = LevelPart::Peak.family_name(&catalog::IN_FLIGHT);
        let all = self.seen.last(&operations, &of);
        let shed = [("source", operation), ("reason", "shed")];
        Proxied {
            all: count(all),
            // A series of an outcome is there from its first time on.
            bad: count(self.seen.last(&operations, &error).or(all.map(|_| 0.0))),
            in_flight_s: self.seen.last(&time, &of),
            peak: count(self.seen.max(&peak, &of)),
            shed: count(self.seen.last(&total(catalog::BACKPRESSURE.name), &shed)),
        }
    }

    fn requests(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Truth { authorize, orders, .. } = self.truth;
        for (name, of, answered) in
            [("authorisations", "authorize", authorize), ("orders", "orders", orders)]
        {
            let Answered { good, bad, shed, in_flight_ns, .. } = answered;
            let in_flight_s = in_flight_ns as f64 / 1e9;
            let proxied = self.proxied(of);
            let apart = proxied.in_flight_s.map(|seen| (seen / in_flight_s - 1.0).abs() * 100.0);
            writeln!(
                out,
                "  {name:<15} the load  good {good}, bad {}, shed {shed}; {in_flight_s:.2} s in flight",
                bad - shed,
            )?;
            let good = proxied.all.zip(proxied.bad).map(|(all, bad)| all.saturating_sub(bad));
            writeln!(
                out,
                "  {:<15} the proxy good {}, bad {}, shed {}; {} s in flight ({} % apart), {} at once",
                "",
                number(good),
                number(proxied.bad),
                number(proxied.shed.or((of == "authorize").then_some(0))),
                decimal(proxied.in_flight_s),
                decimal(apart),
                number(proxied.peak),
            )?;
        }
        Ok(())
    }

    fn ledger(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ledger = self.truth.ledger;
        let first = [("rank", "1")];
        let waiters = self.seen.max(catalog::PROCESS_LOCK_WAITERS.name, &first);
        let oldest_s = self.seen.max(catalog::PROCESS_LOCK_OLDEST.name, &first);
        writeln!(
            out,
            "  {:<15} checkout  at most {} threads waited at once, the longest for {} ms",
            "ledger",
            number(ledger.map(|ledger| ledger.threads_max)),
            number(ledger.map(|ledger| ledger.longest_ms)),
        )?;
        writeln!(
            out,
            "  {:<15} /proc     at most {} of {} threads waited, one of them for {} ms or more; who had the \
             lock isn't\n  {:<15}           known: std::sync::Mutex names no owner",
            "",
            number(count(waiters)),
            number(count(self.seen.last(catalog::PROCESS_THREADS.name, &[]))),
            number(count(oldest_s.map(|seconds| seconds * 1e3))),
            "",
        )
    }

    fn billing(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(billing) = self.truth.billing else { return Ok(()) };
        let max = |name: &str| self.seen.max(name, &[("group", "billing")]);
        let statuses = ["ok", "stalled", "stopped", "rewound"].into_iter().filter(|status| {
            let labels = [("group", "billing"), ("status", *status)];
            self.seen.max(catalog::CONSUMER_STATUS.name, &labels) == Some(1.0)
        });
        let (orders, invoices) = (self.truth.orders.good, billing.invoices);
        writeln!(out, "  {:<15} billing   {invoices} invoices of {orders} orders", "billing")?;
        writeln!(
            out,
            "  {:<15} Redis     at most {} orders behind, {} s; its group was {}",
            "",
            number(count(max(catalog::CONSUMER_LAG.name))),
            decimal(max(catalog::CONSUMER_LAG_TIME.name)),
            statuses.collect::<Vec<_>>().join(", "),
        )
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.board.fmt(out)?;
        writeln!(
            out,
            "\nTruth, as the load and the processes know it, and what the sidecar saw of it"
        )?;
        self.requests(out)?;
        self.ledger(out)?;
        self.billing(out)
    }
}

fn count(value: Option<f64>) -> Option<u64> {
    value.map(|value| value.round() as u64)
}

fn decimal(value: Option<f64>) -> String {
    value.map_or("unknown".to_owned(), |value| format!("{value:.2}"))
}
