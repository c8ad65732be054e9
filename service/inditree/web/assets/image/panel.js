// The newest image of a property, with what an astronomer wants of it: stretch, histogram, header, download.

import { h, setAttribute, setText } from "../dom.js";
import { bytes, write } from "../numbers.js";
import { clock } from "../messages.js";
import { Viewer } from "./viewer.js";

const LEVELS = { black: "Black", mid: "Midtones", white: "White" };

export class ImagePanel {
  constructor(property, context) {
    this.property = property;
    this.context = context;
    this.wanted = localStorage.getItem(`images ${property.device}`) !== "off";
    this.shown = "";
    this.loading = false;
    this.mode = "auto";
    this.what = h("span.what");
    this.pixel = h("output.pixel", { "aria-label": "Pixel" });
    this.error = h("p.note", { role: "alert" });
    this.toggle = h("button.switch", { type: "button", role: "switch", onclick: () => this.want(!this.wanted) },
      h("span.mark", { "aria-hidden": "true" }), "Images");
    this.save = h("a.button.quiet", { hidden: true }, "Download");
    this.viewer = new Viewer({
      loaded: (image) => this.loaded(image),
      failed: (text) => this.failed(text),
      pixel: (x, y, values) => this.say(x, y, values),
    });
    this.cards = h("dialog.cards-of-fits", { "aria-label": "FITS header" });
    this.node = h("section.image", { "aria-label": `${property.device} ${property.label}`,
      dataset: { image: property.name } },
    h("header", {}, h("h3", {}, property.label), this.what, this.toggle),
    this.viewer.node, h("div.under", {}, this._tools(), this.pixel), this._levels(), this.error, this.cards);
    this.update();
    this.enable();
  }

  _tools() {
    const tool = (text, label, act) => h("button.quiet", { type: "button", "aria-label": label, title: label, onclick: act }, text);
    this.auto = h("button.quiet", { type: "button", "aria-pressed": "true", onclick: () => this.setMode("auto") }, "Auto");
    this.linear = h("button.quiet", { type: "button", "aria-pressed": "false", onclick: () => this.setMode("linear") }, "Linear");
    this.colour = h("button.quiet", { type: "button", "aria-pressed": "true", hidden: true,
      onclick: () => this.viewer.setColour(!this.image.colour) }, "Colour");
    this.head = h("button.quiet", { type: "button", hidden: true, onclick: () => this.showHeader() }, "Header");
    return h("div.tools", { role: "toolbar", "aria-label": "Image" },
      tool("Fit", "Fit the image", () => this.viewer.fit()), tool("1:1", "One to one", () => this.viewer.zoom(1 / this.viewer.view.scale)),
      tool("−", "Zoom out", () => this.viewer.zoom(1 / 1.5)), tool("+", "Zoom in", () => this.viewer.zoom(1.5)),
      this.auto, this.linear, this.colour, this.head, this.save, tool("⤢", "Full screen", () => this._fullScreen()));
  }

