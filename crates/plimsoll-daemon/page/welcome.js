// What an empty daemon says: what to do next.

import { h } from "./dom.js";
import { plural } from "./format.js";

const CONFIG = `scrape_configs:
  - job_name: checkout
    static_configs:
      - targets: ['127.0.0.1:8080']
slo_files: ['slos/*.yaml']`;

const SLO = `apiVersion: plimsoll/v1
service: checkout
slos:
  - name: auth-availability
    objective: 99.9%
    window: 30d
    sli:
      events:
        total: 'http_requests_total{job="checkout"}'
        bad: 'http_requests_total{job="checkout",code=~"5.."}'`;

/** The view of a daemon that has no SLO. */
export function welcome(page) {
  const file = page.status?.config_file ?? "plimsoll.yml";
  const up = page.targets.filter(({ state }) => state === "up").length;
  return h(
    "section",
    { class: "empty welcome", "data-testid": "empty" },
    h("h1", {}, "Nothing to watch yet"),
    h(
      "p",
      {},
      "The daemon runs, but its configuration names no SLO. ",
      page.targets.length > 0
        ? `It already scrapes ${plural(page.targets.length, "target")}, ${up} up: only the objectives are missing.`
        : "Tell it what to scrape, and what good means.",
    ),
    h(
      "ol",
      {},
      h("li", {}, h("p", {}, "Start from commented files, if you have none:"), code("plimsoll init")),
      h(
        "li",
        {},
        h("p", {}, "Name your service in ", h("code", {}, file), "; Prometheus's own keys work here:"),
        code(CONFIG),
      ),
      h(
        "li",
        {},
        h("p", {}, "Say what good means, in ", h("code", {}, "slos/checkout.yaml"), ":"),
        code(SLO),
      ),
      h(
        "li",
        {},
        h("p", {}, "Check both, then have the daemon read them:"),
        code(`plimsoll check ${file} slos/*.yaml\ncurl -X POST ${location.origin}/-/reload`),
      ),
    ),
    h(
      "p",
      { class: "quiet" },
      "Only looking around? ",
      h("code", {}, "plimsoll demo"),
      " starts a small service with SLOs, and faults to break it with.",
    ),
  );
}

function code(text) {
  return h("pre", { tabindex: "0" }, h("code", {}, text));
}
