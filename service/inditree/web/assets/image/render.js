// A part of a picture as the RGBA bytes of a canvas.

import { mosaic } from "./pixels.js";

// `view` is {x, y, scale, width, height}: the picture's point in the upper left corner, screen pixels for one of the
// picture's, and the size of the canvas. `levels` come from `pyramid`, `table` from `stretch.js`.
export function render(levels, view, table, colour) {
  const out = new Uint32Array(view.width * view.height);
  const level = Math.min(levels.length - 1, Math.max(0, Math.floor(Math.log2(1 / view.scale) + 0.01)));
  const source = levels[level];
  const shrink = 2 ** level;
  const columns = new Int32Array(view.width);
  for (let i = 0; i < view.width; i++) columns[i] = Math.floor((view.x + (i + 0.5) / view.scale) / shrink);
  const bayer = colour && source.bayer;
  for (let j = 0; j < view.height; j++) {
    const y = Math.floor((view.y + (j + 0.5) / view.scale) / shrink);
    if (y < 0 || y >= source.height) continue;
    if (bayer) mosaicRow(out, j * view.width, columns, source, y, table);
    else row(out, j * view.width, columns, source, y, table);
  }
  return new Uint8ClampedArray(out.buffer);
}

function row(out, to, columns, { width, planes }, y, table) {
  const base = y * width;
  const [a, b = a, c = a] = planes;
  for (let i = 0; i < columns.length; i++) {
    const x = columns[i];
    if (x < 0 || x >= width) continue;
    const at = base + x;
    out[to + i] = 0xff000000 | (table[c[at]] << 16) | (table[b[at]] << 8) | table[a[at]];
  }
}

function mosaicRow(out, to, columns, source, y, table) {
  for (let i = 0; i < columns.length; i++) {
    const x = columns[i];
    if (x < 0 || x >= source.width) continue;
    const [r, g, b] = mosaic(source, x, y);
    out[to + i] = 0xff000000 | (table[b | 0] << 16) | (table[g | 0] << 8) | table[r | 0];
  }
}
