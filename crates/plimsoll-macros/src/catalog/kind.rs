use quote::format_ident;
use syn::Ident;

/// What a static of the catalog can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Level,
    Duration,
    Counter,
    Gauge,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Level, Self::Duration, Self::Counter, Self::Gauge];

    /// What its initialiser calls.
    pub(crate) fn call(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Duration => "duration",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }

    /// Its type's name.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Level => "Level",
            Self::Duration => "Duration",
            Self::Counter => "Counter",
            Self::Gauge => "Gauge",
        }
    }

    /// What its initialiser takes.
    pub(crate) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Level => &["name", "unit", "limit"],
            Self::Duration => &["name", "edges"],
            Self::Counter | Self::Gauge => &["name", "unit"],
        }
    }

    /// The variant of `plimsoll_model::Kind` that says the same.
    pub(crate) fn of_signal(self) -> Ident {
        match self {
            Self::Duration => format_ident!("Histogram"),
            other => format_ident!("{}", other.type_name()),
        }
    }

    /// What a series of it ends in that isn't part of its name.
    pub(crate) fn families(self, name: &str) -> Vec<String> {
        match self {
            Self::Level => plimsoll_model::LevelPart::ALL
                .iter()
                .map(|part| format!("{name}{}", part.suffix()))
                .collect(),
            Self::Duration | Self::Counter | Self::Gauge => vec![name.to_owned()],
        }
    }
}
