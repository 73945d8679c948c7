use crate::{
    AlertName, Assessment, Cause, Condition, Objective, PolicyRow, Reason, RowVerdict, Severity,
    Slo, WindowBurn, length_name,
};
use plimsoll_model::Interval;
use std::fmt::{self, Write};
use std::time::Duration;

/// Says in words why an SLO alerts or doesn't, with every number of the decision; lines of plain
/// text, each ended.
pub fn explain(slo: &Slo, assessment: &Assessment) -> String {
    let mut text = String::new();
    // Writing into a String can't fail.
    let _ = write_all(&mut text, slo, assessment);
    text
}

fn write_all(out: &mut String, slo: &Slo, assessment: &Assessment) -> fmt::Result {
    let (objective, period) = (percent(objective_ratio(slo.objective)), slo.period);
    let (service, name, policy) = (&slo.service, &slo.name, &slo.alerting.policy.name);
    writeln!(out, "{service}/{name}: {objective} over {period}, policy {policy}")?;
    let (counts, unit) = (assessment.counts, assessment.unit.as_str());
    let (good, bad, unknown) = (counts.good, counts.bad, counts.unknown);
    writeln!(out, "  counts     {good} good, {bad} bad, {unknown} unknown {unit}")?;
    let coverage = assessment.coverage.map_or("no target was expected".to_owned(), percent);
    writeln!(out, "  coverage   {coverage}")?;
    let ratio = in_words(assessment.ratio, reason(assessment, "ratio"), percent);
    writeln!(out, "  bad ratio  {ratio}")?;
    write_budget(out, assessment)?;
    for verdict in &assessment.rows {
        write_row(out, slo, verdict)?;
    }
    for condition in &assessment.conditions {
        if let Some(words) = cause_in_words(slo, condition) {
            let answer = yes_or_no(condition.is_met);
            writeln!(out, "{} for {words}: {answer}", severity_of(condition.alert))?;
        }
    }
    if assessment.is_excluded {
        return writeln!(out, "so nothing begins or ends: this time is excluded");
    }
    writeln!(out, "{}", verdict_in_words(assessment))
}

fn write_budget(out: &mut String, assessment: &Assessment) -> fmt::Result {
    let budget = &assessment.budget;
    let spent = in_words(budget.spent, budget.reason, percent);
    write!(out, "  budget     {spent} spent")?;
    if let Some(expected) = budget.expected {
        write!(out, ", of what {expected:.0} expected {} allow", assessment.unit.as_str())?;
    }
    let observed = assessment.budget_observed;
    if observed.spent != budget.spent {
        let spent = in_words(observed.spent, observed.reason, percent);
        write!(out, "; {spent} without exclusions and corrections")?;
    }
    let forecast = assessment.forecast;
    let left = in_words(forecast.exhaustion_seconds, forecast.reason, |seconds| {
        Duration::try_from_secs_f64(seconds.round()).map_or("ages".to_owned(), length_name)
    });
    writeln!(out, "\n  lasts      {left}")
}

fn write_row(out: &mut String, slo: &Slo, verdict: &RowVerdict) -> fmt::Result {
    let PolicyRow { severity, burn, long, short, .. } = verdict.row;
    let severity = severity.as_str();
    let (long, short) = (length_name(long), length_name(short));
    writeln!(out, "{severity} at {burn} times over {long} and {short}:")?;
    let mut check = |label: &str, held: &str, wanted: String, answer: bool| {
        writeln!(out, "  {label:<10} {held}; has to be {wanted}: {}", yes_or_no(answer))
    };
    let over = |is_over| (format!("over {burn}"), is_over);
    let (wanted, answer) = over(verdict.is_long_over);
    check(&long, &window_in_words(&verdict.long), wanted, answer)?;
    let (wanted, answer) = over(verdict.is_short_over);
    check(&short, &short_in_words(slo, verdict), wanted, answer)?;
    let share = in_words(verdict.share, verdict.long.reason, percent);
    let share_min = percent(verdict.share_min);
    check(
        "share",
        &format!("{share} of the budget"),
        format!("{share_min} at least"),
        verdict.is_share_reached,
    )?;
    if !slo.sli.counts_time() {
        let evidence = verdict.evidence;
        let held = format!("{} bad, which prove {}", evidence.bad, percent(evidence.ratio_min));
        let (bad_min, threshold) = (evidence.bad_min, percent(evidence.ratio_threshold));
        let wanted = format!("{bad_min} and over {threshold}");
        check("evidence", &held, wanted, evidence.is_enough)?;
    }
    if verdict.row.severity == Severity::Page {
        let low = verdict.short.low_extended();
        let held = format!("{} of {} bad in {short}", low.bad, low.total);
        check("or outage", &held, "90 % and 20 at least".to_owned(), verdict.is_outage)?;
    }
    Ok(())
}

