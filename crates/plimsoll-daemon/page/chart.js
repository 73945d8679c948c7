// The charts of an SLO: budget left and burn over time, with marks for deploys and alerts, and
// hatching where nothing was seen. They are drawn by uPlot, which lies in vendor/.

import * as format from "./format.js";
import { timeZone } from "./time.js";

const HEIGHT = 220;
const HEIGHT_SMALL = 190;
/** The room above a plot, in which the marks' words stand, in this many rows. */
const HEADROOM = 48;
const MARK_ROWS = 3;
const LABEL_CHARS_MAX = 28;

/** Chart by the element that holds it; what makes a new one necessary is its signature. */
const drawn = new Map();

/** Draws what is left of the budget. */
export function drawBudget(node, input) {
  const points = input.history.points;
  const low = points.map(({ remaining }) => bound(remaining, "low"));
  const high = points.map(({ remaining }) => bound(remaining, "high"));
  const least = Math.min(0, ...low.filter((value) => value !== null));
  draw(node, input, [low, high], {
    color: "--accent",
    scale: { range: [least < 0 ? least * 1.08 : 0, 1.02] },
    values: (value) => format.percent(value, 0),
    legend: (value) => format.percent(value, 2),
    names: ["Left", "at most"],
    lines: [{ value: 0, color: "--page" }],
  });
}

/** Draws the burn of each step; the axis is linear near 1 and logarithmic above, since both matter. */
export function drawBurn(node, input) {
  const points = input.history.points;
  const low = points.map(({ burn }) => bound(burn, "low"));
  const high = points.map(({ burn }) => bound(burn, "high"));
  const thresholds = (input.slo.policy ?? []).map(({ burn, severity }) => ({
    value: burn,
    color: `--${severity}`,
  }));
  const top = Math.max(
    20,
    ...thresholds.map(({ value }) => value * 1.4),
    ...high.concat(low).filter((value) => value !== null),
  );
  draw(node, input, [low, high], {
    color: "--ink",
    scale: { distr: 4, asinh: 1, range: [0, top * 1.1] },
    splits: () =>
      [...new Set([0, 1, ...thresholds.map(({ value }) => value), 100, 1_000, 10_000])]
        .filter((value) => value <= top * 1.1)
        .sort((a, b) => a - b),
    values: format.burn,
    legend: format.burn,
    names: ["Burn", "at most"],
    lines: thresholds,
    fill: true,
  });
}

// A point's number is one value, or the interval that the truth lies in.
function bound(value, end) {
  const number = typeof value === "object" ? value?.[end] : value;
  return number ?? null;
}

function draw(node, input, columns, look) {
  sweep();
  const { history, page } = input;
  const data = [history.times, ...columns];
  const signature = JSON.stringify([page.theme, page.zone, input.slo.id, look.names, look.scale.distr]);
  let chart = drawn.get(node);
  if (!chart || chart.signature !== signature) {
    chart?.plot.destroy();
    chart = { signature, input, look, data: null };
    chart.plot = create(node, chart);
    drawn.set(node, chart);
    observer.observe(node);
  }
  const stamp = `${history.stamp} ${input.marks.length}`;
  chart.input = input;
  chart.look = look;
  if (chart.stamp !== stamp) chart.plot.setData(data);
  chart.stamp = stamp;
}

// The view that held a chart may be gone; its listeners on the window have to go with it.
function sweep() {
  for (const [node, chart] of drawn) {
    if (node.isConnected) continue;
    chart.plot.destroy();
    observer.unobserve(node);
    drawn.delete(node);
  }
}

const observer = new ResizeObserver((entries) => {
  for (const { target } of entries) drawn.get(target)?.plot.setSize(size(target));
});

function size(node) {
  return { width: Math.max(200, node.clientWidth), height: node.clientWidth < 500 ? HEIGHT_SMALL : HEIGHT };
}

