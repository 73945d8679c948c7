/// How something that was entered ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It did what it was asked for.
    Ok,
    /// It said that it failed.
    Error,
    /// It was dropped before it ended.
    Cancelled,
    /// Its time ran out.
    TimedOut,
    /// It panicked.
    Panicked,
}

impl Outcome {
    /// Every outcome, in the order of [`Outcome::index`].
    pub const ALL: [Self; 5] =
        [Self::Ok, Self::Error, Self::Cancelled, Self::TimedOut, Self::Panicked];

    /// The values of the label `outcome`, in the order of [`Outcome::index`].
    pub const NAMES: [&'static str; 5] = ["ok", "error", "cancelled", "timed_out", "panicked"];

    /// Returns its place in [`Outcome::ALL`].
    pub const fn index(self) -> u8 {
        self as u8
    }

    /// Returns its value of the label `outcome`.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}
