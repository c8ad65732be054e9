// The record as nights, from noon to noon of whoever looks: where each can be downloaded.

import { h } from "./dom.js";

const MOST = 31;
const DAY = 86400000; // ms

// The nights since `oldest` (ms), the newest first: {name, file, from, to}.
export function nights(oldest, now = Date.now(), most = MOST) {
  const found = [];
  for (let noon = lastNoon(now); found.length < most; noon = lastNoon(noon - DAY / 2)) {
    const next = lastNoon(noon + DAY * 1.5);
    if (next <= oldest) break;
    const [from, to] = [new Date(noon), new Date(next)];
    const month = (date, keys) => date.toLocaleDateString("en-GB", keys);
    const last = month(to, { day: "numeric", month: "short", year: "numeric" });
    const first = month(from, from.getMonth() === to.getMonth() ? { day: "numeric" } : { day: "numeric", month: "short" });
    found.push({ name: `${first} to ${last}`, file: `night-${day(from)}`, from: from.toISOString(), to: to.toISOString() });
  }
  return found;
}

// The last noon before a time, in the time zone of the browser: a day there may have 23 or 25 hours.
function lastNoon(time) {
  const noon = new Date(time);
  noon.setHours(12, 0, 0, 0);
  if (noon.getTime() > time) noon.setDate(noon.getDate() - 1);
  return noon.getTime();
}

function day(date) {
  const two = (n) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

// A row for each night, with what it can be had as.
export function rows(oldest, now = Date.now()) {
  return nights(oldest, now).map(({ name, file, from, to }) => {
    const link = (ending, text) => h("a.button.quiet", { href: `/night.${ending}?${new URLSearchParams({ from, to })}`,
      download: `${file}.${ending}`, "aria-label": `${name} as ${text}` }, text);
    return h("li", { dataset: { night: file } }, h("div.row", {}, h("strong", {}, name), h("span.more", {}, link("csv", "CSV"), link("jsonl", "JSON lines"))));
  });
}
