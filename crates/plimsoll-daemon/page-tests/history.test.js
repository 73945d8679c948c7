// What a chart draws of a history with holes, against holes laid by hand.

import assert from "node:assert/strict";
import { test } from "node:test";
import { complete } from "../page/history.js";

const point = (second, coverage = 1) => ({
  at: new Date(second * 1000).toISOString(),
  coverage,
  burn: 0,
  remaining: 1,
});
const range = (from, to) => ({ from: from * 1000, to: to * 1000 });
const seconds = (unseen) => unseen.map((stretch) => stretch.map((ms) => ms / 1000));

test("a history without holes is drawn as it is", () => {
  const whole = complete(
    [0, 10, 20, 30].map((second) => point(second)),
    range(0, 40),
    10,
  );
  assert.deepEqual(whole.times, [0, 10, 20, 30]);
  assert.deepEqual(whole.unseen, []);
});

test("what was left out breaks the line and is hatched", () => {
  const whole = complete(
    [0, 10, 60, 70].map((second) => point(second)),
    range(0, 80),
    10,
  );
  assert.deepEqual(whole.times, [0, 10, 20, 60, 70]);
  assert.equal(whole.points[2].remaining, null);
  assert.deepEqual(seconds(whole.unseen), [[20, 60]]);
});

test("stretches that were seen in part join into one", () => {
  const whole = complete([point(0), point(10, 0.5), point(20, 0), point(30)], range(0, 40), 10);
  assert.deepEqual(seconds(whole.unseen), [[10, 30]]);
});

test("before the first point and after the last nothing was seen", () => {
  assert.deepEqual(seconds(complete([], range(0, 100), 10).unseen), [[0, 100]]);
  const whole = complete(
    [50, 60].map((second) => point(second)),
    range(0, 100),
    10,
  );
  assert.deepEqual(seconds(whole.unseen), [
    [0, 50],
    [70, 100],
  ]);
});

test("longer stretches of old history are no holes", () => {
  const whole = complete(
    [0, 300, 600, 610, 620].map((second) => point(second)),
    range(0, 630),
    10,
  );
  assert.deepEqual(whole.unseen, []);
  assert.equal(whole.points.length, 5);
});
