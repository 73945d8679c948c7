// The list's order and filters, and why an SLO is in its state.

import assert from "node:assert/strict";
import { test } from "node:test";
import { exceeded, windows } from "../page/burns.js";
import { parse } from "../page/route.js";
import { select } from "../page/slos.js";
import { rowVerdict, verdict, why } from "../page/why.js";

const exactly = (value) => ({ low: value, high: value });
const POLICY = [
  { severity: "page", burn: 14.4, long: "1h", short: "5m" },
  { severity: "ticket", burn: 1, long: "3d", short: "6h" },
];

function slo(id, changes) {
  return {
    id,
    service: "checkout",
    slo: id.split("/")[1],
    labels: {},
    state: "ok",
    objective_ppm: 999_000,
    coverage: 1,
    policy: POLICY,
    reasons: {},
    alerts: [],
    burn: { "1h": exactly(0), "5m": exactly(0), "3d": exactly(0), "6h": exactly(0) },
    budget: { with_exclusions: { remaining: exactly(1) } },
    ...changes,
  };
}

const left = (low, high = low) => ({ budget: { with_exclusions: { remaining: { low, high } } } });
const ids = (list) => list.map(({ id }) => id);

test("the least budget comes first; an unknown one counts as spent", () => {
  const list = [
    slo("a/full", left(1)),
    slo("a/unknown", left(null)),
    slo("a/over", left(-0.3)),
    slo("a/some", left(0.2)),
    slo("a/maybe", left(null, 0.9)),
  ];
  assert.deepEqual(ids(select(list, parse("#/slos"))), [
    "a/over",
    "a/maybe",
    "a/unknown",
    "a/some",
    "a/full",
  ]);
  assert.deepEqual(ids(select(list, parse("#/slos?sort=-budget"))).at(0), "a/full");
});

test("an order that doesn't exist is the usual one", () => {
  const list = [slo("a/full", left(1)), slo("a/over", left(-0.3))];
  assert.deepEqual(ids(select(list, parse("#/slos?sort=toString"))), ["a/over", "a/full"]);
});

test("filters by text, label and state all have to agree", () => {
  const list = [
    slo("a/x", { labels: { team: "pay", url: "a:b" }, state: "page" }),
    slo("a/y", { labels: { team: "pay" } }),
    slo("b/z", { labels: { team: "ops" } }),
  ];
  assert.deepEqual(ids(select(list, parse("#/slos?label=team%3Apay"))), ["a/x", "a/y"]);
  assert.deepEqual(ids(select(list, parse("#/slos?label=url%3Aa%3Ab"))), ["a/x"]);
  assert.deepEqual(ids(select(list, parse("#/slos?label=team%3Apay&state=ok"))), ["a/y"]);
  assert.deepEqual(ids(select(list, parse("#/slos?q=OPS"))), ["b/z"]);
  assert.deepEqual(ids(select(list, parse("#/slos?state=page&state=ok"))), ["a/x", "a/y", "b/z"]);
});

test("windows stand in the order of their length, not of their names", () => {
  assert.deepEqual(windows(slo("a/x")), ["5m", "1h", "6h", "3d"]);
});

test("only what is surely over counts as over", () => {
  const at = (burn, reasons = {}) => verdict({ burn: { "1h": burn }, reasons }, "1h", 14.4);
  assert.equal(at(exactly(14.5)), "over");
  assert.equal(at(exactly(14.4)), "under");
  assert.equal(at({ low: 2, high: 20 }), "maybe");
  assert.equal(at({ low: 2, high: null }), "maybe");
  assert.equal(at({ low: 15, high: null }), "over");
  assert.equal(at({ low: null, high: null }, { "burn.1h": "no_data" }), "unknown");
  assert.equal(at({ low: null, high: null }, { "burn.1h": "no_demand" }), "under");
});

test("a row is over when both its windows are", () => {
  const half = slo("a/x", {
    burn: { "1h": exactly(20), "5m": exactly(0), "3d": exactly(0), "6h": exactly(0) },
  });
  assert.equal(rowVerdict(half, POLICY[0]), "under");
  assert.equal(exceeded(half, "1h").severity, "page");
  assert.equal(exceeded(half, "5m"), undefined);
  const blind = slo("a/x", { burn: { "1h": exactly(20), "5m": { low: null, high: null } } });
  assert.equal(rowVerdict(blind, POLICY[0]), "unknown");
});

test("why names both windows, the threshold, and what wasn't seen", () => {
  const words = why(
    slo("a/x", {
      coverage: 0.9,
      burn: { "1h": exactly(20), "5m": exactly(30), "3d": exactly(0), "6h": exactly(0) },
      reasons: { ratio: "no_data" },
    }),
    [],
  ).join(" ");
  assert.match(words, /20× over 1h and 30× over 5m, both above the page threshold of 14.4×/);
  assert.match(words, /No page is raised/);
  assert.match(words, /nothing of that time was seen/);
  assert.match(words, /10.0% of the window/);
});

test("a blind SLO isn't called calm", () => {
  const nothing = { low: null, high: null };
  const words = why(slo("a/x", { burn: { "1h": nothing, "5m": nothing, "3d": nothing, "6h": nothing } }), [
    { job: "job", instance: "h:1", state: "down", reason: "connection refused", slos: ["a/x"] },
    { instance: "h:2", state: "down", reason: "timeout", slos: ["a/y"] },
    { instance: "h:3", state: "up", reason: null, slos: ["a/x"] },
  ]).join(" ");
  assert.match(words, /No threshold is surely exceeded/);
  assert.match(words, /job h:1: connection refused/);
  assert.doesNotMatch(words, /h:2|h:3/);
});
