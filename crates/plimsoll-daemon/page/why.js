// Why an SLO is in its state, in sentences with every number. Pure.

import * as format from "./format.js";
import { BETWEEN_EDGES, NOT_BURNING, alertWord, idle, reason } from "./words.js";

/**
 * How a window's burn stands to a threshold: `over`, `under`, `maybe` or `unknown`. A window in
 * which nothing was asked is under it; one that nobody saw isn't.
 */
export function verdict(slo, window, threshold) {
  const { low = null, high = null } = slo.burn?.[window] ?? {};
  if (low !== null && low > threshold) return "over";
  if (high !== null && high <= threshold) return "under";
  if (idle(slo.reasons?.[`burn.${window}`])) return "under";
  return low === null && high === null ? "unknown" : "maybe";
}

/** The words of a verdict. */
export const VERDICTS = {
  over: "over",
  under: "under",
  maybe: "may be over",
  unknown: "unknown",
};

/** A row's verdict: both of its windows have to be over. */
export function rowVerdict(slo, row) {
  const both = [row.long, row.short].map((window) => verdict(slo, window, row.burn));
  return ["under", "unknown", "maybe"].find((each) => both.includes(each)) ?? "over";
}

/** The sentences; `targets` are all that the daemon scrapes. */
export function why(slo, targets) {
  return [...alerts(slo), ...rows(slo), ...blind(slo, targets), ...gaps(slo)];
}

/** Why an SLO isn't seen, or not in full, by the targets that don't answer. */
export function blind(slo, targets) {
  if (slo.blind?.length > 0) return slo.blind.map((words) => `${words}.`);
  return targets
    .filter((target) => target.state === "down" && target.slos?.includes(slo.id))
    .map(({ job, instance, reason: words }) => `${job} ${instance}: ${words}.`);
}

function alerts(slo) {
  return (slo.alerts ?? [])
    .filter(({ state }) => state === "firing" || state === "pending")
    .map((alert) => {
      const cause = alert.signature ? ` Cause: ${alert.signature.replaceAll("_", " ")}.` : "";
      const share =
        typeof alert.share === "number"
          ? ` It stands for ${format.percent(alert.share)} of the period's budget.`
          : "";
      return `${alertWord(alert)} is ${alert.state}.${cause}${share}`;
    });
}

function rows(slo) {
  const policy = slo.policy ?? [];
  const over = policy.filter((row) => rowVerdict(slo, row) === "over");
  if (over.length === 0) return policy.length > 0 ? [calm(slo)] : [];
  const raised = (row) =>
    (slo.alerts ?? []).some((alert) => alert.severity === row.severity && alert.state !== "resolved");
  const quiet = over.find((row) => !raised(row));
  return [...over.map((row) => burning(slo, row)), ...(quiet ? [held(quiet)] : [])];
}

function burning(slo, row) {
  const [long, short] = [row.long, row.short].map(
    (window) => `${format.interval(slo.burn[window], format.burn)} over ${format.windowName(window)}`,
  );
  return `It burns ${long} and ${short}, both above the ${row.severity} threshold of ${format.burn(row.burn)}.`;
}

function held(row) {
  return `No ${row.severity} is raised for that: its share of the budget, or the evidence, is too small.`;
}

function calm(slo) {
  const blind = slo.policy.some((row) => rowVerdict(slo, row) !== "under");
  return blind
    ? "No threshold is surely exceeded, but not every window is known well enough to rule it out."
    : "No pair of windows burns above its threshold.";
}

function gaps(slo) {
  const words = missing(slo).map((each) => `Some numbers are missing: ${each}.`);
  if (typeof slo.coverage === "number" && slo.coverage < 0.999) {
    words.push(
      `${format.percent(1 - slo.coverage)} of the window wasn't seen; what happened then is unknown, not good.`,
    );
  }
  if (slo.between_edges) words.push(edges(slo.between_edges));
  if (slo.band) words.push(band(slo.band));
  return words;
}

/** An objective that is met where next to nothing is counted says little. */
function band({ of, at_least, coverage }) {
  const part = coverage === null ? "None" : format.percent(coverage);
  return `${part} of all events are counted: those with ${at_least} or more of ${of} in flight.`;
}

function edges({ low, high }) {
  const bounds =
    high === null
      ? `${format.duration(low)} and no bound`
      : `${format.duration(low)} and ${format.duration(high)}`;
  return `Its threshold is no bucket's edge: the truth lies between what ${bounds} would give.`;
}

const KNOWN = new Set([NOT_BURNING, BETWEEN_EDGES]);

/** Why numbers are missing, each reason once. That nothing burns, or was asked, is no lack of knowledge. */
export function missing(slo) {
  const codes = new Set(Object.values(slo.reasons ?? {}));
  return [...codes].filter((code) => !KNOWN.has(code) && !idle(code)).map(reason);
}
