//! Alerts about SLOs, from what the daemon exports about its own verdict.
//!
//! They are the second way to the pager: the daemon also sends its alerts to Alertmanager itself.
//! The verdict is read, not computed again, so that both ways always agree.

use super::alert;
use crate::promql;
use crate::rule::Alert;
use plimsoll_model::catalog;

/// How long a verdict outlives the daemon that gave it: going blind never resolves a page, and
/// after this time `PlimsollDaemonDown` has long been firing.
const REMEMBERED: &str = "15m";

/// The labels that tell one daemon of a pair from the other. All others stay: an SLO that is split
/// by label has one alert for each part.
const DAEMON: &str = "job, instance";

pub(super) fn alerts() -> Vec<Alert> {
    vec![
        verdict("SloPage", "page").says(
            "An SLO burns its error budget so fast that a person has to act now.",
            "SLO {{ $labels.slo }} of {{ $labels.service }} pages: its budget burns too fast \
             over a long and a short window, or nearly everything fails.",
        ),
        verdict("SloTicket", "ticket").says(
            "An SLO burns its error budget faster than it lasts.",
            "SLO {{ $labels.slo }} of {{ $labels.service }} burns slowly, has spent its budget, \
             or is known too little.",
        ),
        verdict("SloNotice", "notice").says(
            "An SLO burns its error budget a little faster than usual.",
            "SLO {{ $labels.slo }} of {{ $labels.service }} passed the lowest threshold of its \
             policy.",
        ),
        no_data(),
    ]
}

fn verdict(name: &str, severity: &str) -> Alert {
    let firing = format!(
        "last_over_time({}{{severity=\"{severity}\"}}[{REMEMBERED}])",
        promql::sample(&catalog::SLO_ALERT_FIRING)
    );
    alert(name, severity, format!("max without ({DAEMON}) ({firing}) == 1"))
}

/// The shortest window is empty while a longer one isn't: there was data and it stopped. An SLO
/// that never had data is a ticket of the daemon's.
fn no_data() -> Alert {
    let coverage = promql::sample(&catalog::SLO_COVERAGE);
    let per_slo = format!("without ({DAEMON}, window) ({coverage})");
    alert("SloNoData", "page", format!("min {per_slo} == 0 and max {per_slo} > 0"))
        .pending_for("5m")
        .says(
            "Nothing is known about an SLO any more, so nobody can tell whether it is kept.",
            "No measurement of SLO {{ $labels.slo }} of {{ $labels.service }} has arrived for \
             five minutes, though there was data before.",
        )
}
