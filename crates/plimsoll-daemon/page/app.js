// Starts the page: holds what is known, draws the view that the link names, answers the keyboard.

import { alertsView } from "./alerts.js";
import { Link, eventsPath, historyPath, read } from "./api.js";
import { correctionDialog } from "./corrections.js";
import { detailView } from "./detail.js";
import { h, patch } from "./dom.js";
import { complete } from "./history.js";
import { levelsView } from "./levels.js";
import { age } from "./parts.js";
import { rangeDialog } from "./range.js";
import { go, parse, toView, withParams } from "./route.js";
import { banners, foot, help, openHelp, shell, VIEWS } from "./shell.js";
import { slosView } from "./slos.js";
import { targetsView } from "./targets.js";
import { defaultRange, rangeOf, stepOf } from "./time.js";
import { stateOf } from "./words.js";

const DRAW = {
  slos: slosView,
  slo: detailView,
  levels: levelsView,
  alerts: alertsView,
  targets: targetsView,
};
const NO_HISTORY = {
  key: null,
  range: null,
  points: [],
  times: [],
  unseen: [],
  step: 1,
  stamp: 0,
  error: null,
};

/** What every view reads. */
const page = {
  route: parse(location.hash),
  lastList: null,
  slos: new Map(),
  alerts: [],
  signals: [],
  targets: [],
  marks: [],
  corrections: [],
  status: null,
  history: NO_HISTORY,
  loaded: false,
  told: null,
  error: null,
  link: null,
  get now() {
    return this.link.now();
  },
  /** The list as it was filtered when the reader left it. */
  get listRoute() {
    const { params, ...here } = toView(this.route, "slos");
    return this.lastList
      ? { ...this.lastList, params: { ...this.lastList.params, ...params } }
      : { ...here, params };
  },
  get zone() {
    return this.route.params.zone === "utc" ? "utc" : "local";
  },
  get range() {
    return rangeOf(this.route.params, this.now, defaultRange(this.slos.get(this.route.id)));
  },
  get theme() {
    return window.plimsollTheme.get();
  },
  // What hasn't changed isn't sent again: it is as true as what was last sent.
  asOf(slo) {
    return Math.max(Date.parse(slo.as_of), this.told ?? 0);
  },
  age(time) {
    return age(time, this);
  },
  go(route, replace) {
    go(route, replace);
  },
  change(params, replace) {
    go(withParams(this.route, params), replace);
  },
  setTheme(theme) {
    window.plimsollTheme.set(theme);
    draw();
  },
  openRange() {
    const dialog = document.getElementById("range");
    patch(dialog, rangeDialog(this));
    dialog.showModal();
    draw();
  },
  openCorrection(slo) {
    const dialog = document.getElementById("correction");
    // What was typed for another SLO, or before, is gone.
    dialog.replaceChildren();
    patch(dialog, correctionDialog(this, slo));
    dialog.showModal();
  },
  sync() {
    return sync();
  },
};

const place = (id) => document.getElementById(id);

function draw() {
  patch(place("shell"), shell(page));
  patch(place("banners"), banners(page));
  patch(place("foot"), foot(page));
  const view = DRAW[page.route.view](page);
  const waiting =
    !page.loaded &&
    h(
      "p",
      { class: "empty", "data-testid": "waiting" },
      page.link.state === "lost" ? "Waiting for the daemon." : "Reading…",
    );
  patch(
    place("view"),
    h(
      "div",
      {
        key: `${page.route.view} ${page.route.id}`,
        class: `view-${page.route.view}`,
        "data-stale": page.link.state === "lost" ? "yes" : null,
      },
      waiting,
      view,
    ),
  );
  document.title = title();
}

let asked = false;

/** Draws with the next frame, once for however much has changed. */
function soon() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    draw();
  });
}

function title() {
  const paging = [...page.slos.values()].filter(({ state }) => state === "page").length;
  const where = page.route.id ?? VIEWS.find(([view]) => view === page.route.view)?.[1];
  const lost = page.link.state === "lost" ? "lost · " : "";
  return `${lost}${paging > 0 ? `(${paging} page) ` : ""}${where} · Plimsoll`;
}

// === What comes in.

function setSlos(list) {
  const turned = list.filter(({ id, state }) => page.slos.has(id) && page.slos.get(id).state !== state);
  for (const slo of list) page.slos.set(slo.id, slo);
  if (turned.length > 0)
    announce(turned.map(({ id, state }) => `${id} is now ${stateOf(state).word}`).join("; "));
}

function announce(words) {
  place("announce").textContent = words;
}

const TAKE = {
  slos: setSlos,
  alerts: (list) => {
    page.alerts = list;
  },
  signals: (list) => {
    page.signals = list;
  },
  targets: (list) => {
    page.targets = list;
  },
  mark: (mark) => {
    page.marks = [...page.marks, mark];
  },
};

