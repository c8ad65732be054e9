// The state of the observatory: what the JSON messages said, applied one after the other.

import { guards } from "./conditions.js";

export const MESSAGES_KEPT = 500;

const OURS = new Set(["INFO", "FEATURES"]);
const VECTOR = /^(def|set)(Text|Number|Switch|Light|BLOB)Vector$/;

// Holds devices with their properties, messages and the router's status. Whoever subscribes is told what changed, once
// a frame however much came: {structure, properties: Set, messages, status}.
export class Store {
  constructor(schedule = soon) {
    this.devices = new Map(); // name -> Map(property name -> property)
    this.messages = [];
    this.status = null;
    this.toldAt = 0; // ms, when the status came
    this._schedule = schedule;
    this._listeners = new Set();
    this._changes = null;
    this._round = 0;
    this.swept = true;
  }

  subscribe(listener) {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  }

  property(device, name) {
    return this.devices.get(device)?.get(name);
  }

  // What the status says of a device: its desired state among that. Undefined where it says nothing.
  row(device) {
    return this.status?.devices?.find((each) => each.name === device);
  }

  // The interlocks that do not let everything pass now and may name this property.
  locks(property) {
    return (this.status?.interlocks ?? []).filter((row) => !row.holds
      && row.refuse.some((pattern) => guards(pattern, property.device, property.name)));
  }

  // Every property there is.
  *all() {
    for (const properties of this.devices.values()) yield* properties.values();
  }

  // Take one message, an object with one key that names its kind; kinds that are unknown are passed over.
  apply(message, now = Date.now()) {
    for (const [kind, body] of Object.entries(message)) {
      if (body.device === "Server" && OURS.has(body.name)) continue; // what the router says of itself is no instrument
      const vector = VECTOR.exec(kind);
      if (vector?.[1] === "def") this._define(vector[2], body, now);
      else if (vector) this._set(vector[2], body, now);
      else if (kind === "deleteProperty") this._delete(body, now);
      else if (kind === "message") this._say(body, message.device, message.timestamp, now);
      else if (kind === "status") {
        this.status = body;
        this.toldAt = now;
        if (!this.swept) this.sweep(); // it was asked for behind the definitions
        this._changed().status = true;
      }
    }
  }

  // The connection is new: what is defined from now on is, what is not until `sweep` is gone.
  begin() {
    this._round += 1;
    this.swept = false;
  }

  // Forget what was not defined since `begin`.
  sweep() {
    this.swept = true;
    for (const [device, properties] of this.devices) {
      for (const [name, property] of properties) if (property.round !== this._round) properties.delete(name);
      if (!properties.size) this.devices.delete(device);
    }
    this._changed().structure = true;
  }

  _define(kind, body, now) {
    let properties = this.devices.get(body.device);
    if (!properties) this.devices.set(body.device, (properties = new Map()));
    const old = properties.get(body.name);
    const property = old && sameMembers(old, kind, body) ? old : { device: body.device, name: body.name, kind };
    property.group = body.group || "Main";
    property.label = body.label;
    property.perm = body.perm ?? "ro";
    property.rule = body.rule ?? null;
    property.items = body.items.map((item) => ({ ...item }));
    property.round = this._round;
    this._update(property, body, now);
    properties.set(body.name, property);
    this._changed().structure = true;
  }

  _set(kind, body, now) {
    const property = this.property(body.device, body.name);
    if (!property || property.kind !== kind) return;
    const items = new Map(property.items.map((item) => [item.name, item]));
    for (const one of body.items) {
      const item = items.get(one.name);
      if (!item) continue;
      if (!("invalid" in one)) delete item.invalid;
      delete item.asked;
      Object.assign(item, one);
    }
    this._update(property, body, now);
  }

  _update(property, body, now) {
    const state = body.state ?? property.state ?? "Idle";
    if (state !== property.state) property.since = now;
    property.state = state;
    property.heard = now;
    if (body.timestamp) property.timestamp = body.timestamp;
    if (body.message) {
      property.message = body.message;
      this._say(body.message, body.device, body.timestamp, now, property.name);
    } else if (state !== "Alert" && property.message && property.since === now) {
      property.message = "";
    }
    property.sent = 0;
    this._changed().properties.add(property);
  }

  _delete(body, now) {
    if (body.message) this._say(body.message, body.device, body.timestamp, now);
    const properties = this.devices.get(body.device);
    if (!properties) return;
    if (body.name) properties.delete(body.name);
    if (!body.name || properties.size === 0) this.devices.delete(body.device);
    this._changed().structure = true;
  }

  _say(text, device, timestamp, now, property) {
    const time = timestamp ? Date.parse(timestamp.endsWith("Z") ? timestamp : timestamp + "Z") : NaN;
    this.messages.push({ time: Number.isNaN(time) ? now : time, device: device ?? "", property: property ?? "", text });
    if (this.messages.length > MESSAGES_KEPT) this.messages.splice(0, this.messages.length - MESSAGES_KEPT);
    this._changed().messages = true;
  }

  _changed() {
    if (!this._changes) {
      this._changes = { structure: false, properties: new Set(), messages: false, status: false };
      this._schedule(() => this._tell());
    }
    return this._changes;
  }

  _tell() {
    const changes = this._changes;
    this._changes = null;
    for (const listener of this._listeners) listener(changes);
  }
}

function sameMembers(property, kind, body) {
  return (
    property.kind === kind &&
    property.rule === (body.rule ?? null) &&
    property.perm === (body.perm ?? "ro") &&
    property.items.length === body.items.length &&
    property.items.every((item, i) => item.name === body.items[i].name)
  );
}

// With the next frame; a page that is not seen has none, and is brought up to date four times a second.
function soon(task) {
  if (document.hidden) setTimeout(task, 250);
  else requestAnimationFrame(task);
}
