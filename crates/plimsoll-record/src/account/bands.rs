/// The lower edges that a level is sorted by: ascending, the first is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bands(Vec<u64>);

/// How many bands there are at most, since each is a series.
const BANDS_MAX: usize = 16;

impl Bands {
    /// Checks the edges.
    pub(crate) fn new(edges: &[u64]) -> Option<Self> {
        let ascending = edges.windows(2).all(|pair| pair[0] < pair[1]);
        (edges.first() == Some(&1) && ascending && edges.len() <= BANDS_MAX)
            .then(|| Self(edges.to_vec()))
    }

    /// Returns the place of a level's band; an empty level is in the lowest.
    pub(crate) fn index(&self, level: u64) -> usize {
        // From below, since most levels are low.
        self.0.iter().skip(1).take_while(|edge| **edge <= level).count()
    }

    /// Returns the lower edges as label values.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(u64::to_string)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
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
            assert_eq!(Bands::new(edges), None, "{edges:?}");
        }
        assert_eq!(Bands::new(&(1..=17).collect::<Vec<_>>()), None);
    }
}
