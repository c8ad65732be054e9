// The canvas: pan, zoom, and what a pixel's value is. Decoding and drawing are the worker's.

import { h, setText } from "../dom.js";

const MOST = 32; // screen pixels for one of the image's

// `on` has loaded(message), failed(text) and pixel(x, y, values).
export class Viewer {
  constructor(on) {
    this.on = on;
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this._heard(data);
    this.canvas = h("canvas", { tabindex: "0", role: "img", "aria-label": "Image" });
    this.node = h("div.canvas", {}, this.canvas);
    this.drawn = this.canvas.getContext("2d");
    this.image = null;
    this.stretch = null;
    this.fitted = true;
    this.view = { x: 0, y: 0, scale: 1 };
    this._drawing = false;
    this._again = false;
    this._seen = null; // the view that the canvas shows
    this._pointers = new Map();
    new ResizeObserver(() => this._resize()).observe(this.node);
    this._listen();
  }

  load(url, format) {
    this.worker.postMessage({ kind: "load", url: new URL(url, location.href).href, format });
  }

  setStretch(stretch) {
    this.stretch = stretch;
    this.draw();
  }

  setColour(colour) {
    this.worker.postMessage({ kind: "colour", colour });
  }

  // The whole image.
  fit() {
    if (!this.image) return;
    this.fitted = true;
    const { width, height } = this.canvas;
    const scale = Math.min(width / this.image.width, height / this.image.height, MOST);
    this.view = { scale, x: (this.image.width - width / scale) / 2, y: (this.image.height - height / scale) / 2 };
    this.draw();
  }

  // Zoom by a factor and keep the point of the image that is at (px, py) of the canvas.
  zoom(factor, px = this.canvas.width / 2, py = this.canvas.height / 2) {
    if (!this.image) return;
    const { scale } = this.view;
    const least = Math.min(1, this.canvas.width / this.image.width / 4);
    const next = Math.min(MOST, Math.max(least, scale * factor));
    this.view = { scale: next, x: this.view.x + px / scale - px / next, y: this.view.y + py / scale - py / next };
    this.fitted = false;
    this.draw();
  }

  pan(dx, dy) {
    this.view = { ...this.view, x: this.view.x - dx / this.view.scale, y: this.view.y - dy / this.view.scale };
    this.fitted = false;
    this.draw();
  }

  // One drawing at a time; what is asked for meanwhile is the next one.
  draw() {
    if (!this.image || !this.stretch || !this.canvas.width) return;
    if (this._drawing) {
      this._again = true;
      return;
    }
    this._drawing = true;
    const { width, height } = this.canvas;
    this.worker.postMessage({ kind: "draw", view: { ...this.view, width, height }, stretch: this.stretch });
  }

  _heard(data) {
    if (data.kind === "loaded") {
      const same = this.image && this.image.width === data.width && this.image.height === data.height;
      this.image = data;
      this.on.loaded(data);
      if (same && !this.fitted) this.draw();
      else this.fit();
    } else if (data.kind === "drawn") {
      this._drawing = false;
      const { view, rgba } = data;
      if (view.width === this.canvas.width && view.height === this.canvas.height) {
        this.drawn.putImageData(new ImageData(rgba, view.width, view.height), 0, 0);
        this._seen = view;
        this.canvas.dataset.drawn = String(Number(this.canvas.dataset.drawn ?? 0) + 1);
      }
      if (this._again) {
        this._again = false;
        this.draw();
      }
    } else if (data.kind === "pixel") {
      this.on.pixel(data.x, data.y, data.values);
    } else {
      this._drawing = false;
      this.on.failed(data.text);
    }
  }

  _resize() {
    const ratio = Math.min(2, devicePixelRatio || 1);
    const width = Math.round(this.node.clientWidth * ratio);
    const height = Math.round(this.node.clientHeight * ratio);
    if (!width || !height || (width === this.canvas.width && height === this.canvas.height)) return;
    const before = this._seen && new OffscreenCanvas(this._seen.width, this._seen.height);
    before?.getContext("2d").drawImage(this.canvas, 0, 0);
    this.canvas.width = width;
    this.canvas.height = height;
    if (this.fitted) this.fit();
    else this.draw();
    if (before) this._stretched(before);
  }

  // A new size has blanked the canvas: until the worker has drawn, show what was there at its new place.
  _stretched(before) {
    const [old, view] = [this._seen, this.view];
    const by = view.scale / old.scale;
    const place = [(old.x - view.x) * view.scale, (old.y - view.y) * view.scale];
    this.drawn.drawImage(before, ...place, old.width * by, old.height * by);
    this._seen = { ...view, width: this.canvas.width, height: this.canvas.height };
  }

  _at(event) {
    const box = this.canvas.getBoundingClientRect();
    const ratio = this.canvas.width / box.width;
    return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
  }

  _listen() {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), ...this._at(event));
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this._pointers.set(event.pointerId, this._at(event));
    });
    canvas.addEventListener("pointermove", (event) => this._moved(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this._pointers.delete(event.pointerId));
    canvas.addEventListener("dblclick", () => (this.fitted ? this.zoom(1 / this.view.scale) : this.fit()));
    canvas.addEventListener("keydown", (event) => this._key(event));
  }

  _moved(event) {
    const [px, py] = this._at(event);
    const before = this._pointers.get(event.pointerId);
    if (!before) {
      this._ask(px, py);
      return;
    }
    if (this._pointers.size === 2) {
      const [other] = [...this._pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      const far = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
      this.zoom(far([px, py], other) / far(before, other), (px + other[0]) / 2, (py + other[1]) / 2);
    } else {
      this.pan(px - before[0], py - before[1]);
    }
    this._pointers.set(event.pointerId, [px, py]);
  }

  _ask(px, py) {
    if (!this.image) return;
    const x = Math.floor(this.view.x + px / this.view.scale);
    const y = Math.floor(this.view.y + py / this.view.scale);
    this.worker.postMessage({ kind: "pixel", x, y });
  }

  _key(event) {
    const step = 40;
    const act = {
      "+": () => this.zoom(1.5), "=": () => this.zoom(1.5), "-": () => this.zoom(1 / 1.5), 0: () => this.fit(),
      1: () => this.zoom(1 / this.view.scale), ArrowLeft: () => this.pan(step, 0), ArrowRight: () => this.pan(-step, 0),
      ArrowUp: () => this.pan(0, step), ArrowDown: () => this.pan(0, -step),
    }[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  }

  say(text) {
    setText(this.canvas, text);
    this.canvas.setAttribute("aria-label", text);
  }

  close() {
    this.worker.terminate();
  }
}
