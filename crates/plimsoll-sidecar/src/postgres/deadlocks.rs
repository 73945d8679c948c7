//! Deadlocks, of which each database keeps its own count.

use crate::Reading;
use crate::reading::labelled;
use crate::sql::Row;
use plimsoll_model::catalog;
use std::collections::BTreeMap;

/// Bounded, so that a server with a database for each tenant costs no more than another.
pub(super) const QUERY: &str = "SELECT datid, deadlocks FROM pg_stat_database \
    WHERE datid <> 0 ORDER BY deadlocks DESC LIMIT 1000";

/// The count of all databases. It never falls: a database that is dropped, or whose statistics are
/// reset, would otherwise look as a counter that began anew, and its whole past as new deadlocks.
#[derive(Debug, Default)]
pub(super) struct Deadlocks {
    known: Option<BTreeMap<u32, u64>>,
    total: u64,
}

impl Deadlocks {
    pub(super) fn read(&mut self, rows: &[Row], server: &str, reading: &mut Reading) {
        let pairs =
            rows.iter().filter_map(|row| Some((row.value("datid")?, row.value("deadlocks")?)));
        let total = self.add(pairs.collect());
        reading.count(&catalog::POSTGRES_DEADLOCKS, &labelled([("server", server)]), total);
    }

    fn add(&mut self, now: BTreeMap<u32, u64>) -> u64 {
        let known = self.known.take();
        for (database, count) in &now {
            let before = known.as_ref().and_then(|known| known.get(database)).copied().unwrap_or(0);
            // A count that fell began anew at 0.
            self.total += if before <= *count { count - before } else { *count };
        }
        self.known = Some(now);
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_only_takes_what_is_new() {
        let mut deadlocks = Deadlocks::default();
        assert_eq!(deadlocks.add([(1, 5), (2, 1)].into()), 6);
        assert_eq!(deadlocks.add([(1, 7), (2, 1)].into()), 8);
        // Database 2 is dropped, the statistics of 1 are reset and one happens since.
        assert_eq!(deadlocks.add([(1, 1)].into()), 9);
        assert_eq!(deadlocks.add([(1, 1), (3, 2)].into()), 11);
    }
}
