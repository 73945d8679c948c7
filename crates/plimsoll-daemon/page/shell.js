// What stands around every view: navigation, zone, theme, the state of the link, banners.

import { h } from "./dom.js";
import { plural } from "./format.js";
import { term } from "./parts.js";
import { format as href, toView } from "./route.js";
import { ago, instant, span } from "./time.js";
import { KEYS, STATES, TERMS } from "./words.js";

/** The views with their words, in the order of their keys. */
export const VIEWS = [
  ["slos", "SLOs"],
  ["levels", "Levels"],
  ["alerts", "Alerts"],
  ["targets", "Targets"],
];

const FAULTS_SHOWN = 5;

/** The header. */
export function shell(page) {
  return [
    h(
      "a",
      { class: "brand", href: href(toView(page.route, "slos")) },
      h("img", { src: "logo.svg", alt: "", width: "42", height: "28" }),
      h("span", {}, "Plimsoll"),
    ),
    h(
      "nav",
      { "aria-label": "Views" },
      VIEWS.map(([view, words]) =>
        h(
          "a",
          {
            key: view,
            href: href(toView(page.route, view)),
            "aria-current":
              view === page.route.view || (view === "slos" && page.route.view === "slo") ? "page" : null,
          },
          words,
          badge(page, view),
        ),
      ),
    ),
    h(
      "div",
      { class: "controls" },
      zonePicker(page),
      themePicker(page),
      h(
        "button",
        {
          type: "button",
          class: "icon",
          "aria-label": "Keys and terms",
          title: "Keys and terms (?)",
          onclick: () => openHelp(),
        },
        "?",
      ),
    ),
    pulse(page),
  ];
}

function badge(page, view) {
  const number =
    view === "alerts"
      ? page.alerts.filter(({ state }) => state === "firing").length
      : view === "targets"
        ? page.targets.filter(({ state }) => state === "down").length
        : 0;
  return (
    number > 0 &&
    h(
      "span",
      { class: "badge", title: view === "alerts" ? `${number} firing` : `${number} down` },
      String(number),
    )
  );
}

function zonePicker(page) {
  const next = page.zone === "utc" ? "local" : "utc";
  return h(
    "button",
    {
      key: "zone",
      type: "button",
      "data-testid": "zone",
      title: `Times are shown in ${page.zone === "utc" ? "UTC" : "this browser's zone"}; switch`,
      onclick: () => page.change({ zone: next === "utc" ? "utc" : "" }),
    },
    page.zone === "utc" ? "UTC" : "Local",
  );
}

const THEMES = {
  auto: ["◐", "as the system says", "light"],
  light: ["○", "light", "dark"],
  dark: ["●", "dark", "auto"],
};

function themePicker(page) {
  const [sign, words, next] = THEMES[page.theme];
  return h(
    "button",
    {
      key: "theme",
      type: "button",
      class: "icon",
      "data-testid": "theme",
      "aria-label": `Colours: ${words}`,
      title: `Colours: ${words}; switch to ${THEMES[next][1]}`,
      onclick: () => page.setTheme(next),
    },
    sign,
  );
}

function pulse(page) {
  const { state, heard } = page.link;
  const words = { connecting: "connecting", live: "live", lost: "lost" }[state];
  const title = heard ? `Heard from the daemon ${ago(heard, Date.now())}` : "Not heard from the daemon yet";
  return h(
    "span",
    { class: "pulse", "data-testid": "link", "data-link": state, title },
    h("span", { class: "dot", "aria-hidden": "true" }),
    words,
  );
}

/** What has to be said above any view, the most urgent first. */
export function banners(page) {
  const { link, status, error } = page;
  const list = [];
  if (link.state === "lost") list.push(lost(page));
  else if (error) list.push(banner("error", "warning", `The daemon's answer couldn't be read: ${error}`));
  if (status?.flush_error) {
    list.push(
      banner(
        "flush",
        "warning",
        h("b", {}, "State isn't being saved: "),
        `${status.flush_error}. Evaluation goes on, but a restart now would forget what came since.`,
      ),
    );
  }
  list.push(...(status?.sinks ?? []).filter(({ failing_since }) => failing_since).map((sink) => undelivered(page, sink)));
  if (status?.reload?.refused?.length > 0) list.push(refusal(status.reload.refused));
  if (link.newVersion) {
    list.push(
      banner(
        "version",
        "news",
        `The daemon is now version ${link.newVersion}. `,
        h("button", { type: "button", onclick: () => location.reload() }, "Reload the page"),
      ),
    );
  }
  return list;
}

function undelivered(page, { sink, to, failing_since, error, waiting }) {
  return banner(
    `sink-${sink}-${to}`,
    "warning",
    h("b", {}, `${plural(waiting, "notification")} can't be delivered to ${sink} ${to}: `),
    `${error}. Trying again since ${instant(Date.parse(failing_since), page.zone, page.now)}.`,
  );
}

function refusal(faults) {
  const more = faults.length - FAULTS_SHOWN;
  return banner(
    "reload",
    "warning",
    h("b", {}, "The last reload was refused; the configuration before it is in force:"),
    h(
      "ul",
      {},
      faults.slice(0, FAULTS_SHOWN).map((fault) => h("li", {}, h("code", {}, fault))),
      more > 0 && h("li", {}, `and ${more} more`),
    ),
  );
}

function lost(page) {
  const { heard } = page.link;
  if (!heard)
    return banner("lost", "lost", h("b", {}, "Can't reach the daemon. "), "Is it running? Trying again.");
  const since = instant(heard, page.zone, Date.now());
  const words = `What you see is from ${since}, ${span((Date.now() - heard) / 1000)} old. Trying to reach it again.`;
  return banner("lost", "lost", h("b", {}, "Lost the daemon. "), words);
}

function banner(testid, kind, ...content) {
  return h("div", { key: testid, class: `banner ${kind}`, "data-testid": `banner-${testid}` }, content);
}

/** The footer. */
export function foot(page) {
  const { status } = page;
  return [
    status && h("span", {}, `Plimsoll ${status.version}`),
    status?.started &&
      h("span", {}, "up for ", h("span", {}, span((page.now - Date.parse(status.started)) / 1000))),
    page.loaded &&
      h("span", {}, `${plural(page.slos.size, "SLO")}, ${plural(page.targets.length, "target")}`),
    status?.config_file && h("span", {}, status.config_file),
    h("a", { href: "api/openapi.json" }, "API"),
    h("a", { href: "metrics" }, "Metrics"),
  ];
}

/** The help: keys, states, terms. */
export function help() {
  const list = (entries) =>
    h(
      "dl",
      {},
      entries.map(([name, words]) => [h("dt", {}, name), h("dd", {}, words)]),
    );
  return [
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: "help-title" }, "Keys and terms"),
      h("button", { class: "icon", "aria-label": "Close" }, "×"),
    ),
    h(
      "div",
      { class: "help-body" },
      h(
        "section",
        {},
        h("h3", {}, "Keys"),
        list(KEYS.map(([key, words]) => [h("kbd", {}, key), words])),
        h("h3", {}, "States"),
        list(Object.values(STATES).map(({ sign, word, means }) => [`${sign} ${word}`, means])),
      ),
      h("section", {}, h("h3", {}, "Terms"), list(Object.entries(TERMS))),
    ),
  ];
}

/** Opens the help. */
export function openHelp() {
  document.getElementById("help").showModal();
}
