// The targets that the daemon scrapes: whether they answer, why not, and what was refused.

import { h } from "./dom.js";
import * as format from "./format.js";
import { asOf, cell, filterBox, known, matches, nothing, table } from "./parts.js";

/** The columns of a table of targets. */
export const TARGET_COLUMNS = [
  ["State"],
  ["Target"],
  ["Last scrape", null, true],
  ["Took", null, true],
  ["Samples", null, true],
  ["Refused", "refused", true],
];

const WORDS = { up: "● Up", down: "■ Down", pending: "◔ Pending" };
const ORDER = ["down", "pending", "up"];

/** The view. */
export function targetsView(page) {
  const list = page.targets
    .filter((target) =>
      matches(`${target.job} ${target.instance} ${target.url} ${target.reason ?? ""}`, page.route.params.q),
    )
    .sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || (a.url < b.url ? -1 : 1));
  return [
    h("div", { class: "tools" }, h("h1", {}, "Targets"), filterBox(page, "Filter by job, address or reason")),
    list.length > 0 || !page.loaded
      ? table("Targets", TARGET_COLUMNS, targetRows(page, list))
      : page.targets.length > 0
        ? h("p", { class: "empty" }, "No target matches.")
        : nothing(
            "no-targets",
            "No targets",
            h(
              "p",
              {},
              "Name them under ",
              h("code", {}, "scrape_configs"),
              " in the configuration; Prometheus's own keys work there.",
            ),
          ),
    asOf(page),
  ];
}

/** The rows of a table of targets. */
export function targetRows(page, list) {
  return list.map((target) =>
    h(
      "tr",
      { key: target.url, "data-target": target.instance, "data-state": target.state },
      cell(
        "State",
        h(
          "span",
          {
            class: "pill",
            "data-state": target.state === "down" ? "page" : target.state === "up" ? "ok" : "pending",
          },
          WORDS[target.state] ?? target.state,
        ),
      ),
      h(
        "th",
        { scope: "row", class: "cell-name" },
        h("a", { href: target.url, target: "_blank", rel: "noreferrer" }, target.instance),
        h("span", { class: "service" }, target.job),
        target.reason && h("span", { class: "blind" }, target.reason),
      ),
      cell(
        "Last scrape",
        target.last_scrape
          ? [
              page.age(target.last_scrape),
              h("span", { class: "over" }, ` every ${format.duration(target.interval_ms / 1000)}`),
            ]
          : "never",
        true,
      ),
      cell("Took", known(format.duration(ms(target.last_duration_ms))), true),
      cell("Samples", known(format.count(target.samples)), true),
      cell("Refused", refused(target.samples_refused), true),
    ),
  );
}

function ms(value) {
  return value === null || value === undefined ? null : value / 1000;
}

function refused(reasons) {
  const entries = Object.entries(reasons ?? {}).filter(([, number]) => number > 0);
  if (entries.length === 0) return h("span", { class: "quiet" }, "0");
  return entries.map(([name, number]) =>
    h("div", { key: name, class: "is-ticket" }, `${format.count(number)} ${name.replaceAll("_", " ")}`),
  );
}
