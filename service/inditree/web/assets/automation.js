// What the observatory does by itself: interlocks, reactions and desired state, each with what it waits for.

import { h, patch, setText } from "./dom.js";
import { operands, present } from "./conditions.js";
import { clock } from "./messages.js";
import { span } from "./numbers.js";

const NOT_YET = { waiting: "Waiting", setting: "Setting", retrying: "Trying again" };

// Is there anything of the kind?
export function anything(status) {
  return Boolean(status?.interlocks?.length || status?.reactions?.length || desired(status).length);
}

// Devices that are to be brought to a state, and required ones that are not there: {device, ready, state, reason}.
export function desired(status) {
  const rows = (status?.devices ?? []).filter((row) => row.ready !== undefined)
    .map((row) => ({ device: row.name, ready: row.ready, state: row.state, reason: row.reason ?? "" }));
  const known = new Set((status?.devices ?? []).map((row) => row.name));
  for (const [device, reason] of Object.entries(status?.not_ready ?? {})) {
    if (!known.has(device)) rows.push({ device, ready: false, state: "waiting", reason });
  }
  return rows.sort((a, b) => a.ready - b.ready || a.device.localeCompare(b.device, undefined, { numeric: true }));
}

// An interlock in a word, and the state whose colour it has.
export function interlockWord(row) {
  if (row.holds) return ["Lets pass", "Ok"];
  return row.holds === false ? ["Refuses", "Busy"] : ["Refuses: unknown", "Alert"];
}

// A reaction in a word, and the state whose colour it has. `passed` are seconds since it was told.
export function reactionWord(row, passed = 0) {
  const left = row.due_seconds === null ? null : Math.max(0, row.due_seconds - passed);
  switch (row.state) {
    case "waiting":
      return [left === null ? "Waiting" : `Runs in ${span(left)}`, "Busy"];
    case "running":
      return [`Step ${row.step + 1} of ${row.steps.length}`, "Busy"];
    case "done":
      return row.last && row.last.result !== "ok" ? ["Failed", "Alert"] : ["Done", "Idle"];
    case "armed":
      return ["Armed", "Ok"];
    default:
      return ["Not armed yet", "Idle"];
  }
}

// All that is not as on a quiet night, for the overview: {kind, name, word, state}.
export function news(status, passed = 0) {
  const rows = [];
  for (const row of status?.interlocks ?? []) if (!row.holds) rows.push(["Interlock", row, interlockWord(row)]);
  for (const row of status?.reactions ?? []) {
    if (["waiting", "running"].includes(row.state) || (row.state === "done" && row.last)) rows.push(["Reaction", row, reactionWord(row, passed)]);
  }
  return rows.map(([kind, row, [word, state]]) => ({ kind, name: row.name, word, state }));
}

export class Automation {
  constructor(context) {
    this.context = context;
    this.lead = h("p.lead");
    this.list = h("div.tree.automation");
    this.node = h("article.automations", {}, h("header.head", {}, h("h2", {}, "Automation"), this.lead), this.list);
  }

  // Show the newest status, with values as they are now.
  update() {
    const { status, toldAt } = this.context.store;
    if (!this.node.isConnected) return;
    if (!anything(status)) {
      setText(this.lead, "The configuration names no interlock, no reaction and no desired state.");
      this.list.replaceChildren();
      return;
    }
    const passed = (Date.now() - toldAt) / 1000;
    setText(this.lead, "What the router does by itself, and what it waits for.");
    const sections = [
      section("Interlocks", status.interlocks, (row) => this._interlock(row)),
      section("Reactions", status.reactions, (row) => this._reaction(row, passed)),
      section("Desired state", desired(status), (row) => this._desired(row)),
    ];
    patch(this.list, h("div.tree.automation", {}, sections.filter(Boolean)));
  }

  _interlock(row) {
    return entry(row.name, "interlock", interlockWord(row), row.refusals ? `${row.refusals} refused` : "", [
      sentence("refuses", row.refuse.map((each) => h("code", {}, each))),
      this._condition("unless", row.unless, row.unknown),
      row.max_age === null ? null : h("p.aside", {}, `What was said more than ${span(row.max_age)} ago counts as unknown.`),
      row.enforced === "partial" ? h("p.note", {}, "A device is at another server: who reaches that one directly goes around this.") : null,
    ]);
  }

  _reaction(row, passed) {
    const { last } = row;
    const ran = last && `Ran at ${clock(last.at * 1000)}: ${last.result}${last.seconds >= 1 ? ` after ${span(last.seconds)}` : ""}`;
    return entry(row.name, "reaction", reactionWord(row, passed), row.hold ? `for ${span(row.hold)}` : "", [
      this._condition("when", row.when, row.unknown),
      sentence("does", row.steps.map((step, i) => h(`code${row.step === i ? ".now" : ""}`, {}, step))),
      row.unknown.length && row.unknown_holds ? h("p.aside", {}, "Unknown counts as holding here.") : null,
      ran ? h("p.aside", {}, ran) : null,
      ...(last?.failures ?? []).map((text) => h("p.note", {}, text)),
    ]);
  }

  _desired({ device, ready, state, reason }) {
    const word = ready ? ["In its desired state", "Ok"] : [NOT_YET[state] ?? "Not ready", state === "retrying" ? "Alert" : "Busy"];
    return entry(device, "desired", word, "", [reason ? h("p.aside", {}, reason) : null]);
  }

  // The condition, and each value that it reads as it is now.
  _condition(word, text, unknown) {
    const { store, reveal } = this.context;
    const chips = operands(text).map((each) => h("button.chip", {
      type: "button", title: `Show ${each.device}`, dataset: { operand: each.text, known: unknown.includes(each.text) ? "no" : "yes" },
      onclick: () => reveal(each.device, each.property),
    }, h("span", {}, each.text), h("strong", {}, unknown.includes(each.text) ? `unknown (${present(store, each)})` : present(store, each))));
    return h("div", {}, sentence(word, [h("code", {}, text)]), chips.length ? h("div.chips", {}, chips) : null);
  }
}

function section(title, rows, make) {
  return rows?.length ? h("section.branch", { dataset: { section: title } }, h("h3", {}, title), h("ul", {}, rows.map(make))) : null;
}

function entry(name, kind, [word, state], more, lines) {
  return h("li", { dataset: { [kind]: name, state } },
    h("div.row", {}, h("strong", {}, name), h("span.state", { dataset: { state } }, word), h("span.more", {}, more)), lines);
}

function sentence(word, parts) {
  return h("p.rule", {}, h("span.word", {}, word), parts);
}
