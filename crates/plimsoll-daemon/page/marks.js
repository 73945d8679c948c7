// The marks on an SLO's charts: what happened to its service, and when its alerts came and went. Pure.

import { alertWord } from "./words.js";

const SEVERITIES = { SloPage: "page", SloNoData: "page", SloTicket: "ticket", SloNotice: "notice" };

/** The marks within the range `{from, to}`, oldest first: `{key, at, kind, text}`. */
export function marksOf(slo, events, range) {
  return events
    .filter(({ service }) => !service || service === slo.service)
    .map((event) => (event.kind === "alert" ? alertMark(slo, event) : mark(event, event.kind, words(event))))
    .filter((each) => each !== null && range.from <= each.at && each.at <= range.to)
    .sort((a, b) => a.at - b.at);
}

// "deploy v2", but not "deploy checkout 0.1.0 deployed".
function words({ kind, text }) {
  return text.toLowerCase().includes(kind.toLowerCase()) ? text : `${kind} ${text}`;
}

function mark({ at, text }, kind, label) {
  return { key: `${at} ${kind} ${text}`, at: Date.parse(at), kind, text: label.trim() };
}

// The daemon marks a service with the alerts of all its SLOs, as `SloPage fires: checkout/auth`.
function alertMark(slo, event) {
  const about = `: ${slo.id}`;
  if (!event.text.endsWith(about)) return null;
  const [alertname, ...rest] = event.text.slice(0, -about.length).split(" ");
  const severity = SEVERITIES[alertname] ?? "notice";
  const what = rest.join(" ");
  return mark(
    event,
    what === "fires" ? severity : "resolved",
    `${alertWord({ alertname, severity })} ${what}`,
  );
}
