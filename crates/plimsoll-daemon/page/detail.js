// One SLO: objective, counts, burn against its thresholds, charts, alerts, targets, and why.

import { drawBudget, drawBurn } from "./chart.js";
import { correctionList } from "./corrections.js";
import { h } from "./dom.js";
import * as format from "./format.js";
import { marksOf } from "./marks.js";
import { budget, cell, known, labels, nothing, outside, pill, table, term } from "./parts.js";
import { rangePicker } from "./range.js";
import { format as href, toggled, toView } from "./route.js";
import { group } from "./slos.js";
import { targetRows, TARGET_COLUMNS } from "./targets.js";
import { instant } from "./time.js";
import { rowVerdict, verdict, VERDICTS, why } from "./why.js";
import { NOT_BURNING, alertWord } from "./words.js";

/** The view. */
export function detailView(page) {
  const slo = page.slos.get(page.route.id);
  const back = h("a", { class: "back", href: href(page.listRoute) }, "← SLOs");
  if (!slo) {
    if (!page.loaded) return [back];
    return [
      back,
      nothing(
        "no-slo",
        "No such SLO",
        h(
          "p",
          {},
          `The daemon knows no `,
          h("code", {}, page.route.id),
          ". It may have been renamed, or its label set hasn't been seen.",
        ),
      ),
    ];
  }
  return [
    back,
    title(page, slo),
    tiles(page, slo),
    section(
      "Why",
      h(
        "ul",
        { class: "why", "data-testid": "why" },
        why(slo, page.targets).map((words) => h("li", {}, words)),
      ),
    ),
    charts(page, slo),
    section("Burn against its thresholds", burnTable(slo)),
    section("Alerts", alertList(page, slo)),
    section("Corrections", correctionList(page, slo)),
    section("Targets", targetList(page, slo)),
  ];
}

function section(words, ...content) {
  return h("section", { key: words }, h("h2", {}, words), content);
}

function title(page, slo) {
  const pick = (label) => page.go(toggled(toView(page.route, "slos"), "labels", label));
  return h(
    "div",
    { class: "title", "data-slo-id": slo.id, "data-state": slo.state },
    h("h1", {}, h("span", { class: "service" }, `${slo.service} / `), slo.slo, group(slo)),
    pill(slo.state),
    h("p", { class: "sli" }, slo.sli?.words, " ", labels(slo.labels, pick)),
    h(
      "p",
      { class: "links" },
      slo.runbook && outside(slo.runbook, "Runbook"),
      h("a", { href: `api/v1/slos/${encodeURIComponent(slo.id)}` }, "JSON"),
      h("span", { class: "quiet" }, "as of ", page.age(page.asOf(slo))),
    ),
  );
}

function tile(label, name, value, ...notes) {
  return h(
    "div",
    { class: "tile" },
    h("div", { class: "tile-label" }, name ? term(name, label) : label),
    h("div", { class: "tile-value" }, value),
    h("div", { class: "tile-note" }, notes),
  );
}

function tiles(page, slo) {
  const { counts, reasons = {} } = slo;
  const remaining = slo.budget?.with_exclusions?.remaining;
  const ratio = slo.ratio ?? {};
  // The good ratio's low end is where the bad ratio is high.
  const good = format.interval({ low: flip(ratio.high), high: flip(ratio.low) }, (value) =>
    format.goodPercent(1 - value),
  );
  return h(
    "div",
    { class: "tiles" },
    tile("Objective", "objective", format.objective(slo.objective_ppm), `good, over ${slo.window}`),
    tile("Good", null, known(good, reasons.ratio), `over ${slo.window}`),
    tile(
      "Budget left",
      "budget",
      budget(remaining, reasons.budget),
      `of the bad ${format.isTime(counts.unit) ? "time" : "events"} that ${slo.window} allows`,
    ),
    tile("Used up in", "exhaustion", exhaustion(slo), "at the present burn"),
    counted(slo),
    tile(
      "Coverage",
      "coverage",
      known(format.percent(slo.coverage), reasons.coverage),
      `of the time in ${slo.window} was seen`,
    ),
  );
}

// What nobody has seen any of isn't a count of zero.
function counted({ coverage, counts }) {
  if (!coverage) return tile("Counted", null, known(format.UNKNOWN), "nothing was seen");
  const words = (name) => `${format.quantity(counts[name], counts.unit)} ${name}`;
  return tile(
    "Counted",
    null,
    format.quantity(counts.good + counts.bad, counts.unit),
    h("span", {}, words("good")),
    h("span", { class: counts.bad > 0 ? "is-bad" : null }, words("bad")),
    h("span", { class: counts.unknown > 0 ? "unknown" : null }, words("unknown")),
  );
}

function flip(fraction) {
  return fraction === null || fraction === undefined ? null : 1 - fraction;
}

