//! A panel as Grafana's classic JSON.

use super::panel::{Panel, Thresholds, View};
use crate::runbook;
use serde_json::{Value, json};

/// Returns the reference to the Prometheus that the reader picks.
pub(super) fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

pub(super) fn render(panel: &Panel) -> Value {
    let links: Vec<Value> = panel.runbook.iter().map(|alert| runbook_link(alert)).collect();
    json!({
        "datasource": datasource(),
        "description": panel.description,
        "fieldConfig": {"defaults": defaults(panel), "overrides": overrides(panel)},
        "links": links,
        "options": options(panel),
        "targets": targets(panel),
        "title": panel.title,
        "transformations": transformations(panel),
        "type": grafana_type(panel.view),
    })
}

fn grafana_type(view: View) -> &'static str {
    match view {
        View::Lines | View::Stacked => "timeseries",
        View::Stat => "stat",
        View::Bars => "bargauge",
        View::Table => "table",
        View::Heatmap => "heatmap",
        View::Timeline => "state-timeline",
    }
}

fn runbook_link(alert: &str) -> Value {
    // Grafana's schema wants every field of a link, those of a board's links included.
    json!({
        "asDropdown": false,
        "icon": "doc",
        "includeVars": false,
        "keepTime": false,
        "tags": [],
        "targetBlank": true,
        "title": format!("Runbook: {alert}"),
        "tooltip": "What to do about it",
        "type": "link",
        "url": runbook::url(alert),
    })
}

fn targets(panel: &Panel) -> Vec<Value> {
    let is_instant = matches!(panel.view, View::Stat | View::Bars | View::Table);
    let format = match panel.view {
        View::Table => "table",
        View::Heatmap => "heatmap",
        _ => "time_series",
    };
    panel
        .queries
        .iter()
        .zip('A'..='Z')
        .map(|(query, letter)| {
            json!({
                "datasource": datasource(),
                "editorMode": "code",
                "expr": query.expr,
                "format": format,
                "instant": is_instant,
                "legendFormat": query.legend,
                "range": !is_instant,
                "refId": letter.to_string(),
            })
        })
        .collect()
}

fn defaults(panel: &Panel) -> Value {
    let mut defaults = json!({
        "color": {"mode": colour_mode(panel.view)},
        "custom": custom(panel),
        "mappings": mappings(panel.view),
        "thresholds": thresholds(panel.thresholds),
        "unit": panel.unit.grafana_id(),
    });
    // A budget may be overdrawn, so what falls has no floor.
    if !matches!(panel.thresholds, Some(Thresholds::Falling(..))) {
        defaults["min"] = json!(0);
    }
    if matches!(panel.view, View::Lines | View::Stacked) {
        defaults["links"] = json!([{
            "targetBlank": false,
            "title": "Debug",
            "url": "/d/plimsoll-debug?${__all_variables}&${__url_time_range}",
        }]);
    }
    defaults
}

/// Lines need a colour each; a value that stands alone takes that of its threshold.
fn colour_mode(view: View) -> &'static str {
    match view {
        View::Lines | View::Stacked | View::Heatmap => "palette-classic",
        View::Stat | View::Bars | View::Table | View::Timeline => "thresholds",
    }
}

fn custom(panel: &Panel) -> Value {
    let stacking = if panel.view == View::Stacked { "normal" } else { "none" };
    let threshold_style = if panel.thresholds.is_some() { "dashed" } else { "off" };
    match panel.view {
        View::Lines | View::Stacked => json!({
            "drawStyle": "line",
            "fillOpacity": if panel.view == View::Stacked { 30 } else { 5 },
            "lineWidth": 1,
            "showPoints": "never",
            "spanNulls": false,
            "stacking": {"group": "A", "mode": stacking},
            "thresholdsStyle": {"mode": threshold_style},
        }),
        View::Table => json!({"align": "auto", "cellOptions": {"type": "auto"}, "inspect": false}),
        View::Heatmap => json!({"scaleDistribution": {"type": "linear"}}),
        View::Timeline => json!({"fillOpacity": 70, "lineWidth": 0}),
        View::Stat | View::Bars => json!({}),
    }
}

