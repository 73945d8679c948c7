/// Slots that cover at least 60 s: the current one and the 60 before it.
const SLOTS: usize = 61;

/// The length of a slot.
const SLOT_NS: u64 = 1_000_000_000;

/// An extreme over the last 60 s, from a ring of slots of one second, whoever reads it and however
/// often. It looks back to the start of the slot 60 s ago, so over 60 to 61 s.
#[derive(Debug)]
pub(crate) struct Window {
    /// The current slot's value, and when the slot ends: all that most edges touch.
    value: u64,
    until_ns: u64,
    /// The slot that time is in, and its place in the ring, where its value comes once it has ended.
    current: u64,
    place: usize,
    slots: Box<[u64; SLOTS]>,
}

impl Window {
    /// Makes a window in which every slot holds `value`.
    pub(crate) fn new(value: u64) -> Self {
        Self { value, until_ns: SLOT_NS, current: 0, place: 0, slots: Box::new([value; SLOTS]) }
    }

    /// Moves on to `now_ns`; slots that begin on the way start with `carried`.
    #[inline(always)]
    pub(crate) fn advance(&mut self, now_ns: u64, carried: u64) {
        if !self.covers(now_ns) {
            self.begin(now_ns / SLOT_NS, carried);
        }
    }

    /// Says whether a time that isn't past lies in the current slot.
    #[inline(always)]
    pub(crate) fn covers(&self, at_ns: u64) -> bool {
        at_ns < self.until_ns
    }

    /// Changes the current slot's value.
    #[inline(always)]
    pub(crate) fn update(&mut self, change: impl FnOnce(u64) -> u64) {
        self.value = change(self.value);
    }

    /// Returns the slots' values, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = u64> {
        let ended = self.slots.iter().enumerate().filter(|(place, _)| *place != self.place);
        ended.map(|(_, value)| *value).chain([self.value])
    }

    #[cold]
    fn begin(&mut self, slot: u64, carried: u64) {
        // Beyond a whole turn all slots hold the same.
        let new = (slot - self.current).min(SLOTS as u64);
        self.current = slot;
        self.until_ns = (slot + 1).saturating_mul(SLOT_NS);
        for back in (0..new).rev() {
            if let Some(ended) = self.slots.get_mut(self.place) {
                *ended = self.value;
            }
            self.value = carried;
            self.place = ((slot - back) % SLOTS as u64) as usize;
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
