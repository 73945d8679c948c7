//! A dashboard as Grafana's classic JSON: variables, annotations, links and the grid.

use super::{Dashboard, Jobs, Section, panel::Panel, view};
use crate::promql::{PANEL, SLO_PANEL, sample};
use plimsoll_model::catalog;
use serde_json::{Value, json};

/// The version of the classic model; newer Grafanas migrate it when they load it.
const SCHEMA_VERSION: u32 = 42;
/// The grid's width, and the height of a panel and of a section's title, in Grafana's units.
const COLUMNS: u32 = 24;
const PANEL_HEIGHT: u32 = 8;
const TITLE_HEIGHT: u32 = 1;

/// The other boards, in the order of the links: uid, title, tooltip.
const BOARDS: [(&str, &str, &str); 4] = [
    ("plimsoll-executive", "Executive", "Are the promises kept, and is there room?"),
    ("plimsoll-on-call", "On-call", "What is wrong, and where?"),
    ("plimsoll-debug", "Debug", "Why, in percentiles"),
    ("plimsoll-sidecar", "Sidecar", "What does software show from outside?"),
];

pub(super) fn render(dashboard: &Dashboard) -> Value {
    json!({
        "annotations": {"list": annotations()},
        "description": dashboard.description,
        "editable": false,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "id": null,
        "links": links(dashboard.uid),
        "panels": panels(&dashboard.sections),
        "preload": false,
        "refresh": "30s",
        "schemaVersion": SCHEMA_VERSION,
        "tags": ["plimsoll"],
        "templating": {"list": variables(dashboard.jobs)},
        "time": {"from": dashboard.from, "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "title": dashboard.title,
        "uid": dashboard.uid,
        "version": 1,
        "weekStart": "",
    })
}

fn variables(jobs: Jobs) -> Vec<Value> {
    let promise = sample(&catalog::SLO_OBJECTIVE);
    let exposes = format!("__name__=~\"{}\"", jobs.names());
    vec![
        json!({
            "current": {"text": "default", "value": "default"},
            "hide": 0,
            "includeAll": false,
            "label": "Data source",
            "multi": false,
            "name": "datasource",
            "options": [],
            "query": "prometheus",
            "refresh": 1,
            "regex": "",
            "skipUrlSync": false,
            "type": "datasource",
        }),
        variable(("service", "Service"), &promise, Some(".+")),
        variable(("job", "Job"), &format!("{{{exposes}}}"), jobs.all()),
        variable(("instance", "Instance"), &format!("{{{exposes},job=~\"$job\"}}"), jobs.all()),
    ]
}

fn variable((name, label): (&str, &str), series: &str, all: Option<&str>) -> Value {
    let query = format!("label_values({series}, {name})");
    json!({
        "allValue": all,
        "current": {"text": ["All"], "value": ["$__all"]},
        "datasource": view::datasource(),
        "definition": query,
        "hide": 0,
        "includeAll": true,
        "label": label,
        "multi": true,
        "name": name,
        "options": [],
        "query": {"qryType": 1, "query": query, "refId": name},
        "refresh": 2,
        "regex": "",
        "skipUrlSync": false,
        "sort": 1,
        "type": "query",
    })
}

/// A deploy shows as the start of a process; the mark stands at the start itself, whenever the
/// first scrape after it came.
fn annotations() -> Vec<Value> {
    let started = PANEL.select(&sample(&catalog::PROCESS_START_TIME), "");
    let paging = SLO_PANEL.select(&sample(&catalog::SLO_ALERT_FIRING), r#"severity="page""#);
    let paging = format!("{} == 1", SLO_PANEL.max_by("", &paging));
    vec![
        json!({
            "builtIn": 1,
            "datasource": {"type": "grafana", "uid": "-- Grafana --"},
            "enable": true,
            "hide": true,
            "iconColor": "rgba(0, 211, 255, 1)",
            "name": "Annotations & Alerts",
            "type": "dashboard",
        }),
        json!({
            "datasource": view::datasource(),
            "enable": true,
            "hide": false,
            "iconColor": "blue",
            "name": "Deploys and restarts",
            "tagKeys": "job,instance",
            "target": annotation_target("Deploys", &format!("{started} * 1000")),
            "textFormat": "{{instance}}",
            "titleFormat": "{{job}} started",
            "useValueForTime": true,
        }),
        json!({
            "datasource": view::datasource(),
            "enable": true,
            "hide": false,
            "iconColor": "red",
            "name": "Pages",
            "tagKeys": "service,slo",
            "target": annotation_target("Pages", &paging),
            "textFormat": "{{slo}}",
            "titleFormat": "{{service}} pages",
            "useValueForTime": false,
        }),
    ]
}

fn annotation_target(name: &str, expr: &str) -> Value {
    json!({"datasource": view::datasource(), "expr": expr, "interval": "", "refId": name})
}

fn links(own_uid: &str) -> Vec<Value> {
    BOARDS
        .iter()
        .filter(|(uid, ..)| *uid != own_uid)
        .map(|(uid, title, tooltip)| {
            json!({
                "asDropdown": false,
                "icon": "dashboard",
                "includeVars": true,
                "keepTime": true,
                "tags": [],
                "targetBlank": false,
                "title": title,
                "tooltip": tooltip,
                "type": "link",
                "url": format!("/d/{uid}"),
            })
        })
        .collect()
}

/// Where the next panel goes; ids count up, so that a panel keeps its address while the board's
/// shape does.
struct Grid {
    id: u32,
    x: u32,
    y: u32,
    row_height: u32,
}

impl Grid {
    fn place(&mut self, width: u32, height: u32) -> (u32, Value) {
        if self.x + width > COLUMNS {
            self.break_row();
        }
        self.id += 1;
        let position = json!({"h": height, "w": width, "x": self.x, "y": self.y});
        self.x += width;
        self.row_height = self.row_height.max(height);
        (self.id, position)
    }

    fn break_row(&mut self) {
        self.x = 0;
        self.y += self.row_height;
        self.row_height = 0;
    }
}

fn panels(sections: &[Section]) -> Vec<Value> {
    let mut grid = Grid { id: 0, x: 0, y: 0, row_height: 0 };
    let mut rendered = Vec::new();
    for section in sections {
        grid.break_row();
        let (id, position) = grid.place(COLUMNS, TITLE_HEIGHT);
        rendered.push(json!({
            "collapsed": false, "gridPos": position, "id": id, "panels": [],
            "title": section.title, "type": "row",
        }));
        for panel in &section.panels {
            rendered.push(place(&mut grid, panel));
        }
    }
    rendered
}

fn place(grid: &mut Grid, panel: &Panel) -> Value {
    let (id, position) = grid.place(panel.width, PANEL_HEIGHT);
    let mut rendered = view::render(panel);
    rendered["id"] = json!(id);
    rendered["gridPos"] = position;
    rendered
}
