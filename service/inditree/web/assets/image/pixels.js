// Pixels as they are shown: 16 bits each, top row first, in planes, with smaller copies of themselves.

// A picture: {width, height, planes: [Uint16Array, ...], bayer}; `bayer` names the colours of the upper left four pixels.

// Of a FITS file that was parsed.
export function fromFits(fits) {
  const { width, height, planes, data } = fits;
  const size = width * height;
  const { low, high } = data instanceof Uint8Array ? { low: 0, high: 255 } : data instanceof Uint16Array ? { low: 0, high: 65535 } : extent(data);
  const factor = 65535 / (high - low || 1);
  const made = [];
  for (let plane = 0; plane < planes; plane++) {
    const source = data.subarray(plane * size, (plane + 1) * size);
    made.push(source instanceof Uint16Array ? source : scaled(source, low, factor));
  }
  return { width, height, planes: made, bayer: fits.bayer, low, high };
}

function extent(data) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < data.length; i++) {
    const v = data[i];
    if (v < low) low = v;
    if (v > high && v !== Infinity) high = v;
  }
  return low < high ? { low, high } : { low: 0, high: 1 };
}

function scaled(source, low, factor) {
  const made = new Uint16Array(source.length);
  for (let i = 0; i < source.length; i++) made[i] = (source[i] - low) * factor; // NaN becomes 0
  return made;
}

// Of RGBA bytes, as a browser decodes JPEG and PNG.
export function fromRgba(width, height, rgba) {
  const planes = [0, 1, 2].map((channel) => {
    const made = new Uint16Array(width * height);
    for (let i = 0; i < made.length; i++) made[i] = rgba[i * 4 + channel] * 257;
    return made;
  });
  const grey = planes[0].every((v, i) => v === planes[1][i] && v === planes[2][i]);
  return { width, height, planes: grey ? planes.slice(0, 1) : planes, bayer: "", low: 0, high: 255 };
}

// The picture and its halves, down to a few hundred pixels. Of a Bayer picture the halves are in colour.
export function pyramid(picture, colour) {
  const levels = [picture];
  let last = picture;
  while (Math.max(last.width, last.height) > 512) {
    last = levels.length === 1 && colour && picture.bayer ? quads(picture) : half(last);
    levels.push(last);
  }
  if (levels.length === 1 && colour && picture.bayer) levels.push(quads(picture));
  return levels;
}

function half({ width, height, planes }) {
  const w = Math.max(1, width >> 1);
  const h = Math.max(1, height >> 1);
  const down = height > 1 ? width : 0;
  const right = width > 1 ? 1 : 0;
  const made = planes.map((plane) => {
    const out = new Uint16Array(w * h);
    for (let y = 0, to = 0; y < h; y++) {
      for (let x = 0, at = y * 2 * width; x < w; x++, at += 2) {
        out[to++] = (plane[at] + plane[at + right] + plane[at + down] + plane[at + down + right]) >> 2;
      }
    }
    return out;
  });
  return { width: w, height: h, planes: made, bayer: "" };
}

// Each four pixels of a Bayer picture as one in colour.
export function quads({ width, height, planes: [plane], bayer }) {
  const w = width >> 1;
  const h = height >> 1;
  const at = [0, 1, width, width + 1];
  const where = (colour) => at.filter((_, i) => bayer[i] === colour);
  const made = ["R", "G", "B"].map((colour) => {
    const [a, b] = [where(colour)[0] ?? 0, where(colour).at(-1) ?? 0];
    const out = new Uint16Array(w * h);
    for (let y = 0, to = 0; y < h; y++) {
      for (let x = 0, from = y * 2 * width; x < w; x++, from += 2) out[to++] = (plane[from + a] + plane[from + b]) >> 1;
    }
    return out;
  });
  return { width: w, height: h, planes: made, bayer: "" };
}

// The colour of one pixel of a Bayer picture, from its neighbours.
export function mosaic({ width, height, planes: [plane], bayer }, x, y) {
  const sums = { R: 0, G: 0, B: 0 };
  const counts = { R: 0, G: 0, B: 0 };
  for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
    for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
      const colour = bayer[((v & 1) << 1) | (u & 1)];
      sums[colour] += plane[v * width + u];
      counts[colour] += 1;
    }
  }
  const own = bayer[((y & 1) << 1) | (x & 1)];
  sums[own] = plane[y * width + x];
  counts[own] = 1;
  return [sums.R / (counts.R || 1), sums.G / (counts.G || 1), sums.B / (counts.B || 1)];
}
