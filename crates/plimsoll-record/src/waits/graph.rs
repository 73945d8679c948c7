//! The wait-for graph of one moment: who is stuck, and in which cycles. Pure.

use super::{LiveWait, Who};
use std::collections::{HashMap, HashSet};

/// Who waits for what, and who has it.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    resources: Vec<Held>,
    wants: Vec<Want>,
}

/// A task or thread that waits.
#[derive(Debug, Default)]
struct Node {
    /// Its waits. One that has several is made of futures that it drives together, and what it holds
    /// may belong to one that waits for nothing: it goes on.
    wants: Vec<usize>,
    is_stuck: bool,
}

#[derive(Debug)]
struct Want {
    resource: usize,
    gives_up: bool,
}

/// Who has a resource that is waited for.
#[derive(Debug)]
struct Held {
    any_helps: bool,
    /// Some holders aren't known, or wait for nothing.
    some_go_on: bool,
    /// Holders that wait themselves.
    waiting: Vec<usize>,
}

impl Graph {
    /// Draws the graph of waits, each by its place in `waits`.
    pub(super) fn of(waits: &[LiveWait]) -> Self {
        let mut graph = Self::default();
        let mut places = HashMap::new();
        let mut resources = HashMap::new();
        for (place, wait) in waits.iter().enumerate() {
            let next = resources.len();
            let resource = *resources.entry(wait.resource.number()).or_insert(next);
            graph.wants.push(Want { resource, gives_up: wait.by.gives_up });
            let thread = wait.by.thread.filter(|thread| *thread != wait.by.who);
            let nodes = [Some(wait.by.who), thread].into_iter().flatten();
            for who in nodes.filter(|who| *who != Who::UNKNOWN) {
                let node = *places.entry(who).or_insert_with(|| {
                    graph.nodes.push(Node { wants: Vec::new(), is_stuck: true });
                    graph.nodes.len() - 1
                });
                if let Some(node) = graph.nodes.get_mut(node) {
                    node.wants.push(place);
                }
            }
        }
        let mut drawn = HashSet::new();
        for wait in waits {
            if drawn.insert(wait.resource.number()) {
                graph.resources.push(Held::of(wait, &places));
            }
        }
        graph.let_go();
        graph
    }

    /// Returns each cycle as the places of its waits, ascending.
    pub(super) fn cycles(&self) -> Vec<Vec<usize>> {
        self.components()
            .into_iter()
            .filter(|nodes| match nodes.as_slice() {
                [alone] => self.holders_of(*alone).any(|holder| holder == *alone),
                _ => true,
            })
            .map(|nodes| {
                let mut wants: Vec<usize> = nodes
                    .iter()
                    .filter_map(|node| self.nodes.get(*node))
                    .flat_map(|node| node.wants.iter().copied())
                    .collect();
                wants.sort_unstable();
                wants.dedup();
                wants
            })
            .collect()
    }

    /// Takes everyone as stuck, and lets go whoever can go on, until nobody more can.
    fn let_go(&mut self) {
        loop {
            let going: Vec<usize> = (0..self.nodes.len())
                .filter(|node| self.nodes.get(*node).is_some_and(|node| self.can_go_on(node)))
                .collect();
            if going.is_empty() {
                return;
            }
            for node in going {
                if let Some(node) = self.nodes.get_mut(node) {
                    node.is_stuck = false;
                }
            }
        }
    }

    fn can_go_on(&self, node: &Node) -> bool {
        if !node.is_stuck {
            return false;
        }
        node.wants.len() > 1
            || node.wants.iter().filter_map(|want| self.wants.get(*want)).any(|want| {
                want.gives_up
                    || self.resources.get(want.resource).is_none_or(|held| self.frees(held))
            })
    }

    /// Says whether a resource may come free.
    fn frees(&self, held: &Held) -> bool {
        let is_stuck = |holder: &usize| self.nodes.get(*holder).is_some_and(|node| node.is_stuck);
        if held.any_helps {
            held.some_go_on || held.waiting.is_empty() || !held.waiting.iter().all(is_stuck)
        } else {
            !held.waiting.iter().any(is_stuck)
        }
    }

    /// Returns the stuck holders of what a stuck node waits for.
    fn holders_of(&self, node: usize) -> impl Iterator<Item = usize> {
        let stuck = |node: &&Node| node.is_stuck;
        let wants = self.nodes.get(node).filter(stuck).map(|node| node.wants.as_slice());
        wants
            .unwrap_or_default()
            .iter()
            .filter_map(|want| self.resources.get(self.wants.get(*want)?.resource))
            .flat_map(|held| held.waiting.iter().copied())
            .filter(|holder| self.nodes.get(*holder).is_some_and(|node| node.is_stuck))
    }

    /// Returns the strongly connected components of the stuck nodes (Kosaraju), without recursion.
    fn components(&self) -> Vec<Vec<usize>> {
        let stuck =
            (0..self.nodes.len()).filter(|n| self.nodes.get(*n).is_some_and(|n| n.is_stuck));
        let forward = |node: usize| self.holders_of(node).collect::<Vec<_>>();
        let mut backward: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut finished = Vec::new();
        let mut seen = HashSet::new();
        for node in stuck {
            finished.extend(walk(node, &mut seen, &forward));
            for holder in forward(node) {
                backward.entry(holder).or_default().push(node);
            }
        }
        let waiters = |node: usize| backward.get(&node).cloned().unwrap_or_default();
        let mut seen = HashSet::new();
        let parts = finished.iter().rev().map(|node| walk(*node, &mut seen, &waiters));
        parts.filter(|nodes| !nodes.is_empty()).collect()
    }
}

impl Held {
    fn of(wait: &LiveWait, places: &HashMap<Who, usize>) -> Self {
        let (holders, untold) = wait.resource.holders();
        let place = |who: Who| {
            let whole = || places.get(&who.whole()).or_else(|| only_part(who, places));
            let thread = || places.get(&who.thread_of_root()?);
            places.get(&who).or_else(whole).or_else(thread).copied()
        };
        let waiting: Vec<usize> = holders.iter().filter_map(|holder| place(holder.who)).collect();
        Self {
            any_helps: wait.resource.what().kind.any_holder_helps(),
            some_go_on: untold > 0 || waiting.len() < holders.len(),
            waiting,
        }
    }
}

/// Finds the one part of a task that waits, if who it is was noted without its part.
fn only_part(who: Who, places: &HashMap<Who, usize>) -> Option<&usize> {
    if who != who.whole() {
        return None;
    }
    let mut parts = places.iter().filter(|(part, _)| part.whole() == who);
    match (parts.next(), parts.next()) {
        (Some((_, only)), None) => Some(only),
        _ => None,
    }
}

/// Walks from a node to all that weren't seen; returns them in the order in which they are finished.
fn walk(from: usize, seen: &mut HashSet<usize>, next: &impl Fn(usize) -> Vec<usize>) -> Vec<usize> {
    let mut finished = Vec::new();
    if !seen.insert(from) {
        return finished;
    }
    let mut path = vec![(from, next(from))];
    while let Some((node, rest)) = path.last_mut() {
        match rest.pop() {
            Some(other) if seen.insert(other) => path.push((other, next(other))),
            Some(_) => {}
            None => {
                finished.push(*node);
                path.pop();
            }
        }
    }
    finished
}
