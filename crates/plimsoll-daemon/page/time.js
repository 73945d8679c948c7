// Ranges, zones and ages. Pure: the present instant is always an argument, in milliseconds.

/** The ranges that have a name; any other is `from`–`to`. */
export const RANGES = [
  { name: "5m", words: "Last 5 minutes", ms: 300_000 },
  { name: "15m", words: "Last 15 minutes", ms: 900_000 },
  { name: "1h", words: "Last hour", ms: 3_600_000 },
  { name: "6h", words: "Last 6 hours", ms: 21_600_000 },
  { name: "1d", words: "Last day", ms: 86_400_000 },
  { name: "7d", words: "Last 7 days", ms: 604_800_000 },
  { name: "30d", words: "Last 30 days", ms: 2_592_000_000 },
];

const SHORT_PERIOD_S = 7_200;

/** The range of a link that names none: of an SLO whose whole period is an hour, minutes matter. */
export function defaultRange(slo) {
  return slo?.window_seconds <= SHORT_PERIOD_S ? "5m" : "1h";
}

/** The instants that a link's `range`, or `from` and `to`, mean now. A live range moves with it. */
export function rangeOf(params, now, fallback) {
  const from = Date.parse(params.from ?? "");
  const to = Date.parse(params.to ?? "");
  if (from < to) return { name: "custom", from, to, live: false };
  const known =
    RANGES.find(({ name }) => name === params.range) ?? RANGES.find(({ name }) => name === fallback);
  return { name: known.name, from: now - known.ms, to: now, live: true };
}

const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400,
];

/** The step in seconds that draws a range with at most `points` points. */
export function stepOf(range, points = 360) {
  const least = (range.to - range.from) / 1000 / points;
  return STEPS.find((step) => step >= least) ?? Math.ceil(least);
}

const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const DAY = { day: "numeric", month: "short", year: "numeric" };

// Making a formatter costs a hundred times what using it does.
const formatters = new Map();

function formatter(zone, withDay) {
  const key = `${zone} ${withDay}`;
  if (!formatters.has(key)) {
    const parts = withDay ? { ...DAY, ...TIME } : TIME;
    formatters.set(key, new Intl.DateTimeFormat("en-GB", { ...parts, timeZone: timeZone(zone) }));
  }
  return formatters.get(key);
}

/** An instant in the chosen zone: `21 Nov 2026, 14:03:07`, or the time alone on the day of `now`. */
export function instant(ms, zone, now) {
  if (!Number.isFinite(ms)) return "unknown";
  const withDay = now === undefined || toField(ms, zone).slice(0, 10) !== toField(now, zone).slice(0, 10);
  return formatter(zone, withDay)
    .format(ms)
    .concat(zone === "utc" ? " UTC" : "");
}

/** The name of a zone as the browser knows it; `undefined` is the browser's own. */
export function timeZone(zone) {
  return zone === "utc" ? "UTC" : undefined;
}

/** What a `datetime-local` field shows for an instant. */
export function toField(ms, zone) {
  const shifted = zone === "utc" ? ms : ms - new Date(ms).getTimezoneOffset() * 60_000;
  return new Date(shifted).toISOString().slice(0, 16);
}

/** The instant that a `datetime-local` field means, or `NaN`. */
export function fromField(text, zone) {
  return Date.parse(zone === "utc" ? `${text}Z` : text);
}

/** How long ago, in one unit: `now`, `12 s ago`, `4 min ago`, `3 h ago`, `2 d ago`. */
export function ago(ms, now) {
  if (!Number.isFinite(ms)) return "never";
  const past = (now - ms) / 1000;
  return past < 1 ? "now" : `${span(past)} ago`;
}

/** A length in one unit, cut and not rounded: `12 s`, `4 min`, `3 h`, `2 d`. */
export function span(length) {
  if (length < 60) return `${Math.floor(length)} s`;
  if (length < 3_600) return `${Math.floor(length / 60)} min`;
  if (length < 172_800) return `${Math.floor(length / 3_600)} h`;
  return `${Math.floor(length / 86_400)} d`;
}
