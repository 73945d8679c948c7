// The list of SLOs: the least budget left first, filters that the link carries, live rows.

import { burns, windows } from "./burns.js";
import { h } from "./dom.js";
import * as format from "./format.js";
import { asOf, budget, filterBox, labels, matches, pill, term } from "./parts.js";
import { format as href, toggled, toView } from "./route.js";
import { welcome } from "./welcome.js";
import { blind, missing } from "./why.js";
import { STATES, alertWord, urgency } from "./words.js";

const COLUMNS = [
  { name: "state", words: "State" },
  { name: "name", words: "SLO" },
  { name: "objective", words: "Objective", term: "objective" },
  { name: "budget", words: "Budget left", term: "budget" },
  { name: "burn", words: "Burn by window", term: "burn" },
  { name: "alert", words: "Alert" },
];

const DEFAULT_SORT = "budget";

/** What is surely left of the budget. An unknown one sorts as if spent, because it may be. */
function left(slo) {
  const remaining = slo.budget?.with_exclusions?.remaining;
  return remaining?.low ?? Math.min(remaining?.high ?? 0, 0);
}

/** The highest burn that is surely so in any window. */
export function topBurn(slo) {
  return Math.max(-1, ...Object.values(slo.burn ?? {}).map((bounds) => bounds?.low ?? -1));
}

const ORDERS = {
  state: (a, b) => urgency(a.state) - urgency(b.state),
  name: (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
  objective: (a, b) => b.objective_ppm - a.objective_ppm,
  budget: (a, b) => left(a) - left(b),
  burn: (a, b) => topBurn(b) - topBurn(a),
  alert: (a, b) => firing(b).length - firing(a).length,
};

/** The SLOs that a route asks for, in its order. */
export function select(slos, route) {
  const shown = slos.filter(
    (slo) =>
      (route.states.length === 0 || route.states.includes(slo.state)) &&
      route.labels.every((label) => hasLabel(slo, label)) &&
      matches(
        `${slo.id} ${slo.sli?.words ?? ""} ${format
          .labelList(slo.labels)
          .map(({ text }) => text)
          .join(" ")}`,
        route.params.q,
      ),
  );
  const [name, reversed] = sortOf(route);
  const sign = reversed ? -1 : 1;
  // Of two equal ones the more urgent is first, then by name, so that rows never trade places by chance.
  return shown.sort((a, b) => sign * ORDERS[name](a, b) || ORDERS.state(a, b) || ORDERS.name(a, b));
}

function hasLabel(slo, label) {
  const colon = label.indexOf(":");
  return slo.labels?.[label.slice(0, colon)] === label.slice(colon + 1);
}

function sortOf(route) {
  const sort = route.params.sort ?? DEFAULT_SORT;
  const name = sort.replace(/^-/, "");
  return Object.hasOwn(ORDERS, name) ? [name, sort.startsWith("-")] : [DEFAULT_SORT, false];
}

function firing(slo) {
  return (slo.alerts ?? []).filter(({ state }) => state === "firing");
}

/** The view. */
export function slosView(page) {
  const all = [...page.slos.values()];
  if (page.loaded && all.length === 0) return welcome(page);
  const shown = select(all, page.route);
  return [
    h(
      "div",
      { class: "tools" },
      h("h1", { class: "unseen" }, "SLOs"),
      stateFilters(page, all),
      labelFilters(page),
      filterBox(page, "Filter by name, service or label"),
    ),
    shown.length === 0 && page.loaded
      ? h(
          "p",
          { class: "empty", "data-testid": "no-match" },
          `None of ${format.plural(all.length, "SLO")} matches. `,
          h("a", { href: href(toView(page.route, "slos")) }, "Show all"),
        )
      : sheet(page, shown),
    asOf(page),
  ];
}

function stateFilters(page, all) {
  const names = Object.keys(STATES).filter(
    (name) => all.some(({ state }) => state === name) || page.route.states.includes(name),
  );
  return h(
    "div",
    { class: "states", role: "group", "aria-label": "Filter by state" },
    names.map((name) => {
      const number = all.filter(({ state }) => state === name).length;
      return h(
        "button",
        {
          key: name,
          type: "button",
          class: "state-filter",
          "data-state": name,
          title: STATES[name].means,
          "aria-pressed": String(page.route.states.includes(name)),
          onclick: () => page.go(toggled(page.route, "states", name)),
        },
        h("span", { class: "state-sign", "aria-hidden": "true" }, STATES[name].sign),
        h("b", {}, format.count(number)),
        " ",
        STATES[name].word,
      );
    }),
  );
}

function labelFilters(page) {
  const { labels: chosen } = page.route;
  const drop = (label) => () => page.go(toggled(page.route, "labels", label));
  if (chosen.length === 0) return null;
  return h(
    "div",
    { key: "labels", class: "chips" },
    chosen.map((label) =>
      h(
        "button",
        {
          key: label,
          type: "button",
          class: "chip on",
          title: `Stop filtering by ${label}`,
          onclick: drop(label),
        },
        label.replace(":", ": "),
        h("span", { "aria-hidden": "true" }, " ×"),
      ),
    ),
  );
}

function sheet(page, shown) {
  const lists = shown.map((slo) => windows(slo).join());
  // Where all have the same windows their names stand once, in the head.
  const shared = lists.length > 0 && lists.every((list) => list === lists[0]) ? windows(shown[0]) : null;
  return h(
    "div",
    { class: "sheet" },
    h(
      "table",
      { id: "slos", class: shared ? "shared" : null, "aria-label": "SLOs" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          COLUMNS.map((column) => head(page, column, shared)),
        ),
      ),
      h(
        "tbody",
        {},
        shown.map((slo) => row(page, slo)),
      ),
    ),
  );
}

