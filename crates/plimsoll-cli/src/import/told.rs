//! What became of an import, in words.

use plimsoll_slo::{Span, length_name};
use plimsoll_store::Precedence;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// So many gaps of an SLO are told one by one.
const GAPS_MAX: usize = 5;

/// What became of it; the daemon's answer has the same shape.
#[derive(Debug, Deserialize)]
pub(crate) struct Told {
    slos: Vec<ToldSlo>,
    foreign: Vec<String>,
    #[serde(skip)]
    gaps: BTreeMap<String, Vec<Span>>,
}

#[derive(Debug, Deserialize)]
struct ToldSlo {
    slo: String,
    from: Option<String>,
    to: Option<String>,
    own_since: String,
}

impl From<Precedence> for Told {
    fn from(found: Precedence) -> Self {
        let slo = |filled: plimsoll_store::Filled| ToldSlo {
            slo: filled.id,
            from: filled.span.map(|span| instant(span.start.0)),
            to: filled.span.map(|span| instant(span.end.0)),
            own_since: instant(filled.own_since.0),
        };
        let slos = found.filled.into_iter().map(slo).collect();
        Self { slos, foreign: found.foreign, gaps: BTreeMap::new() }
    }
}

impl Told {
    /// Adds what was missing of each SLO.
    pub(crate) fn with_gaps(mut self, seen: &[(String, Vec<Span>)]) -> Self {
        self.gaps = seen.iter().cloned().collect();
        self
    }

    /// Writes a line an SLO, and under it its gaps.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String can't fail.
        for slo in &self.slos {
            let _ = match (&slo.from, &slo.to) {
                (Some(from), Some(to)) => writeln!(text, "{}: filled from {from} to {to}", slo.slo),
                _ => writeln!(
                    text,
                    "{}: nothing to fill; its own counts begin at {}",
                    slo.slo, slo.own_since
                ),
            };
            let gaps = self.gaps.get(&slo.slo).map(Vec::as_slice).unwrap_or_default();
            for gap in gaps.iter().take(GAPS_MAX) {
                let (start, length) = (instant(gap.start.0), length_name(gap.length()));
                let _ = writeln!(text, "  gap: something is unknown from {start} for {length}");
            }
            if let Some(more) = gaps.len().checked_sub(GAPS_MAX).filter(|more| *more > 0) {
                let _ = writeln!(text, "  and {more} more gaps");
            }
        }
        for id in &self.foreign {
            let _ = writeln!(text, "{id}: left out; no SLO that is configured counts that");
        }
        text
    }
}

fn instant(ms: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| ms.to_string())
}
