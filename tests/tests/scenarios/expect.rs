//! What a script expects, read from its words.

use super::parse::{length, signed_ms};
use super::script::{Expectation, Figure, Phase, Want, What, Written};
use plimsoll_slo::AlertName;

const FIGURES: [(&str, Figure); 14] = [
    ("good", Figure::Good),
    ("bad", Figure::Bad),
    ("unknown", Figure::Unknown),
    ("total", Figure::Total),
    ("ratio", Figure::Ratio),
    ("burn", Figure::Burn),
    ("coverage", Figure::Coverage),
    ("spent", Figure::Spent),
    ("observed", Figure::Observed),
    ("share", Figure::Share),
    ("proved", Figure::Proved),
    ("events", Figure::Events),
    ("time", Figure::Time),
    ("exhaustion", Figure::Exhaustion),
];

const ALERTS: [(&str, AlertName); 4] = [
    ("page", AlertName::Page),
    ("no_data", AlertName::NoData),
    ("ticket", AlertName::Ticket),
    ("notice", AlertName::Notice),
];

/// Reads what follows `expect` or `always`.
pub(crate) fn expectation(text: &str) -> Result<Expectation, String> {
    let (subject, value) = match text.split_once(" = ") {
        Some((subject, value)) => (subject.trim(), Some(value.trim())),
        None => (text, None),
    };
    let mut words: Vec<&str> = subject.split_whitespace().collect();
    let of = words.iter().position(|word| *word == "of").filter(|of| of + 1 < words.len());
    let slo = of.map(|of| words.drain(of..of + 2).next_back().unwrap_or_default().to_owned());
    let (first, rest) =
        words.split_first().map_or(("", [].as_slice()), |(first, rest)| (*first, rest));
    let what = match (alert(first), value) {
        (Some(name), None) => What::Alert { name, want: phase(rest)? },
        (_, Some(value)) => with_value(first, rest, value)?,
        (None, None) if FIGURES.iter().any(|(name, _)| *name == first) => {
            return Err("expect needs `=` and a value".into());
        }
        (None, None) => return Err(format!("`{first}` is nothing that is known")),
    };
    Ok(Expectation { subject: subject.into(), slo, what })
}

fn alert(word: &str) -> Option<AlertName> {
    ALERTS.iter().find(|(name, _)| *name == word).map(|(_, alert)| *alert)
}

fn with_value(first: &str, rest: &[&str], value: &str) -> Result<What, String> {
    Ok(match first {
        "refused" => What::Refused {
            reason: rest.join(" "),
            count: value.parse().map_err(|_| format!("`{value}` is no count"))?,
        },
        "clock_step" => What::ClockStep(signed_ms(value)?),
        "warning" => What::Warning(value.into()),
        "fault" => What::Fault(value.into()),
        _ => {
            let figure = FIGURES.iter().find(|(name, _)| *name == first);
            let (_, figure) =
                figure.ok_or_else(|| format!("`{first}` is nothing that is known"))?;
            let window = rest.first().map(|text| length(text)).transpose()?;
            What::Figure { figure: *figure, window, want: want(value)? }
        }
    })
}

fn phase(words: &[&str]) -> Result<Phase, String> {
    let state = words.first().copied().unwrap_or_default();
    let firing = |rest: &[&str]| {
        let because = rest.iter().position(|word| *word == "because");
        let cause = because.map(|at| rest[at + 1..].join(" "));
        let since = rest.iter().position(|word| *word == "since");
        let since = since.and_then(|at| rest.get(at + 1)).map(|text| length(text)).transpose()?;
        Ok(Phase::Firing { since, cause })
    };
    match state {
        "firing" => firing(&words[1..]),
        "quiet" => Ok(Phase::Quiet),
        "never" => Ok(Phase::Never),
        other => Err(format!("an alert is `firing`, `quiet` or `never`, not `{other}`")),
    }
}

/// Reads `0.67`, `13.9 %`, `23h`, `0 .. 1000`, `0.4 .. null`, or the code of a reason.
fn want(text: &str) -> Result<Want, String> {
    if let Some((low, high)) = text.split_once(" .. ") {
        return Ok(Want::Between(bound(low)?, bound(high)?));
    }
    match written(text) {
        Some(one) => Ok(Want::Between(Some(one), Some(one))),
        None if text.chars().all(|c| c.is_ascii_lowercase() || c == '_') => {
            Ok(Want::Reason(text.into()))
        }
        None => Err(format!("`{text}` is no figure and no reason")),
    }
}

fn bound(text: &str) -> Result<Option<Written>, String> {
    if text == "null" {
        return Ok(None);
    }
    written(text).map(Some).ok_or_else(|| format!("`{text}` is no figure"))
}

fn written(text: &str) -> Option<Written> {
    if let Ok(length) = length(text) {
        return Some(Written { value: length.as_secs_f64(), tolerance: 1e-9 });
    }
    let (number, scale) = match text.strip_suffix('%') {
        Some(number) => (number.trim(), 0.01),
        None => (text, 1.0),
    };
    let value: f64 = number.parse().ok()?;
    let digits = number.split_once('.').map_or(0, |(_, digits)| digits.len());
    let digit = 0.1_f64.powi(i32::try_from(digits).ok()?);
    let tolerance = if digits == 0 { 1e-9 } else { 0.5001 * digit };
    Some(Written { value: value * scale, tolerance: tolerance * scale })
}
