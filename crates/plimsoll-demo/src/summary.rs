//! The one-screen summary at the end: budgets and alerts as the daemon's API gives them, beside the
//! truth as the load generator, the queue and the cards counted it.

use crate::truth::Truth;
use serde_json::Value;
use std::fmt;

/// What a run came to.
pub struct Summary {
    board: Board,
    truth: Truth,
}

/// What the daemon says of a run: budgets and alerts.
pub(crate) struct Board {
    slos: Vec<Value>,
    alerts: Vec<Value>,
}

impl Summary {
    pub(crate) fn new(board: Board, truth: Truth) -> Self {
        Self { board, truth }
    }
}

impl Board {
    /// Makes it of the daemon's answers to `/api/v1/slos` and `/api/v1/alerts`.
    pub(crate) fn new([slos, alerts]: [Value; 2]) -> Self {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        Self { slos: list(&slos["slos"]), alerts: list(&alerts["alerts"]) }
    }

    /// Returns how many events or milliseconds of an SLO were good, and how many bad.
    pub(crate) fn counts(&self, slo: &str) -> Option<(u64, u64)> {
        let counts = &self.slos.iter().find(|value| value["slo"] == slo)?["counts"];
        Some((counts["good"].as_u64()?, counts["bad"].as_u64()?))
    }
}

impl fmt::Display for Board {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "\nSLO                 objective      good       bad  budget left  state")?;
        for slo in &self.slos {
            slo_line(out, slo)?;
        }
        writeln!(out, "\nAlerts")?;
        if self.alerts.iter().all(|alert| alert["alertname"] == "PlimsollWatchdog") {
            writeln!(out, "  no alert fired")?;
        }
        for alert in self.alerts.iter().filter(|alert| alert["alertname"] != "PlimsollWatchdog") {
            alert_line(out, alert)?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.board.fmt(out)?;
        writeln!(
            out,
            "\nTruth, as the load generator, the queue's witness and the cards counted it"
        )?;
        let (good, bad) = self.board.counts("auth-availability").unzip();
        let truth = self.truth;
        writeln!(
            out,
            "  authorisations  good {}, bad {}; the daemon has good {}, bad {}",
            truth.authorized_good,
            truth.authorized_bad,
            number(good),
            number(bad)
        )?;
        let (_, full) = self.board.counts("queue-not-full").unzip();
        let full_ms = truth.queue_full_ms;
        writeln!(out, "  queue full      {full_ms} ms; the daemon has {} ms", number(full))?;
        let (_, overtaken) = self.board.counts("charged-once").unzip();
        write!(
            out,
            "  charged twice   {} by plain commits, {} by guarded ones; the detector has {}",
            truth.held_beyond_plain,
            truth.held_beyond_guarded,
            number(overtaken)
        )
    }
}

fn slo_line(out: &mut fmt::Formatter<'_>, slo: &Value) -> fmt::Result {
    let objective = slo["objective_ppm"].as_f64().unwrap_or_default() / 10_000.0;
    let left = slo["budget"]["with_exclusions"]["remaining"]["low"].as_f64();
    writeln!(
        out,
        "{:<18} {objective:>9} % {:>9} {:>9} {:>12}  {}",
        slo["slo"].as_str().unwrap_or("?"),
        number(slo["counts"]["good"].as_u64()),
        number(slo["counts"]["bad"].as_u64()),
        left.map_or("unknown".to_owned(), |left| format!("{:.1} %", left * 100.0)),
        slo["state"].as_str().unwrap_or("?"),
    )
}

fn alert_line(out: &mut fmt::Formatter<'_>, alert: &Value) -> fmt::Result {
    writeln!(
        out,
        "  {:<7} {:<18} {:<9} since {}",
        alert["severity"].as_str().unwrap_or("?"),
        alert["labels"]["slo"].as_str().unwrap_or("?"),
        alert["state"].as_str().unwrap_or("?"),
        alert["since"].as_str().unwrap_or("?"),
    )
}

pub(crate) fn number(value: Option<u64>) -> String {
    value.map_or("unknown".to_owned(), |value| value.to_string())
}
