// What was put right of one SLO, by whom and why, and the dialog that puts something right.

import { send } from "./api.js";
import { h } from "./dom.js";
import * as format from "./format.js";
import { age } from "./parts.js";
import { fromField, instant, toField } from "./time.js";

const PATH = "api/v1/corrections";

/** The SLO's corrections, newest first, and the button for one more. */
export function correctionList(page, slo) {
  const mine = page.corrections.filter((each) => each.slo === slo.id).reverse();
  return [
    mine.length === 0
      ? h("p", { class: "quiet" }, "None: the budget is what was seen.")
      : h(
          "ul",
          { class: "correction-list", "data-testid": "corrections" },
          mine.map((each) => item(page, slo, each)),
        ),
    h("button", { type: "button", "data-testid": "correct", onclick: () => page.openCorrection(slo) }, "Correct…"),
  ];
}

function item(page, slo, { from, to, good, bad, was, reason, author, at, in_force }) {
  const { unit } = slo.counts;
  const words = (counts) => `${format.quantity(counts.good, unit)} good, ${format.quantity(counts.bad, unit)} bad`;
  const time = (text) => instant(Date.parse(text), page.zone, page.now);
  return h(
    "li",
    { key: `${at} ${from}`, "data-in-force": String(in_force) },
    h("b", {}, `${time(from)} to ${time(to)}: `),
    words({ good, bad }),
    h("span", { class: "quiet" }, ` (seen: ${words(was)}, ${format.quantity(was.unknown, unit)} unknown)`),
    h(
      "span",
      { class: "reason" },
      reason,
      h("span", { class: "quiet" }, ` — ${author}, `, age(at, page), in_force ? "" : ", covered by a later one"),
    ),
  );
}

/** The dialog. It is drawn once, when it opens, so that no update takes away what was typed. */
export function correctionDialog(page, slo) {
  const zone = page.zone === "utc" ? "UTC" : "local time";
  const unit = format.isTime(slo.counts.unit) ? "milliseconds" : "events";
  const field = (name, words, props) => h("label", {}, words, h("input", { name, required: true, ...props }));
  const time = (name, words, ms) =>
    field(name, `${words} (${zone})`, { type: "datetime-local", value: toField(ms, page.zone) });
  const count = (name, words) => field(name, words, { type: "number", min: "0", step: "1" });
  return h(
    "form",
    { method: "dialog", onsubmit: (event) => submit(event, page, slo) },
    h("h2", { id: "correction-title" }, `Correct ${slo.id}`),
    h(
      "p",
      { class: "quiet" },
      "Say what a stretch truly held. What was seen stays in the audit trail and in the budget without corrections.",
    ),
    time("from", "From", page.range.from),
    time("to", "To", page.range.to),
    count("good", `Good ${unit}`),
    count("bad", `Bad ${unit}`),
    field("reason", "Reason", { type: "text", maxlength: "1000" }),
    field("author", "Your name", { type: "text", maxlength: "200", autocomplete: "name" }),
    h("p", { class: "warning", id: "correction-fault", role: "alert" }),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "button", onclick: close }, "Cancel"),
      h("button", { class: "primary" }, "Correct"),
    ),
  );
}

function close() {
  document.getElementById("correction").close();
}

async function submit(event, page, slo) {
  // The dialog closes once the daemon has taken it.
  event.preventDefault();
  const data = new FormData(event.target);
  const fault = document.getElementById("correction-fault");
  const [from, to] = ["from", "to"].map((name) => fromField(data.get(name), page.zone));
  fault.textContent = "";
  if (!(from < to)) {
    fault.textContent = "The start has to lie before the end.";
    return;
  }
  try {
    await send(PATH, {
      slo: slo.id,
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      good: Number(data.get("good")),
      bad: Number(data.get("bad")),
      reason: data.get("reason"),
      author: data.get("author"),
    });
    close();
    page.sync();
  } catch (error) {
    fault.textContent = error.message;
  }
}
