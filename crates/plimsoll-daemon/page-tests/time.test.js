// Ranges, zones and ages.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as time from "../page/time.js";

const NOON = Date.UTC(2026, 10, 21, 12);

test("a named range ends now, one of its own stands still", () => {
  assert.deepEqual(time.rangeOf({ range: "6h" }, NOON, "1h"), {
    name: "6h",
    from: NOON - 21_600_000,
    to: NOON,
    live: true,
  });
  const own = time.rangeOf({ from: "2026-11-21T10:00:00Z", to: "2026-11-21T11:00:00Z" }, NOON, "1h");
  assert.deepEqual(own, { name: "custom", from: NOON - 7_200_000, to: NOON - 3_600_000, live: false });
});

test("a range that makes no sense is the default one", () => {
  for (const params of [
    {},
    { range: "9y" },
    { from: "later", to: "soon" },
    { from: "2026-11-21T11:00:00Z", to: "2026-11-21T10:00:00Z" },
  ]) {
    assert.equal(time.rangeOf(params, NOON, "1h").name, "1h");
  }
});

test("a step draws its range with at most so many points", () => {
  for (const { ms } of time.RANGES) {
    const step = time.stepOf({ from: NOON - ms, to: NOON });
    assert.ok(ms / 1000 / step <= 360, `${ms} in steps of ${step}`);
    assert.ok(ms / 1000 / step >= 100, `${ms} in steps of ${step}`);
  }
});

test("instants are written in the chosen zone, with the date on another day", () => {
  assert.equal(time.instant(NOON, "utc", NOON + 1_000), "12:00:00 UTC");
  assert.equal(time.instant(NOON, "utc", NOON + 86_400_000), "21 Nov 2026, 12:00:00 UTC");
  assert.equal(time.instant(NaN, "utc", NOON), "unknown");
});

test("a field's instant survives the way there and back, in either zone", () => {
  for (const zone of ["utc", "local"]) assert.equal(time.fromField(time.toField(NOON, zone), zone), NOON);
  assert.equal(time.toField(NOON, "utc"), "2026-11-21T12:00");
});

test("ages are cut, never rounded up", () => {
  const cases = [
    [0, "now"],
    [59_900, "59 s ago"],
    [60_000, "1 min ago"],
    [3_599_000, "59 min ago"],
    [3_600_000, "1 h ago"],
    [172_800_000, "2 d ago"],
  ];
  for (const [past, words] of cases) assert.equal(time.ago(NOON - past, NOON), words);
  assert.equal(time.ago(NaN, NOON), "never");
});

test("an SLO of a short period opens on minutes", () => {
  assert.equal(time.defaultRange({ window_seconds: 3_600 }), "5m");
  assert.equal(time.defaultRange({ window_seconds: 2_592_000 }), "1h");
  assert.equal(time.defaultRange(undefined), "1h");
});
