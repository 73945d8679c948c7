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
    { kind: "deploy", service: "checkout", at: at(160), text: "v3 deployed" },
    { kind: "scale", service: "", at: at(120), text: "" },
    { kind: "deploy", service: "ledger", at: at(130), text: "v7" },
    { kind: "deploy", service: "checkout", at: at(99), text: "v1" },
  ];
  assert.deepEqual(
    marksOf(SLO, events, RANGE).map(({ text }) => text),
    ["scale", "deploy v2", "v3 deployed"],
  );
});

test("of the service's alerts only the SLO's own are shown, coloured by what they are", () => {
  const alert = (second, text) => ({ kind: "alert", service: "checkout", at: at(second), text });
  const events = [
    alert(110, "SloPage fires: checkout/x"),
    alert(120, "SloPage fires: checkout/xy"),
    alert(130, "SloTicket fires: other/checkout/x"),
    alert(160, "SloPage is resolved: checkout/x"),
    alert(170, "SloNoData fires: checkout/x"),
  ];
  assert.deepEqual(
    marksOf(SLO, events, RANGE).map(({ kind, text }) => [kind, text]),
    [
      ["page", "Page fires"],
      ["resolved", "Page is resolved"],
      ["page", "No data fires"],
    ],
  );
});
