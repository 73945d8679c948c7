// The words of the page: what states are called, what reasons mean, what terms stand for.

/** States from the worst to the best: how they are called, drawn and explained. */
export const STATES = {
  page: { word: "Page", sign: "■", means: "The budget burns so fast that a person is needed now." },
  ticket: { word: "Ticket", sign: "▲", means: "The budget burns too fast to last; look within days." },
  unknown: { word: "Unknown", sign: "?", means: "Not enough is known to say. It is never counted as good." },
  pending: {
    word: "Pending",
    sign: "◔",
    means: "A condition is met, but not yet for as long as its alert asks.",
  },
  notice: { word: "Notice", sign: "◆", means: "Good to know; nothing to do yet." },
  ok: { word: "OK", sign: "●", means: "No alert condition is met." },
};

/** The state's entry; a state that this page doesn't know is shown by its own name. */
export function stateOf(name) {
  return STATES[name] ?? { word: name ?? "Unknown", sign: "?", means: "" };
}

/** How urgent a state is: 0 is the most. */
export function urgency(name) {
  const place = Object.keys(STATES).indexOf(name);
  return place < 0 ? 2 : place;
}

const ALERTS = { SloNoData: "No data" };

/** What an alert is called: by its severity, unless it is of another kind. */
export function alertWord(alert) {
  return ALERTS[alert.alertname] ?? stateOf(alert.severity).word;
}

/** The terms of the page, for tooltips and for the help. */
export const TERMS = {
  objective: "The part of all events, or of all time, that has to be good over the window.",
  budget:
    "What is left of the bad events that the objective allows over its window. Below zero it is overspent.",
  burn: "How fast the budget is spent: 1× uses it up at the period's end, 14.4× in a fourteenth of it.",
  share: "The part of the whole period's budget that this alert's long window has spent.",
  coverage: "The part of the time that the targets were seen. What wasn't seen is unknown, not good.",
  interval:
    "Two numbers joined by a dash: the truth lies between them, because part of the time wasn't seen.",
  peak: "The highest value of the last 60 seconds: exact, not the highest sample.",
  limit: "The level's own configured bound: a queue's capacity, a pool's size.",
  saturated: "The part of the last 5 to 10 seconds in which the level stood at its limit.",
  mean: "The exact average of the last 5 to 10 seconds, from the level's time integral.",
  oldest: "How long the oldest thing that is still there has been there.",
  refused: "Samples that the daemon didn't take, each with a reason. They never count as zero.",
  exhaustion: "When the budget is used up if it goes on burning as it does now.",
};

/** The reason beside an end of the budget that isn't in sight. */
export const NOT_BURNING = "not_burning";

/** The reason beside a threshold that is no bucket's edge: it makes an interval, and hides nothing. */
export const BETWEEN_EDGES = "between_edges";

/** What stands in place of a number that is missing because nothing was asked. */
export const NO_DEMAND = "no demand";

/** Whether a number is missing because nothing was asked, and so nothing went wrong. */
export function idle(code) {
  return code === "no_demand";
}

const REASONS = {
  target_down: "a target that feeds it doesn't answer",
  no_data: "nothing of that time was seen",
  no_demand: "nothing was asked of it in that time",
  never_seen: "its selector has never matched any series",
  no_target: "no target was expected to tell of it",
  rate_unknown: "some of that time wasn't seen, and neither is known how much happens in it",
  [NOT_BURNING]: "the budget isn't being spent",
};

/** A reason's code in words; a code that this page doesn't know is shown as it is. */
export function reason(code) {
  return Object.hasOwn(REASONS, code) ? REASONS[code] : String(code).replaceAll("_", " ");
}

/** The keys of the page. */
export const KEYS = [
  ["/", "go to the filter"],
  ["↑ ↓", "move between rows"],
  ["Enter", "open the row"],
  ["Esc", "leave the filter, close a dialog, go back to the list"],
  ["1 – 4", "SLOs, levels, alerts, targets"],
  ["?", "this help"],
];
