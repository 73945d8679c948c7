//! The rows of a benchmark, printed and written.

use serde_json::json;
use std::io;
use std::path::Path;

/// What a ratio is held to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// Theirs costs at least so many times what ours does.
    CheaperBy(f64),
    /// Ours costs at most so many times what theirs does.
    AtMost(f64),
    /// Ours costs no more than theirs, as far as draws of what was measured tell them apart.
    NoWorse,
    /// Ours does at least so many times what theirs does.
    FasterBy(f64),
    /// Ours is at most this; there is nothing to compare it with.
    Below(f64),
    /// Ours is this, or so near to it; theirs stands beside it.
    Is {
        /// What is true.
        truth: f64,
        /// How far from it is near enough.
        within: f64,
    },
    /// Nothing is asked of it.
    None,
}

/// One comparison.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) peer_name: &'static str,
    /// What each round measured, or each draw of what was measured shows: ours and theirs.
    pub(crate) rounds: Vec<(f64, f64)>,
    pub(crate) goal: Goal,
}

/// All comparisons.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

impl Table {
    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn print(&self) {
        println!(
            "{:<58} {:>9} {:>9} {:>6}  {:<9} {:<7} peer",
            "", "ours", "peer", "ratio", "goal", "reached"
        );
        for row in &self.rows {
            let reached = match (row.reached(), row.goal) {
                (Some(true), _) => "yes",
                (Some(false), _) => "NO",
                (None, Goal::NoWorse) => "open",
                (None, _) => "",
            };
            let [least, most] = row.between();
            println!(
                "{:<58} {:>9} {:>9} {:>6}  {:<9} {:<7} {} ({} {}, {} to {})",
                row.what,
                shown(row.ours(), 2),
                shown(row.peer(), 2),
                shown(row.ratio(), 2),
                row.goal.text(),
                reached,
                row.peer_name,
                row.unit,
                row.rounds.len(),
                shown(least, 2),
                shown(most, 2),
            );
        }
    }

    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let rows: Vec<_> = self.rows.iter().map(Row::json).collect();
        let whole = json!({ "machine": machine(), "rows": rows });
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, format!("{whole:#}\n"))
    }
}

impl Row {
    /// Makes a row of ours alone, which is to stay at or below `most`.
    pub(crate) fn alone(what: &str, unit: &'static str, ours: f64, most: f64) -> Self {
        let rounds = vec![(ours, most)];
        Self { what: what.into(), unit, peer_name: "the goal", rounds, goal: Goal::Below(most) }
    }

    fn ours(&self) -> f64 {
        median(self.rounds.iter().map(|(ours, _)| *ours))
    }

    fn peer(&self) -> f64 {
        median(self.rounds.iter().map(|(_, peer)| *peer))
    }

    /// Returns theirs to ours when ours is to be cheaper, else ours to theirs.
    fn ratio_of(&self, (ours, peer): (f64, f64)) -> f64 {
        match self.goal {
            Goal::CheaperBy(_) => peer / ours,
            Goal::AtMost(_) | Goal::NoWorse | Goal::FasterBy(_) | Goal::Below(_) | Goal::None => {
                ours / peer
            }
            // Neither is measured by the other.
            Goal::Is { .. } => f64::NAN,
        }
    }

    fn ratio(&self) -> f64 {
        median(self.rounds.iter().map(|round| self.ratio_of(*round)))
    }

    /// Returns between what nine in ten of the ratios are; of a few rounds, between what all are.
    fn between(&self) -> [f64; 2] {
        let mut ratios: Vec<f64> = self.rounds.iter().map(|round| self.ratio_of(*round)).collect();
        ratios.sort_by(f64::total_cmp);
        let outside = ratios.len() / 20;
        let last = ratios.len().saturating_sub(1 + outside);
        [outside, last].map(|at| ratios.get(at).copied().unwrap_or(f64::NAN))
    }

    fn reached(&self) -> Option<bool> {
        match self.goal {
            Goal::CheaperBy(least) => Some(self.ratio() >= least),
            Goal::AtMost(most) => Some(self.ratio() <= most),
            Goal::NoWorse => match self.between() {
                [_, most] if most <= 1.0 => Some(true),
                [least, _] if least > 1.0 => Some(false),
                _ => None,
            },
            Goal::FasterBy(least) => Some(self.ratio() >= least),
            Goal::Below(most) => Some(self.ours() <= most),
            Goal::Is { truth, within } => Some((self.ours() - truth).abs() <= within),
            Goal::None => None,
        }
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "what": self.what,
            "unit": self.unit,
            "ours": self.ours(),
            "peer": self.peer(),
            "peer_name": self.peer_name,
            "ratio": self.ratio(),
            "goal": self.goal.text(),
            "reached": self.reached(),
            "rounds": self.rounds.len(),
            "between": self.between(),
        })
    }
}

impl Goal {
    fn text(self) -> String {
        match self {
            Self::CheaperBy(least) | Self::FasterBy(least) => format!("≥ {least} ×"),
            Self::Below(most) => format!("≤ {most}"),
            Self::AtMost(most) => format!("≤ {most} ×"),
            Self::NoWorse => "≤ 1 ×".into(),
            Self::Is { truth, within } if within > 0.0 => format!("= {truth:.1} ±{within:.1}"),
            Self::Is { truth, .. } => format!("= {truth}"),
            Self::None => String::new(),
        }
    }
}

/// Writes a number; a dash where there is none.
fn shown(number: f64, digits: usize) -> String {
    if number.is_finite() { format!("{number:.digits$}") } else { "–".into() }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Says what the benchmark ran on.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let threads = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("{}, {threads} processors", model.map_or("unknown", |(_, model)| model.trim()))
}
