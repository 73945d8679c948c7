// Links: what is in one comes out of it again.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as route from "../page/route.js";

test("a link holds the view, the SLO, its range and zone", () => {
  const id = 'checkout/auth{region="eu",code="5%"}';
  const there = { view: "slo", id, params: { range: "6h", zone: "utc" }, labels: [], states: [] };
  assert.deepEqual(route.parse(route.format(there)), there);
});

test("filters of the same kind stand beside each other", () => {
  const there = {
    view: "slos",
    id: null,
    params: { q: "a&b=c" },
    labels: ["team:payments", "url:http://x"],
    states: ["page", "ok"],
  };
  assert.deepEqual(route.parse(route.format(there)), there);
});

test("what makes no sense opens the list", () => {
  for (const hash of ["", "#", "#/", "#/nowhere", "#view", "#/constructor"])
    assert.equal(route.parse(hash).view, "slos");
  assert.equal(route.parse("#/slo/a%2").id, "a%2");
});

test("another view keeps the range and the zone and drops the filters", () => {
  const here = route.parse("#/slos?q=x&label=a%3Ab&state=ok&zone=utc&range=6h");
  assert.equal(route.format(route.toView(here, "alerts")), "#/alerts?range=6h&zone=utc");
});

test("a second toggle takes back the first", () => {
  const here = route.parse("#/slos");
  const once = route.toggled(here, "states", "page");
  assert.deepEqual(once.states, ["page"]);
  assert.deepEqual(route.toggled(once, "states", "page"), here);
});
