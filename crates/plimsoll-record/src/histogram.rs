/// A log-linear histogram; a handle is a number, copy it freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Histogram {
    id: u32,
}

impl Histogram {
    /// Records a value: nanoseconds for a signal in seconds, else the signal's unit.
    pub fn observe(self, value: u64) {
        self.observe_as(value, 0);
    }

    /// Records a value under the label value at `index` of the histogram's [`crate::Split::Label`].
    pub fn observe_as(self, value: u64, index: u8) {
        let _ = (self.id, value, index);
    }
}
