// Cards in columns of about the same height. One that grows moves what is below it, and none to another column, so that
// nothing jumps away from under a finger: columns are made anew only where cards come or go, or the room changes.

import { arrange, h } from "./dom.js";

const LEAST = 336; // px of a column
const ROW = 34; // px of a member

export class Columns {
  constructor(node) {
    this.node = node;
    this.cards = []; // [node, about how high it is]
    this.count = 1;
    new ResizeObserver(() => this._fit()).observe(node);
  }

  // Have these cards, in this order: down the first column, then down the next.
  show(cards) {
    this.cards = cards;
    this._split();
  }

  _fit() {
    const count = Math.max(1, Math.floor(this.node.clientWidth / LEAST));
    if (count === this.count || !this.node.clientWidth) return;
    this.count = count;
    this._split();
  }

  _split() {
    const held = document.activeElement;
    const parts = split(this.cards.map(([, height]) => height), this.count);
    const columns = parts.map((_, at) => this.node.children[at] ?? h("div.column"));
    arrange(this.node, columns);
    let first = 0;
    parts.forEach((size, at) => {
      arrange(columns[at], this.cards.slice(first, first + size).map(([node]) => node));
      first += size;
    });
    if (held !== document.activeElement && this.node.contains(held)) held.focus({ preventScroll: true });
  }
}

// How many of these go into each column, so that none is much higher than another.
export function split(heights, count) {
  const whole = heights.reduce((sum, each) => sum + each, 0);
  const found = Array(count).fill(0);
  let above = 0;
  for (const height of heights) {
    const at = whole ? Math.min(count - 1, Math.floor(((above + height / 2) / whole) * count)) : 0;
    found[at] += 1;
    above += height;
  }
  return found;
}

// About how high a property's card is, in px: what it says later does not count.
export function height({ kind, perm, items }, brief) {
  if (brief) return 64;
  if (kind === "Switch") return 56 + ROW * Math.ceil(items.reduce((sum, item) => sum + item.label.length + 6, 0) / 44);
  const sends = perm !== "ro" && kind !== "Light" && kind !== "BLOB";
  return 50 + ROW * items.length + (sends && items.length > 1 ? 42 : 0);
}
