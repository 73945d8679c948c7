//! How far a replica is behind, without an error when its primary is idle.
//!
//! The usual `now() - pg_last_xact_replay_timestamp()` grows while nobody writes. Here it is one of two
//! bounds. A transaction that isn't replayed was committed after the last one that is, and after the last
//! moment at which everything that the primary had was replayed: the younger of the two is the bound. While
//! the primary is heard, that moment is the last look that found it so; once it has fallen silent, it is when
//! it was heard last, since what it has written since then isn't known.

use crate::Reading;
use crate::reading::labelled;
use crate::skew::Skew;
use crate::sql::Row;
use plimsoll_model::catalog::{self, OVERFLOW};
use std::collections::BTreeMap;

/// The receiver's `latest_end_lsn` is where the primary's log ended when it last said anything.
pub(super) const QUERY: &str = "SELECT status = 'streaming' AS streams, \
    pg_wal_lsn_diff(greatest(latest_end_lsn, pg_last_wal_receive_lsn()), \
        pg_last_wal_replay_lsn()) AS behind_bytes, \
    extract(epoch FROM clock_timestamp()) AS now_s, \
    extract(epoch FROM last_msg_receipt_time) AS heard_s, \
    extract(epoch FROM pg_last_xact_replay_timestamp()) AS replayed_s, \
    (SELECT setting::float8 / 1000 FROM pg_settings WHERE name = 'wal_receiver_timeout') AS timeout_s \
    FROM (VALUES (1)) AS one LEFT JOIN pg_stat_wal_receiver ON true";

pub(super) const STANDBYS: &str = "SELECT application_name, \
    pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) AS behind_bytes \
    FROM pg_stat_replication WHERE state IN ('streaming', 'catchup') \
    ORDER BY 2 DESC NULLS LAST LIMIT 100";

/// Standbys that have a label of their own; their names are their own choice.
const STANDBYS_MAX: usize = 16;

/// What is known of a replica from one look to the next.
pub(super) struct Replica {
    /// The last look that found everything replayed that its primary had, on the replica's clock.
    level: Option<Level>,
    /// When its primary was heard last: a receiver that ends takes its memory with it.
    heard_s: Option<f64>,
    /// Commits are stamped by the primary's clock.
    skew: Skew,
}

/// A look that found everything replayed.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// When that was.
    at_s: f64,
    /// When the primary had been heard before it.
    heard_s: f64,
}

/// What one look shows; times since the epoch.
#[derive(Clone, Copy, Debug)]
struct Look {
    now_s: f64,
    streams: bool,
    behind_bytes: Option<f64>,
    heard_s: Option<f64>,
    /// When the last transaction that is replayed was committed, on the primary's clock.
    replayed_s: Option<f64>,
    /// A primary that is silent for longer than this hasn't just nothing to say.
    silence_s_max: f64,
}

impl Replica {
    pub(super) fn new(skew: Skew) -> Self {
        Self { level: None, heard_s: None, skew }
    }

    pub(super) fn read(&mut self, rows: &[Row], server: &str, reading: &mut Reading) {
        let Some(look) = rows.first().and_then(look) else { return };
        let labels = labelled([("server", server)]);
        if let Some(behind_bytes) = look.behind_bytes.filter(|_| look.streams) {
            reading.gauge(&catalog::POSTGRES_REPLICA_LAG, &labels, behind_bytes.max(0.0));
        }
        if let Some(lag_s) = self.lag_s(look) {
            reading.gauge(&catalog::POSTGRES_REPLICA_LAG_TIME, &labels, lag_s);
        }
        self.heard_s = look.heard_s.or(self.heard_s);
        if let Some(heard_s) = self.heard_s {
            let silent_s = (look.now_s - heard_s).max(0.0);
            reading.gauge(&catalog::POSTGRES_REPLICA_HEARD, &labels, silent_s);
        }
    }

