// Beside the page: fetches and decodes images, and draws the part that is looked at.

import { parse } from "./fits.js";
import { fromFits, fromRgba, pyramid } from "./pixels.js";
import { render } from "./render.js";
import { automatic, linear, statistics, table } from "./stretch.js";

let fits = null; // what pixel values are read from
let levels = [];
let picture = null;
let colour = true;
let lastTable = { key: "", levels: null };

onmessage = async ({ data }) => {
  try {
    if (data.kind === "load") await load(data);
    else if (data.kind === "colour") build(data.colour);
    else if (data.kind === "draw") draw(data);
    else if (data.kind === "pixel") postMessage({ kind: "pixel", x: data.x, y: data.y, values: values(data.x, data.y) });
  } catch (error) {
    postMessage({ kind: "failed", url: data.url, text: error.message });
  }
};

async function load({ url, format }) {
  const response = await fetch(url);
  if (response.status === 410) throw new Error("replaced by a newer one");
  if (!response.ok) throw new Error(`the router answered ${response.status}`);
  let body = await response.arrayBuffer();
  if (format.endsWith(".z")) body = await inflate(body);
  const size = body.byteLength;
  fits = null;
  if (/^\.(fits|fit|fts)(\.z)?$/.test(format)) {
    fits = parse(body);
    picture = fromFits(fits);
  } else {
    picture = await decode(body);
  }
  build(colour, { url, size, cards: fits?.cards ?? [], bits: fits?.bits ?? 8 });
}

async function inflate(body) {
  return new Response(new Blob([body]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}

async function decode(body) {
  const bitmap = await createImageBitmap(new Blob([body])).catch(() => {
    throw new Error("this format cannot be shown here; it can be downloaded");
  });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return fromRgba(bitmap.width, bitmap.height, context.getImageData(0, 0, bitmap.width, bitmap.height).data);
}

function build(wanted, more = {}) {
  colour = wanted;
  if (!picture) return;
  levels = pyramid(picture, colour);
  const stats = statistics(picture.planes);
  postMessage({
    kind: "loaded", ...more, width: picture.width, height: picture.height, bayer: picture.bayer, colour,
    planes: picture.planes.length, low: picture.low, high: picture.high, histogram: stats.histogram, range: stats.range,
    automatic: automatic(stats), linear: linear(stats),
  });
}

function draw({ view, stretch }) {
  if (!picture) return;
  const key = JSON.stringify(stretch);
  if (lastTable.key !== key) lastTable = { key, levels: table(stretch) };
  const rgba = render(levels, view, lastTable.levels, colour);
  postMessage({ kind: "drawn", view, rgba }, [rgba.buffer]);
}

// What the file says of a pixel, one value for each plane.
function values(x, y) {
  if (!picture || x < 0 || y < 0 || x >= picture.width || y >= picture.height) return [];
  const at = y * picture.width + x;
  if (!fits) return picture.planes.map((plane) => Math.round(plane[at] / 257));
  const size = picture.width * picture.height;
  return picture.planes.map((_, plane) => fits.zero + fits.scale * fits.data[plane * size + at]);
}
