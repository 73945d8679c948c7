//! What a new series of a target is for.

use crate::account::Slot;
use crate::birth::Birth;
use crate::books::Books;
use crate::feed::{Feed, Role, Use, Wire, WiredMeter};
use crate::increase::Meter;
use crate::reckoning::Reckoning;
use crate::select::{Match, Part};
use plimsoll_model::{Labels, RefusalReason, SeriesKey, catalog};
use std::sync::Arc;

/// The label that holds a bucket's upper bound.
const LE: &str = "le";

/// The most counters of one process that are followed, those that came and went included.
const METERS_MAX: usize = 100_000;

impl Feed {
    /// Finds what a series is for.
    pub(crate) fn resolve(&mut self, key: &SeriesKey, books: &mut Books) -> Role {
        if &*key.name == catalog::PROCESS_START_TIME.name {
            return Role::Start;
        }
        let mut used = Use::default();
        let Some(named) = self.target.rename(key) else { return Role::Ignored };
        if let Some((name, part)) = self.level_names.find(&named.name) {
            used.level = self.levels.number(name, &key.labels).map(|level| (level, part));
        }
        for (ledger, found) in books.feeds(&named.name, &named.labels) {
            let Some(slo) = books.slos.get(found.slo) else { continue };
            let reckoning = Reckoning::of(&slo.sli);
            let account = self.account(ledger, reckoning);
            self.wire(key, account, found, &mut used);
        }
        if used.meter.is_some() || used.level.is_some() || !used.gauges.is_empty() {
            self.uses.push(used);
            return Role::Used(number(self.uses.len() - 1));
        }
        match key.name.strip_suffix("_created") {
            Some(base) => Role::Created(self.birth(base, &key.labels)),
            None => Role::Ignored,
        }
    }

    fn wire(&mut self, key: &SeriesKey, account: u32, found: Match, used: &mut Use) {
        let (slot, worth) = match found.part {
            Part::Gauge => return used.gauges.push(account),
            Part::Total(worth) => (Slot::Total, worth),
            Part::Named(worth) => (Slot::Named, worth),
            Part::Unknown(worth) => (Slot::Upper, worth),
            Part::Bucket => return self.wire_bucket(key, account, used),
        };
        if let Some(meter) = self.meter(key, account, used) {
            self.connect(meter, Wire { account, slot, worth });
        }
    }

    fn connect(&mut self, meter: u32, wire: Wire) {
        if let Some(wired) = self.meters.get_mut(meter as usize) {
            wired.wires.push(wire);
        }
    }

    fn wire_bucket(&mut self, key: &SeriesKey, account: u32, used: &mut Use) {
        let Some(le) = key.labels.get(LE).and_then(|le| le.parse::<f64>().ok()) else { return };
        let labels = key.labels.filtered(|label| label != LE);
        let owner = self.accounts.get(account as usize);
        if !owner.is_some_and(|owner| owner.wants_bucket(&labels, le)) {
            return;
        }
        let Some(meter) = self.meter(key, account, used) else { return };
        let owner = self.accounts.get_mut(account as usize);
        let wires = owner.map(|owner| owner.wire_bucket(labels, le, meter)).unwrap_or_default();
        for (slot, replaced) in wires {
            if let Some(other) = replaced.and_then(|other| self.meters.get_mut(other as usize)) {
                other.wires.retain(|wire| (wire.account, wire.slot) != (account, slot));
            }
            self.connect(meter, Wire { account, slot, worth: 1 });
        }
    }

    /// Returns the meter of a series in the units of the account, which is made when it is new;
    /// `None` past the bound.
    fn meter(&mut self, key: &SeriesKey, account: u32, used: &mut Use) -> Option<u32> {
        let scale = self.accounts.get(account as usize)?.scale();
        let known = used.meter.or_else(|| self.meter_numbers.get(key).copied());
        if known.is_none() && self.meters.len() >= METERS_MAX {
            self.refuse(RefusalReason::SeriesLimit, 1);
            return None;
        }
        let birth = self.birth(base_name(&key.name), &key.labels);
        let meter = known.unwrap_or_else(|| {
            let next = number(self.meters.len());
            self.meters.push(WiredMeter::new(key.clone(), Meter::new(scale)));
            self.meter_numbers.insert(key.clone(), next);
            next
        });
        if let Some(wired) = self.meters.get_mut(meter as usize) {
            (wired.meter.scale, wired.birth) = (scale, Some(birth));
        }
        used.meter = Some(meter);
        Some(meter)
    }

    fn birth(&mut self, base: &str, labels: &Labels) -> u32 {
        let labels = labels.filtered(|label| label != LE);
        let next = number(self.births.len());
        *self.birth_numbers.entry(SeriesKey { name: Arc::from(base), labels }).or_insert_with(
            || {
                self.births.push(Birth::default());
                next
            },
        )
    }
}

impl WiredMeter {
    pub(crate) fn new(key: SeriesKey, meter: Meter) -> Self {
        Self { key, meter, wires: Vec::new(), birth: None }
    }
}

/// Returns the family's name, which `_created` is put behind.
pub(crate) fn base_name(name: &str) -> &str {
    ["_total", "_bucket", "_count", "_sum"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}

fn number(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}
