//! The ledgers of every SLO, by group.

use crate::Ledger;
use crate::composite::Composites;
use crate::excluded::Schedules;
use crate::journal::Journal;
use crate::kept::fingerprint;
use crate::select::{Match, Selection};
use crate::{Limits, StoreError};
use plimsoll_model::{Labels, TimeMs};
use plimsoll_slo::{Composite, Sli, Slo};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Every ledger, and what finds it.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) slos: Vec<Arc<Slo>>,
    pub(crate) ledgers: Vec<Ledger>,
    pub(crate) limits: Limits,
    pub(crate) journal: Journal,
    /// A fingerprint of what series are chosen for.
    pub(crate) slis: u64,
    selection: Selection,
    /// By what an archive knows them by.
    pub(crate) by_key: HashMap<String, usize>,
    /// By SLO: its groups' ledgers.
    groups: Vec<HashMap<Labels, usize>>,
    schedules: Schedules,
    /// The longest that a period of any SLO may be.
    longest: Duration,
    composites: Composites,
    /// The SLOs that weigh others.
    weighing: Vec<Arc<Slo>>,
    /// By SLO: series that belong to no group because there are too many.
    refused: Vec<u64>,
}

impl Books {
    pub(crate) fn new(slos: Vec<Arc<Slo>>, limits: Limits) -> Result<Self, StoreError> {
        let slis = fingerprint(&slos);
        let mut books = Self {
            selection: Selection::new(&slos)?,
            ledgers: Vec::new(),
            by_key: HashMap::new(),
            groups: vec![HashMap::new(); slos.len()],
            refused: vec![0; slos.len()],
            slis,
            longest: slos.iter().map(|slo| slo.period.longest()).max().unwrap_or_default(),
            composites: Composites::default(),
            weighing: slos.iter().filter(|slo| weighed(slo).is_some()).cloned().collect(),
            schedules: Schedules::new(slos.iter().flat_map(|slo| &slo.exclusions)),
            limits,
            journal: Journal::new(slis),
            slos,
        };
        let whole = |(number, slo): (usize, &Arc<Slo>)| slo.by.is_empty().then_some(number);
        let whole: Vec<usize> = books.slos.iter().enumerate().filter_map(whole).collect();
        for slo in whole {
            books.ledger_of_group(slo, Labels::default());
        }
        books.composites = Composites::new(&books.slos, &books.ledgers);
        for part in books.composites.judged() {
            if let Some(ledger) = books.ledgers.get_mut(part) {
                ledger.steps.get_or_insert_default();
            }
        }
        Ok(books)
    }

    /// Iterates over the names of the series that some SLO reads.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.selection.names()
    }

    /// Returns the ledgers that a series feeds, with its part in each.
    pub(crate) fn feeds(&mut self, name: &str, labels: &Labels) -> Vec<(usize, Match)> {
        let matches = self.selection.matches(name, labels);
        let ledger = |found: Match| {
            let by = &self.slos.get(found.slo)?.by;
            let group = by.iter().map(|label| (&**label, labels.get(label).unwrap_or("")));
            let group = Labels::new(group).ok()?;
            self.ledger_of_group(found.slo, group).map(|ledger| (ledger, found))
        };
        matches.into_iter().filter_map(ledger).collect()
    }

    /// Returns the ledger of a group, which is made when it is new; `None` past the SLO's bound.
    pub(crate) fn ledger_of_group(&mut self, slo: usize, group: Labels) -> Option<usize> {
        let (groups, owner) = (self.groups.get_mut(slo)?, self.slos.get(slo)?);
        if let Some(ledger) = groups.get(&group) {
            return Some(*ledger);
        }
        let groups_max = if owner.by.is_empty() { 1 } else { owner.max_groups };
        if groups.len() >= groups_max {
            if let Some(refused) = self.refused.get_mut(slo) {
                *refused += 1;
            }
            return None;
        }
        let number = self.ledgers.len();
        groups.insert(group.clone(), number);
        let windows = self.windows(owner);
        let mut ledger = Ledger::new(owner.clone(), group, self.limits.slice, &windows);
        for exclusion in &owner.exclusions {
            self.schedules.times(exclusion).for_each(|span| ledger.exclude(span));
        }
        self.by_key.insert(ledger.key.clone(), number);
        self.ledgers.push(ledger);
        Some(number)
    }

    /// Returns every window that is asked of an SLO's ledger: its own, and those of composites that
    /// weigh it.
    fn windows(&self, part: &Slo) -> Vec<Duration> {
        let weighs = |whole: &&Arc<Slo>| {
            let mut names = weighed(whole).into_iter().flatten().map(|(name, _)| name);
            whole.service == part.service && names.any(|name| *name == part.name)
        };
        let wholes = self.weighing.iter().filter(weighs);
        let wholes = wholes.flat_map(|whole| whole.windows(self.limits.slice));
        part.windows(self.limits.slice).into_iter().chain(wholes).collect()
    }

    /// Moves every ledger on to `now`.
    pub(crate) fn advance(&mut self, now: TimeMs) {
        self.ledgers.iter_mut().for_each(|ledger| ledger.advance(now));
        self.composites.advance(now, &mut self.ledgers);
    }

    /// Returns the ledgers that `ledger` is a part of.
    pub(crate) fn made_of(&self, ledger: usize) -> Vec<usize> {
        self.composites.made_of(ledger)
    }

    /// Lets every ledger know what is excluded at `at`, before anything of then is added.
    pub(crate) fn foresee(&mut self, at: TimeMs) {
        let Self { schedules, ledgers, longest, .. } = self;
        schedules.foresee(at - *longest, at, |exclusion, span| {
            let holds = |ledger: &&mut Ledger| {
                ledger.slo().exclusions.iter().any(|own| Arc::ptr_eq(own, exclusion))
            };
            ledgers.iter_mut().filter(holds).for_each(|ledger| ledger.exclude(span));
        });
    }

    /// Returns how many series of the SLO `service/slo` its bound on groups refused.
    pub(crate) fn refused(&self, slo: &str) -> u64 {
        let is = |other: &Slo| {
            slo.strip_prefix(&*other.service).and_then(|rest| rest.strip_prefix('/'))
                == Some(&*other.name)
        };
        self.slos.iter().zip(&self.refused).find(|(other, _)| is(other)).map_or(0, |(_, n)| *n)
    }
}

/// Returns what an SLO weighs, if it weighs others.
fn weighed(slo: &Slo) -> Option<&[(String, u32)]> {
    match &slo.sli {
        Sli::Composite(Composite::Weighted(parts)) => Some(parts),
        _ => None,
    }
}
