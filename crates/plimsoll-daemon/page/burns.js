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
    "data-both": over && rowVerdict(slo, over) === "over" ? "yes" : null,
    "data-known": isKnown ? null : idle(code) ? "idle" : "no",
    title: isKnown ? `${name}: ${text}, ${stands(over)}` : `${name}: ${reason(code ?? "no_data")}`,
  };
  const value = isKnown ? short(slo.burn[window]) : idle(code) ? "–" : "?";
  return h("span", props, h("span", { class: "burn-window" }, name), h("span", {}, value));
}

function stands(over) {
  return over ? `over the ${over.severity} threshold of ${format.burn(over.burn)}` : "over no threshold";
}

// The cells are narrow: an interval shows its low end, the tooltip and the SLO's own view show both.
function short(bounds) {
  if (bounds.low === null) return `≤${format.burn(bounds.high)}`;
  return bounds.high === bounds.low ? format.burn(bounds.low) : `≥${format.burn(bounds.low)}`;
}
