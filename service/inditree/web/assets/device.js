// The page of one device: its head with connection and abort, its groups as tabs, its properties as cards.

import { Columns, height } from "./columns.js";
import { arrange, h, setAttribute, setText } from "./dom.js";
import { abortOf, connection, STALE } from "./knowledge.js";
import { brief, Card } from "./property.js";

const ALL = "All";

export class DevicePage {
  constructor(name, context) {
    this.name = name;
    this.context = context;
    this.cards = new Map();
    this.group = null;
    this.title = h("h2");
    this.connect = h("button.connect", { type: "button", onclick: () => this.toggle() });
    this.abort = h("button.abort", { type: "button", onclick: () => context.abort([abortOf(this.properties)]) }, "Abort");
    this.desired = h("span.lead");
    this.tabs = h("div.groups", { role: "tablist", "aria-label": "Groups", onkeydown: (event) => this.move(event) });
    this.grid = h("div.cards", { role: "tabpanel" });
    this.columns = new Columns(this.grid);
    this.viewer = h("div.viewers");
    this.panels = new Map();
    this.node = h("article.device", { dataset: { device: name } },
      h("header.head", {}, this.title, this.desired, h("div.acts", {}, this.connect, this.abort)),
      this.tabs, h("div.split", {}, this.grid, this.viewer));
    setText(this.title, name);
  }

  get properties() {
    return this.context.store.devices.get(this.name);
  }

  // Show a group; where it is not there, the first one.
  show(group) {
    this.group = group;
    this.arrange();
  }

  // Have the cards that there are properties for.
  arrange() {
    const properties = this.properties;
    setAttribute(this.node, "data-gone", properties ? null : "");
    if (!properties) return this._head();
    for (const [name, card] of this.cards) if (!card.fits(properties.get(name))) this.cards.delete(name);
    const groups = [...new Set([...properties.values()].map((each) => each.group))];
    const order = [...groups, ...(groups.length > 1 ? [ALL] : [])];
    const shown = order.includes(this.group) ? this.group : order[0];
    arrange(this.tabs, order.map((group) => this._tab(group, group === shown)));
    const cards = [];
    for (const property of properties.values()) {
      if (shown !== ALL && property.group !== shown) continue;
      cards.push([this.card(property).node, height(property, brief(property))]);
    }
    this._images(properties);
    this.columns.show(cards);
    this.update([...properties.values()]);
  }

  card(property) {
    let card = this.cards.get(property.name);
    if (!card) this.cards.set(property.name, (card = new Card(property, this.context)));
    return card;
  }

  _tab(group, selected) {
    const known = [...this.tabs.children].find((node) => node.dataset.group === group);
    const node = known ?? h("button.tab", {
      type: "button", role: "tab", dataset: { group },
      onclick: () => this.context.go("device", this.name, group),
    }, group);
    setAttribute(node, "aria-selected", String(selected));
    setAttribute(node, "tabindex", selected ? "0" : "-1");
    return node;
  }

  // A viewer for each property with images.
  _images(properties) {
    const wanted = [...properties.values()].filter((each) => each.kind === "BLOB" && each.perm !== "wo");
    for (const name of this.panels.keys()) if (!wanted.some((each) => each.name === name)) this.panels.delete(name);
    for (const property of wanted) {
      if (!this.panels.has(property.name)) this.panels.set(property.name, this.context.imagePanel(property));
      this.panels.get(property.name).property = property;
    }
    arrange(this.viewer, [...this.panels.values()].map((panel) => panel.node));
    setAttribute(this.node, "data-images", wanted.length ? "" : null);
  }

  // Bring what is shown up to date with these properties.
  update(properties) {
    for (const property of properties) {
      if (property.device !== this.name) continue;
      const card = this.cards.get(property.name);
      if (card?.node.isConnected) card.update();
      this.panels.get(property.name)?.update();
    }
    this._head();
  }

  // The status is new: what it says of the device, and of interlocks at its properties.
  arranged() {
    for (const card of this.cards.values()) if (card.node.isConnected) card.locked();
    this._head();
  }

  _head() {
    const row = this.context.store.row(this.name);
    setText(this.desired, !this.properties ? "Not here: no driver has defined it, or it has gone." : row?.stale ? STALE
      : row?.ready === undefined ? "" : row.ready ? "In its desired state" : `Not in its desired state: ${row.reason}`);
    const state = connection(this.properties);
    this.connect.hidden = !state;
    if (state) {
      const busy = state.property.state === "Busy";
      setText(this.connect, busy ? "Connecting…" : state.connected ? "Disconnect" : "Connect");
      setAttribute(this.connect, "data-connected", state.connected ? "" : null);
    }
    this.abort.hidden = !abortOf(this.properties) || state?.connected === false;
  }

  toggle() {
    const state = connection(this.properties);
    if (state) this.context.connect(state.property, !state.connected);
  }

  tick(now) {
    for (const card of this.cards.values()) if (card.node.isConnected) card.tick(now);
  }

  // Show a property and take the eye there.
  reveal(name) {
    const property = this.properties?.get(name);
    if (!property) return;
    const { node } = this.card(property);
    node.scrollIntoView({ block: "center" });
    node.focus({ preventScroll: true });
    node.classList.remove("found");
    requestAnimationFrame(() => node.classList.add("found"));
  }

  move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const tabs = [...this.tabs.children];
    const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
    event.preventDefault();
    next.focus();
    next.click();
  }
}
