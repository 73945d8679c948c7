//! The outcome as one page that needs nothing else.

use crate::chart::place;
use crate::text::percent;
use crate::when::rfc3339;
use crate::{Fired, Outcome, SloOutcome};
use plimsoll_slo::{AlertName, length_name};

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 120.0;
const LANE: f64 = 14.0;

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
<meta name=\"viewport\" content=\"width=device-width\">\n<title>Plimsoll backtest</title>\n<style>\n\
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#68737d;--line:#d5dbe0;--paper:#fff;\
--budget:#2f6fde;--page:#d03b2f;--ticket:#d98a00;--notice:#7a5cc4}\n\
@media(prefers-color-scheme:dark){:root{--ink:#e8ecef;--soft:#98a3ad;--line:#343b42;--paper:#15181b;\
--budget:#6ea0ff;--page:#ff6b5e;--ticket:#ffb648;--notice:#b49cff}}\n\
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:66rem;\
margin:2rem auto;padding:0 1rem}\n\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:2rem 0 .2rem}p{margin:.2rem 0}.soft{color:var(--soft)}\n\
svg{width:100%;height:auto;display:block;margin:.4rem 0;border-left:1px solid var(--line)}\n\
table{border-collapse:collapse;margin:.4rem 0}th,td{text-align:left;padding:.15rem 1rem .15rem 0;\
border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}\n\
.SloPage,.SloNoData{fill:var(--page)}.SloTicket{fill:var(--ticket)}.SloNotice{fill:var(--notice)}\n\
.budget{fill:none;stroke:var(--budget);stroke-width:2;vector-effect:non-scaling-stroke}\n\
.zero{stroke:var(--line)}text{fill:var(--soft);font-size:11px}\n</style>\n";

/// Writes what one replay gave, or several beside each other, as HTML.
pub fn page(outcomes: &[Outcome]) -> String {
    let mut html = HEAD.to_owned();
    let Some(first) = outcomes.first() else { return html };
    html.push_str(&format!(
        "<h1>Backtest</h1>\n<p class=\"soft\">{} to {}, a look each {}</p>\n",
        rfc3339(first.from),
        rfc3339(first.to),
        length_name(first.step)
    ));
    html.push_str(&summary(outcomes));
    for slo in &first.slos {
        html.push_str(&heading(slo));
        for outcome in outcomes {
            let Some(same) = outcome.slos.iter().find(|other| other.id == slo.id) else { continue };
            if outcomes.len() > 1 {
                html.push_str(&format!("<p>with {}</p>\n", escaped(&outcome.name)));
            }
            html.push_str(&chart(outcome, same));
            html.push_str(&alerts(outcome, same));
        }
    }
    html.push_str("</html>\n");
    html
}

fn summary(outcomes: &[Outcome]) -> String {
    let head: String = AlertName::ALL.iter().map(|name| format!("<th>{}", name.as_str())).collect();
    let row = |outcome: &Outcome| {
        let cells: String =
            AlertName::ALL.iter().map(|name| format!("<td>{}", outcome.count(*name))).collect();
        format!("<tr><td>{}{cells}\n", escaped(&outcome.name))
    };
    let rows: String = outcomes.iter().map(row).collect();
    format!("<table><tr><th>alerts{head}\n{rows}</table>\n")
}

fn heading(slo: &SloOutcome) -> String {
    let objective = f64::from(slo.slo.objective.ppm()) / 10_000.0;
    let spent = slo.spent.low.map_or("an unknown part".into(), percent);
    let counts = slo.counts;
    format!(
        "<h2>{}</h2>\n<p>{objective} % over {}; {spent} of the budget spent \
         <span class=\"soft\">({} good, {} bad, {} unknown; {} seen)</span></p>\n",
        escaped(&slo.id),
        escaped(&slo.slo.period.to_string()),
        counts.good,
        counts.bad,
        counts.unknown,
        slo.coverage.map_or("nothing".into(), percent)
    )
}

/// The budget that is left, from all of it at the top to none at the line; below it a lane for each
/// alert that fired.
fn chart(outcome: &Outcome, slo: &SloOutcome) -> String {
    let names: Vec<AlertName> = AlertName::ALL
        .into_iter()
        .filter(|name| slo.fired.iter().any(|fired| fired.name == *name))
        .collect();
    let all = HEIGHT + LANE * (names.len() + 1) as f64 + 4.0;
    let foot = all - 4.0;
    let known = slo.points.iter().filter_map(|point| Some((point.at, point.remaining?)));
    let line: Vec<String> = known
        .map(|(at, remaining)| {
            let x = place(outcome, at) * WIDTH;
            format!("{x:.1},{:.1}", (1.0 - remaining.clamp(0.0, 1.0)) * HEIGHT)
        })
        .collect();
    let mut lanes = String::new();
    for (number, name) in names.iter().enumerate() {
        let y = HEIGHT + LANE * number as f64 + 3.0;
        let baseline = y + 9.0;
        lanes.push_str(&format!("<text x=\"4\" y=\"{baseline:.1}\">{}</text>", name.as_str()));
        for fired in slo.fired.iter().filter(|fired| fired.name == *name) {
            let from = place(outcome, fired.from) * WIDTH;
            let to = place(outcome, fired.to.unwrap_or(outcome.to)) * WIDTH;
            lanes.push_str(&format!(
                "<rect class=\"{}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"9\">\
                 <title>{}</title></rect>",
                name.as_str(),
                (to - from).max(2.0),
                escaped(&said(outcome, fired))
            ));
        }
    }
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {all}\" role=\"img\" aria-label=\"budget left, and alerts\">\
         <line class=\"zero\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{HEIGHT}\" y2=\"{HEIGHT}\"/>\
         <polyline class=\"budget\" points=\"{}\"/>{lanes}\
         <text x=\"4\" y=\"12\">100 %</text><text x=\"4\" y=\"{:.0}\">0 %</text>\
         <text x=\"4\" y=\"{foot}\">{}</text>\
         <text x=\"{WIDTH}\" y=\"{foot}\" text-anchor=\"end\">{}</text></svg>\n",
        line.join(" "),
        HEIGHT - 4.0,
        rfc3339(outcome.from),
        rfc3339(outcome.to)
    )
}

fn alerts(outcome: &Outcome, slo: &SloOutcome) -> String {
    if slo.fired.is_empty() {
        return "<p class=\"soft\">Nothing would have alerted.</p>\n".into();
    }
    let row = |fired: &Fired| {
        format!(
            "<tr><td>{}<td>{}<td>{}{}<td>{}\n",
            fired.name.as_str(),
            rfc3339(fired.from),
            length_name(fired.lasted(outcome.to)),
            if fired.to.is_some() { "" } else { ", still firing" },
            fired.share.map_or(String::new(), percent)
        )
    };
    let rows: String = slo.fired.iter().map(row).collect();
    format!("<table><tr><th>alert<th>from<th>for<th>of the budget\n{rows}</table>\n")
}

fn said(outcome: &Outcome, fired: &Fired) -> String {
    let lasted = length_name(fired.lasted(outcome.to));
    format!("{} from {} for {lasted}", fired.name.as_str(), rfc3339(fired.from))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
