use super::Site;
use crossbeam_utils::atomic::AtomicCell;
use plimsoll_model::catalog;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many call sites of one name are told apart; the rest share one.
const SITES: usize = 32;

/// The site of a wait whose holder never came through the mirror.
const UNKNOWN: &str = "unknown";

/// Wait charged to the call sites that made others wait, of all resources of one name.
///
/// It is exported as one series a site, `file:line`; the sites beyond 32 share the label value
/// `overflow`.
pub struct Blame {
    sites: [Charged; SITES],
    beyond: Sum,
    unknown: Sum,
}

#[derive(Default)]
struct Charged {
    site: AtomicCell<Option<Site>>,
    sum: Sum,
}

/// Nanoseconds. A charge may be negative for a moment, as when a waiter that gave up is counted a
/// little later than the holder's release; what is shown never falls.
#[derive(Default)]
struct Sum {
    ns: AtomicU64,
    shown_ns: AtomicU64,
}

impl Sum {
    fn add(&self, ns: i64) {
        self.ns.fetch_add(ns as u64, Ordering::Relaxed);
    }

    fn shown_ns(&self) -> u64 {
        let now = self.ns.load(Ordering::Relaxed) as i64;
        let now = u64::try_from(now).unwrap_or(0);
        self.shown_ns.fetch_max(now, Ordering::Relaxed).max(now)
    }
}

impl Blame {
    pub(crate) fn new() -> Self {
        Self {
            sites: std::array::from_fn(|_| Charged::default()),
            beyond: Sum::default(),
            unknown: Sum::default(),
        }
    }

    /// Charges wait to the site of its holder.
    pub(super) fn charge(&self, site: Option<Site>, ns: i64) {
        if ns == 0 {
            return;
        }
        match site {
            None => self.unknown.add(ns),
            Some(site) => self.sum_of(site).add(ns),
        }
    }

    /// Finds the sum of a site, and takes a free place for a new one.
    fn sum_of(&self, site: Site) -> &Sum {
        for charged in &self.sites {
            let taken = match charged.site.load() {
                Some(taken) => taken,
                None => match charged.site.compare_exchange(None, Some(site)) {
                    Ok(_) => site,
                    Err(other) => other.unwrap_or(site),
                },
            };
            if taken == site {
                return &charged.sum;
            }
        }
        &self.beyond
    }

    /// Returns the sums by the value of the label `site`, without those that are 0.
    pub(crate) fn by_site(&self) -> BTreeMap<String, u64> {
        let known = self.sites.iter().filter_map(|charged| {
            let site = charged.site.load()?;
            Some((format!("{}:{}", site.file(), site.line()), &charged.sum))
        });
        let others =
            [(catalog::OVERFLOW.to_owned(), &self.beyond), (UNKNOWN.to_owned(), &self.unknown)];
        let mut sums = BTreeMap::new();
        // Two sites of one line, as in a macro, are one label value.
        for (label, sum) in known.chain(others) {
            *sums.entry(label).or_default() += sum.shown_ns();
        }
        sums.retain(|_, ns| *ns > 0);
        sums
    }
}

impl fmt::Debug for Blame {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map().entries(self.by_site()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::Location;

    #[test]
    fn sites_are_told_apart_and_bounded() {
        let blame = Blame::new();
        let here = Location::caller();
        blame.charge(Some(here), 5);
        blame.charge(Some(here), 7);
        blame.charge(None, 2);
        let label = format!("{}:{}", here.file(), here.line());
        assert_eq!(blame.by_site(), BTreeMap::from([(label, 12), (UNKNOWN.into(), 2)]));
        // Each a site of its own: a column apart, on one line.
        #[rustfmt::skip]
        let line = [
            Location::caller(), at(), at(), at(), at(), at(), at(), at(), at(), at(), at(), at(), at(), at(), at(), at(),
            at(), at(), at(), at(), at(), at(), at(), at(), at(), at(), at(), at(), at(), at(), at(), at(), at(), at(), at(),
        ];
        line.iter().for_each(|site| blame.charge(Some(site), 1));
        assert_eq!(blame.by_site().values().sum::<u64>(), 14 + line.len() as u64);
        assert!(blame.by_site().contains_key(catalog::OVERFLOW));
    }

    #[track_caller]
    fn at() -> Site {
        Location::caller()
    }

    #[test]
    fn what_is_shown_never_falls() {
        let blame = Blame::new();
        blame.charge(None, 10);
        assert_eq!(blame.by_site().get(UNKNOWN), Some(&10));
        blame.charge(None, -4);
        assert_eq!(blame.by_site().get(UNKNOWN), Some(&10));
        blame.charge(None, 5);
        assert_eq!(blame.by_site().get(UNKNOWN), Some(&11));
    }
}
