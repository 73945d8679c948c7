//! HAProxy, by its statistics as CSV.

use crate::paged::{PageConfig, StatusPage};
use crate::reading::labelled;
use crate::{CollectorConfig, Flag, Reading};
use plimsoll_model::{LevelPart, Value, catalog};
use std::collections::{BTreeMap, HashMap};

/// Rows that are looked at: frontends, backends and servers of one HAProxy.
const ROWS_MAX: usize = 1_000;

/// HAProxy, by its statistics as CSV.
#[derive(Clone, Debug)]
pub struct Haproxy;

/// Where the page is.
pub type HaproxyConfig = PageConfig<Haproxy>;

impl StatusPage for Haproxy {
    const FLAGS: &'static [Flag] = &[Flag {
        name: "haproxy",
        value: Some("URL"),
        help: "A HAProxy, by its statistics as CSV; may be repeated",
        read: |url| Ok(CollectorConfig::Haproxy(url.parse()?)),
    }];

    /// Columns go by their names: versions add some.
    fn read(
        text: &str,
        server: &str,
        reading: &mut Reading,
    ) -> Result<(), (&'static str, &'static str)> {
        let mut lines = text.lines();
        let Some(head) = lines.next().and_then(|head| head.strip_prefix("# pxname,")) else {
            return Err(("is no CSV of statistics", "its path ends in ;csv"));
        };
        let columns: Vec<&str> = std::iter::once("pxname").chain(head.split(',')).collect();
        let mut servers = BTreeMap::new();
        for (index, line) in lines.filter(|line| !line.is_empty()).enumerate() {
            if index == ROWS_MAX {
                reading
                    .note(format_args!("the first {ROWS_MAX} rows are looked at, there are more"));
                break;
            }
            let cells: HashMap<&str, &str> = columns.iter().copied().zip(line.split(',')).collect();
            row(&cells, server, &mut servers, reading);
        }
        for ((backend, state), count) in servers {
            let labels = labelled([("server", server), ("backend", backend), ("state", state)]);
            reading.gauge(&catalog::HAPROXY_SERVERS, &labels, f64::from(count));
        }
        Ok(())
    }
}

fn row<'a>(
    cells: &HashMap<&str, &'a str>,
    server: &str,
    servers: &mut BTreeMap<(&'a str, &'static str), u32>,
    reading: &mut Reading,
) {
    let cell = |column: &str| cells.get(column).copied().unwrap_or_default();
    let number = |column: &str| cell(column).parse::<f64>().ok();
    let (proxy, part) = (cell("pxname"), cell("svname"));
    match part {
        "BACKEND" => {
            for state in ["up", "other"] {
                servers.entry((proxy, state)).or_default();
            }
            if let Some(waiting) = number("qcur") {
                let labels = labelled([("server", server), ("queue", proxy)]);
                let waiting = Value::Gauge(waiting);
                reading.level_part(&catalog::QUEUE_DEPTH, LevelPart::Now, &labels, waiting);
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
            *servers.entry((proxy, state)).or_default() += 1;
        }
    }
    // A backend's own limit bounds nothing by itself: its servers' do.
    if part != "BACKEND" {
        let pool = format!("{proxy}/{part}");
        let labels = labelled([("server", server), ("pool", &pool)]);
        let parts = [(LevelPart::Now, number("scur")), (LevelPart::Limit, number("slim"))];
        for (part, value) in parts.into_iter().filter_map(|(part, value)| Some((part, value?))) {
            reading.level_part(&catalog::POOL_IN_USE, part, &labels, Value::Gauge(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
