// The list of devices as tabs, with what each is: off, Ok, Busy, Alert.

import { arrange, h, icon, setAttribute, setText } from "./dom.js";
import { condition } from "./knowledge.js";

const WORDS = { Off: "Not connected", Stale: "Stale", Ok: "", Busy: "Busy", Alert: "Alert" };

export class Sidebar {
  constructor(context) {
    this.context = context;
    this.items = new Map();
    this.fixed = {
      overview: this._entry("overview", "", "Overview", icon("M3 12 12 4l9 8", "M6 10v10h12V10")),
      automation: this._entry("automation", "", "Automation", icon("M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6z", "M9 12l2 2 4-4")),
      messages: this._entry("messages", "", "Messages", icon("M4 5h16v11H9l-5 4z")),
      router: this._entry("router", "", "Router", icon("M12 3v6", "M6 21v-6h12v6", "M12 9v6", "M9 3h6v6H9z")),
    };
    this.devices = h("div.devices", { role: "tablist", "aria-orientation": "vertical", "aria-label": "Devices",
      onkeydown: (event) => this.move(event) });
    this.empty = h("p.empty", {}, "No device yet.");
    this.node = h("nav.sidebar", { "aria-label": "Observatory" },
      this.fixed.overview, h("div.scroll", {}, this.devices, this.empty),
      this.fixed.automation, this.fixed.messages, this.fixed.router);
    this.automates(false);
  }

  // Is there anything that the router does by itself?
  automates(any) {
    this.fixed.automation.hidden = !any;
  }

  _entry(place, name, label, mark) {
    return h("button.entry", { type: "button", "aria-label": label, title: label, dataset: { place }, onclick: () => this.context.go(place, name) },
      mark, h("span.name", {}, label), h("span.word"));
  }

  _device(name) {
    let node = this.items.get(name);
    if (!node) {
      node = h("button.entry", { type: "button", role: "tab", dataset: { device: name },
        onclick: () => this.context.go("device", name) },
      h("span.dot", { "aria-hidden": "true" }), h("span.name", {}, name), h("span.word"));
      this.items.set(name, node);
    }
    return node;
  }

  // All devices, and how they are. `place` and `device` are what is shown now.
  update(store, place, device) {
    const names = [...store.devices.keys()].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
    for (const name of this.items.keys()) if (!store.devices.has(name)) this.items.delete(name);
    arrange(this.devices, names.map((name) => this._device(name)));
    this.empty.hidden = names.length > 0;
    for (const name of names) this.mark(store, name);
    this.select(place, device);
  }

  // The status is new: it may say of each that it is stale, or no more.
  markAll(store) {
    for (const name of this.items.keys()) this.mark(store, name);
  }

  mark(store, name) {
    const node = this.items.get(name);
    if (!node) return;
    const state = condition(store.devices.get(name), store.row(name));
    setAttribute(node, "data-state", state);
    setText(node.lastElementChild, WORDS[state]);
  }

  select(place, device) {
    for (const [key, node] of Object.entries(this.fixed)) setAttribute(node, "aria-current", key === place ? "page" : null);
    let first = true;
    for (const [name, node] of this.items) {
      const here = place === "device" && name === device;
      setAttribute(node, "aria-selected", String(here));
      setAttribute(node, "tabindex", here || (first && place !== "device") ? "0" : "-1");
      first = false;
      if (here && !this._shown) node.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  move(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const nodes = [...this.devices.children];
    event.preventDefault();
    nodes[(nodes.indexOf(document.activeElement) + step + nodes.length) % nodes.length]?.focus();
  }
}
