//! What PromQL can't say.

use plimsoll_slo::{Period, Policy, PolicyRow, Sli, Slo};

/// What no rule can say of any SLO.
const ALWAYS: [&str; 4] = [
    "Time that nobody saw counts as nothing: a burn has no upper bound here, and there is no ticket \
     for little coverage.",
    "A counter that is born with a value counts from there: what it had then is lost.",
    "A process that restarts while no scrape succeeds takes what it counted with it.",
    "A target that was taken away on purpose looks like one that is gone: SloNoData fires for both.",
];

/// Says whether rules can count the SLO at all.
pub(super) fn is_expressible(slo: &Slo) -> bool {
    !matches!(slo.sli, Sli::Composite(_))
}

/// Says what gets lost of these SLOs, each in a sentence.
pub(super) fn of(slos: &[Slo]) -> Vec<String> {
    let own = slos.iter().flat_map(own);
    ALWAYS.into_iter().map(str::to_owned).chain(own).collect()
}

fn own(slo: &Slo) -> Vec<String> {
    let mut limits = Vec::new();
    let mut say = |what: String| limits.push(format!("{}/{}: {what}", slo.service, slo.name));
    if !is_expressible(slo) {
        say("is made of other SLOs, which no rule can put together: it has no rules.".into());
        return limits;
    }
    if let Period::Calendar { .. } = slo.period {
        let nominal = plimsoll_slo::length_name(slo.period.nominal());
        say(format!(
            "its budget begins anew with each {}; here it is kept over the last {nominal}.",
            slo.period
        ));
    }
    if !slo.exclusions.is_empty() {
        let reasons: Vec<&str> =
            slo.exclusions.iter().map(|exclusion| exclusion.reason.as_str()).collect();
        say(format!("what is excluded counts here: {}.", reasons.join(", ")));
    }
    if !slo.by.is_empty() {
        let (by, most) = (slo.by.join(", "), slo.max_groups);
        say(format!("nothing bounds how many budgets {by} makes ({most} in the daemon)."));
    }
    if waits_differently(&slo.alerting.policy) {
        say("rows of one severity wait for different times; here all wait for the shortest.".into());
    }
    match &slo.sli {
        Sli::Within { when: Some(_), .. } => {
            say("bands are those of the recorder's defaults.".into());
        }
        Sli::Events { unknown: Some(_), .. } => {
            say("what nobody could judge counts as not bad: its burn is a lower bound.".into());
        }
        Sli::Lag { .. } | Sli::Up { .. } => {
            say("its gauge is looked at once per scrape interval.".into());
        }
        _ => {}
    }
    limits
}

fn waits_differently(policy: &Policy) -> bool {
    let rows = &policy.rows;
    rows.iter().any(|row| {
        let alike = |other: &&PolicyRow| other.severity == row.severity;
        rows.iter().filter(alike).any(|other| other.pending_for != row.pending_for)
    })
}
