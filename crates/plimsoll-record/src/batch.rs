//! The edges that one merge hands on, and the order that it brings them into.
//!
//! Instruments don't depend on each other, so their edges needn't come in one order: they are dealt out
//! by group, where the few of a group are sorted by stamp. That compares each edge with those of its
//! own group only, and an account is fetched once for all its edges.

use crate::edge::Edge;

/// How many edges the buffers keep room for between merges.
const KEPT: usize = 1 << 16;

/// Edges of several logs.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    edges: Vec<Edge>,
    /// How many ascending runs `edges` consists of, empty ones too.
    runs: usize,
    /// Where the edges are dealt out to.
    dealt: Vec<Edge>,
    /// The groups that have edges.
    groups: Vec<u32>,
    /// By group: how many edges it has, then where its next one goes. 0 where there is none.
    places: Vec<u32>,
}

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.edges.len()
    }

    /// Says that the edges which are pushed from now on ascend.
    pub(crate) fn begin_run(&mut self) {
        self.runs += 1;
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, edge: Edge) {
        self.edges.push(edge);
    }

    /// Adds edges in no order.
    pub(crate) fn add_runs(&mut self, edges: Vec<Edge>) {
        self.runs += edges.len();
        self.edges.extend(edges);
    }

    pub(crate) fn clear(&mut self) {
        self.edges.clear();
        self.runs = 0;
    }

    /// Gives back the memory of an uncommonly large batch.
    pub(crate) fn shrink(&mut self) {
        self.edges.shrink_to(KEPT);
        self.dealt.truncate(KEPT);
        self.dealt.shrink_to(KEPT);
    }

    /// Returns the edges, those of a group by their stamps, and of equal ones in the order in which they
    /// were added.
    pub(crate) fn in_order(&mut self, group: impl Fn(u32) -> u32) -> &[Edge] {
        if self.runs <= 1 {
            return &self.edges;
        }
        self.count(&group);
        if self.groups.len() > 1 {
            self.deal(&group);
        } else {
            self.groups.drain(..).for_each(|group| self.places[group as usize] = 0);
            sort(&mut self.edges);
            return &self.edges;
        }
        &self.dealt[..self.edges.len()]
    }

    /// Counts the edges of each group.
    fn count(&mut self, group: impl Fn(u32) -> u32) {
        for edge in &self.edges {
            let group = group(edge.instrument());
            let at = group as usize;
            if at >= self.places.len() {
                self.places.resize(at + 1, 0);
            }
            if self.places[at] == 0 {
                self.groups.push(group);
            }
            self.places[at] += 1;
        }
    }

    /// Deals the edges out to their groups, and sorts these.
    fn deal(&mut self, group: impl Fn(u32) -> u32) {
        let mut from = 0;
        for group in &self.groups {
            let place = &mut self.places[*group as usize];
            from += std::mem::replace(place, from);
        }
        if self.dealt.len() < self.edges.len() {
            self.dealt.clone_from(&self.edges);
        }
        for edge in &self.edges {
            let place = &mut self.places[group(edge.instrument()) as usize];
            self.dealt[*place as usize] = *edge;
            *place += 1;
        }
        let mut from = 0;
        for group in self.groups.drain(..) {
            // Each place has moved on to the end of its group.
            let to = std::mem::take(&mut self.places[group as usize]) as usize;
            sort(&mut self.dealt[from..to]);
            from = to;
        }
    }
}

/// Sorts by stamps. It is stable, and finds and merges what ascends already.
fn sort(edges: &mut [Edge]) {
    edges.sort_by_key(|edge| edge.at_ns);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::Draft;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    /// A run of one log, with stamps that other logs have too.
    fn run(random: &mut SmallRng, instruments: u32, log: u32) -> Vec<Edge> {
        let mut at_ns = 0;
        let mut edge = || {
            at_ns += random.random_range(1..4);
            Draft::enter(random.random_range(0..instruments), 1).stamped(at_ns, log)
        };
        (0..200).map(|_| edge()).collect()
    }

    #[test]
    fn the_edges_of_a_group_come_by_stamp_then_by_log() {
        let mut random = SmallRng::seed_from_u64(3);
        let mut batch = Batch::default();
        // The same batch is used again and again, as the merge does.
        for (instruments, logs) in [(1, 1), (40, 5), (1, 3), (7, 9), (1_000, 2), (2, 1)] {
            // Neighbours share a group.
            let group = |instrument: u32| instrument / 2;
            let mut added = Vec::new();
            for log in 0..logs {
                let run = run(&mut random, instruments, log);
                added.extend(run.clone());
                batch.begin_run();
                run.into_iter().for_each(|edge| batch.push(edge));
            }
            let of_group = |edges: &[Edge], wanted: u32| -> Vec<Edge> {
                edges.iter().filter(|edge| group(edge.instrument()) == wanted).copied().collect()
            };
            let ordered = batch.in_order(group).to_vec();
            assert_eq!(ordered.len(), added.len());
            for wanted in 0..=group(instruments) {
                let mut expected = of_group(&added, wanted);
                expected.sort_by_key(|edge| (edge.at_ns, edge.key().log));
                assert_eq!(of_group(&ordered, wanted), expected, "{instruments}, {logs}");
            }
            batch.clear();
        }
    }
}
