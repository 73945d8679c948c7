//! What the last body's lines were, so that the same bytes needn't be read again.

use super::line::Bounds;
use super::table::Slot;
use plimsoll_model::{RefusalReason, SeriesIndex};

/// The lines of a body that was read, in its order, without the parts that change.
#[derive(Debug, Default)]
pub(super) struct Plan {
    bytes: Vec<u8>,
    lines: Vec<PlanLine>,
}

/// A line that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlanLine {
    /// Where its bytes end in the plan; they start where those of the line before end.
    end: usize,
    pub(super) was: Was,
    pub(super) checked: Checked,
}

/// What the rules about families need of a sample's line, and what they said.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Checked {
    pub(super) bounds: Bounds,
    /// Whether it may carry an exemplar, at its place in this body.
    pub(super) exemplar: bool,
}

/// What a line was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Was {
    Idle,
    Metadata,
    End,
    Sample { slot: Slot, series: SeriesIndex },
    Refused(RefusalReason),
}

impl Plan {
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.lines.clear();
    }

    /// Returns a line and its bytes: all of it and its line feed, or a sample's up to its value.
    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<(&PlanLine, &[u8])> {
        let line = self.lines.get(at)?;
        let start = at.checked_sub(1).and_then(|before| self.lines.get(before));
        let bytes = self.bytes.get(start.map_or(0, |before| before.end)..line.end)?;
        Some((line, bytes))
    }

    pub(super) fn push(&mut self, bytes: &[u8], was: Was, checked: Checked) {
        self.bytes.extend_from_slice(bytes);
        self.lines.push(PlanLine { end: self.bytes.len(), was, checked });
    }

    /// Follows series to their new slots.
    pub(super) fn move_slots(&mut self, moved: &[Slot]) {
        for line in &mut self.lines {
            if let Was::Sample { slot, .. } = &mut line.was {
                *slot = moved.get(*slot).copied().unwrap_or(*slot);
            }
        }
    }

    /// Gives back what a much larger body needed.
    pub(super) fn shrink(&mut self) {
        if self.bytes.capacity() > 4 * self.bytes.len() {
            self.bytes.shrink_to(2 * self.bytes.len());
            self.lines.shrink_to(2 * self.lines.len());
        }
    }
}
