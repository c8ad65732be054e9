// Numbers as INDI writes them and as people type them.

// Whole digits behind the point that the precision of a `%m` stands for: 9 is hh:mm:ss.ss, 3 is hh:mm.
const FRACTIONS = { 9: 360000, 8: 36000, 6: 3600, 5: 600, 3: 60 };

const FORMAT = /%([-+ 0#]*)(\d*)(?:\.(\d+))?(?:h|l|ll)?([a-zA-Z])/;
const TYPED = /^([+-]?)\s*(\d+(?:\.\d*)?|\.\d+)(?:[\s:;h°d]+(\d+(?:\.\d*)?)(?:[\s:;m'′]+(\d+(?:\.\d*)?))?)?[\s:;hms°d'′"″]*$/i;
const PLAIN = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

// Write a number by its INDI format: printf's, or `%10.6m` for hours and degrees. Without the padding.
export function write(value, format = "%g") {
  const found = FORMAT.exec(format);
  if (!found) return short(value, 6);
  const [whole, flags, , precision, kind] = found;
  let text;
  if (kind === "m") text = sexagesimal(value, FRACTIONS[precision] ?? 3600);
  else if (kind === "f" || kind === "F") text = value.toFixed(Math.min(Number(precision ?? 6), 20));
  else if (kind === "e" || kind === "E") text = exponent(value.toExponential(Math.min(Number(precision ?? 6), 20)));
  else if (kind === "d" || kind === "i" || kind === "u") text = String(Math.trunc(value));
  else if (kind === "x" || kind === "X") text = Math.trunc(value).toString(16);
  else if (kind === "o") text = Math.trunc(value).toString(8);
  else text = short(value, Number(precision ?? 6) || 1);
  if (flags.includes("+") && value >= 0) text = "+" + text;
  return format.replace(whole, text).replace("%%", "%").trim();
}

function exponent(text) {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

function short(value, digits) {
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(digits)))));
  if (size < -4 || size >= digits) {
    return exponent(value.toExponential(digits - 1).replace(/\.?0+e/, "e"));
  }
  const text = value.toPrecision(digits);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function sexagesimal(value, base) {
  const all = Math.round(Math.abs(value) * base);
  const whole = Math.floor(all / base);
  const rest = all % base;
  const sign = value < 0 && all > 0 ? "-" : "";
  const two = (n) => String(n).padStart(2, "0");
  if (base === 60) return `${sign}${whole}:${two(rest)}`;
  if (base === 600) return `${sign}${whole}:${two(Math.floor(rest / 10))}.${rest % 10}`;
  const second = base / 60;
  const text = `${sign}${whole}:${two(Math.floor(rest / second))}:${two(Math.floor((rest % second) / (second / 60)))}`;
  if (base === 36000) return `${text}.${rest % 10}`;
  if (base === 360000) return `${text}.${two(rest % 100)}`;
  return text;
}

// Read what somebody typed: 12.5, -5:23:28, 5 30, 5h30m12s, -5°23'28". Null where it is no number.
export function read(text) {
  const typed = text.trim().replace(/^[−–]/, "-").replace(/^([+-]?\d+),(\d+)$/, "$1.$2");
  if (PLAIN.test(typed)) return Number(typed);
  const found = TYPED.exec(typed);
  if (!found) return null;
  const [, sign, whole, minutes = "0", seconds = "0"] = found;
  if (Number(minutes) >= 60 || Number(seconds) >= 60) return null;
  const value = Number(whole) + Number(minutes) / 60 + Number(seconds) / 3600;
  return sign === "-" ? -value : value;
}

// Say why a value may not be sent, "" where it may. A range of which both ends are equal is none.
export function complaint(value, item) {
  if (value === null) return "not a number";
  if (item.min < item.max && (value < item.min || value > item.max)) {
    return `from ${write(item.min, item.format)} to ${write(item.max, item.format)}`;
  }
  return "";
}

// Bytes for people.
export function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  while (count >= 1000 && step < units.length - 1) {
    count /= 1000;
    step += 1;
  }
  return `${step && count < 10 ? count.toFixed(1) : Math.round(count)} ${units[step]}`;
}

// A span for people: 4s, 12m, 3h 20m, 5d 2h.
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h`;
}
