// Numbers as words, against hand-computed ones.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../page/format.js";

test("what isn't known is never shown as zero", () => {
  for (const words of [
    format.count,
    format.percent,
    format.burn,
    format.level,
    format.duration,
    format.goodPercent,
  ]) {
    assert.equal(words(null), "unknown");
    assert.equal(words(undefined), "unknown");
    assert.notEqual(words(0), "unknown");
  }
  assert.equal(format.interval(null, format.burn), "unknown");
  assert.equal(format.interval({ low: null, high: null }, format.burn), "unknown");
  assert.equal(format.quantity(null, "events"), "unknown");
});

test("per cent is cut towards zero, so that nothing short of all reads 100", () => {
  assert.equal(format.percent(0.99996), "99.9%");
  assert.equal(format.percent(1), "100%");
  assert.equal(format.percent(0.29, 1), "29.0%");
  assert.equal(format.percent(-0.342), "−34.2%");
  assert.equal(format.percent(-0.0004), "0.0%");
});

test("the good part has two digits of its bad part", () => {
  assert.equal(format.goodPercent(0), "100%");
  assert.equal(format.goodPercent(0.00026), "99.974%");
  assert.equal(format.goodPercent(0.0134), "98.6%");
  assert.equal(format.goodPercent(0.5), "50.0%");
  assert.equal(format.goodPercent(1), "0.0%");
});

test("objectives have no trailing zeros", () => {
  assert.equal(format.objective(999_000), "99.9%");
  assert.equal(format.objective(990_000), "99%");
  assert.equal(format.objective(999_999), "99.9999%");
});

test("burn keeps the digits that tell it from its threshold", () => {
  assert.equal(format.burn(0), "0×");
  assert.equal(format.burn(0.004), "<0.01×");
  assert.equal(format.burn(14.4), "14.4×");
  assert.equal(format.burn(1), "1×");
  assert.equal(format.burn(1000), "1,000×");
});

test("an interval shows both ends only where they differ", () => {
  assert.equal(format.interval({ low: 1.2, high: 3.4 }, format.burn), "1.2× – 3.4×");
  assert.equal(format.interval({ low: 1.2, high: 1.2 }, format.burn), "1.2×");
  assert.equal(format.interval({ low: 1.2, high: null }, format.burn), "≥ 1.2×");
  assert.equal(format.interval({ low: null, high: 0.5 }, format.percent), "≤ 50.0%");
});

test("durations", () => {
  const cases = [
    [0, "0s"],
    [0.0004, "<1ms"],
    [0.417, "417ms"],
    [2.5, "2.5s"],
    [90, "1m 30s"],
    [3_600, "1h"],
    [5_400, "1h 30m"],
    [86_400 * 30, "30d"],
  ];
  for (const [length, words] of cases) assert.equal(format.duration(length), words);
});

test("windows are read as the daemon writes them", () => {
  const cases = [
    ["5m", 300],
    ["1h30m", 5_400],
    ["2s500ms", 2.5],
    ["417ms", 0.417],
    ["30d", 2_592_000],
    ["", null],
    ["5 m", null],
    ["m", null],
  ];
  for (const [text, length] of cases) assert.equal(format.seconds(text), length);
  assert.equal(format.windowName("2s500ms"), "2.5s");
  assert.equal(format.windowName("whole month"), "whole month");
});

test("time SLIs count milliseconds, others events", () => {
  assert.equal(format.quantity(540_000, "milliseconds"), "9m");
  assert.equal(format.quantity(540_000, "events"), "540,000");
});