/** Reads everything anew: at the start, after a loss, and now and then for what the stream can't say. */
async function sync() {
  try {
    const [slos, alerts, signals, targets, corrections, status] = await Promise.all(
      ["slos", "alerts", "signals", "targets", "corrections", "status"].map((name) => read(`api/v1/${name}`)),
    );
    const kept = new Set(slos.slos.map(({ id }) => id));
    for (const id of page.slos.keys()) if (!kept.has(id)) page.slos.delete(id);
    setSlos(slos.slos);
    Object.assign(page, {
      alerts: alerts.alerts,
      signals: signals.signals,
      targets: targets.targets,
      corrections: corrections.corrections,
      status,
      loaded: true,
      told: page.now,
      error: null,
    });
  } catch (error) {
    page.error = error.message;
  }
  soon();
  readHistory();
}

page.link = new Link({
  tell(kind, data) {
    TAKE[kind]?.(data);
    page.told = page.now;
    soon();
  },
  link() {
    announce({ live: "Connected to the daemon", lost: "Lost the daemon" }[page.link.state] ?? "");
    soon();
  },
  sync,
});

// === The history of the SLO that is looked at.

let reading = false;

async function readHistory() {
  const { id } = page.route;
  const key = historyKey();
  if (key === null || reading) return;
  const { range } = page;
  const step = stepOf(range);
  if (page.history.key !== key) page.history = { ...NO_HISTORY, key, range, step };
  reading = true;
  try {
    const paths = [historyPath(id, range, step), eventsPath(range)];
    const [history, events] = await Promise.all(paths.map(read));
    page.marks = events.events;
    page.history = {
      key,
      range,
      step,
      stamp: Date.now(),
      error: null,
      ...complete(history.points, range, step),
    };
  } catch (error) {
    page.history = { ...page.history, stamp: Date.now(), error: error.message };
  }
  reading = false;
  soon();
  // The reader has gone on to another SLO or range meanwhile.
  if (key !== historyKey()) readHistory();
}

/** What the view needs the history of; `null` if it needs none. */
function historyKey() {
  const { route, range } = page;
  if (route.view !== "slo") return null;
  return [route.id, range.name, ...(range.live ? [] : [range.from, range.to])].join(" ");
}

/** A live range is read again as soon as it can have a new point; a fixed one never changes. */
function refreshHistory() {
  const { history, range, link } = page;
  if (!range.live || link.state !== "live" || document.hidden) return;
  if (Date.now() - history.stamp >= Math.max(2_000, history.step * 1_000)) readHistory();
}

// === The reader.

function arrive() {
  const before = page.route;
  page.route = parse(location.hash);
  if (before.view === "slos") page.lastList = before;
  const moved = before.view !== page.route.view || before.id !== page.route.id;
  if (moved) page.history = NO_HISTORY;
  draw();
  readHistory();
  if (moved) scrollTo(0, 0);
}

function rows() {
  return [...document.querySelectorAll("tbody tr .row-link, tbody tr .row-name")];
}

function move(by) {
  const list = rows();
  const at = list.indexOf(document.activeElement);
  const next = list[at < 0 ? (by > 0 ? 0 : list.length - 1) : at + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function leave() {
  if (document.activeElement?.id === "filter") document.activeElement.blur();
  else if (page.route.view === "slo") page.go(page.listRoute);
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const typing = event.target.matches("input, select, textarea");
  const { key } = event;
  if (key === "Escape") leave();
  else if (typing && key === "ArrowDown" && event.target.id === "filter") move(1);
  else if (typing) return;
  else if (key === "/") place("filter")?.focus();
  else if (key === "?") openHelp();
  else if (key === "ArrowDown" || key === "j") move(1);
  else if (key === "ArrowUp" || key === "k") move(-1);
  else if (VIEWS[Number(key) - 1]) page.go(toView(page.route, VIEWS[Number(key) - 1][0]));
  else return;
  event.preventDefault();
}

// The link's fragment is the route, so the skip link can't use it.
place("skip").addEventListener("click", (event) => {
  event.preventDefault();
  place("view").focus();
});
// A row is opened by a click anywhere on it that isn't on something of its own.
place("view").addEventListener("click", (event) => {
  if (event.target.closest("a, button, input, summary, th[scope=col]") || String(getSelection())) return;
  event.target.closest("tr")?.querySelector(".row-link")?.click();
});
document.addEventListener("keydown", press);
addEventListener("hashchange", arrive);
patch(place("help"), help());
page.link.start();
draw();
setInterval(soon, 1_000);
setInterval(refreshHistory, 1_000);
