//! HAProxy, by its statistics as CSV.

use crate::paged::{PageConfig, StatusPage};
use crate::reading::labelled;
use crate::{CollectorConfig, Flag, Reading};
use plimsoll_model::catalog;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// Rows that are looked at: frontends, backends and servers of one HAProxy.
const ROWS_MAX: usize = 1_000;

/// HAProxy, by its statistics as CSV.
#[derive(Clone, Debug, PartialEq)]
pub struct Haproxy;

/// Where the page is.
pub type HaproxyConfig = PageConfig<Haproxy>;

impl StatusPage for Haproxy {
    const FLAGS: &'static [Flag] = &[Flag {
        name: "haproxy",
        value: Some("URL"),
        help: "A HAProxy, by its CSV statistics or admin socket; may be repeated",
        read: |url| Ok(CollectorConfig::Haproxy(url.parse()?)),
    }];

    const COMMAND: Option<&'static str> = Some("show stat");

    /// Columns go by their names: versions add some.
    fn read(
        text: &str,
        server: &str,
        reading: &mut Reading,
    ) -> Result<(), (&'static str, &'static str)> {
        let mut rows = Rows(text);
        let head = rows.next().filter(|head| head.first().is_some_and(|name| name == "# pxname"));
        let Some(head) = head else {
            return Err(("is no CSV of statistics", "its path ends in ;csv"));
        };
        let mut servers = BTreeMap::new();
        for (index, cells) in rows.filter(|cells| cells.len() > 1).enumerate() {
            if index == ROWS_MAX {
                reading
                    .note(format_args!("the first {ROWS_MAX} rows are looked at, there are more"));
                break;
            }
            let columns = head.iter().map(|name| name.trim_start_matches("# "));
            let cells: HashMap<&str, Cow<'_, str>> = columns.zip(cells).collect();
            row(&cells, server, &mut servers, reading);
        }
        for ((backend, state), count) in servers {
            let labels = labelled([("server", server), ("backend", &*backend), ("state", state)]);
            reading.gauge(&catalog::HAPROXY_SERVERS, &labels, f64::from(count));
        }
        Ok(())
    }
}

/// Rows of cells. One that holds a comma, a quote or the end of a line stands in quotes.
struct Rows<'a>(&'a str);

impl<'a> Iterator for Rows<'a> {
    type Item = Vec<Cow<'a, str>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let mut cells = Vec::new();
        loop {
            let (cell, rest) = cell(self.0);
            cells.push(cell);
            self.0 = rest.get(1..).unwrap_or_default();
            if !rest.starts_with(',') {
                return Some(cells);
            }
        }
    }
}

/// Takes the first cell off; the rest begins with what ends it.
fn cell(text: &str) -> (Cow<'_, str>, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', '\n']).unwrap_or(text.len());
        let (cell, rest) = text.split_at(end);
        return (Cow::Borrowed(cell), rest);
    };
    let (mut cell, mut left) = (String::new(), quoted);
    // Two quotes are one that belongs to the cell.
    while let Some((part, rest)) = left.split_once('"') {
        cell.push_str(part);
        let Some(more) = rest.strip_prefix('"') else { return (Cow::Owned(cell), rest) };
        cell.push('"');
        left = more;
    }
    cell.push_str(left);
    (Cow::Owned(cell), "")
}

fn row(
    cells: &HashMap<&str, Cow<'_, str>>,
    server: &str,
    servers: &mut BTreeMap<(String, &'static str), u32>,
    reading: &mut Reading,
) {
    let cell = |column: &str| cells.get(column).map(|cell| &**cell).unwrap_or_default();
    let number = |column: &str| cell(column).parse::<f64>().ok();
    let (proxy, part) = (cell("pxname"), cell("svname"));
    match part {
        "BACKEND" => {
            for state in ["up", "other"] {
                servers.entry((proxy.to_owned(), state)).or_default();
            }
            if let Some(waiting) = number("qcur") {
                let labels = labelled([("server", server), ("queue", proxy)]);
                reading.level(&catalog::QUEUE_DEPTH, &labels, waiting, None);
            }
            let labels = labelled([("server", server), ("backend", proxy)]);
            let queued_s = number("qtime").map_or(f64::NAN, |ms| ms / 1e3);
            reading.gauge(&catalog::HAPROXY_QUEUE_TIME, &labels, queued_s);
        }
        "FRONTEND" => {}
        _ => {
            // "UP 1/3" is on its way down, and takes requests until then.
            let state = match cell("status") {
                status if status.starts_with("UP") => "up",
                "no check" => "unchecked",
                _ => "other",
            };
            *servers.entry((proxy.to_owned(), state)).or_default() += 1;
        }
    }
    // A backend's own limit bounds nothing by itself: its servers' do.
    if part != "BACKEND" {
        let pool = format!("{proxy}/{part}");
        let labels = labelled([("server", server), ("pool", &pool)]);
        let sessions = number("scur").unwrap_or(f64::NAN);
        reading.level(&catalog::POOL_IN_USE, &labels, sessions, number("slim"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::Value;

    #[test]
    fn columns_go_by_their_names_and_an_empty_cell_is_not_known() {
        let text = "# pxname,svname,status,qcur,scur,slim,qtime,\nin,FRONTEND,OPEN,,3,90,,\n\
                    app,one,UP,0,2,2,5,\napp,two,MAINT,0,0,,,\napp,BACKEND,UP,7,2,9,5,\n\n";
        let mut reading = Reading::default();
        assert_eq!(Haproxy::read(text, "h", &mut reading), Ok(()));
        let all: Vec<String> = reading
            .families()
            .iter()
            .flat_map(|family| {
                family.series.iter().map(|series| match series.value {
                    Value::Gauge(value) => format!("{}{} {value}", family.name, series.labels),
                    _ => String::new(),
                })
            })
            .collect();
        let expected = [
            r#"concurrency_pool_in_use{pool="in/FRONTEND",server="h"} 3"#,
            r#"concurrency_pool_in_use{pool="app/one",server="h"} 2"#,
            r#"concurrency_pool_in_use{pool="app/two",server="h"} 0"#,
            r#"concurrency_pool_in_use_limit{pool="in/FRONTEND",server="h"} 90"#,
            r#"concurrency_pool_in_use_limit{pool="app/one",server="h"} 2"#,
            r#"concurrency_queue_depth{queue="app",server="h"} 7"#,
            r#"concurrency_haproxy_queue_time_seconds{backend="app",server="h"} 0.005"#,
            r#"concurrency_haproxy_servers{backend="app",server="h",state="other"} 1"#,
            r#"concurrency_haproxy_servers{backend="app",server="h",state="up"} 1"#,
        ];
        assert_eq!(all, expected);
        Haproxy::read("<html>", "h", &mut Reading::default()).unwrap_err();
    }

    #[test]
    fn a_cell_in_quotes_holds_what_ends_another() {
        let rows: Vec<_> = Rows("a,\"b, \"\"c\"\"\nd\",e\n,\"f").collect();
        assert_eq!(rows, [["a", "b, \"c\"\nd", "e"].as_slice(), ["", "f"].as_slice()]);
        let whole = "# pxname,svname,\"x\"\n\"é,\",\"";
        let cuts = whole.char_indices().map(|(at, _)| &whole[..at]);
        for cut in cuts {
            let _ = Rows(cut).count();
        }
    }
}