  _fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.node.requestFullscreen?.();
  }

  _levels() {
    this.bars = h("path");
    const slide = (name, label) => h("input", { type: "range", min: "0", max: "1", step: "0.0005", "aria-label": label,
      title: label, dataset: { level: name }, oninput: () => this.slid() });
    this.sliders = Object.fromEntries(Object.entries(LEVELS).map(([name, label]) => [name, slide(name, label)]));
    return h("div.levels", {},
      h("svg.histogram", { viewBox: "0 0 256 48", preserveAspectRatio: "none", role: "img", "aria-label": "Histogram" }, this.bars),
      Object.entries(this.sliders).map(([name, node]) => h("label", {}, h("span", {}, LEVELS[name]), node)));
  }

  // Tell the router whether images are wanted, as it was last chosen.
  enable() {
    const { device, name } = this.property;
    setAttribute(this.toggle, "aria-checked", String(this.wanted));
    setAttribute(this.toggle, "data-on", this.wanted ? "" : null);
    this.context.send({ enableBLOB: { device, name, value: this.wanted ? "URL" : "Never" } });
  }

  want(wanted) {
    this.wanted = wanted;
    localStorage.setItem(`images ${this.property.device}`, wanted ? "on" : "off");
    this.enable();
    this.update();
  }

  // The property has changed: show its newest image, unless one is being loaded; then that one is next.
  update() {
    const item = this.property.items.find((each) => each.value);
    if (!item || !this.wanted || this.loading || item.value === this.shown) return;
    this.shown = item.value;
    this.loading = true;
    this.heard = this.property.timestamp;
    const format = (item.format || "").toLowerCase();
    setAttribute(this.save, "href", item.value);
    const time = (this.heard ?? new Date().toISOString()).slice(0, 19).replaceAll(":", "-");
    setAttribute(this.save, "download", `${this.property.device}-${time}${format}`.replaceAll(" ", "_"));
    this.save.hidden = false;
    this.viewer.load(item.value, format);
  }

  loaded(image) {
    this.image = { ...this.image, ...image };
    const { width, height, bits, size } = this.image;
    const depth = bits < 0 ? `${-bits} bit float` : `${bits} bit`;
    const time = this.heard ? `  ${clock(Date.parse(`${this.heard}Z`))}` : "";
    setText(this.what, `${width} × ${height}  ${depth}  ${bytes(size)}${time}`);
    this.viewer.say(`${this.property.device}: image of ${width} by ${height} pixels`);
    setText(this.error, "");
    this.colour.hidden = !image.bayer;
    setAttribute(this.colour, "aria-pressed", String(image.colour));
    this.head.hidden = !this.image.cards.length;
    this._histogram(image.histogram);
    this._apply();
    setAttribute(this.node, "data-loaded", image.url ?? this.shown);
    this.loading = false;
    this.update();
  }

  failed(text) {
    this.loading = false;
    setText(this.error, text.startsWith("replaced") ? "" : text);
    this.update();
  }

  setMode(mode) {
    this.mode = mode;
    this._apply();
  }

  _apply() {
    if (!this.image) return;
    if (this.mode !== "hand") this._level(this.mode === "auto" ? this.image.automatic : this.image.linear);
    for (const [mode, node] of [["auto", this.auto], ["linear", this.linear]]) setAttribute(node, "aria-pressed", String(mode === this.mode));
    this.viewer.setStretch(this.level);
  }

  // Black and white are places in the histogram's range, midtones a share.
  _level(level) {
    this.level = level;
    const { from, to } = this.image.range;
    this.sliders.black.value = (level.black - from) / (to - from);
    this.sliders.white.value = (level.white - from) / (to - from);
    this.sliders.mid.value = level.mid;
  }

  slid() {
    this.mode = "hand";
    const { from, to } = this.image.range;
    const [black, white] = ["black", "white"].map((name) => from + Number(this.sliders[name].value) * (to - from));
    const mid = Number(this.sliders.mid.value);
    this.level = { black, mid: Math.min(0.9999, Math.max(0.0001, mid)), white: Math.max(white, black + 0.0001) };
    this._apply();
  }

  _histogram(counts) {
    const most = Math.log1p(Math.max(...counts));
    const bars = counts.map((count, i) => `L${i} ${(48 - (Math.log1p(count) / (most || 1)) * 46).toFixed(1)}`);
    this.bars.setAttribute("d", `M0 48${bars.join("")}L255 48Z`);
  }

  say(x, y, values) {
    if (!values.length) return setText(this.pixel, "");
    const numbers = values.map((value) => (Number.isInteger(value) ? String(value) : write(value, "%.5g")));
    setText(this.pixel, `${x}, ${y}:  ${numbers.join("  ")}`);
  }

  showHeader() {
    const rows = this.image.cards.map(([key, value, comment]) => h("tr", {}, h("th", { scope: "row" }, key), h("td", {}, value), h("td", {}, comment)));
    this.cards.replaceChildren(
      h("header", {}, h("h3", {}, "FITS header"), h("button.quiet", { type: "button", onclick: () => this.cards.close() }, "Close")),
      h("div.scroll", {}, h("table", {}, h("tbody", {}, rows))));
    this.cards.showModal();
  }
}