fn window_in_words(window: &WindowBurn) -> String {
    let low = window.low();
    let burn = in_words(window.burn, window.reason, factor);
    format!("burns {burn} ({} of {} surely bad)", low.bad, low.total)
}

fn short_in_words(slo: &Slo, verdict: &RowVerdict) -> String {
    let (low, extended) = (verdict.short.low(), verdict.short.low_extended());
    let words = window_in_words(&verdict.short);
    if low == extended {
        return words;
    }
    let burn = factor(extended.burn(slo.objective));
    let (bad, total) = (extended.bad, extended.total);
    format!("{words}, {burn} with the gap that it cuts ({bad} of {total})")
}

/// Returns what a cause other than a policy's row looks at.
fn cause_in_words(slo: &Slo, condition: &Condition) -> Option<String> {
    let no_data_after = length_name(slo.alerting.no_data_after);
    match condition.cause {
        Cause::Burn { .. } | Cause::Outage { .. } => None,
        Cause::NoData => Some(format!("nothing seen for {no_data_after}")),
        Cause::NeverSeen => Some("nothing ever seen".to_owned()),
        Cause::Coverage => Some("less than 90 % seen".to_owned()),
        Cause::Exhausted => Some("the whole budget spent".to_owned()),
    }
}

fn verdict_in_words(assessment: &Assessment) -> String {
    let met = |alert: AlertName| {
        let mut of_alert = assessment.conditions.iter().filter(move |found| found.alert == alert);
        of_alert.any(|condition| condition.is_met)
    };
    let alerts: Vec<_> =
        AlertName::ALL.into_iter().filter(|alert| met(*alert)).map(AlertName::as_str).collect();
    if alerts.is_empty() {
        return "so nothing alerts now; what fired before ends once it is surely over".to_owned();
    }
    format!("so {} is due", alerts.join(" and "))
}

fn severity_of(alert: AlertName) -> &'static str {
    alert.severity().as_str()
}

fn reason(assessment: &Assessment, field: &str) -> Option<Reason> {
    let mut reasons = assessment.reasons.iter();
    reasons.find(|(other, _)| other == field).map(|(_, reason)| *reason)
}

fn in_words(value: Interval, reason: Option<Reason>, one: impl Fn(f64) -> String) -> String {
    let why = reason.map_or("unknown", Reason::as_str);
    match (value.low.map(&one), value.high.map(&one)) {
        (Some(low), Some(high)) if low == high => low,
        (Some(low), Some(high)) => format!("{low} to {high}"),
        (Some(low), None) => format!("{low} at least ({why})"),
        (None, Some(high)) => format!("{high} at most ({why})"),
        (None, None) => why.replace('_', " "),
    }
}

fn objective_ratio(objective: Objective) -> f64 {
    f64::from(objective.ppm()) / 1e6
}

fn percent(ratio: f64) -> String {
    format!("{} %", factor(ratio * 100.0))
}

/// Writes four digits at most, and none that say nothing.
fn factor(value: f64) -> String {
    let magnitude = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    let digits = (3.0 - magnitude).clamp(0.0, 6.0) as usize;
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn yes_or_no(answer: bool) -> &'static str {
    if answer { "yes" } else { "no" }
}