function create(node, chart) {
  const paint = palette(node);
  const { look, input } = chart;
  const zone = timeZone(input.page.zone);
  const axis = {
    stroke: paint("--muted"),
    grid: { stroke: paint("--line"), width: 1 },
    ticks: { stroke: paint("--line"), width: 1 },
  };
  const series = (name, extra) => ({
    label: name,
    stroke: paint(look.color),
    width: 1.6,
    points: { show: false },
    value: (_, value, __, at) => (at === null ? "—" : look.legend(value)),
    ...extra,
  });
  return new uPlot(
    {
      ...size(node),
      padding: [HEADROOM, 24, 0, 0],
      tzDate: zone ? (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone) : undefined,
      cursor: { sync: { key: "slo" }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
      scales: {
        x: { range: () => span(chart) },
        y: { ...look.scale, range: () => chart.look.scale.range },
      },
      axes: [
        { ...axis, values: TIME_VALUES, space: 70 },
        {
          ...axis,
          size: 58,
          values: (_, splits) => splits.map((value) => (value === null ? "" : look.values(value))),
          ...(look.splits ? { splits: () => chart.look.splits(), filter: apart } : {}),
        },
      ],
      series: [
        { label: "Time", value: (_, value) => (value === null ? "—" : clock(value, zone)) },
        series(look.names[0], look.fill ? { fill: paint(look.color, 0.12) } : {}),
        series(look.names[1], { width: 0.8, dash: [3, 3] }),
      ],
      bands: [{ series: [2, 1], fill: paint(look.color, 0.14) }],
      hooks: {
        drawClear: [(plot) => hatch(plot, chart, paint)],
        draw: [(plot) => lines(plot, chart, paint), (plot) => flags(plot, chart, paint)],
        setSelect: [(plot) => zoom(plot, chart)],
      },
    },
    [[], [], []],
    node,
  );
}

function span(chart) {
  const { from, to } = chart.input.history.range ?? { from: 0, to: 1_000 };
  return [from / 1000, to / 1000];
}

const HOUR_S = 3_600;
// Twenty-four hours and the day first: the charts' own American order would be read wrongly elsewhere.
const TIME_VALUES = [
  [86_400, "{D} {MMM}", null, null, null, null, null, null, 1],
  [HOUR_S, "{HH}:{mm}", "\n{D} {MMM}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{D} {MMM}", null, null, null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", "\n{D} {MMM}", null, null, null, null, null, 1],
];

function clock(seconds, zone) {
  return new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZone: zone,
  }).format(seconds * 1000);
}

/** Leaves out the labels that would overlap the one below. */
function apart(plot, splits) {
  let last = Infinity;
  return splits.map((value) => {
    const y = plot.valToPos(value, "y");
    if (last - y < 13) return null;
    last = y;
    return value;
  });
}

// The canvas knows no variables and no `light-dark()`: the element's computed colour does.
function palette(node) {
  const cache = new Map();
  return (name, alpha = 1) => {
    const key = `${name} ${alpha}`;
    if (!cache.has(key)) {
      node.style.color =
        alpha === 1 ? `var(${name})` : `color-mix(in srgb, var(${name}) ${alpha * 100}%, transparent)`;
      cache.set(key, getComputedStyle(node).color);
      node.style.color = "";
    }
    return cache.get(key);
  };
}

/** Hatches what wasn't seen, or not in full. */
function hatch(plot, chart, paint) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  for (const [from, to] of chart.input.history.unseen) {
    const x = plot.valToPos(from / 1000, "x", true);
    ctx.rect(x, bbox.top, Math.max(1, plot.valToPos(to / 1000, "x", true) - x), bbox.height);
  }
  ctx.clip();
  ctx.beginPath();
  const gap = 7 * devicePixelRatio;
  for (let x = bbox.left - bbox.height; x < bbox.left + bbox.width; x += gap) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  ctx.strokeStyle = paint("--muted", 0.32);
  ctx.lineWidth = devicePixelRatio;
  ctx.stroke();
  ctx.restore();
}

/** Draws the thresholds. */
function lines(plot, chart, paint) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.lineWidth = devicePixelRatio;
  for (const { value, color } of chart.look.lines) {
    const y = Math.round(plot.valToPos(value, "y", true)) + 0.5;
    if (!(y >= bbox.top && y <= bbox.top + bbox.height)) continue;
    stroke(ctx, paint(color), bbox.left, y, bbox.left + bbox.width, y);
  }
  ctx.restore();
}

const MARK_COLORS = { page: "--page", ticket: "--ticket", notice: "--notice", resolved: "--ok" };

/** Draws the marks: a line each, with its words above the plot, a row higher where they would overlap. */
function flags(plot, chart, paint) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
  const ends = Array(MARK_ROWS).fill(-Infinity);
  for (const { at, kind, text } of chart.input.marks) {
    const x = Math.round(plot.valToPos(at / 1000, "x", true)) + 0.5;
    const label = text.length > LABEL_CHARS_MAX ? `${text.slice(0, LABEL_CHARS_MAX)}…` : text;
    const color = paint(MARK_COLORS[kind] ?? "--accent");
    const width = ctx.measureText(label).width + 8 * ratio;
    const left = Math.min(x, bbox.left + bbox.width - width);
    const row = ends.findIndex((end) => end <= left);
    const top = bbox.top - (row < 0 ? 2 : (row + 1) * 15) * ratio;
    stroke(ctx, color, x, top, x, bbox.top + bbox.height);
    // Where even the last row is taken the line stands alone; the list below the charts has its words.
    if (row < 0) continue;
    ends[row] = left + width;
    ctx.fillStyle = color;
    ctx.fillText(label, left + 4 * ratio, top + ratio);
  }
  ctx.restore();
}

function stroke(ctx, color, x1, y1, x2, y2) {
  ctx.strokeStyle = color;
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}

function zoom(plot, chart) {
  const { left, width } = plot.select;
  if (width < 8) return;
  const from = plot.posToVal(left, "x") * 1000;
  const to = plot.posToVal(left + width, "x") * 1000;
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  chart.input.page.change({ range: "", from: new Date(from).toISOString(), to: new Date(to).toISOString() });
}
