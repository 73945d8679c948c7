// Small pieces that several views are made of.

import { h } from "./dom.js";
import * as format from "./format.js";
import { ago, instant } from "./time.js";
import { NO_DEMAND, idle, reason, stateOf, TERMS } from "./words.js";

/** A state as a coloured sign with its word. */
export function pill(state) {
  const { word, sign, means } = stateOf(state);
  return h(
    "span",
    { class: "pill", "data-state": state, title: means },
    h("span", { "aria-hidden": "true" }, sign),
    " ",
    word,
  );
}

/** A column's head, or any word, with its meaning. */
export function term(name, words) {
  return h("span", { class: "term", title: TERMS[name] }, words);
}

/** A number that may not be known: with the reason if it isn't. */
export function known(text, code) {
  if (text !== format.UNKNOWN) return h("span", {}, text);
  const title = code ? reason(code) : null;
  return idle(code)
    ? h("span", { class: "quiet", title }, NO_DEMAND)
    : h("span", { class: "unknown", title }, text);
}

/** What is left of a budget: a bar, hatched where the truth is in an interval, and the number. */
export function budget(remaining, code) {
  const { low = null, high = null } = remaining ?? {};
  const text = format.interval(remaining, format.percent);
  const some = low !== null || high !== null;
  const width = (value) => `${Math.max(0, Math.min(1, value ?? 0)) * 100}%`;
  const level = !some ? "unknown" : (low ?? high) <= 0 ? "spent" : (low ?? high) < 0.25 ? "little" : "enough";
  return h(
    "div",
    { class: "budget", "data-level": level },
    h(
      "div",
      { class: "bar", "aria-hidden": "true" },
      some && h("div", { class: "bar-maybe", style: { width: width(high ?? low) } }),
      some && h("div", { class: "bar-fill", style: { width: width(low) } }),
    ),
    h("span", { class: "number" }, known(text, code)),
  );
}

/** An instant, RFC 3339 or milliseconds, as an age, with the instant itself as its tooltip. */
export function age(time, page) {
  const ms = typeof time === "number" ? time : Date.parse(time);
  return h(
    "time",
    { datetime: Number.isFinite(ms) ? new Date(ms).toISOString() : null, title: instant(ms, page.zone) },
    ago(ms, page.now),
  );
}

/** Labels as chips; with `pick`, each is a button that filters by it. */
export function labels(entries, pick) {
  const list = format.labelList(entries);
  if (list.length === 0) return null;
  return h(
    "span",
    { class: "chips" },
    list.map(({ text, name, value }) =>
      pick
        ? h(
            "button",
            {
              class: "chip",
              type: "button",
              title: `Show only ${text}`,
              onclick: () => pick(`${name}:${value}`),
            },
            text,
          )
        : h("span", { class: "chip" }, text),
    ),
  );
}

/** Of when the numbers of a list are. */
export function asOf(page) {
  if (page.told === null) return null;
  return h(
    "p",
    { class: "as-of quiet" },
    "As of ",
    instant(page.told, page.zone, page.now),
    ", ",
    page.age(page.told),
    ".",
  );
}

/** A link out of the page, or the words alone where an address isn't one of the web. */
export function outside(href, words) {
  if (!/^https?:/i.test(href)) return h("span", { title: href }, words);
  return h(
    "a",
    { href, target: "_blank", rel: "noreferrer" },
    words,
    h("span", { class: "unseen" }, " (opens in a new tab)"),
  );
}

/** The free-text filter that `/` goes to. */
export function filterBox(page, placeholder) {
  return h("input", {
    id: "filter",
    type: "search",
    class: "filter",
    placeholder,
    "aria-label": placeholder,
    "data-testid": "filter",
    value: page.route.params.q ?? "",
    autocomplete: "off",
    spellcheck: "false",
    oninput: (event) => page.change({ q: event.target.value }, true),
  });
}

/** Whether `words` are all in `text`, whatever their case. */
export function matches(text, words) {
  const hay = text.toLowerCase();
  return (words ?? "")
    .toLowerCase()
    .split(/\s+/)
    .every((word) => hay.includes(word));
}

/** A table whose head explains its terms; `columns` are `[words, term]`, a number's with `true` third. */
export function table(label, columns, rows) {
  const head = columns.map(([words, name, number]) =>
    h("th", { scope: "col", class: number ? "num" : null }, name ? term(name, words) : words),
  );
  return h(
    "div",
    { class: "sheet" },
    h("table", { "aria-label": label }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)),
  );
}

/** A table's cell, which on a phone carries its column's name. */
export function cell(label, content, number = false) {
  return h("td", { "data-label": label, class: number ? "num" : null }, content);
}

/** What a view says when there is nothing to show. */
export function nothing(testid, title, ...text) {
  return h("section", { class: "empty", "data-testid": testid }, h("h2", {}, title), text);
}
