use crate::FamilyKind;

/// What a signal records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Events, or seconds, that only add up.
    Counter,
    /// A value that goes up and down and is sampled.
    Gauge,
    /// A distribution.
    Histogram,
    /// An exact level, which is exported as the seven families of [`LevelPart`].
    Level,
}

/// One entry of the catalog.
#[derive(Debug, PartialEq, Eq)]
pub struct Signal {
    /// The OpenTelemetry name, as `concurrency.lock.wait`.
    pub otel_name: &'static str,
    /// The UCUM unit, as `s` or `{request}`.
    pub unit: &'static str,
    /// The Prometheus family name, as `concurrency_lock_wait_seconds`: no `_total`.
    pub name: &'static str,
    /// What it records.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// One sentence for a person.
    pub help: &'static str,
}

impl Signal {
    /// Returns the unit that the Prometheus name ends in, if the OpenTelemetry unit has one.
    pub fn prometheus_unit(&self) -> Option<&'static str> {
        match self.unit {
            "s" => Some("seconds"),
            "1" => Some("ratio"),
            "By" => Some("bytes"),
            _ => None,
        }
    }

    /// Returns every family that the signal is exported as: name, kind and help.
    pub fn families(&self) -> Vec<(String, FamilyKind, String)> {
        match self.kind {
            Kind::Level => LevelPart::ALL
                .iter()
                .map(|part| (part.family_name(self), part.family_kind(), part.help(self)))
                .collect(),
            Kind::Counter => vec![(self.name.into(), FamilyKind::Counter, self.help.into())],
            Kind::Gauge => vec![(self.name.into(), FamilyKind::Gauge, self.help.into())],
            Kind::Histogram => vec![(self.name.into(), FamilyKind::Histogram, self.help.into())],
        }
    }

    /// Returns, for each family, its Prometheus name, OpenTelemetry name and UCUM unit.
    pub(crate) fn otel_families(&self) -> Vec<(String, (String, &'static str))> {
        match self.kind {
            Kind::Level => LevelPart::ALL
                .iter()
                .map(|part| (part.family_name(self), (part.otel_name(self), part.otel_unit(self))))
                .collect(),
            Kind::Counter | Kind::Gauge | Kind::Histogram => {
                vec![(self.name.into(), (self.otel_name.into(), self.unit))]
            }
        }
    }
}

/// One of the families that a level is exported as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LevelPart {
    /// The level now.
    Now,
    /// Its configured limit, when it has one.
    Limit,
    /// The highest level within the last 60 s.
    Peak,
    /// The integral of the level over time.
    Time,
    /// Time spent at or above the limit.
    Saturated,
    /// One observation for each millisecond spent at a level.
    TimeWeighted,
    /// Age of the oldest still in it.
    OldestAge,
}

impl LevelPart {
    /// Every part, in the order of exposition.
    pub const ALL: [Self; 7] = [
        Self::Now,
        Self::Limit,
        Self::Peak,
        Self::Time,
        Self::Saturated,
        Self::TimeWeighted,
        Self::OldestAge,
    ];

    /// Returns what the part adds to the level's Prometheus name; no `_total`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Now => "",
            Self::Limit => "_limit",
            Self::Peak => "_peak",
            Self::Time => "_time_seconds",
            Self::Saturated => "_saturated_seconds",
            Self::TimeWeighted => "_time_weighted",
            Self::OldestAge => "_oldest_age_seconds",
        }
    }

    /// Returns the Prometheus family name of this part of `signal`.
    pub fn family_name(self, signal: &Signal) -> String {
        format!("{}{}", signal.name, self.suffix())
    }

    /// Returns the OpenTelemetry name of this part of `signal`, which the Prometheus name follows
    /// from as a signal's own does.
    pub fn otel_name(self, signal: &Signal) -> String {
        let suffix = match self {
            Self::Now => "",
            Self::Limit => ".limit",
            Self::Peak => ".peak",
            Self::Time => ".time",
            Self::Saturated => ".saturated",
            Self::TimeWeighted => ".time_weighted",
            Self::OldestAge => ".oldest_age",
        };
        format!("{}{suffix}", signal.otel_name)
    }

    /// Returns the UCUM unit of this part of `signal`.
    pub fn otel_unit(self, signal: &Signal) -> &'static str {
        match self {
            Self::Time | Self::Saturated | Self::OldestAge => "s",
            Self::Now | Self::Limit | Self::Peak | Self::TimeWeighted => signal.unit,
        }
    }

    /// Returns the kind of this part's family.
    pub fn family_kind(self) -> FamilyKind {
        match self {
            Self::Now | Self::Limit | Self::Peak | Self::OldestAge => FamilyKind::Gauge,
            Self::Time | Self::Saturated => FamilyKind::Counter,
            Self::TimeWeighted => FamilyKind::Histogram,
        }
    }

    /// Returns the Prometheus unit of this part's family.
    pub fn prometheus_unit(self) -> Option<&'static str> {
        match self {
            Self::Time | Self::Saturated | Self::OldestAge => Some("seconds"),
            Self::Now | Self::Limit | Self::Peak | Self::TimeWeighted => None,
        }
    }

    /// Returns the help text of this part of `signal`.
    pub fn help(self, signal: &Signal) -> String {
        let what = signal.help.trim_end_matches('.');
        match self {
            Self::Now => format!("{what}: the level now."),
            Self::Limit => format!("{what}: the configured limit."),
            Self::Peak => format!("{what}: the highest level within the last 60 s."),
            Self::Time => format!(
                "{what}: the integral of the level over time; its rate is the exact mean level."
            ),
            Self::Saturated => format!("{what}: time spent at or above the limit."),
            Self::TimeWeighted => format!("{what}: milliseconds spent at each level."),
            Self::OldestAge => format!("{what}: age of the oldest still in it, 0 when empty."),
        }
    }
}
