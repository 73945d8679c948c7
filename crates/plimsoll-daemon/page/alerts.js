// Every alert: firing first, with what to read and where to silence it.

import { h } from "./dom.js";
import * as format from "./format.js";
import { asOf, cell, filterBox, known, matches, nothing, outside, pill, table } from "./parts.js";
import { format as href, toView } from "./route.js";
import { urgency } from "./words.js";

const COLUMNS = [
  ["Severity"],
  ["Alert"],
  ["State"],
  ["Since", null, true],
  ["Budget share", "share", true],
  ["Burn", "burn", true],
  ["What to do"],
];
const ORDER = ["firing", "pending", "resolved"];

/** The view. */
export function alertsView(page) {
  const list = page.alerts
    .filter((alert) =>
      matches(`${alert.alertname} ${alert.slo_id} ${alert.severity} ${alert.state}`, page.route.params.q),
    )
    .sort(
      (a, b) =>
        ORDER.indexOf(a.state) - ORDER.indexOf(b.state) ||
        urgency(a.severity) - urgency(b.severity) ||
        Date.parse(b.since) - Date.parse(a.since),
    );
  return [
    h("div", { class: "tools" }, h("h1", {}, "Alerts"), filterBox(page, "Filter by name, SLO or state")),
    list.length > 0 || !page.loaded
      ? table(
          "Alerts",
          COLUMNS,
          list.map((alert) => row(page, alert)),
        )
      : page.alerts.length > 0
        ? h("p", { class: "empty" }, "No alert matches.")
        : nothing(
            "no-alerts",
            "No alerts",
            h("p", {}, "Nothing fires, nothing is pending, and nothing was resolved lately."),
          ),
    asOf(page),
  ];
}

function row(page, alert) {
  return h(
    "tr",
    {
      key: alert.id,
      "data-alert": alert.alertname,
      "data-alert-state": alert.state,
      "data-state": alert.state === "resolved" ? "ok" : alert.severity,
    },
    cell("Severity", pill(alert.severity)),
    h(
      "th",
      { scope: "row", class: "cell-name" },
      alert.slo_id
        ? h("a", { class: "row-link", href: href(toView(page.route, "slo", alert.slo_id)) }, alert.slo_id)
        : alert.alertname,
      h("span", { class: "service" }, alert.alertname),
      h("span", { class: "sli" }, alert.annotations?.summary),
    ),
    cell(
      "State",
      h("b", { class: alert.state === "firing" ? `is-${alert.severity}` : "quiet" }, alert.state),
    ),
    cell(
      "Since",
      [
        page.age(alert.since),
        alert.resolved_at && h("span", { class: "over" }, " resolved ", page.age(alert.resolved_at)),
      ],
      true,
    ),
    cell("Budget share", known(bounds(alert.share, format.percent)), true),
    cell("Burn", known(bounds(alert.burn, format.burn)), true),
    cell(
      "What to do",
      h(
        "span",
        { class: "links" },
        alert.runbook && outside(alert.runbook, "Runbook"),
        alert.state !== "resolved" && alert.silence_url && outside(alert.silence_url, "Silence"),
      ),
    ),
  );
}

// A share or a burn is one number, or the interval that the truth lies in.
function bounds(value, words) {
  return typeof value === "object" ? format.interval(value, words) : words(value);
}
