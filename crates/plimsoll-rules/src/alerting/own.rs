//! Alerts about Plimsoll itself: the watchdog, the daemon, the targets and the recorders.

use super::alert;
use crate::promql;
use crate::rule::Alert;
use plimsoll_model::catalog;

/// The job under which the daemon is scraped.
pub(super) const DAEMON_JOB: &str = "plimsoll";

/// How long a target that gave signals is remembered.
const TARGET_REMEMBERED: &str = "1d";
/// How far values may lie behind their scrape.
const WATERMARK_AGE_S_MAX: u32 = 5;
/// How much of the time may be inexact.
const INEXACT_RATIO_MAX: f64 = 0.01;
/// How much unpaired time makes a leak.
const LITTLE_RESIDUAL_S_MAX: u32 = 1;

pub(super) fn alerts() -> Vec<Alert> {
    vec![
        watchdog(),
        daemon_down(),
        target_down(),
        reload_refused(),
        notifications_failing(),
        samples_refused(),
        recorder_late(),
        recorder_inexact(),
        guard_leak(),
        label_sets_dropped(),
        clock_skew(),
    ]
}

/// Always fires. It says which of the two watchdogs it is, because the daemon sends one as well.
fn watchdog() -> Alert {
    let expr = r#"label_replace(vector(1), "source", "prometheus", "", "")"#;
    alert("PlimsollWatchdog", "none", expr.into()).label("service", DAEMON_JOB).says(
        "Always fires; its silence means that alerts don't arrive.",
        "Prometheus evaluates the rules and reaches Alertmanager. Let a dead man's switch \
         wait for this alert.",
    )
}

/// One daemon of a pair may be gone; none left is a page, because the SLO alerts are then blind.
fn daemon_down() -> Alert {
    let up = format!("{}{{job=\"{DAEMON_JOB}\"}}", promql::sample(&catalog::UP));
    alert("PlimsollDaemonDown", "page", format!("max by (job) ({up}) == 0 or absent({up})"))
        .pending_for("2m")
        .says(
            "No Plimsoll daemon answers: no SLO is assessed and none can page.",
            "Prometheus has reached no target of job {{ $labels.job }} for two minutes.",
        )
}

/// Only targets that gave our signals within the day: others have alerts of their own.
fn target_down() -> Alert {
    let up = promql::sample(&catalog::UP);
    let gave = promql::sample(&catalog::WATERMARK_AGE);
    let expr =
        format!("{up} == 0 and on (job, instance) last_over_time({gave}[{TARGET_REMEMBERED}])");
    alert("PlimsollTargetDown", "ticket", expr).pending_for("5m").says(
        "A target that exposed concurrency signals can't be scraped.",
        "Prometheus hasn't reached {{ $labels.instance }} of {{ $labels.job }} for five minutes.",
    )
}

/// Of the daemon and of a sidecar.
fn reload_refused() -> Alert {
    let taken = promql::sample(&catalog::CONFIG_LAST_RELOAD_SUCCESSFUL);
    alert("PlimsollReloadRefused", "ticket", format!("{taken} == 0")).pending_for("5m").says(
        "A configuration was refused; what ran before goes on.",
        "{{ $labels.instance }} of {{ $labels.job }} refused its last reload; its log and its \
         page say why.",
    )
}

fn notifications_failing() -> Alert {
    let sent = promql::sample(&catalog::NOTIFICATIONS);
    let expr = format!("rate({sent}{{result=\"failed\"}}[5m]) > 0");
    alert("PlimsollNotificationsFailing", "ticket", expr).pending_for("5m").says(
        "The daemon can't deliver its alerts.",
        "Deliveries to {{ $labels.sink }} fail {{ $value | humanize }} times per second \
         ({{ $labels.instance }}).",
    )
}

fn samples_refused() -> Alert {
    let refused = promql::sample(&catalog::SCRAPE_SAMPLES_REFUSED);
    let expr = format!("rate({refused}[5m]) > 0");
    alert("PlimsollSamplesRefused", "ticket", expr).pending_for("10m").says(
        "The daemon refuses samples of a target, so its SLOs know less than they could.",
        "{{ $value | humanize }} samples per second of {{ $labels.target }} are refused, \
         reason {{ $labels.reason }}.",
    )
}

fn recorder_late() -> Alert {
    let age = promql::sample(&catalog::WATERMARK_AGE);
    alert("PlimsollRecorderLate", "notice", format!("{age} > {WATERMARK_AGE_S_MAX}"))
        .pending_for("5m")
        .says(
            "A recorder's values lie behind their scrape.",
            "What {{ $labels.job }} ({{ $labels.instance }}) exposes is \
             {{ $value | humanizeDuration }} old.",
        )
}

fn recorder_inexact() -> Alert {
    let inexact = promql::sample(&catalog::INEXACT);
    alert("PlimsollRecorderInexact", "notice", format!("rate({inexact}[5m]) > {INEXACT_RATIO_MAX}"))
        .pending_for("10m")
        .says(
            "A recorder has to give up exactness.",
            "Levels of {{ $labels.job }} ({{ $labels.instance }}) were inexact for \
             {{ $value | humanizePercentage }} of the last five minutes.",
        )
}

fn guard_leak() -> Alert {
    let residual = promql::sample(&catalog::LITTLE_RESIDUAL);
    alert("PlimsollGuardLeak", "notice", format!("abs({residual}) > {LITTLE_RESIDUAL_S_MAX}"))
        .pending_for("10m")
        .says(
            "A level and the durations of what passed through it don't agree: a guard is leaked.",
            "Level {{ $labels.level }} of {{ $labels.job }} ({{ $labels.instance }}) has \
             {{ $value | humanizeDuration }} that no completed or live operation accounts for.",
        )
}

fn label_sets_dropped() -> Alert {
    let dropped = promql::sample(&catalog::LABEL_SETS_DROPPED);
    alert("PlimsollLabelSetsDropped", "notice", format!("increase({dropped}[1h]) > 0")).says(
        "A metric has reached its bound on label sets.",
        "{{ $value | humanize }} label sets of {{ $labels.family }} went to the overflow set \
         within the hour ({{ $labels.job }}, {{ $labels.instance }}).",
    )
}

fn clock_skew() -> Alert {
    let skew = promql::sample(&catalog::CLOCK_SKEW);
    alert("PlimsollClockSkew", "notice", format!("rate({skew}[5m]) > 0")).pending_for("10m").says(
        "Time stamps from elsewhere lie in the future of a service's clock.",
        "{{ $labels.job }} ({{ $labels.instance }}) clamps {{ $value | humanize }} negative \
         ages per second.",
    )
}
