//! The page: each collector, whether it knows anything, and if not, why.

use crate::Reading;
use crate::board::{Board, Column, Latest};
use plimsoll_model::TimeMs;
use plimsoll_runtime::reload::ReloadState;
use std::fmt::Write;

/// The colours are those of the daemon's page, in both themes.
const HEAD: &str = r#"<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width"><title>Plimsoll sidecar</title><style>
:root{color-scheme:light dark;--ground:light-dark(#f3f6f6,#0d151a);--surface:light-dark(#fff,#142028);--ink:light-dark(#12242e,#e4edf1);
--muted:light-dark(#536670,#96a9b4);--line:light-dark(#d8e1e4,#263943);--accent:light-dark(#0d6380,#62bddb);
--page:light-dark(#b3231a,#ff8b7d);--page-tint:light-dark(#fdecea,#34191a);--ok:light-dark(#1f6e4c,#6cc79b)}
body{font:15px/1.45 system-ui,sans-serif;background:var(--ground);color:var(--ink);margin:0 auto;max-width:75rem;padding:1rem}
h1{font-size:1.4rem;font-weight:650;margin:.5rem 0}a{color:var(--accent)}p{margin:.5rem 0 1rem}
table{border-collapse:collapse;width:100%;background:var(--surface);border:1px solid var(--line)}
th,td{text-align:left;padding:.4rem .8rem;border-bottom:1px solid var(--line);vertical-align:top}th{color:var(--muted);font-weight:500;white-space:nowrap}
td{overflow-wrap:anywhere}.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td:last-child{width:50%}
.up{color:var(--ok)}.down{font-weight:600;color:var(--page)}.new{color:var(--muted)}tr:has(.down){background:var(--page-tint)}
</style><h1>Plimsoll sidecar</h1>"#;

/// Writes the page as HTML.
pub(crate) fn html(board: &Board, reload: &ReloadState) -> String {
    let mut columns = board.shown();
    columns.sort_by_key(urgency);
    let mut page = HEAD.to_string();
    let up =
        columns.iter().filter(|(column, _)| matches!(column.latest, Latest::Reading(_))).count();
    refusal(&mut page, reload, board.now());
    let _ = write!(
        page,
        "<p>{up} of {} collectors are up. Series are at <a href=\"/metrics\">/metrics</a>.</p>\
         <table><tr><th>Collector<th>State<th class=number>Series<th class=number>Last look\
         <th class=number>It took<th>Remarks",
        columns.len()
    );
    for (column, hidden) in &columns {
        row(&mut page, column, *hidden, board.now());
    }
    page.push_str("</table>\n");
    page
}

/// Says that the file isn't what runs, and why.
fn refusal(page: &mut String, reload: &ReloadState, now: TimeMs) {
    let Some(at) = reload.at.filter(|_| !reload.refused.is_empty()) else { return };
    let why = reload.refused.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("<br>");
    let age_s = now.0.saturating_sub(at.0).max(0) / 1_000;
    let _ = write!(
        page,
        "<p class=down>The reload {age_s} s ago was refused; the old configuration stays:<br>{why}"
    );
}

/// Orders what is shown: who knows nothing, who has something to say, who hasn't looked yet, and the rest
/// as the configuration has them.
fn urgency((column, hidden): &(Column, usize)) -> u8 {
    match &column.latest {
        Latest::Reason(_) => 0,
        Latest::Reading(reading) if *hidden > 0 || !reading.notes().is_empty() => 1,
        Latest::Nothing => 2,
        Latest::Reading(_) => 3,
    }
}

fn row(page: &mut String, column: &Column, hidden: usize, now: TimeMs) {
    let (class, state, series, why) = match &column.latest {
        Latest::Nothing => ("new", "not looked yet", String::new(), String::new()),
        Latest::Reading(reading) => {
            ("up", "up", reading.len().to_string(), remarks(reading, hidden))
        }
        Latest::Reason(reason) => ("down", "down", String::new(), reason.to_string()),
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

/// Returns what is to be said of a reading, a line each.
fn remarks(reading: &Reading, hidden: usize) -> String {
    let hidden = (hidden > 0).then(|| {
        format!("{hidden} series are left out: an earlier collector has the same; keep one of them")
    });
    reading.notes().iter().cloned().chain(hidden).collect::<Vec<_>>().join("\n")
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
    use std::time::Duration;

    #[test]
    fn a_reason_stands_there_and_can_hold_no_markup() {
        let (board, [slot]) = Board::of(["redis:<a>"]);
        board.publish(slot, Err(Reason::new("refused & <b>")), Duration::from_millis(3));
        let page = html(&board, &ReloadState::default());
        assert!(page.contains("redis:&lt;a&gt;") && page.contains("refused &amp; &lt;b&gt;"));
        assert!(page.contains("0 of 1 collectors are up"), "{page}");
        let mut reading = crate::Reading::default();
        reading.note("without <this>");
        reading.note("without that");
        board.publish(slot, Ok(reading), Duration::from_millis(3));
        assert!(
            html(&board, &ReloadState::default()).contains("without &lt;this&gt;<br>without that"),
            "{}",
            html(&board, &ReloadState::default())
        );
    }

    #[test]
    fn what_is_wrong_stands_above_what_is_well() {
        let (board, [well, told, _later, down]) = Board::of(["well", "told", "later", "down"]);
        let mut noted = crate::Reading::default();
        noted.note("deadlock");
        for (slot, outcome) in [
            (well, Ok(crate::Reading::default())),
            (told, Ok(noted)),
            (down, Err(Reason::new("refused"))),
        ] {
            board.publish(slot, outcome, Duration::ZERO);
        }
        let page = html(&board, &ReloadState::default());
        let places =
            ["down", "told", "later", "well"].map(|name| page.find(&format!("<tr><td>{name}")));
        assert!(places.is_sorted() && places[0].is_some(), "{places:?}: {page}");
    }
}
