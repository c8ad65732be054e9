// All devices at a glance: connected or not, what each is doing, its newest image.

import { news } from "./automation.js";
import { arrange, h, patch, setAttribute, setText } from "./dom.js";
import { abortOf, condition, connection, filterName, STALE, telling, why } from "./knowledge.js";
import { clock } from "./messages.js";
import { bytes, write } from "./numbers.js";

const WORDS = { Off: "Not connected", Stale: "Stale", Ok: "Ready", Busy: "Busy", Alert: "Alert" };

export class Overview {
  constructor(context) {
    this.context = context;
    this.tiles = new Map();
    this.grid = h("div.tiles");
    this.lead = h("p.lead");
    this.news = h("div.chips.news");
    this.all = h("button.connect", { type: "button", onclick: () => this.connectAll() }, "Connect all");
    this.node = h("article.overview", {},
      h("header.head", {}, h("h2", {}, "Observatory"), this.lead, h("div.acts", {}, this.all)), this.news, this.grid);
  }

  // Bring everything up to date, or only the tiles of these devices.
  update(names = null) {
    const { store } = this.context;
    const known = [...store.devices.keys()].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
    if (!names) {
      for (const name of this.tiles.keys()) if (!store.devices.has(name)) this.tiles.delete(name);
      arrange(this.grid, known.map((name) => this._tile(name).node));
    }
    for (const name of names ?? known) this.tiles.get(name)?.update(store.devices.get(name));
    this._lead(store, known);
    this._news(store);
  }

  // Interlocks that refuse and reactions that are under way.
  _news({ status, toldAt }) {
    patch(this.news, h("div", {}, news(status, (Date.now() - toldAt) / 1000).map(({ kind, name, word, state }) =>
      h("button.chip", { type: "button", dataset: { state, name }, onclick: () => this.context.go("automation") },
        h("span", {}, `${kind} ${name}`), h("strong", {}, word)))));
  }

  _lead(store, known) {
    const states = known.map((name) => connection(store.devices.get(name)));
    const off = states.filter((each) => each && !each.connected).length;
    const parts = [`${known.length} ${known.length === 1 ? "device" : "devices"}`];
    if (off) parts.push(`${off} not connected`);
    setText(this.lead, known.length ? parts.join(", ") : "No driver has defined a device yet.");
    this.all.hidden = !off;
  }

  connectAll() {
    for (const properties of this.context.store.devices.values()) {
      const state = connection(properties);
      if (state && !state.connected) this.context.connect(state.property, true);
    }
  }

  _tile(name) {
    let tile = this.tiles.get(name);
    if (!tile) this.tiles.set(name, (tile = new Tile(name, this.context)));
    return tile;
  }
}

class Tile {
  constructor(name, context) {
    this.name = name;
    this.context = context;
    this.word = h("span.state");
    this.values = h("dl");
    this.note = h("p.note");
    this.connect = h("button.connect", { type: "button", onclick: () => this.toggle() });
    this.abort = h("button.abort", { type: "button", onclick: () => context.abort([abortOf(this.properties)]) }, "Abort");
    this.node = h("section.tile", { dataset: { device: name }, "aria-label": name },
      h("header", {}, h("button.open", { type: "button", onclick: () => context.go("device", name) }, name), this.word),
      this.values, this.note, h("footer", {}, this.connect, this.abort));
  }

  update(properties) {
    this.properties = properties;
    if (!properties) return;
    const row = this.context.store.row(this.name);
    const state = condition(properties, row);
    setAttribute(this.node, "data-state", state);
    setText(this.word, WORDS[state]);
    this._show(state === "Off" ? [] : lines(properties, row));
    const bad = [...properties.values()].find((each) => each.state === "Alert");
    setText(this.note, state === "Alert" ? [bad.label, why(bad)].filter(Boolean).join(": ")
      : state === "Stale" ? STALE
      : row?.ready === false ? `Not in its desired state: ${row.reason}` : "");
    setAttribute(this.note, "data-quiet", state === "Alert" ? null : "");
    const link = connection(properties);
    this.connect.hidden = !link || link.connected;
    setText(this.connect, link?.property.state === "Busy" ? "Connecting…" : "Connect");
    this.abort.hidden = !abortOf(properties) || state === "Off";
  }

  _show(rows) {
    const text = JSON.stringify(rows);
    if (text === this.shown) return;
    this.shown = text;
    patch(this.values, h("dl", {}, rows.map(([name, value, state]) => h("div", { dataset: { state } }, h("dt", {}, name), h("dd", {}, value)))));
  }

  toggle() {
    const state = connection(this.properties);
    if (state) this.context.connect(state.property, !state.connected);
  }
}

// What a tile says: name, value, and the state whose colour it has. A light has its own state.
function lines(properties, row) {
  const found = telling(properties).map(({ property, item }) => [
    property.items.length > 1 && property.kind !== "Switch" ? item.label : property.label,
    said(properties, property, item),
    property.kind === "Light" ? item.value : property.state,
  ]);
  if (row?.image) found.push(["Last image", `${clock(row.image.at * 1000)}  ${bytes(row.image.size)}`, "Ok"]);
  return found;
}

// What an item says, in few words.
export function said(properties, property, item) {
  if (property.kind === "Number") {
    if (item.invalid) return "–";
    const text = write(item.value, item.format);
    const filter = property.name === "FILTER_SLOT" ? filterName(properties, item.value) : "";
    return filter ? `${text} ${filter}` : text;
  }
  return property.kind === "Switch" ? item.label : String(item.value);
}
