// How 16 bits become the 8 of a screen: statistics, the automatic stretch, and the table of levels.

const SAMPLES = 400000;
export const BINS = 256;

// {median, deviation, low, high, range, histogram} of planes of 16-bit pixels, from a part of them where there are many.
export function statistics(planes) {
  const counts = new Uint32Array(65536);
  let total = 0;
  for (const plane of planes) {
    const step = Math.max(1, Math.floor(plane.length / SAMPLES)) | 1; // odd: both columns of a Bayer picture
    for (let i = 0; i < plane.length; i += step, total++) counts[plane[i]]++;
  }
  const median = quantile(counts, total, 0.5);
  const [low, high] = [quantile(counts, total, 0), quantile(counts, total, 1)];
  const bright = quantile(counts, total, 0.9998);
  const range = { from: low, to: Math.max(low + BINS, Math.min(high, Math.round(low + (bright - low) * 1.3))) };
  const histogram = new Array(BINS).fill(0);
  const away = new Uint32Array(65536);
  for (let value = 0; value < 65536; value++) {
    if (!counts[value]) continue;
    if (value <= range.to) histogram[Math.min(BINS - 1, Math.floor(((value - range.from) * BINS) / (range.to - range.from)))] += counts[value];
    away[Math.abs(value - median)] += counts[value];
  }
  return {
    median: median / 65535,
    deviation: (quantile(away, total, 0.5) * 1.4826) / 65535,
    low: low / 65535,
    high: high / 65535,
    bright: bright / 65535,
    range: { from: range.from / 65535, to: range.to / 65535 },
    histogram,
  };
}

function quantile(counts, total, part) {
  let left = Math.max(1, total * part);
  for (let value = 0; value < 65536; value++) {
    left -= counts[value];
    if (left <= 0) return value;
  }
  return 65535;
}

// {black, mid, white} that bring the sky to a quarter of the light: the screen stretch that astronomers know.
export function automatic({ median, deviation, bright }) {
  const black = Math.max(0, median - 2.8 * (deviation || median * 0.02 || 1e-4));
  const white = Math.max(black + 1e-4, bright, median + 3 * deviation);
  const sky = (median - black) / (white - black);
  return { black, mid: sky > 0 ? clamp(midtones(0.25, sky)) : 0.5, white };
}

// The same picture without a curve, from its darkest to its brightest pixel.
export function linear({ low, high }) {
  return { black: low, mid: 0.5, white: Math.max(high, low + 1e-4) };
}

function clamp(value) {
  return Math.min(0.9999, Math.max(0.0001, value));
}

// The midtones transfer function: mid goes to a half, 0 and 1 stay.
export function midtones(mid, x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  return ((mid - 1) * x) / ((2 * mid - 1) * x - mid);
}

// The 8-bit level of each 16-bit value.
export function table({ black, mid, white }) {
  const levels = new Uint8ClampedArray(65536);
  for (let value = 0; value < 65536; value++) {
    levels[value] = Math.round(255 * midtones(mid, (value / 65535 - black) / (white - black)));
  }
  return levels;
}
