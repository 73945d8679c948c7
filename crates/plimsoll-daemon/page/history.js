// A history as it can be drawn. The daemon leaves out what it knows nothing of; a line must not be
// drawn across that, and it has to be shown as not seen. Pure.

/** Below this part of a stretch seen, the stretch is hatched. */
const SEEN = 0.999;

/**
 * Adds to points of `{at, …}`, oldest first, what a chart needs of the range `{from, to}` in
 * milliseconds: `points` with an empty one where a gap begins, `times` in seconds, and `unseen`, the
 * stretches `[from, to]` of which something wasn't seen.
 */
export function complete(points, range, step) {
  const starts = points.map(({ at }) => Date.parse(at));
  const whole = { points: [], times: [], unseen: [] };
  const see = (point, from, to) => {
    whole.points.push(point);
    whole.times.push(from / 1000);
    if (!(point.coverage >= SEEN)) hatch(whole.unseen, from, to);
  };
  if (starts.length === 0 || starts[0] - range.from > 2 * step * 1000) {
    hatch(whole.unseen, range.from, starts[0] ?? range.to);
  }
  points.forEach((point, index) => {
    const next = starts[index + 1] ?? range.to;
    // The newest stretches may still be on their way.
    const patience = index + 1 < starts.length ? 1.5 : 3;
    const reach = starts[index] + stretch(starts, index, step) * patience;
    const end = next <= reach ? next : starts[index] + stretch(starts, index, step);
    see(point, starts[index], end);
    if (end < next) see(EMPTY, end, next);
  });
  return whole;
}

const EMPTY = { burn: null, remaining: null, coverage: null };

// Old history is kept in longer stretches than were asked for, so a point's length is that of the
// shorter of its neighbours.
function stretch(starts, index, step) {
  const before = index > 0 ? starts[index] - starts[index - 1] : Infinity;
  const after = index + 1 < starts.length ? starts[index + 1] - starts[index] : Infinity;
  const usual = Math.min(before, after);
  return Math.max(step * 1000, Number.isFinite(usual) ? usual : 0);
}

function hatch(unseen, from, to) {
  const last = unseen.at(-1);
  if (last && last[1] >= from) last[1] = to;
  else unseen.push([from, to]);
}
