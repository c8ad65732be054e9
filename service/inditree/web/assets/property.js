// One property as a card: its label, its state in colour and word, its members, and a button that sends.

import { h, setAttribute, setText } from "./dom.js";
import { field } from "./fields.js";
import { movesRoof } from "./knowledge.js";
import { span } from "./numbers.js";

const PERMISSIONS = { ro: "read only", wo: "write only" };
const BRIEF = 26; // letters of a switch's buttons, four more for each, that stand beside its label
const WAITS = 5000; // ms after which a request without an answer is no longer shown as on its way

// Has it so few buttons that they stand in the line of its label?
export function brief({ kind, items }) {
  return kind === "Switch" && items.reduce((sum, item) => sum + item.label.length + 4, 0) <= BRIEF;
}

// Updates itself from the property when told to. `context` has send(message), confirm(text, verb), trends, store.
export class Card {
  constructor(property, context) {
    this.property = property;
    this.context = context;
    const id = `p-${property.device}-${property.name}`.replace(/\W+/g, "_");
    this.title = h("h3", { id, title: property.name });
    this.state = h("span.state", { role: "status" });
    this.perm = h("span.perm");
    this.note = h("p.note");
    this.lock = h("p.lock");
    this.fields = property.items.map((item) => field(property, item, { ...context, press: (...all) => this.press(...all) }));
    this.node = h("section.card", {
      "aria-labelledby": id, tabindex: "-1",
      dataset: { device: property.device, property: property.name, kind: property.kind, ...(brief(property) ? { brief: "" } : {}) },
    }, ...this._lines(h("header", {}, this.title, this.perm, this.state), this._body()), this.lock, this.note);
    this.update();
  }

  _lines(...nodes) {
    return brief(this.property) ? [h("div.inline", {}, nodes)] : nodes;
  }

  _body() {
    const { kind, perm, rule } = this.property;
    const nodes = this.fields.map((each) => each.node);
    if (kind === "Switch") {
      const role = rule === "OneOfMany" ? "radiogroup" : "group";
      return h("div.switches", { role, "aria-label": this.property.label, dataset: { rule }, onkeydown: (e) => this.move(e) }, nodes);
    }
    if (perm === "ro" || kind === "Light" || kind === "BLOB") return h("div.members", {}, nodes);
    this.button = h("button.set", { type: "submit" }, "Set");
    return h(`form.members${nodes.length === 1 ? ".one" : ""}`, {
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        this.submit();
      },
      oninput: () => this.mark(),
      oncleared: () => this.mark(),
    }, nodes, h("div.send", {}, this.button));
  }

  // The property was defined anew: where its members are others, this card is not it any more.
  fits(property) {
    return property === this.property;
  }

  get edited() {
    return this.fields.some((each) => each.edited());
  }

  mark() {
    setAttribute(this.node, "data-edited", this.edited ? "" : null);
  }

  update() {
    const { property } = this;
    setText(this.title, property.label);
    setText(this.perm, PERMISSIONS[property.perm] && property.kind !== "Light" && property.kind !== "BLOB" ? PERMISSIONS[property.perm] : "");
    const items = new Map(property.items.map((item) => [item.name, item]));
    for (const each of this.fields) {
      each.item = items.get(each.item.name) ?? each.item;
      if (each.label) setText(each.label, each.item.label);
      each.update();
    }
    setText(this.note, property.message ?? "");
    this.locked();
    this.tick();
  }

  // Which interlocks refuse something here now.
  locked() {
    if (this.property.perm === "ro") return;
    const rows = this.context.store.locks(this.property);
    setText(this.lock, rows.map((row) => `Interlock ${row.name} refuses ${row.refuse.length === 1 ? row.refuse[0] : "commands here"} unless ${row.unless}`).join("; "));
  }

  // What changes with time alone.
  tick(now = Date.now()) {
    const { state, since, sent } = this.property;
    const waits = sent && now - sent < WAITS;
    setAttribute(this.node, "data-state", state);
    setAttribute(this.node, "data-sent", waits ? "" : null);
    const age = (state === "Busy" || state === "Alert") && now - since >= 2000 ? ` ${span((now - since) / 1000)}` : "";
    setText(this.state, waits ? "Sending" : state + age);
  }

  async press(items, item) {
    const { property, context } = this;
    const properties = context.store.devices.get(property.device);
    if (movesRoof(property, properties)) {
      const text = `${property.device}: ${property.label}, ${item.label}. This moves the roof.`;
      if (!(await context.confirm(text, item.label))) return;
    }
    this.send(items);
  }

  submit() {
    let items;
    try {
      items = this.fields.map((each) => each.take());
    } catch (error) {
      setText(this.note, error.message);
      this.fields.find((each) => each.check?.())?.input.focus();
      return;
    }
    if (!this.send(items)) return;
    // What was asked for is shown until the driver says otherwise.
    for (const item of this.property.items) {
      if ("target" in item) item.target = items.find((each) => each.name === item.name).value;
      else if (this.property.kind === "Text") item.asked = items.find((each) => each.name === item.name).value;
    }
    for (const each of this.fields) each.clear();
    this.mark();
    this.update();
  }

  send(items) {
    const { device, name, kind } = this.property;
    const gone = this.context.send({ [`new${kind}Vector`]: { device, name, items } });
    if (!gone) setText(this.note, "Not sent: no connection to the router.");
    else this.property.sent = Date.now();
    this.tick();
    return gone;
  }

  // The arrows move between the buttons of a switch.
  move(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const nodes = this.fields.map((each) => each.node);
    const at = nodes.indexOf(document.activeElement);
    if (at < 0) return;
    event.preventDefault();
    nodes[(at + step + nodes.length) % nodes.length].focus();
  }
}
