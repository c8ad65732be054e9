// The members of a property: what is shown of each, and what can be typed or pressed.
// A field is {node, update(), edited(), take(), clear()}; `take` gives the item to send, or throws what is wrong.

import { h, setAttribute, setText } from "./dom.js";
import { press } from "./knowledge.js";
import { bytes, complaint, read, write } from "./numbers.js";
import { chart, spark } from "./trends.js";

// The field for an item, by the kind of its property. `context` has trends, press(items) and open(image).
export function field(property, item, context) {
  switch (property.kind) {
    case "Number":
      return new NumberField(property, item, context);
    case "Text":
      return new TextField(property, item);
    case "Light":
      return new LightField(property, item);
    case "BLOB":
      return new BlobField(property, item, context);
    default:
      return new SwitchField(property, item, context);
  }
}

// What all have: a row with a label and the present value.
class Field {
  constructor(property, item) {
    this.property = property;
    this.item = item;
    this.node = h("div.member", { dataset: { member: item.name } });
    this.label = h("span.label", { title: item.name }, item.label);
  }

  edited() {
    return false;
  }

  clear() {}

  _describe(input) {
    input.setAttribute("aria-label", `${this.property.label} ${this.item.label}`);
    return input;
  }
}

// A field with an input: an update never changes what is being typed.
class Typed extends Field {
  constructor(property, item, input) {
    super(property, item);
    this.input = this._describe(input);
    this.hint = h("span.hint", { role: "alert" });
    this.touched = false;
    input.addEventListener("input", () => {
      this.touched = true;
      this.check();
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.clear();
    });
    input.addEventListener("blur", () => {
      if (this.input.value === this.shown()) this.clear();
    });
  }

  edited() {
    return this.touched;
  }

  clear() {
    this.touched = false;
    this.check();
    this.update();
    this.node.dispatchEvent(new CustomEvent("cleared", { bubbles: true }));
  }

  update() {
    if (!this.touched && this.input.value !== this.shown()) this.input.value = this.shown();
    setAttribute(this.input, "data-edited", this.touched ? "" : null);
  }

  check() {
    const wrong = this.touched ? this.wrong() : "";
    setText(this.hint, wrong);
    setAttribute(this.input, "aria-invalid", wrong ? "true" : null);
    setAttribute(this.input, "data-edited", this.touched ? "" : null);
    return wrong;
  }
}

class NumberField extends Typed {
  constructor(property, item, context) {
    const input = h("input.number", { type: "text", inputmode: "text", autocomplete: "off", spellcheck: "false" });
    super(property, item, input);
    this.context = context;
    this.value = h("output.value");
    this.line = h("button.line", { type: "button", title: "The last minutes", "aria-expanded": "false",
      "aria-label": `${item.label}: the last minutes`, onclick: () => this.toggle() });
    input.addEventListener("keydown", (event) => this.nudge(event));
    if (item.min < item.max) input.title = `${write(item.min, item.format)} to ${write(item.max, item.format)}`;
    this.node.append(h("div.name", {}, this.label, this.line), ...(property.perm === "wo" ? [] : [this.value]),
      ...(property.perm === "ro" ? [] : [input]), this.hint);
    this.update();
  }

  shown() {
    return write(this.item.target ?? this.item.value, this.item.format);
  }

  wrong() {
    return complaint(read(this.input.value), this.item);
  }

  take() {
    if (!this.touched) return { name: this.item.name, value: this.item.target ?? this.item.value };
    const wrong = this.check();
    if (wrong) throw new Error(`${this.item.label}: ${wrong}`);
    return { name: this.item.name, value: read(this.input.value) };
  }

  update() {
    super.update();
    setText(this.value, this.item.invalid ? "–" : write(this.item.value, this.item.format));
    const points = this.context.trends.points(this.property, this.item);
    this.line.replaceChildren(points.length > 1 ? spark(points) : "");
    this.line.hidden = points.length < 2;
    if (this.chart && points.length > 1) {
      const next = chart(points, this.item);
      this.chart.replaceWith(next);
      this.chart = next;
    }
  }

  toggle() {
    if (this.chart) {
      this.chart.remove();
      this.chart = null;
    } else {
      this.chart = chart(this.context.trends.points(this.property, this.item), this.item);
      this.node.append(this.chart);
    }
    setAttribute(this.line, "aria-expanded", String(Boolean(this.chart)));
  }

  // The arrows change a number by its step.
  nudge(event) {
    const up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    const from = read(this.input.value);
    if (!up || from === null || !(this.item.step > 0)) return;
    event.preventDefault();
    let value = from + up * this.item.step;
    if (this.item.min < this.item.max) value = Math.min(this.item.max, Math.max(this.item.min, value));
    this.input.value = write(value, this.item.format);
    this.input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

class TextField extends Typed {
  constructor(property, item) {
    super(property, item, h("input.text", { type: "text", autocomplete: "off", spellcheck: "false" }));
    this.value = h("output.value.words");
    const shows = property.perm === "ro" ? this.value : this.input;
    this.node.append(this.label, shows, this.hint);
    this.update();
  }

  shown() {
    return this.item.asked ?? this.item.value;
  }

  wrong() {
    return "";
  }

  take() {
    return { name: this.item.name, value: this.touched ? this.input.value : this.item.value };
  }

  update() {
    super.update();
    setText(this.value, this.item.value || "–");
  }
}

class LightField extends Field {
  constructor(property, item) {
    super(property, item);
    this.light = h("output.light");
    this.node.append(this.label, this.light);
    this.update();
  }

  update() {
    setAttribute(this.light, "data-state", this.item.value);
    setText(this.light, this.item.value);
  }
}

// One button of a switch; those of a property stand in one row, as their rule says.
class SwitchField extends Field {
  constructor(property, item, context) {
    super(property, item);
    const role = { OneOfMany: "radio", AnyOfMany: "switch" }[property.rule] ?? null;
    this.key = role === null ? "aria-pressed" : "aria-checked";
    this.node = h("button.switch", {
      type: "button", role, title: item.name, disabled: property.perm === "ro", dataset: { member: item.name },
      onclick: () => context.press(press(property, this.item), this.item),
    }, h("span.mark", { "aria-hidden": "true" }), item.label);
    this.update();
  }

  update() {
    const on = this.item.value === true;
    setAttribute(this.node, this.key, String(on));
    setAttribute(this.node, "data-on", on ? "" : null);
  }
}

class BlobField extends Field {
  constructor(property, item, context) {
    super(property, item);
    this.what = h("output.value.words");
    this.save = h("a.button.quiet", { download: "" }, "Download");
    this.node.append(this.label, this.what, this.save);
    this.context = context;
    this.update();
  }

  update() {
    const { value, size, format } = this.item;
    setText(this.what, value ? `${format || "image"}  ${bytes(size ?? 0)}` : size ? bytes(size) : "none yet");
    this.save.hidden = !value;
    if (value) {
      setAttribute(this.save, "href", value);
      setAttribute(this.save, "download", `${this.property.device}-${this.item.name}${format ?? ""}`.replaceAll(" ", "_"));
    }
  }
}
