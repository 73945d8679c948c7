//! When the records were produced that come next.

use super::api::Partition;
use super::cluster::{Cluster, Extent};
use super::records::Found;
use crate::Reading;
use crate::lag::Oldest;
use std::collections::HashMap;

/// Records that one round asks for. Of more, those are asked for that were looked at longest ago; the
/// time of a record that hasn't moved since stands.
const LOOKS_MAX: usize = 256;

/// Times by partition and offset; those that a round doesn't want are forgotten.
#[derive(Default)]
pub(super) struct Times {
    known: HashMap<(Partition, i64), Time>,
    round: u64,
}

#[derive(Clone, Copy)]
struct Time {
    /// None if there is no record up to the end.
    found: Option<Found>,
    round: u64,
}

impl Times {
    /// Looks at the records at those offsets.
    pub(super) async fn look(
        &mut self,
        cluster: &mut Cluster,
        mut wanted: Vec<(&Partition, Extent, i64)>,
        reading: &mut Reading,
    ) {
        self.round += 1;
        wanted.sort_unstable_by_key(|(partition, _, offset)| (*partition, *offset));
        wanted.dedup_by_key(|(partition, _, offset)| (*partition, *offset));
        let mut last = std::mem::take(&mut self.known);
        let mut wanted: Vec<_> = wanted
            .into_iter()
            .map(|(partition, extent, offset)| {
                let key = (partition.clone(), offset);
                let known = last.remove(&key);
                (known, key, extent)
            })
            .collect();
        wanted.sort_by_key(|(known, ..)| known.map_or(0, |known| known.round));
        for (index, (known, key, extent)) in wanted.into_iter().enumerate() {
            if index >= LOOKS_MAX {
                self.known.extend(known.map(|known| (key, known)));
                continue;
            }
            match cluster.time_at(&key.0, extent, key.1).await {
                Ok(found) => {
                    self.known.insert(key, Time { found, round: self.round });
                }
                Err(reason) => reading.note(reason),
            }
        }
    }

    /// Returns what is known of the record that comes next at an offset.
    pub(super) fn get(&self, partition: &Partition, offset: i64, now_ms: i64) -> Oldest {
        match self.known.get(&(partition.clone(), offset)).map(|time| time.found) {
            Some(Some(Found::Record { unix_ms })) => {
                Oldest::At { unix_ms, age_ms: now_ms.saturating_sub(unix_ms) }
            }
            Some(None) => Oldest::None,
            Some(Some(_)) | None => Oldest::Unknown,
        }
    }
}
