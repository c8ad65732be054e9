// The last minutes of numbers, as lines.

import { h } from "./dom.js";
import { write } from "./numbers.js";

const KEPT = 10 * 60 * 1000; // ms
const POINTS = 600;
const SERIES = 400;

// What numbers were, one point a second at most, for ten minutes; the series that moved last are kept.
export class Trends {
  constructor() {
    this._series = new Map();
  }

  // Take the numbers of a property as they are now.
  note(property, now = Date.now()) {
    if (property.kind !== "Number") return;
    for (const item of property.items) {
      if (item.invalid) continue;
      const key = `${property.device}\n${property.name}\n${item.name}`;
      let points = this._series.get(key);
      const last = points?.at(-1);
      if (last && last[1] === item.value) continue;
      if (!points) points = [];
      this._series.delete(key);
      this._series.set(key, points);
      if (last && now - last[0] < 1000 && points.length > 1) points[points.length - 1] = [last[0], item.value];
      else points.push([now, item.value]);
      while (points.length > POINTS || (points.length > 1 && now - points[1][0] > KEPT)) points.shift();
      if (this._series.size > SERIES) this._series.delete(this._series.keys().next().value);
    }
  }

  // The points of a number, [ms, value] each; those that are too old are left out.
  points(property, item, now = Date.now()) {
    const points = this._series.get(`${property.device}\n${property.name}\n${item.name}`) ?? [];
    const first = points.findIndex(([time]) => now - time <= KEPT);
    return first < 0 ? points.slice(-1) : points.slice(Math.max(0, first - 1));
  }
}

// The path of a line through the points, in a box of this size: steps, as a value stays until the next one.
export function line(points, width, height, now = Date.now(), frame = 2) {
  if (!points.length) return "";
  const begin = Math.max(points[0][0], now - KEPT);
  const { low, high } = range(points);
  const x = (time) => ((Math.max(time, begin) - begin) / Math.max(1, now - begin)) * width;
  const y = (value) => height - frame - ((value - low) / (high - low)) * (height - 2 * frame);
  const steps = points.map(([time, value], i) => {
    const at = `${x(time).toFixed(1)} ${y(value).toFixed(1)}`;
    return i ? `H${x(time).toFixed(1)}V${y(value).toFixed(1)}` : `M${at}`;
  });
  return `${steps.join("")}H${width}`;
}

export function range(points) {
  let low = Infinity;
  let high = -Infinity;
  for (const [, value] of points) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low < high ? { low, high } : { low: low - 1, high: high + 1 };
}

// A small line beside a number.
export function spark(points) {
  return h("svg.spark", { viewBox: "0 0 64 20", preserveAspectRatio: "none", "aria-hidden": "true" },
    h("path", { d: line(points, 64, 20) }));
}

// The same, large, with what is highest and lowest.
export function chart(points, item) {
  const { low, high } = range(points);
  const minutes = points.length ? Math.min(KEPT, Date.now() - points[0][0]) / 60000 : 0;
  const label = `${item.label}: ${write(low, item.format)} to ${write(high, item.format)} in ${Math.ceil(minutes)} min`;
  return h("figure.chart", {},
    h("svg", { viewBox: "0 0 320 96", preserveAspectRatio: "none", role: "img", "aria-label": label },
      h("path", { d: line(points, 320, 96, Date.now(), 6) })),
    h("figcaption", {}, h("span", {}, write(low, item.format)), h("span", {}, `last ${Math.max(1, Math.ceil(minutes))} min`),
      h("span", {}, write(high, item.format))));
}
