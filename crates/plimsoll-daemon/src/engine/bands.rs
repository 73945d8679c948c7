//! Beside each SLO of an in-flight band the same of every band: an objective that is met where next to
//! nothing is counted says little, so its share of all events is shown with it.

use crate::view::BandView;
use plimsoll_model::{Counts, Labels};
use plimsoll_slo::{Backend, Sli, Slo, Windows};
use plimsoll_store::Ledger;
use std::collections::HashMap;
use std::sync::Arc;

/// What the name of the other one ends in: no file can give an SLO such a name.
const EVERY_BAND: &str = " in every band";

/// Returns the SLOs, and after them one of every band for each that counts one band.
pub(super) fn with_every_band(slos: &[Arc<Slo>]) -> Vec<Arc<Slo>> {
    let others = slos.iter().filter_map(|slo| of_every_band(slo)).map(Arc::new);
    slos.iter().cloned().chain(others).collect()
}

fn of_every_band(slo: &Slo) -> Option<Slo> {
    let Sli::Within { when: Some(_), .. } = &slo.sli else { return None };
    let mut whole = slo.clone();
    whole.name.push_str(EVERY_BAND);
    if let Sli::Within { when, .. } = &mut whole.sli {
        *when = None;
    }
    (slo.backend == Backend::Own).then_some(whole)
}

/// Says whether an SLO is there only to be compared with.
pub(super) fn is_of_every_band(slo: &Slo) -> bool {
    slo.name.ends_with(EVERY_BAND)
}

/// Says the same of an SLO's id.
pub(super) fn is_id_of_every_band(id: &str) -> bool {
    id.contains(EVERY_BAND)
}

/// The ledgers of every band, by service, name and group.
pub(super) struct EveryBand<'a>(HashMap<(&'a str, &'a str, &'a Labels), &'a Ledger>);

impl<'a> EveryBand<'a> {
    pub(super) fn of(ledgers: &'a [Ledger]) -> Self {
        let key = |ledger: &'a Ledger| {
            let slo = ledger.slo();
            let name = slo.name.strip_suffix(EVERY_BAND)?;
            Some(((slo.service.as_str(), name, ledger.group()), ledger))
        };
        Self(ledgers.iter().filter_map(key).collect())
    }

    /// Returns which part of all events an SLO of one band counts; none for every other SLO.
    pub(super) fn share(&self, ledger: &Ledger) -> Option<BandView> {
        let slo = ledger.slo();
        let Sli::Within { when: Some(when), .. } = &slo.sli else { return None };
        let all = self.0.get(&(slo.service.as_str(), slo.name.as_str(), ledger.group()))?;
        let windows = slo.windows(ledger.slice()).into_iter();
        let of_window =
            |length| (length, share(ledger.window(length).counts, all.window(length).counts));
        Some(BandView {
            operation: when.operation.clone(),
            at_least: when.at_least,
            windows: windows.map(of_window).collect(),
            period: share(ledger.period().counts, all.period().counts),
        })
    }
}

/// Returns a part of all; none of nothing.
fn share(part: Counts, all: Counts) -> Option<f64> {
    let events = |counts: Counts| counts.known().saturating_add(counts.unknown);
    let (part, all) = (events(part) as f64, events(all) as f64);
    (all > 0.0).then(|| (part / all).min(1.0))
}
