/// Slots that cover at least 60 s: the current one and the 60 before it.
const SLOTS: usize = 61;

/// The length of a slot.
const SLOT_NS: u64 = 1_000_000_000;

/// An extreme over the last 60 s, from a ring of slots of one second, whoever reads it and however
/// often. It looks back to the start of the slot 60 s ago, so over 60 to 61 s.
#[derive(Debug)]
pub(crate) struct Window {
    slots: [u64; SLOTS],
    /// The slot that time is in, its place in the ring, and when it ends.
    current: u64,
    place: usize,
    until_ns: u64,
}

impl Window {
    /// Makes a window in which every slot holds `value`.
    pub(crate) fn new(value: u64) -> Self {
        Self { slots: [value; SLOTS], current: 0, place: 0, until_ns: SLOT_NS }
    }

    /// Moves on to `now_ns`; slots that begin on the way start with `carried`.
    #[inline]
    pub(crate) fn advance(&mut self, now_ns: u64, carried: u64) {
        if now_ns >= self.until_ns {
            self.begin(now_ns / SLOT_NS, carried);
        }
    }

    /// Changes the current slot's value.
    #[inline]
    pub(crate) fn update(&mut self, change: impl FnOnce(u64) -> u64) {
        if let Some(slot) = self.slots.get_mut(self.place) {
            *slot = change(*slot);
        }
    }

    /// Returns the slots' values, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = u64> {
        self.slots.iter().copied()
    }

    #[cold]
    fn begin(&mut self, slot: u64, carried: u64) {
        // Beyond a whole turn all slots hold the same.
        let new = (slot - self.current).min(SLOTS as u64);
        self.current = slot;
        self.until_ns = (slot + 1).saturating_mul(SLOT_NS);
        for back in (0..new).rev() {
            self.place = ((slot - back) % SLOTS as u64) as usize;
            self.update(|_| carried);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = SLOT_NS;

    fn max(window: &Window) -> u64 {
        window.values().max().unwrap_or(0)
    }

    #[test]
    fn a_value_is_seen_for_sixty_seconds_and_no_more_than_sixty_one() {
        let mut window = Window::new(0);
        window.advance(10 * S + 5, 0);
        window.update(|_| 9);
        window.advance(70 * S + 4, 0);
        assert_eq!(max(&window), 9);
        window.advance(71 * S, 0);
        assert_eq!(max(&window), 0);
    }

    #[test]
    fn a_slot_starts_with_what_was_carried_over() {
        let mut window = Window::new(0);
        window.advance(1_000 * S, 3);
        assert_eq!(max(&window), 3);
        window.advance(1_001 * S, 0);
        assert_eq!(max(&window), 3);
        window.advance(2_000 * S, 0);
        assert_eq!(max(&window), 0);
    }
}
