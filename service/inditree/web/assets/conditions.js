// Conditions of the observatory as text: which values they read, and what these are now.

import { write } from "./numbers.js";

const STATES = ["Idle", "Ok", "Busy", "Alert"];
const NAMES = /'[^']*'|clients\s*\(\s*"[^"]*"\s*\)|"([^"]*)"/g;

// The values that a condition reads, each once: {text, device, property, member}.
export function operands(condition) {
  const found = new Map();
  for (const [, text] of condition.matchAll(NAMES)) {
    if (text === undefined || found.has(text)) continue;
    const parts = text.split(".");
    const [member, property] = [parts.pop(), parts.pop()];
    found.set(text, { text, device: parts.join("."), property, member });
  }
  return [...found.values()];
}

// What an operand is now, as people read it; "not defined" where it is not there.
export function present(store, { device, property, member }) {
  const known = store.property(device, property);
  if (known && member === "_STATE") return `${known.state} (${STATES.indexOf(known.state)})`;
  if (known && member === "_TS") return known.timestamp ?? "no time stamp";
  const item = known?.items.find((each) => each.name === member);
  if (!item) return "not defined";
  if (known.kind === "Switch") return item.value ? "On (1)" : "Off (0)";
  if (known.kind === "Number") return item.invalid ? "no number" : write(item.value, item.format);
  return known.kind === "Light" ? `${item.value} (${STATES.indexOf(item.value)})` : String(item.value);
}

// Does a pattern of `refuse` (Dome.DOME_SHUTTER.SHUTTER_OPEN=On; a part in quotes is itself) name this property?
export function guards(pattern, device, property) {
  const parts = split(pattern);
  const [, name] = [parts.pop(), parts.pop()];
  return name !== undefined && fits(parts.join("\\."), device) && fits(name, property);
}

// The parts between dots, up to a comparison, as sources of regular expressions.
function split(pattern) {
  const parts = [""];
  for (const [sign, quoted] of pattern.matchAll(/"([^"]*)"|\[[^\]]*\]|[^]/g)) {
    if (quoted === undefined && /[=!<>]/.test(sign[0])) break;
    if (sign === ".") parts.push("");
    else parts[parts.length - 1] += quoted === undefined ? source(sign) : escape(quoted);
  }
  return parts;
}

function source(sign) {
  if (sign === "*") return ".*";
  if (sign === "?") return ".";
  return sign.length > 2 && sign[0] === "[" ? sign.replaceAll("\\", "\\\\") : escape(sign);
}

function escape(text) {
  return text.replace(/[\\^$*+?.()|{}[\]]/g, "\\$&");
}

function fits(text, name) {
  try {
    return new RegExp(`^(?:${text})$`, "s").test(name);
  } catch {
    return false;
  }
}
