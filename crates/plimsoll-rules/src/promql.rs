//! PromQL built from the catalog: the only place that joins a signal's name to an expression.

use plimsoll_model::{FamilyKind, Kind, LevelPart, Signal};

/// Returns the sample name of a counter or gauge, `_total` included.
pub(crate) fn sample(signal: &Signal) -> String {
    match signal.kind {
        Kind::Counter => format!("{}_total", signal.name),
        Kind::Gauge | Kind::Histogram | Kind::Level => signal.name.to_owned(),
    }
}

/// Returns the sample name of one part of a level, `_total` included.
pub(crate) fn level(signal: &Signal, part: LevelPart) -> String {
    let family = part.family_name(signal);
    match part.family_kind() {
        FamilyKind::Counter => format!("{family}_total"),
        FamilyKind::Histogram => format!("{family}_bucket"),
        _ => family,
    }
}

/// Returns the sample name of a histogram's buckets.
pub(crate) fn bucket(histogram: &Signal) -> String {
    format!("{}_bucket", histogram.name)
}

/// Returns the sample name of a histogram's count.
pub(crate) fn count(histogram: &Signal) -> String {
    format!("{}_count", histogram.name)
}

/// Returns the sample name of a histogram's sum.
pub(crate) fn sum(histogram: &Signal) -> String {
    format!("{}_sum", histogram.name)
}

/// Where an expression is evaluated: what every selector is narrowed to, how far a rate looks
/// back, and which labels say whose series it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// Matchers of every selector, without braces.
    pub(crate) matchers: &'static str,
    /// The range of every rate.
    pub(crate) range: &'static str,
    /// The labels that every aggregation keeps.
    pub(crate) keep: &'static str,
}

/// A dashboard's panel about a service's own signals.
pub(crate) const PANEL: Scope = Scope {
    matchers: r#"job=~"$job",instance=~"$instance""#,
    range: "$__rate_interval",
    keep: "job",
};

/// A dashboard's panel about SLOs, whose series come from the daemon and not from the service.
pub(crate) const SLO_PANEL: Scope =
    Scope { matchers: r#"service=~"$service""#, range: "$__rate_interval", keep: "service, slo" };

/// A recording or alert rule. `service` and `region` stay where the target has them, because
/// Alertmanager groups by them.
pub(crate) const RULE: Scope = Scope { matchers: "", range: "5m", keep: "service, region, job" };

impl Scope {
    /// Selects `name`, narrowed by `matchers` beside those of the scope.
    pub(crate) fn select(&self, name: &str, matchers: &str) -> String {
        match (self.matchers, matchers) {
            ("", "") => name.to_owned(),
            (one, "") | ("", one) => format!("{name}{{{one}}}"),
            (scope, own) => format!("{name}{{{scope},{own}}}"),
        }
    }

    /// Gives the increase of the counter `name` per second.
    pub(crate) fn rate(&self, name: &str, matchers: &str) -> String {
        format!("rate({}[{}])", self.select(name, matchers), self.range)
    }

    /// Gives the increase of the counter `name` over the scope's range.
    pub(crate) fn increase(&self, name: &str) -> String {
        format!("increase({}[{}])", self.select(name, ""), self.range)
    }

    /// Sums per `labels` and per owner.
    pub(crate) fn sum_by(&self, labels: &str, vector: &str) -> String {
        format!("sum by ({}) ({vector})", self.kept(labels))
    }

    /// Takes the greatest per `labels` and per owner.
    pub(crate) fn max_by(&self, labels: &str, vector: &str) -> String {
        format!("max by ({}) ({vector})", self.kept(labels))
    }

    /// Sums the increase per second of the counter `name` per `labels` and per owner.
    pub(crate) fn sum_rate(&self, labels: &str, name: &str, matchers: &str) -> String {
        self.sum_by(labels, &self.rate(name, matchers))
    }

    /// Gives the quantile of the classic histogram whose bucket series is `name`, per `labels` and
    /// per owner. A histogram that nothing entered has no quantile: the comparison drops its NaN.
    pub(crate) fn quantile(&self, q: f64, labels: &str, name: &str) -> String {
        self.quantile_of(q, labels, name, "")
    }

    /// As [`quantile`](Self::quantile), narrowed by `matchers`.
    pub(crate) fn quantile_of(&self, q: f64, labels: &str, name: &str, matchers: &str) -> String {
        let buckets = self.sum_by(&join("le", labels), &self.rate(name, matchers));
        format!("histogram_quantile({q}, {buckets}) >= 0")
    }

    fn kept(&self, labels: &str) -> String {
        join(self.keep, labels)
    }
}

/// Divides, and drops what has no denominator, so that an idle series shows nothing and not NaN.
pub(crate) fn ratio(part: &str, whole: &str) -> String {
    format!("{part} / ({whole} > 0)")
}

/// As [`ratio`], of a part whose series exists only since the first such event: until then the
/// part is zero, which isn't the same as not known.
pub(crate) fn part_of(part: &str, whole: &str) -> String {
    ratio(&format!("({part} or {whole} * 0)"), whole)
}

fn join(first: &str, second: &str) -> String {
    match second {
        "" => first.to_owned(),
        second => format!("{first}, {second}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::catalog;

    #[test]
    fn a_sample_is_named_as_it_is_exposed() {
        assert_eq!(sample(&catalog::BACKPRESSURE), "concurrency_backpressure_total");
        assert_eq!(
            level(&catalog::QUEUE_DEPTH, LevelPart::Saturated),
            "concurrency_queue_depth_saturated_seconds_total"
        );
        assert_eq!(
            level(&catalog::QUEUE_DEPTH, LevelPart::TimeWeighted),
            "concurrency_queue_depth_time_weighted_bucket"
        );
    }

    #[test]
    fn a_selector_holds_the_scope_and_its_own_matchers() {
        assert_eq!(RULE.select("up", ""), "up");
        assert_eq!(RULE.select("up", r#"job="a""#), r#"up{job="a"}"#);
        assert_eq!(
            SLO_PANEL.select("x", r#"bound="low""#),
            r#"x{service=~"$service",bound="low"}"#
        );
    }

    #[test]
    fn an_idle_histogram_gives_no_nan() {
        assert_eq!(
            PANEL.quantile(0.99, "lock", "w_bucket"),
            "histogram_quantile(0.99, sum by (job, le, lock) (rate(w_bucket{job=~\"$job\",\
             instance=~\"$instance\"}[$__rate_interval]))) >= 0"
        );
    }
}