function head(page, column, shared) {
  const [name, reversed] = sortOf(page.route);
  const sorted = column.name === name;
  const next = sorted && !reversed ? `-${column.name}` : column.name;
  return h(
    "th",
    {
      scope: "col",
      "aria-sort": sorted ? (reversed ? "descending" : "ascending") : null,
      "data-column": column.name,
    },
    h(
      "button",
      {
        type: "button",
        class: "sort",
        onclick: () => page.change({ sort: next === DEFAULT_SORT ? "" : next }),
      },
      column.term ? term(column.term, column.words) : column.words,
      h("span", { class: "arrow", "aria-hidden": "true" }, sorted ? (reversed ? "↓" : "↑") : ""),
    ),
    column.name === "burn" &&
      shared &&
      h(
        "div",
        { class: "burns", "aria-hidden": "true" },
        shared.map((window) => h("span", {}, format.windowName(window))),
      ),
  );
}

function row(page, slo) {
  const pick = (label) => page.route.labels.includes(label) || page.go(toggled(page.route, "labels", label));
  return h(
    "tr",
    { key: slo.id, "data-slo-id": slo.id, "data-state": slo.state },
    h("td", { class: "cell-state" }, pill(slo.state)),
    h(
      "th",
      { scope: "row", class: "cell-name" },
      h("a", { class: "row-link", href: href(toView(page.route, "slo", slo.id)) }, slo.slo, group(slo)),
      h(
        "span",
        { class: "sli", title: slo.sli?.words },
        h("span", { class: "service" }, slo.service),
        slo.sli ? ` · ${slo.sli.kind}` : "",
      ),
      labels(slo.labels, pick),
      unseen(page, slo),
    ),
    h(
      "td",
      { "data-label": "Objective", class: "cell-objective" },
      h("b", {}, format.objective(slo.objective_ppm)),
      h("span", { class: "over" }, ` over ${slo.window}`),
    ),
    h(
      "td",
      { "data-label": "Budget left", class: "cell-budget" },
      budget(slo.budget?.with_exclusions?.remaining, slo.reasons?.budget),
    ),
    h("td", { "data-label": "Burn by window", class: "cell-burn" }, burns(slo)),
    h("td", { "data-label": "Alert", class: "cell-alert" }, alertCell(page, slo)),
  );
}

/** The label set of an SLO that is split by labels: `{region="eu"}`. */
export function group(slo) {
  const brace = slo.id.indexOf("{");
  return brace < 0 ? null : h("span", { class: "group" }, slo.id.slice(brace));
}

// Why a row isn't fully known has to be readable without a pointer.
function unseen(page, slo) {
  const words = blind(slo, page.targets);
  if (words.length === 0 && slo.state === "unknown") words.push(...missing(slo));
  return words.length > 0 && h("span", { class: "blind" }, words.join(" "));
}

function alertCell(page, slo) {
  const list = (slo.alerts ?? []).filter(({ state }) => state !== "resolved");
  if (list.length === 0) return h("span", { class: "quiet" }, "none");
  return list.map((alert) =>
    h(
      "div",
      {},
      h("b", { class: `is-${alert.severity}` }, `${alertWord(alert)} ${alert.state}`),
      " ",
      alert.since && h("span", { class: "over" }, page.age(alert.since)),
    ),
  );
}
