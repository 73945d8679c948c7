/// Why a number isn't known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Nothing happened in a time that was seen: there is no ratio of 0 to 0.
    NoDemand,
    /// Nothing of that time was seen.
    NoData,
    /// Nothing was ever seen.
    NeverSeen,
    /// No target was expected to say anything.
    NoTarget,
    /// Some of that time is unknown, and so is how much happens in such a time.
    RateUnknown,
    /// The budget isn't being spent, so it never ends.
    NotBurning,
}

impl Reason {
    /// Returns its code, as `no_demand`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoDemand => "no_demand",
            Self::NoData => "no_data",
            Self::NeverSeen => "never_seen",
            Self::NoTarget => "no_target",
            Self::RateUnknown => "rate_unknown",
            Self::NotBurning => "not_burning",
        }
    }
}
