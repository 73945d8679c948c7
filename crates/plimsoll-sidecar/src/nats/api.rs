//! What JetStream answers, as far as it is read.

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An answer that is either an error or what was asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<T> {
    pub(super) error: Option<Refusal>,
    #[serde(flatten)]
    pub(super) of: T,
}

/// Why JetStream doesn't answer.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    #[serde(default)]
    pub(super) code: u32,
    #[serde(default)]
    pub(super) description: String,
}

/// One page of a list.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct Page<T> {
    #[serde(default)]
    pub(super) total: usize,
    #[serde(default, alias = "streams", alias = "consumers")]
    pub(super) items: Option<Vec<T>>,
    /// Names of those that nobody answers for: without a leader, or on servers that are gone.
    pub(super) missing: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Stream {
    pub(super) config: StreamConfig,
    pub(super) state: StreamState,
}

#[derive(Debug, Deserialize)]
pub(super) struct StreamConfig {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct StreamState {
    pub(super) last_seq: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Consumer {
    pub(super) name: String,
    pub(super) config: ConsumerConfig,
    pub(super) ack_floor: Sequences,
    pub(super) delivered: Sequences,
    pub(super) num_pending: u64,
    pub(super) num_ack_pending: u64,
    #[serde(default)]
    pub(super) num_redelivered: u64,
    #[serde(default)]
    pub(super) num_waiting: u64,
    #[serde(default)]
    pub(super) paused: bool,
    #[serde(default)]
    push_bound: bool,
    /// When the server wrote this, by its own clock.
    ts: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ConsumerConfig {
    pub(super) durable_name: Option<String>,
    #[serde(default)]
    pub(super) deliver_policy: DeliverPolicy,
    filter_subject: Option<String>,
    #[serde(default)]
    filter_subjects: Vec<String>,
    pub(super) max_ack_pending: Option<i64>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DeliverPolicy {
    LastPerSubject,
    #[default]
    #[serde(other)]
    InOrder,
}

#[derive(Debug, Deserialize)]
pub(super) struct Sequences {
    pub(super) consumer_seq: u64,
    pub(super) stream_seq: u64,
}

/// A message, of which only its place and time are of interest.
#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    pub(super) message: Option<StoredMessage>,
}

#[derive(Debug, Deserialize)]
pub(super) struct StoredMessage {
    pub(super) seq: u64,
    time: String,
}

impl Consumer {
    /// Returns how many messages aren't acknowledged: those that wait and those that are being worked on.
    pub(super) fn lag(&self) -> u64 {
        self.num_pending.saturating_add(self.num_ack_pending)
    }

    /// Returns what changes with each acknowledgement, also behind a message that nobody acknowledges: what
    /// was delivered once, without what is being worked on.
    pub(super) fn progress(&self) -> u128 {
        let settled = self.delivered.stream_seq.saturating_sub(self.num_ack_pending);
        u128::from(self.ack_floor.stream_seq) << 64 | u128::from(settled)
    }

    /// Says whether somebody is there to take messages: a pull that waits, or a push that is bound.
    pub(super) fn is_attended(&self) -> bool {
        self.push_bound || self.num_waiting > 0
    }

    /// Returns the subjects that it reads.
    pub(super) fn filters(&self) -> Vec<&str> {
        let ConsumerConfig { filter_subject, filter_subjects, .. } = &self.config;
        let filters = filter_subject.iter().chain(filter_subjects).map(String::as_str);
        let filters: Vec<_> = filters.filter(|filter| !filter.is_empty()).collect();
        if filters.is_empty() { vec![">"] } else { filters }
    }

    /// Returns the server's time, in milliseconds since 1970.
    pub(super) fn unix_ms(&self) -> Option<i64> {
        self.ts.as_deref().and_then(unix_ms)
    }
}

impl StoredMessage {
    /// Returns when the server stored it, in milliseconds since 1970.
    pub(super) fn unix_ms(&self) -> Option<i64> {
        unix_ms(&self.time)
    }
}

fn unix_ms(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}