fn mappings(view: View) -> Value {
    match view {
        View::Timeline => json!([{
            "options": {
                "0": {"color": "green", "index": 0, "text": "quiet"},
                "1": {"color": "red", "index": 1, "text": "firing"},
            },
            "type": "value",
        }]),
        _ => json!([]),
    }
}

fn thresholds(thresholds: Option<Thresholds>) -> Value {
    let step = |color: &str, value: Option<f64>| json!({"color": color, "value": value});
    let steps = match thresholds {
        None => vec![step("green", None)],
        Some(Thresholds::Rising(orange, red)) => {
            vec![step("green", None), step("orange", Some(orange)), step("red", Some(red))]
        }
        Some(Thresholds::Falling(red, orange)) => {
            vec![step("red", None), step("orange", Some(red)), step("green", Some(orange))]
        }
    };
    json!({"mode": "absolute", "steps": steps})
}

/// A bound is dashed and has no area, so that nobody takes it for a measurement.
fn overrides(panel: &Panel) -> Vec<Value> {
    panel
        .queries
        .iter()
        .zip('A'..='Z')
        .filter(|(query, _)| query.is_bound)
        .map(|(_, letter)| {
            json!({
                "matcher": {"id": "byFrameRefID", "options": letter.to_string()},
                "properties": [
                    {"id": "custom.lineStyle", "value": {"dash": [6, 6], "fill": "dash"}},
                    {"id": "custom.fillOpacity", "value": 0},
                    {"id": "custom.stacking", "value": {"group": "bounds", "mode": "none"}},
                ],
            })
        })
        .collect()
}

/// A table has one row for each label set: its queries are merged, and their values take the
/// legends as titles.
fn transformations(panel: &Panel) -> Vec<Value> {
    if panel.view != View::Table {
        return Vec::new();
    }
    let titles: serde_json::Map<String, Value> = panel
        .queries
        .iter()
        .zip('A'..='Z')
        .map(|(query, letter)| (format!("Value #{letter}"), json!(query.legend)))
        .collect();
    vec![
        json!({"id": "merge", "options": {}}),
        json!({
            "id": "organize",
            "options": {"excludeByName": {"Time": true}, "indexByName": {}, "renameByName": titles},
        }),
    ]
}

fn options(panel: &Panel) -> Value {
    let reduce = json!({"calcs": ["lastNotNull"], "fields": "", "values": false});
    match panel.view {
        View::Lines | View::Stacked => json!({
            "legend": {
                "calcs": ["mean", "max", "lastNotNull"],
                "displayMode": "table",
                "placement": "bottom",
                "showLegend": true,
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        }),
        View::Stat => json!({
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "percentChangeColorMode": "standard",
            "reduceOptions": reduce,
            "showPercentChange": false,
            "textMode": "auto",
            "wideLayout": true,
        }),
        View::Bars => json!({
            "displayMode": "basic",
            "legend": {
                "calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": false,
            },
            "maxVizHeight": 300,
            "minVizHeight": 16,
            "minVizWidth": 8,
            "namePlacement": "auto",
            "orientation": "horizontal",
            "reduceOptions": reduce,
            "showUnfilled": true,
            "sizing": "auto",
            "valueMode": "color",
        }),
        View::Table => json!({"cellHeight": "sm", "frameIndex": 0, "showHeader": true}),
        View::Heatmap => heatmap_options(panel),
        View::Timeline => json!({
            "alignValue": "left",
            "legend": {
                "calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true,
            },
            "mergeValues": true,
            "rowHeight": 0.9,
            "showValue": "never",
            "tooltip": {"mode": "single", "sort": "none"},
        }),
    }
}

fn heatmap_options(panel: &Panel) -> Value {
    json!({
        "calculate": false,
        "cellGap": 1,
        "color": {
            "exponent": 0.5, "fill": "dark-orange", "mode": "scheme", "reverse": false,
            "scale": "exponential", "scheme": "Oranges", "steps": 64,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": true},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "showColorScale": false, "yHistogram": false},
        "yAxis": {"axisPlacement": "left", "reverse": false, "unit": panel.unit.grafana_id()},
    })
}
