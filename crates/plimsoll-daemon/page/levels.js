// Live levels: how full each queue, pool and operation is now, how full it was, and its bound.

import { h } from "./dom.js";
import * as format from "./format.js";
import { asOf, cell, filterBox, known, labels, matches, nothing, table } from "./parts.js";

const COLUMNS = [
  ["Level"],
  ["Now, peak and limit", "peak"],
  ["Now", null, true],
  ["Peak", "peak", true],
  ["Limit", "limit", true],
  ["Mean", "mean", true],
  ["Saturated", "saturated", true],
  ["Oldest", "oldest", true],
  ["Seen", null, true],
];

/** The view. */
export function levelsView(page) {
  const list = page.signals
    .filter((signal) =>
      matches(
        `${signal.name} ${signal.job} ${signal.target} ${format
          .labelList(signal.labels)
          .map(({ text }) => text)
          .join(" ")}`,
        page.route.params.q,
      ),
    )
    .sort((a, b) => fullness(b) - fullness(a) || (keyOf(a) < keyOf(b) ? -1 : 1));
  return [
    h("div", { class: "tools" }, h("h1", {}, "Levels"), filterBox(page, "Filter by name, label or target")),
    list.length > 0 || !page.loaded
      ? table(
          "Levels",
          COLUMNS,
          list.map((signal) => row(page, signal)),
        )
      : page.signals.length > 0
        ? h("p", { class: "empty" }, "No level matches.")
        : nothing(
            "no-levels",
            "No levels yet",
            h(
              "p",
              {},
              "A level appears once a target exposes one: a queue's depth, a pool's use, operations in flight. ",
            ),
            h(
              "pre",
              {},
              h(
                "code",
                {},
                '#[plimsoll::in_flight(name = "authorize", limit = 64)]\nasync fn authorize(…) { … }',
              ),
            ),
          ),
    asOf(page),
  ];
}

function keyOf(signal) {
  return `${signal.name} ${signal.target} ${format
    .labelList(signal.labels)
    .map(({ text }) => text)
    .join(" ")}`;
}

/** The peak's part of the limit. Levels without a limit come after those with one, and the unknown last. */
function fullness(signal) {
  if (signal.limit > 0) return (signal.peak ?? signal.level ?? 0) / signal.limit;
  return signal.level === null ? -2 : -1;
}

function row(page, signal) {
  const full = signal.limit > 0 && signal.level >= signal.limit;
  return h(
    "tr",
    { key: keyOf(signal), "data-level": signal.name, "data-full": full ? "yes" : null },
    h(
      "th",
      { scope: "row", class: "cell-name" },
      h("span", { class: "row-name", tabindex: "-1" }, signal.name),
      h("span", { class: "service" }, [signal.job, signal.target].filter(Boolean).join(" · ")),
      labels(signal.labels),
    ),
    h("td", { class: "cell-gauge", "data-label": "Now, peak, limit" }, gauge(signal)),
    cell("Now", h("b", {}, known(format.level(signal.level))), true),
    cell("Peak", known(format.level(signal.peak)), true),
    cell("Limit", limit(signal), true),
    cell("Mean", known(format.level(signal.mean)), true),
    cell("Saturated", saturated(signal), true),
    cell(
      "Oldest",
      signal.oldest_age_seconds === null
        ? h("span", { class: "quiet" }, "—")
        : format.duration(signal.oldest_age_seconds),
      true,
    ),
    cell("Seen", signal.at ? page.age(signal.at) : "never", true),
  );
}

// Of a level that isn't known it isn't known either whether it has a limit.
function limit({ level, limit }) {
  if (limit === null && level !== null) return h("span", { class: "quiet" }, "none");
  return known(format.level(limit));
}

function saturated(signal) {
  if (signal.limit === null) return h("span", { class: "quiet" }, "—");
  return h(
    "span",
    { class: signal.saturated_ratio > 0 ? "is-page" : null },
    known(format.percent(signal.saturated_ratio)),
  );
}

// The scale ends at the limit, or beyond it when the peak was; without a limit it ends at the peak.
function gauge(signal) {
  if (signal.level === null) return h("div", { class: "gauge", "data-known": "no" });
  const scale = Math.max(signal.limit ?? 0, signal.peak ?? 0, signal.level, 1);
  const at = (value) => `${(value / scale) * 100}%`;
  const bound = signal.limit === null ? "no limit" : `limit ${format.level(signal.limit)}`;
  const words = `${format.level(signal.level)} now, peak ${format.level(signal.peak)}, ${bound}`;
  const part = signal.limit > 0 ? signal.level / signal.limit : 0;
  return h(
    "div",
    {
      class: "gauge",
      role: "img",
      "aria-label": words,
      title: words,
      "data-fill": part >= 1 ? "full" : part >= 0.8 ? "high" : "low",
    },
    h("div", { class: "gauge-now", style: { width: at(signal.level) } }),
    signal.peak !== null && h("div", { class: "gauge-peak", style: { left: at(signal.peak) } }),
    signal.limit > 0 && h("div", { class: "gauge-limit", style: { left: at(signal.limit) } }),
  );
}
