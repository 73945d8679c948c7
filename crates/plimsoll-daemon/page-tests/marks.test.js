// Which marks stand on an SLO's charts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { marksOf } from "../page/marks.js";

const at = (second) => new Date(second * 1000).toISOString();
const SLO = { id: "checkout/x", service: "checkout" };
const RANGE = { from: 100_000, to: 200_000 };

test("marks of the service and of nobody in particular are shown, others not", () => {
  const events = [
    { kind: "deploy", service: "checkout", at: at(150), text: "v2" },
    { kind: "scale", service: "", at: at(120), text: "" },
    { kind: "deploy", service: "ledger", at: at(130), text: "v7" },
    { kind: "deploy", service: "checkout", at: at(99), text: "v1" },
  ];
  assert.deepEqual(
    marksOf(SLO, events, [], RANGE).map(({ text }) => text),
    ["scale", "deploy v2"],
  );
});

test("an alert leaves a mark when it fires and one when it is resolved; a pending one none", () => {
  const alert = {
    id: "a",
    slo_id: SLO.id,
    alertname: "SloPage",
    severity: "page",
    state: "resolved",
    since: at(110),
    resolved_at: at(160),
  };
  const dark = {
    ...alert,
    id: "b",
    alertname: "SloNoData",
    state: "firing",
    since: at(170),
    resolved_at: null,
  };
  const others = [
    { ...alert, slo_id: "checkout/y" },
    { ...alert, id: "c", state: "pending" },
  ];
  assert.deepEqual(
    marksOf(SLO, [], [dark, alert, ...others], RANGE).map(({ kind, text }) => [kind, text]),
    [
      ["page", "Page fires"],
      ["resolved", "Page resolved"],
      ["page", "No data fires"],
    ],
  );
});
