// The marks on an SLO's charts: what happened to its service, and when its alerts came and went. Pure.

import { alertWord } from "./words.js";

/** The marks within the range `{from, to}`, oldest first: `{key, at, kind, text}`. */
export function marksOf(slo, events, alerts, range) {
  const happened = events
    .filter(({ service }) => !service || service === slo.service)
    .map(({ at, kind, text }) => ({
      key: `${at} ${kind} ${text}`,
      at: Date.parse(at),
      kind,
      text: `${kind} ${text ?? ""}`.trim(),
    }));
  const alerted = alerts
    .filter((alert) => alert.slo_id === slo.id && alert.state !== "pending")
    .flatMap(alertMarks);
  return [...happened, ...alerted]
    .filter(({ at }) => range.from <= at && at <= range.to)
    .sort((a, b) => a.at - b.at);
}

function alertMarks(alert) {
  const word = alertWord(alert);
  const start = {
    key: `${alert.id} ${alert.since}`,
    at: Date.parse(alert.since),
    kind: alert.severity,
    text: `${word} fires`,
  };
  if (!alert.resolved_at) return [start];
  return [
    start,
    {
      key: `${alert.id} ${alert.resolved_at}`,
      at: Date.parse(alert.resolved_at),
      kind: "resolved",
      text: `${word} resolved`,
    },
  ];
}
