// The burn of each window in a row's narrow cells.

import { h } from "./dom.js";
import * as format from "./format.js";
import { rowVerdict, verdict } from "./why.js";
import { idle, reason, urgency } from "./words.js";

/** The windows of an SLO's policy, the shortest first. */
export function windows(slo) {
  return Object.keys(slo.burn ?? {}).sort((a, b) => format.seconds(a) - format.seconds(b));
}

/** The policy's row of the worst severity whose threshold this window surely exceeds. */
export function exceeded(slo, window) {
  return (slo.policy ?? [])
    .filter(
      ({ long, short, burn }) =>
        (long === window || short === window) && verdict(slo, window, burn) === "over",
    )
    .sort((a, b) => urgency(a.severity) - urgency(b.severity))[0];
}

/** The cells. */
export function burns(slo) {
  return h(
    "div",
    { class: "burns" },
    windows(slo).map((window) => cell(slo, window)),
  );
}

function cell(slo, window) {
  const over = exceeded(slo, window);
  const code = slo.reasons?.[`burn.${window}`];
  const text = format.interval(slo.burn[window], format.burn);
  const isKnown = text !== format.UNKNOWN;
  const name = format.windowName(window);
  const props = {
    key: window,
    class: "burn",
    "data-over": over?.severity,
    "data-alerts": over && alerts(slo, over) ? "yes" : null,
    "data-known": isKnown ? null : idle(code) ? "idle" : "no",
    title: isKnown ? `${name}: ${text}, ${stands(over)}` : `${name}: ${reason(code ?? "no_data")}`,
  };
  const value = isKnown ? short(slo.burn[window]) : idle(code) ? "–" : "?";
  return h("span", props, h("span", { class: "burn-window" }, name), h("span", {}, value));
}

// Both windows can be over without an alert: the share of the budget or the evidence may be too small.
function alerts(slo, row) {
  const raised = slo.alerts?.some(({ severity, state }) => severity === row.severity && state !== "resolved");
  return raised && rowVerdict(slo, row) === "over";
}

function stands(over) {
  return over ? `over the ${over.severity} threshold of ${format.burn(over.burn)}` : "over no threshold";
}

// The cells are narrow: an interval shows one end with few digits; the tooltip and the SLO's own view
// show both in full.
function short({ low, high }) {
  if (low === high) return format.burn(low);
  const few = (value, cut) => format.burn(value < 10 ? cut(value * 10) / 10 : cut(value));
  return low === null ? `≤${few(high, Math.ceil)}` : `≥${few(low, Math.floor)}`;
}
