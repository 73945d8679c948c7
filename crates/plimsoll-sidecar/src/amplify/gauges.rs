//! Which gauges are looked at, and what limits them.

use plimsoll_model::{Labels, MatchOp, Matcher, Selector};
use plimsoll_spec::{Parsed, SelectorText};
use regex::Regex;
use serde::Deserialize;
use std::str::FromStr;

/// What is looked for where nobody chose: gauges of well-known libraries, and their limits.
const DEFAULTS: [(&str, Option<&str>); 11] = [
    ("hikaricp_connections_active", Some("hikaricp_connections_max")),
    ("hikaricp_connections_pending", None),
    ("tomcat_threads_busy_threads", Some("tomcat_threads_config_max_threads")),
    ("jetty_threads_busy", Some("jetty_threads_config_max")),
    ("executor_active_threads", Some("executor_pool_max_threads")),
    ("executor_queued_tasks", None),
    ("go_goroutines", None),
    ("go_sql_in_use_connections", Some("go_sql_max_open_connections")),
    ("nodejs_active_requests_total", None),
    ("nodejs_active_resources_total", None),
    ("puma_running", Some("puma_max_threads")),
];

/// A gauge that somebody chose.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Gauge {
    gauge: Parsed<SelectorText>,
    limit: Option<Parsed<Limit>>,
}

/// What limits a gauge: a number, or another gauge with the same labels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Limit {
    Number(f64),
    Gauge(Selector),
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number > 0.0 => Ok(Self::Number(number)),
            Ok(_) => Err("is no limit: give a number above 0, or a gauge".into()),
            Err(_) => {
                let SelectorText(selector) = text.parse().map_err(|error| {
                    format!("is neither a number nor a gauge: as a gauge it {error}")
                })?;
                Ok(Self::Gauge(selector))
            }
        }
    }
}

/// A gauge, ready to be found.
pub(crate) struct Chosen {
    pub(crate) gauge: Finder,
    pub(crate) limit: Option<Bound>,
}

/// A limit, ready to be found.
pub(crate) enum Bound {
    Number(f64),
    Gauge(Finder),
}

/// Finds the series of a selector.
pub(crate) struct Finder {
    pub(crate) name: String,
    conditions: Vec<(Matcher, Option<Regex>)>,
}

/// Makes what was chosen ready, or the defaults where nothing was.
pub(crate) fn chosen(gauges: Vec<Gauge>) -> Result<Vec<Chosen>, regex::Error> {
    if gauges.is_empty() {
        let by_default = DEFAULTS.into_iter().map(|(gauge, limit)| Chosen {
            gauge: Finder::named(gauge),
            limit: limit.map(|name| Bound::Gauge(Finder::named(name))),
        });
        return Ok(by_default.collect());
    }
    let ready = |Gauge { gauge: Parsed(SelectorText(gauge)), limit }| {
        let limit = limit.map(|Parsed(limit)| match limit {
            Limit::Number(number) => Ok(Bound::Number(number)),
            Limit::Gauge(selector) => Finder::of(selector).map(Bound::Gauge),
        });
        Ok(Chosen { gauge: Finder::of(gauge)?, limit: limit.transpose()? })
    };
    gauges.into_iter().map(ready).collect()
}

impl Finder {
    fn named(name: &str) -> Self {
        Self { name: name.into(), conditions: Vec::new() }
    }

    fn of(Selector { name, matchers }: Selector) -> Result<Self, regex::Error> {
        let ready = |matcher: Matcher| {
            let pattern = matches!(matcher.op, MatchOp::Matches | MatchOp::NotMatches);
            // PromQL's patterns match a whole value.
            let pattern = pattern.then(|| Regex::new(&format!("^(?s:{})$", matcher.value)));
            Ok((matcher, pattern.transpose()?))
        };
        let conditions = matchers.into_iter().map(ready).collect::<Result<_, _>>()?;
        Ok(Self { name, conditions })
    }

    pub(crate) fn matches(&self, name: &str, labels: &Labels) -> bool {
        self.name == name
            && self.conditions.iter().all(|(matcher, pattern)| {
                let value = labels.get(&matcher.label).unwrap_or_default();
                let is_match = match pattern {
                    Some(pattern) => pattern.is_match(value),
                    None => value == matcher.value,
                };
                is_match == matches!(matcher.op, MatchOp::Equal | MatchOp::Matches)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finder_finds_what_promql_would() {
        let labels = Labels::new([("pool", "main"), ("zone", "a")]).unwrap();
        for (text, expected) in [
            ("busy", true),
            ("idle", false),
            (r#"busy{pool="main"}"#, true),
            (r#"busy{pool="mai"}"#, false),
            (r#"busy{pool=~"m.*",zone!="b"}"#, true),
            (r#"busy{pool=~"mai"}"#, false),
            (r#"busy{pool!~"main|other"}"#, false),
            (r#"busy{none=""}"#, true),
        ] {
            let SelectorText(selector) = text.parse().unwrap();
            let finder = Finder::of(selector).unwrap();
            assert_eq!(finder.matches("busy", &labels), expected, "{text}");
        }
    }

    #[test]
    fn a_limit_is_a_number_or_a_gauge() {
        assert_eq!("10".parse(), Ok(Limit::Number(10.0)));
        assert!(matches!("pool_max{a=\"b\"}".parse(), Ok(Limit::Gauge(_))));
        for text in ["0", "-1", "inf", "NaN", "{}", ""] {
            assert!(text.parse::<Limit>().is_err(), "{text:?}");
        }
    }
}