    /// Returns at most how old what it shows is.
    fn lag_s(&mut self, look: Look) -> Option<f64> {
        let heard_s = look.heard_s.filter(|_| look.streams);
        let is_heard = heard_s.is_some_and(|heard_s| look.now_s - heard_s <= look.silence_s_max);
        let is_level = look.behind_bytes.is_some_and(|bytes| bytes <= 0.0);
        if let Some(heard_s) = heard_s.filter(|_| is_level) {
            // In silence, the look says no more than the one before it.
            let at_s = if is_heard { look.now_s } else { heard_s };
            self.level = Some(Level { at_s, heard_s });
            if is_heard {
                return Some(0.0);
            }
        }
        let level_s = self.level.map(|level| if is_heard { level.at_s } else { level.heard_s });
        let since_s = match (level_s, look.replayed_s) {
            (Some(level_s), Some(replayed_s)) => level_s.max(replayed_s),
            (one, other) => one.or(other)?,
        };
        Some(self.skew.age(look.now_s - since_s))
    }
}

fn look(row: &Row) -> Option<Look> {
    let timeout_s = row.value::<f64>("timeout_s").filter(|timeout_s| *timeout_s > 0.0);
    Some(Look {
        now_s: row.value("now_s")?,
        streams: row.is("streams"),
        behind_bytes: row.value("behind_bytes"),
        heard_s: row.value("heard_s"),
        replayed_s: row.value("replayed_s"),
        // Once half its timeout has passed in silence, the receiver asks; then it has an answer.
        silence_s_max: timeout_s.unwrap_or(60.0) / 2.0 + 5.0,
    })
}

/// Adds what the primary sees of its standbys; those of one name are one, the farthest behind.
pub(super) fn standbys(rows: &[Row], server: &str, reading: &mut Reading) {
    let mut behind = BTreeMap::<String, f64>::new();
    for row in rows {
        let Some(bytes) = row.value::<f64>("behind_bytes") else { continue };
        let name = row.text("application_name").unwrap_or("");
        let is_known = behind.contains_key(name) || behind.len() < STANDBYS_MAX;
        let name = if is_known { name } else { OVERFLOW };
        let farthest = behind.entry(name.to_owned()).or_default();
        *farthest = farthest.max(bytes);
    }
    for (standby, bytes) in &behind {
        let labels = labelled([("server", server), ("standby", standby)]);
        reading.gauge(&catalog::POSTGRES_STANDBY_LAG, &labels, *bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look {
        now_s: 1_000.0,
        streams: true,
        behind_bytes: Some(0.0),
        heard_s: Some(990.0),
        replayed_s: Some(100.0),
        silence_s_max: 35.0,
    };

    fn fresh() -> Replica {
        Replica::new(Skew::unseen())
    }

    #[test]
    fn an_idle_primary_is_no_lag() {
        assert_eq!(fresh().lag_s(LOOK), Some(0.0));
    }

    #[test]
    fn after_an_idle_hour_the_lag_begins_at_the_last_level_look_and_not_at_the_last_commit() {
        let mut replica = fresh();
        replica.lag_s(LOOK);
        let behind =
            Look { now_s: 1_005.0, behind_bytes: Some(8.0), heard_s: Some(1_004.0), ..LOOK };
        assert_eq!(replica.lag_s(behind), Some(5.0));
        // It is cut off, and what it has received is all that is known.
        let cut = Look { now_s: 1_006.0, streams: false, heard_s: None, ..behind };
        assert_eq!(replica.lag_s(cut), Some(16.0), "the primary was heard at 990");
        // It replays commits, each with its time.
        let replaying = Look { now_s: 1_010.0, replayed_s: Some(1_008.0), ..behind };
        assert_eq!(replica.lag_s(replaying), Some(2.0));
    }

    #[test]
    fn a_silent_primary_and_one_that_is_gone_are_no_zero() {
        let mut replica = fresh();
        replica.lag_s(LOOK);
        let silent = Look { now_s: 1_100.0, ..LOOK };
        assert_eq!(replica.lag_s(silent), Some(110.0));
        let gone = Look { streams: false, behind_bytes: None, heard_s: None, ..silent };
        assert_eq!(replica.lag_s(gone), Some(110.0));
        assert_eq!(fresh().lag_s(Look { replayed_s: None, ..gone }), None);
    }

    #[test]
    fn a_primary_whose_clock_is_ahead_is_clamped() {
        let mut replica = fresh();
        let ahead = Look { behind_bytes: Some(8.0), replayed_s: Some(1_003.0), ..LOOK };
        assert_eq!(replica.lag_s(ahead), Some(0.0));
    }
}
