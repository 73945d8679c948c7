// The choice of a chart's time range: a list, and a dialog for one of one's own.

import { h } from "./dom.js";
import { fromField, instant, RANGES, toField } from "./time.js";

/** The entry of the list that opens the dialog. */
const CHOOSE = "choose";

/** The list of ranges. Only charts have one; everything else is of now. */
export function rangePicker(page) {
  const { name, from, to } = page.range;
  const custom = `${instant(from, page.zone, page.now)} – ${instant(to, page.zone, page.now)}`;
  const pick = ({ target }) => {
    if (target.value !== CHOOSE) return page.change({ range: target.value, from: "", to: "" });
    // The list goes back to what is shown, in case the dialog is left again.
    target.value = name;
    return page.openRange();
  };
  return h(
    "select",
    { "aria-label": "Time range", "data-testid": "range", value: name, onchange: pick },
    RANGES.map((range) => h("option", { key: range.name, value: range.name }, range.words)),
    name === "custom" && h("option", { key: "custom", value: "custom" }, custom),
    h("option", { key: CHOOSE, value: CHOOSE }, "Custom…"),
  );
}

/** The dialog for a range of one's own. */
export function rangeDialog(page) {
  const field = (name, words, ms) =>
    h(
      "label",
      {},
      words,
      h("input", { type: "datetime-local", name, required: true, value: toField(ms, page.zone) }),
    );
  return [
    h(
      "form",
      { method: "dialog", onsubmit: (event) => submitRange(event, page) },
      h("h2", { id: "range-title" }, `Time range (${page.zone === "utc" ? "UTC" : "local time"})`),
      field("from", "From", page.range.from),
      field("to", "To", page.range.to),
      h("p", { class: "warning", id: "range-fault", role: "alert" }),
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "button", onclick: () => document.getElementById("range").close() }, "Cancel"),
        h("button", { class: "primary" }, "Show"),
      ),
    ),
  ];
}

function submitRange(event, page) {
  const data = new FormData(event.target);
  const from = fromField(data.get("from"), page.zone);
  const to = fromField(data.get("to"), page.zone);
  if (from < to) {
    page.change({ range: "", from: new Date(from).toISOString(), to: new Date(to).toISOString() });
    return;
  }
  event.preventDefault();
  document.getElementById("range-fault").textContent = "The start has to lie before the end.";
}
