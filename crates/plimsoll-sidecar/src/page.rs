//! The page: each collector, whether it knows anything, and if not, why.

use crate::board::{Board, Column, Latest};
use plimsoll_model::TimeMs;
use std::fmt::Write;

const HEAD: &str = r#"<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width"><title>Plimsoll sidecar</title><style>
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .8rem;border-bottom:1px solid #8884;vertical-align:top}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}.up{color:#2b8a3e}.down{color:#e03131;font-weight:600}.new{opacity:.6}
@media (prefers-color-scheme:dark){.up{color:#69db7c}.down{color:#ff8787}}
</style><h1>Plimsoll sidecar</h1>"#;

/// Writes the page as HTML.
pub(crate) fn html(board: &Board) -> String {
    let columns = board.all();
    let mut page = HEAD.to_string();
    let up = columns.iter().filter(|column| matches!(column.latest, Latest::Reading(_))).count();
    let _ = write!(
        page,
        "<p>{up} of {} collectors are up. Series are at <a href=\"/metrics\">/metrics</a>.</p>\
         <table><tr><th>Collector<th>State<th class=number>Series<th class=number>Last look\
         <th class=number>It took<th>Remarks",
        columns.len()
    );
    for column in &columns {
        row(&mut page, column, board.now());
    }
    page.push_str("</table>\n");
    page
}

fn row(page: &mut String, column: &Column, now: TimeMs) {
    let (class, state, series, why) = match &column.latest {
        Latest::Nothing => ("new", "not looked yet", 0, String::new()),
        Latest::Reading(reading) => ("up", "up", reading.len(), reading.notes().join("\n")),
        Latest::Reason(reason) => ("down", "down", 0, reason.to_string()),
    };
    let age = column.at.map_or_else(String::new, |at| {
        format!("{:.1} s ago", now.0.saturating_sub(at.0).max(0) as f64 / 1e3)
    });
    let took_ms = column.took.as_secs_f64() * 1e3;
    let _ = write!(
        page,
        "<tr><td>{}<td class={class}>{state}<td class=number>{series}<td class=number>{age}\
         <td class=number>{took_ms:.1} ms<td>{}",
        escaped(&column.name),
        escaped(&why).replace('\n', "<br>")
    );
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;
    use plimsoll_runtime::clock::ManualClock;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn a_reason_stands_there_and_can_hold_no_markup() {
        let board = Board::new(Arc::new(ManualClock::new(TimeMs(0))));
        let (slot, name) = board.slot("redis:<a>");
        assert_eq!(&*name, "redis:<a>");
        board.publish(slot, Err(Reason::new("refused & <b>")), Duration::from_millis(3));
        let page = html(&board);
        assert!(page.contains("redis:&lt;a&gt;") && page.contains("refused &amp; &lt;b&gt;"));
        assert!(page.contains("0 of 1 collectors are up"), "{page}");
        let mut reading = crate::Reading::default();
        reading.note("without <this>");
        reading.note("without that");
        board.publish(slot, Ok(reading), Duration::from_millis(3));
        assert!(html(&board).contains("without &lt;this&gt;<br>without that"), "{}", html(&board));
    }
}
