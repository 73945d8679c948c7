//! The ledgers of every SLO, by group.

use crate::Ledger;
use crate::journal::Journal;
use crate::kept::fingerprint;
use crate::select::{Match, Selection};
use crate::{Limits, StoreError};
use plimsoll_model::Labels;
use plimsoll_slo::Slo;
use std::collections::HashMap;
use std::sync::Arc;

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
            limits,
            journal: Journal::new(slis),
            slos,
        };
        let whole = |(number, slo): (usize, &Arc<Slo>)| slo.by.is_empty().then_some(number);
        let whole: Vec<usize> = books.slos.iter().enumerate().filter_map(whole).collect();
        for slo in whole {
            books.ledger_of_group(slo, Labels::default());
        }
        Ok(books)
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
        let ledger = Ledger::new(owner.clone(), group, self.limits.slice);
        self.by_key.insert(ledger.key.clone(), number);
        self.ledgers.push(ledger);
        Some(number)
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
