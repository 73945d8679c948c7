//! Lines into steps; a line that can't be read is named with its number.

use super::expect::expectation;
use super::script::{Blocks, Case, Change, Only, Rate, Script, Step, Word};
use plimsoll_model::TimeMs;
use plimsoll_spec::Length;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// When a case begins that doesn't say so: 2026-01-01T00:00:00Z.
const BEGIN: TimeMs = TimeMs(1_767_225_600_000);

const MINUTE: Duration = Duration::from_secs(60);

/// Which block indented lines go on with.
#[derive(Clone, Copy, PartialEq)]
enum Block {
    None,
    Slo,
    Policies,
    Exclusions,
}

/// Reads the script called `file`.
pub(crate) fn script(file: &str, text: &str) -> Result<Script, String> {
    let mut cases = vec![empty(file)];
    let mut block = Block::None;
    for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line)) {
        let fault = |reason: String| format!("{file}:{number}: {reason}");
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("case ") {
            if cases.last().is_some_and(|case| !case.steps.is_empty()) {
                cases.push(empty(file));
            }
            if let Some(case) = cases.last_mut() {
                case.name = name.into();
            }
            block = Block::None;
            continue;
        }
        let Some(case) = cases.last_mut() else { break };
        if line.starts_with(' ') {
            indented(&mut case.blocks, block, line).map_err(fault)?;
        } else {
            block = command(case, number, line.trim()).map_err(fault)?;
        }
    }
    Ok(Script { cases })
}

fn empty(file: &str) -> Case {
    Case {
        file: file.into(),
        name: "the whole".into(),
        only: None,
        blocks: Blocks::default(),
        begin: BEGIN,
        interval: MINUTE,
        steps: Vec::new(),
    }
}

fn indented(blocks: &mut Blocks, block: Block, line: &str) -> Result<(), String> {
    let text = match block {
        Block::None => {
            return Err("an indented line belongs to a block, and none is open".into());
        }
        Block::Slo => blocks.slos.last_mut().map(|(_, text)| text),
        Block::Policies => Some(&mut blocks.policies),
        Block::Exclusions => Some(&mut blocks.exclusions),
    };
    text.into_iter().for_each(|text| *text += &format!("{line}\n"));
    Ok(())
}

/// Reads what stands before the first step, or a step; says which block it opens.
fn command(case: &mut Case, number: usize, line: &str) -> Result<Block, String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    match word {
        "slo" => {
            case.blocks.slos.push((rest.into(), String::new()));
            return Ok(Block::Slo);
        }
        "policies" => return Ok(Block::Policies),
        "exclusions" => return Ok(Block::Exclusions),
        "only" => {
            case.only = Some(match rest.split_once(": ") {
                Some(("daemon", _)) => Only::Daemon,
                Some(("per-slo", _)) => Only::PerSlo,
                _ => return Err("write `only daemon: REASON` or `only per-slo: REASON`".into()),
            });
        }
        "begin" => case.begin = instant(rest)?,
        "every" => case.interval = length(rest)?,
        _ => case.steps.push((number, step(word, rest)?)),
    }
    Ok(Block::None)
}

fn step(word: &str, rest: &str) -> Result<Step, String> {
    Ok(match word {
        "relabel" => {
            let parts = rest.split_once('=').ok_or("relabel takes LABEL=VALUE")?;
            Step::Relabel { label: parts.0.into(), value: parts.1.into() }
        }
        "clock" => Step::Clock(signed_ms(rest)?),
        "advance" => Step::Advance(length(rest)?),
        "expect" => Step::Expect(expectation(rest)?),
        "always" => Step::Always(expectation(rest)?),
        _ => Step::Service(change(word, rest)?),
    })
}

fn change(word: &str, rest: &str) -> Result<Change, String> {
    Ok(match word {
        "load" => load(rest)?,
        "set" => {
            let (series, value) = pair(rest, "set takes a series and a value")?;
            Change::Set { series, value: float(&value)? }
        }
        "instead" | "also" => once(rest, word == "instead")?,
        "process" => match rest.split_once(' ') {
            Some(("started", at)) => Change::Started(Some(signed_ms(at)?)),
            _ if rest == "hides" => Change::Started(None),
            _ => return Err("a process `started LENGTH` after the beginning, or `hides`".into()),
        },
        "restart" => Change::Restart,
        "down" => Change::Answers(false),
        "up" => Change::Answers(true),
        other => return Err(format!("`{other}` is no command")),
    })
}

fn load(rest: &str) -> Result<Change, String> {
    let usage = "load takes a series and a rate, as `600/m`";
    let (series, rate) = pair(rest, usage)?;
    if rate == "none" {
        return Ok(Change::Load { series, rate: None });
    }
    let (count, per) = rate.split_once('/').ok_or(usage)?;
    let per = length(&format!("1{per}"))?;
    Ok(Change::Load { series, rate: Some(Rate { count: float(count)?, per }) })
}

fn once(rest: &str, instead: bool) -> Result<Change, String> {
    let (rest, at) = match rest.rsplit_once(" at ") {
        Some((rest, at)) => (rest, Some(signed_ms(at)?)),
        None => (rest, None),
    };
    let (series, value) = pair(rest, "takes a series, a value, and perhaps `at LENGTH`")?;
    Ok(Change::Once(Word { series, value: float(&value)?, at, instead }))
}

/// Splits a series, which may hold spaces in its labels, from the word after it.
fn pair(rest: &str, usage: &str) -> Result<(String, String), String> {
    let (series, value) = rest.rsplit_once(' ').ok_or(usage)?;
    Ok((series.trim().into(), value.into()))
}

pub(crate) fn length(text: &str) -> Result<Duration, String> {
    let read = text.parse::<Length>().map(|length| length.0);
    read.map_err(|_| format!("`{text}` is no length of time, as 5m or 1h30m"))
}

pub(crate) fn signed_ms(text: &str) -> Result<i64, String> {
    let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    Ok(sign * i64::try_from(length(rest)?.as_millis()).unwrap_or(i64::MAX))
}

pub(crate) fn float(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

fn instant(text: &str) -> Result<TimeMs, String> {
    let at = OffsetDateTime::parse(text, &Rfc3339);
    let at = at.map_err(|_| format!("`{text}` is no instant, as 2026-03-29T00:00:00+01:00"))?;
    Ok(TimeMs(i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)))
}