function exhaustion(slo) {
  const high = slo.budget?.with_exclusions?.remaining?.high ?? null;
  if (high !== null && high <= 0) return h("span", { class: "is-page" }, "spent");
  const code = slo.reasons?.exhaustion_seconds;
  if (code === NOT_BURNING) return h("span", { class: "quiet" }, "not burning");
  return known(format.interval(slo.exhaustion_seconds, format.duration), code);
}

function burnTable(slo) {
  const columns = [
    ["Severity"],
    ["Threshold", "burn", true],
    ["Long window", null, true],
    ["Short window", null, true],
    ["Both"],
  ];
  return table(
    "Burn against thresholds",
    columns,
    (slo.policy ?? []).map((row) => {
      const result = rowVerdict(slo, row);
      return h(
        "tr",
        {
          key: `${row.severity} ${row.long} ${row.short}`,
          "data-verdict": result,
          "data-severity": row.severity,
        },
        cell("Severity", pill(row.severity)),
        cell("Threshold", format.burn(row.burn), true),
        burnCell("Long window", slo, row.long, row.burn),
        burnCell("Short window", slo, row.short, row.burn),
        cell("Both", h("b", { class: result === "over" ? `is-${row.severity}` : "quiet" }, VERDICTS[result])),
      );
    }),
  );
}

function burnCell(label, slo, window, threshold) {
  const result = verdict(slo, window, threshold);
  return h(
    "td",
    { class: "num", "data-label": label, "data-verdict": result },
    known(format.interval(slo.burn?.[window], format.burn), slo.reasons?.[`burn.${window}`]),
    h("span", { class: "over" }, ` in ${format.windowName(window)}`),
  );
}

function charts(page, slo) {
  const history = page.history;
  const marks = marksOf(slo, page.marks, history.range ?? page.range);
  const left = format.interval(slo.budget?.with_exclusions?.remaining, format.percent);
  const box = (name, label, chart) =>
    h("div", {
      key: name,
      class: "chart",
      role: "img",
      "aria-label": label,
      "data-testid": `chart-${name}`,
      "data-points": String(history.points.length),
      island: (node) => chart(node, { slo, history, marks, page }),
    });
  return h(
    "section",
    { key: "charts", "data-testid": "chart" },
    h(
      "div",
      { class: "over-time" },
      h("h2", {}, "Over time ", h("span", { class: "quiet" }, rangeWords(page, history))),
      rangePicker(page),
    ),
    history.error && h("p", { class: "warning" }, `The history couldn't be read: ${history.error}`),
    h("h3", {}, term("budget", "Budget left")),
    box("budget", `Budget left of ${slo.id} over time; now ${left}`, drawBudget),
    h(
      "h3",
      {},
      term("burn", "Burn"),
      " ",
      h("span", { class: "quiet" }, `in each ${format.duration(history.step)}`),
    ),
    box("burn", `Burn of ${slo.id} over time`, drawBurn),
    legend(),
    marks.length > 0 && markList(page, marks),
  );
}

function legend() {
  return h(
    "p",
    { class: "quiet" },
    h("span", { class: "hatch", "aria-hidden": "true" }),
    " not seen: unknown, not zero. Dashed across: the policy's thresholds. Drag over a chart to zoom in.",
  );
}

function markList(page, marks) {
  const item = (mark) =>
    h("li", { key: mark.key }, h("time", {}, instant(mark.at, page.zone, page.now)), " ", mark.text);
  return h(
    "details",
    { key: "marks" },
    h("summary", {}, format.plural(marks.length, "mark")),
    h("ul", { class: "marks", "data-testid": "marks" }, marks.map(item)),
  );
}

function rangeWords(page, { range }) {
  if (!range) return "";
  const end = range.live ? "now" : instant(range.to, page.zone, page.now);
  return `${instant(range.from, page.zone, page.now)} to ${end}`;
}

function alertList(page, slo) {
  const mine = page.alerts.filter((alert) => alert.slo_id === slo.id);
  if (mine.length === 0) return h("p", { class: "quiet" }, "None, now or lately.");
  return h(
    "ul",
    { class: "alert-list" },
    mine.map((alert) =>
      h(
        "li",
        { key: alert.id, "data-alert-state": alert.state },
        pill(alert.severity),
        " ",
        h("b", {}, `${alertWord(alert)} ${alert.state}`),
        " since ",
        page.age(alert.since),
        alert.resolved_at && [", resolved ", page.age(alert.resolved_at)],
        h(
          "span",
          { class: "links" },
          alert.runbook && outside(alert.runbook, "Runbook"),
          alert.silence_url && alert.state !== "resolved" && outside(alert.silence_url, "Silence"),
        ),
      ),
    ),
  );
}

function targetList(page, slo) {
  const mine = page.targets.filter(({ slos }) => slos?.includes(slo.id));
  if (mine.length === 0) return h("p", { class: "quiet" }, "No target has given any series of it.");
  return table("Targets that feed it", TARGET_COLUMNS, targetRows(page, mine));
}
