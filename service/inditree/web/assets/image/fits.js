// FITS in the browser: header, and the pixels of the first image in it.

const BLOCK = 2880;
const CARD = 80;

// Read a file: {cards: [[key, value, comment]], width, height, planes, data, zero, scale, bayer}. `data` is a typed array
// in the order of the file, whose first row is shown on top; a pixel is zero + scale * data[i]. Throws what is wrong.
export function parse(buffer) {
  let at = 0;
  while (at < buffer.byteLength) {
    const { cards, end } = header(buffer, at);
    const get = (key) => cards.find((card) => card[0] === key)?.[1];
    const axes = Number(get("NAXIS") ?? 0);
    const sizes = Array.from({ length: axes }, (_, i) => Number(get(`NAXIS${i + 1}`)));
    const bits = Number(get("BITPIX"));
    const count = sizes.length ? sizes.reduce((a, b) => a * b, 1) : 0;
    if (axes >= 2 && count && get("XTENSION")?.trim() !== "BINTABLE") {
      const [width, height] = sizes;
      const planes = axes > 2 && sizes[2] === 3 ? 3 : 1;
      const zero = Number(get("BZERO") ?? 0);
      const data = pixels(buffer, end, bits, width * height * planes, zero);
      const plain = data instanceof Uint16Array;
      return { cards, width, height, planes, data, bits, zero: plain ? 0 : zero, scale: Number(get("BSCALE") ?? 1), bayer: bayer(get, planes) };
    }
    const size = (Math.abs(bits) / 8) * (Number(get("GCOUNT") ?? 1)) * (Number(get("PCOUNT") ?? 0) + count);
    at = end + Math.ceil(size / BLOCK) * BLOCK;
  }
  throw new Error("no image in this file");
}

function header(buffer, from) {
  const cards = [];
  for (let at = from; at + CARD <= buffer.byteLength; at += CARD) {
    const text = String.fromCharCode(...new Uint8Array(buffer, at, CARD));
    if (at === from && !/^(SIMPLE {2}=|XTENSION=)/.test(text)) throw new Error("not a FITS file");
    if (text.startsWith("END ") || text.trim() === "END") {
      return { cards, end: from + Math.ceil((at + CARD - from) / BLOCK) * BLOCK };
    }
    if (text.trim()) cards.push(card(text));
  }
  throw new Error("the FITS header has no end");
}

// One line of a header: key, value, comment.
export function card(text) {
  const key = text.slice(0, 8).trim();
  if (text.slice(8, 10) !== "= ") return [key, "", text.slice(8).trim()];
  const rest = text.slice(10);
  const quoted = /^\s*'((?:[^']|'')*)'\s*(?:\/(.*))?$/.exec(rest);
  if (quoted) return [key, quoted[1].replaceAll("''", "'").trimEnd(), (quoted[2] ?? "").trim()];
  const [value, ...comment] = rest.split("/");
  return [key, value.trim(), comment.join("/").trim()];
}

function pixels(buffer, at, bits, count, zero) {
  const size = Math.abs(bits) / 8;
  if (at + count * size > buffer.byteLength) throw new Error("the file ends inside the image");
  const view = buffer.slice(at, at + count * size);
  if (bits === 8) return new Uint8Array(view);
  if (bits === 16) return words(view, zero);
  const source = new DataView(view);
  if (bits === 32) return fill(new Int32Array(count), (i) => source.getInt32(i * 4));
  if (bits === -32) return fill(new Float32Array(count), (i) => source.getFloat32(i * 4));
  if (bits === -64) return fill(new Float32Array(count), (i) => source.getFloat64(i * 8));
  throw new Error(`pixels of ${bits} bits are not known`);
}

// Big-endian to ours; those with BZERO 32768 are unsigned.
function words(view, zero) {
  const data = new Uint16Array(view);
  const sign = zero === 32768 ? 0x8000 : 0;
  for (let i = 0; i < data.length; i++) {
    const v = data[i];
    data[i] = (((v << 8) | (v >> 8)) & 0xffff) ^ sign;
  }
  return sign ? data : new Int16Array(view);
}

function fill(data, value) {
  for (let i = 0; i < data.length; i++) data[i] = value(i);
  return data;
}

// Where the colours of the first row stand, "" for a mono image.
function bayer(get, planes) {
  const pattern = (get("BAYERPAT") ?? get("COLORTYP") ?? "").trim().toUpperCase();
  if (planes !== 1 || !/^[RGB]{4}$/.test(pattern)) return "";
  const x = Number(get("XBAYROFF") ?? 0) & 1;
  const y = Number(get("YBAYROFF") ?? 0) & 1;
  return [0, 1, 2, 3].map((i) => pattern[((((i >> 1) + y) & 1) << 1) | ((i + x) & 1)]).join("");
}
