use super::bounds::Bounds;
use std::sync::Arc;

/// The bands that a level is sorted by.
#[derive(Clone, Debug)]
pub(crate) struct Bands {
    /// Their lower edges: ascending, the first is 1.
    edges: Vec<u64>,
    /// The last level of each but the last.
    last: Arc<Bounds>,
}

/// How many bands there are at most, since each is a series.
const BANDS_MAX: usize = 16;

impl Bands {
    /// Checks the edges.
    pub(crate) fn new(edges: &[u64]) -> Option<Self> {
        let ascending = edges.windows(2).all(|pair| pair[0] < pair[1]);
        (edges.first() == Some(&1) && ascending && edges.len() <= BANDS_MAX).then(|| Self {
            edges: edges.to_vec(),
            last: Bounds::new(edges[1..].iter().map(|edge| edge - 1).collect()),
        })
    }

    /// Returns the place of a level's band; an empty level is in the lowest.
    #[inline(always)]
    pub(crate) fn index(&self, level: u64) -> usize {
        self.last.place(level)
    }

    /// Returns the lower edges as label values.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.edges.iter().map(u64::to_string)
    }

    pub(crate) fn len(&self) -> usize {
        self.edges.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_on_an_edge_is_in_its_band() {
        let bands = Bands::new(&[1, 4, 16]).expect("ascending");
        let of = [(0, 0), (1, 0), (3, 0), (4, 1), (15, 1), (16, 2), (u64::MAX, 2)];
        for (level, band) in of {
            assert_eq!(bands.index(level), band, "level {level}");
        }
    }

    #[test]
    fn edges_that_do_not_ascend_from_one_are_refused() {
        for edges in [&[][..], &[2, 4], &[1, 4, 4], &[1, 5, 3]] {
            assert!(Bands::new(edges).is_none(), "{edges:?}");
        }
        assert!(Bands::new(&(1..=17).collect::<Vec<_>>()).is_none());
    }
}
