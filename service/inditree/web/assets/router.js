// The router itself: its tree of drivers, links and listeners, with how much passes.

import { h, patch, setText } from "./dom.js";
import { rows as nightRows } from "./nights.js";
import { bytes, span } from "./numbers.js";

const GOOD = new Set(["running", "up"]);
const WAITING = new Set(["starting", "connecting", "backoff", "stopping"]);

export class RouterPage {
  constructor(context) {
    this.context = context;
    this.before = null;
    this.rates = { in: 0, out: 0, messages: 0 };
    this.lead = h("p.lead");
    this.facts = h("dl.facts");
    this.tree = h("div.tree");
    this.node = h("article.router", {}, h("header.head", {}, h("h2", {}, "Router"), this.lead), this.facts, this.tree);
  }

  // Take the newest status; drawn only while it is seen.
  update(status, now = Date.now()) {
    if (!status) return;
    this._rate(status, now);
    if (!this.node.isConnected) return;
    setText(this.lead, `${status.name}, inditree ${status.version}, up ${span(status.uptime_seconds)}, ${status.draining ? "stopping" : status.ready ? "ready" : "not ready"}`);
    patch(this.facts, h("dl", {}, this._facts(status)));
    patch(this.tree, h("div", {}, this._tree(status)));
  }

  _rate(status, now) {
    const { traffic } = status;
    if (traffic && this.before) {
      const seconds = (now - this.before.now) / 1000;
      const per = (key) => Math.max(0, (traffic[key] - this.before.traffic[key]) / seconds);
      this.rates = { in: per("received_bytes"), out: per("sent_bytes"), messages: per("sent_messages") };
    }
    if (traffic) this.before = { traffic, now };
  }

  _facts(status) {
    const facts = [
      ["In", `${bytes(this.rates.in)}/s`],
      ["Out", `${bytes(this.rates.out)}/s`],
      ["Messages out", `${Math.round(this.rates.messages)}/s`],
      ["Clients", String(status.clients)],
      ["Devices", String(this.context.store.devices.size)],
      ["Links", String(status.remotes.length)],
    ];
    if (status.loops_detected) facts.push(["Loops", String(status.loops_detected)]);
    return facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  }

  _tree(status) {
    return [
      group("Drivers", status.drivers.map((row) => this._unit(row, row.restarts ? `${row.restarts} restarts` : ""))),
      group("Links", status.remotes.map((row) => this._unit(row, delay(row)))),
      group("Listeners", status.listeners.map((row) => leaf(row.name, `${row.address}`, "Ok",
        `${row.clients} of ${row.max_connections ?? "any number"}`))),
      group("Recorded nights", status.record?.oldest ? nightRows(status.record.oldest * 1000) : []),
      group("Conflicts", status.conflicts.map((row) => leaf(row.device, `${row.owner} has it, ${row.refused} is refused`, "Alert", "refused"))),
    ].filter(Boolean);
  }

  _unit(row, more) {
    const state = GOOD.has(row.state) ? "Ok" : WAITING.has(row.state) ? "Busy" : row.state === "stopped" ? "Idle" : "Alert";
    const devices = row.devices.map((name) =>
      this.context.store.devices.has(name) ? h("button.open", { type: "button", dataset: { device: name }, onclick: () => this.context.go("device", name) }, name) : h("span", {}, name));
    return h("li", { dataset: { unit: row.name } },
      h("div.row", {}, h("strong", {}, row.name), h("span.state", { dataset: { state } }, row.state), h("span.more", {}, [span(row.since_seconds), more].filter(Boolean).join(", "))),
      devices.length ? h("div.leaves", {}, devices) : null,
      row.last_error ? h("p.note", {}, row.last_error) : null);
  }
}

function delay(row) {
  return row.rtt_seconds === null || row.rtt_seconds === undefined ? row.address : `${row.address}, ${(row.rtt_seconds * 1000).toFixed(1)} ms`;
}

function group(title, rows) {
  return rows.length ? h("section.branch", {}, h("h3", {}, title), h("ul", {}, rows)) : null;
}

function leaf(name, text, state, word) {
  return h("li", {}, h("div.row", {}, h("strong", {}, name), h("span.state", { dataset: { state } }, word), h("span.more", {}, text)));
}
