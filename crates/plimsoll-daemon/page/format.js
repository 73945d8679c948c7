// Numbers as words. Pure: nothing here reads the document or the clock. A number that isn't known
// is never shown as zero: `null` comes out as "unknown".

export const UNKNOWN = "unknown";

const COUNT = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** `1234567` → `1,234,567`. */
export function count(value) {
  return value === null || value === undefined ? UNKNOWN : COUNT.format(value);
}

/** A fraction as per cent with `digits` decimals, cut towards zero so that 99.96 never reads 100. */
export function percent(fraction, digits = 1) {
  if (fraction === null || fraction === undefined) return UNKNOWN;
  if (fraction === 1) return "100%";
  const scale = 10 ** digits;
  // The nudge keeps 0.29 * 100 = 28.999999999999996 from becoming 28.9.
  const cut = Math.trunc(fraction * 100 * scale + Math.sign(fraction) * 1e-7) / scale;
  return `${sign(cut, cut.toFixed(digits))}%`;
}

/** The good part of all events, with as many digits as its bad part needs for two of its own. */
export function goodPercent(badFraction) {
  if (badFraction === null || badFraction === undefined) return UNKNOWN;
  if (badFraction === 0) return "100%";
  const digits = Math.min(6, Math.max(1, Math.ceil(-Math.log10(badFraction * 100)) + 1));
  return percent(1 - badFraction, digits);
}

/** Parts per million as per cent, without trailing zeros: `999000` → `99.9%`. */
export function objective(ppm) {
  return `${Number((ppm / 10_000).toFixed(4))}%`;
}

/** A burn rate: `14.4×`. Two digits below ten, so that 0.07 isn't 0.1. */
export function burn(value) {
  if (value === null || value === undefined) return UNKNOWN;
  if (value === 0) return "0×";
  if (value < 0.01) return "<0.01×";
  if (value < 10) return `${trim(value.toFixed(2))}×`;
  if (value < 100) return `${trim(value.toFixed(1))}×`;
  return `${count(value)}×`;
}

/** An interval in the words of `format`: one value where both ends read the same. */
export function interval(bounds, format) {
  const low = bounds?.low ?? null;
  const high = bounds?.high ?? null;
  if (low === null && high === null) return UNKNOWN;
  if (high === null) return `≥ ${format(low)}`;
  if (low === null) return `≤ ${format(high)}`;
  const [from, to] = [format(low), format(high)];
  return from === to ? from : `${from} – ${to}`;
}

/** A level: whole where it is whole, else with one decimal. */
export function level(value) {
  if (value === null || value === undefined) return UNKNOWN;
  return Number.isInteger(value) ? count(value) : trim(value.toFixed(value < 10 ? 2 : 1));
}

/** Seconds in the unit that fits: `400ms`, `7.2s`, `5m`, `1h 30m`, `30d`. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  if (seconds === 0) return "0s";
  if (seconds < 0.001) return "<1ms";
  if (seconds < 1) return `${Math.round(seconds * 1000)}ms`;
  if (seconds < 60) return `${trim(seconds.toFixed(1))}s`;
  const units = [
    ["d", 86_400],
    ["h", 3_600],
    ["m", 60],
    ["s", 1],
  ];
  const first = units.findIndex(([, size]) => seconds >= size);
  const [name, size] = units[first];
  const whole = Math.floor(seconds / size);
  const [nextName, nextSize] = units[first + 1];
  const rest = Math.floor((seconds - whole * size) / nextSize);
  return rest > 0 && whole < 10 ? `${whole}${name} ${rest}${nextName}` : `${whole}${name}`;
}

const SIZES = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800, y: 31_536_000 };

/** The seconds of a duration as it is written in files and answers: `1h30m` → 5400; else `null`. */
export function seconds(text) {
  if (!/^(\d+(\.\d+)?(ms|[smhdwy]))+$/.test(text)) return null;
  let sum = 0;
  for (const [, number, , unit] of text.matchAll(/(\d+(\.\d+)?)(ms|[smhdwy])/g))
    sum += Number(number) * SIZES[unit];
  return sum;
}

/** A window's name as people say it: the daemon's `2s500ms` is 2.5s. */
export function windowName(text) {
  const length = seconds(text);
  return length === null ? text : duration(length);
}

/** What an SLO counts: events as a number, milliseconds as a duration. */
export function quantity(value, unit) {
  if (value === null || value === undefined) return UNKNOWN;
  return isTime(unit) ? duration(value / 1000) : count(value);
}

/** Whether an SLO counts time instead of events. */
export function isTime(unit) {
  return unit === "ms" || unit === "milliseconds";
}

/** `{a: "b"}` → `a="b"`, in the order of the names. */
export function labelList(labels) {
  return Object.entries(labels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name, value, text: `${name}: ${value}` }));
}

/** `1 alert`, `2 alerts`. */
export function plural(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

function trim(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function sign(value, text) {
  return value < 0 ? text.replace("-", "−") : text.replace("-", "");
}
