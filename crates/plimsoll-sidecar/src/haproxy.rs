//! HAProxy, by its statistics as CSV.

use crate::config::interval;
use crate::connected::{Connected, ConnectedCollector};
use crate::fetch::{self, Page};
use crate::reading::labelled;
use crate::{Collector, Reading, Reason, World};
use async_trait::async_trait;
use plimsoll_model::{LevelPart, Value, catalog};
use plimsoll_spec::{MapShape, Parsed, Shape, optional, required};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::Arc;

/// Rows that are looked at: frontends, backends and servers of one HAProxy.
const ROWS_MAX: usize = 1_000;

pub(crate) static SHAPE: MapShape = MapShape {
    keys: &[
        optional("label", Shape::TEXT),
        optional("interval", Shape::Text(interval)),
        optional("deadline", Shape::Text(interval)),
        required("url", Shape::parsed::<Page>()),
    ],
    check: None,
};

/// A HAProxy whose statistics are at an address, as `http://127.0.0.1:8404/stats;csv`.
#[derive(Clone, Debug, Deserialize)]
pub struct HaproxyConfig {
    url: Parsed<Page>,
}

impl FromStr for HaproxyConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { url: Parsed(text.parse()?) })
    }
}

impl HaproxyConfig {
    pub(crate) fn name(&self) -> String {
        format!("haproxy:{}", self.url.0)
    }

    pub(crate) fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
        let haproxy = Haproxy { page: self.url.0, name: world.name.clone() };
        Ok(Box::new(Connected::new(haproxy, world.clock.clone())))
    }
}

struct Haproxy {
    page: Page,
    name: Arc<str>,
}

#[async_trait]
impl ConnectedCollector for Haproxy {
    type Connection = fetch::Connection;

    async fn connect(&self) -> Result<fetch::Connection, Reason> {
        self.page.connect().await
    }

    async fn look(&mut self, connection: &mut fetch::Connection) -> Result<Reading, Reason> {
        let text = self.page.text(connection).await?;
        let mut reading = Reading::default();
        match write(&text, &self.name, &mut reading) {
            true => Ok(reading),
            false => Err(self.page.reason("is no CSV of statistics", &"its path ends in ;csv")),
        }
    }
}

/// Adds what the rows say; false if it isn't that table. Columns go by their names: versions add some.
fn write(text: &str, server: &str, reading: &mut Reading) -> bool {
    let mut lines = text.lines();
    let Some(head) = lines.next().and_then(|head| head.strip_prefix("# pxname,")) else {
        return false;
    };
    let columns: Vec<&str> = std::iter::once("pxname").chain(head.split(',')).collect();
    let mut servers = BTreeMap::new();
    for (index, line) in lines.filter(|line| !line.is_empty()).enumerate() {
        if index == ROWS_MAX {
            reading.note(format_args!("the first {ROWS_MAX} rows are looked at, there are more"));
            break;
        }
        let cells: HashMap<&str, &str> = columns.iter().copied().zip(line.split(',')).collect();
        row(&cells, server, &mut servers, reading);
    }
    for ((backend, state), count) in servers {
        let labels = labelled([("server", server), ("backend", backend), ("state", state)]);
        reading.gauge(&catalog::HAPROXY_SERVERS, &labels, f64::from(count));
    }
    true
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
        assert!(write(text, "h", &mut reading));
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
        assert!(!write("<html>", "h", &mut Reading::default()));
    }
}
