// What devices and router said, newest first, with a filter.

import { h, setText } from "./dom.js";

export class Messages {
  constructor(context) {
    this.context = context;
    this.filter = h("input", { type: "search", placeholder: "Filter by device or words", "aria-label": "Filter messages",
      oninput: () => this.update() });
    this.list = h("ol.log", { "aria-label": "Messages" });
    this.empty = h("p.empty", {}, "Nothing was said yet.");
    this.node = h("article.messages", {},
      h("header.head", {}, h("h2", {}, "Messages"), h("div.acts", {}, this.filter)), this.list, this.empty);
  }

  update() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = ({ device, text }) => words.every((word) => `${device} ${text}`.toLowerCase().includes(word));
    const shown = this.context.store.messages.filter(fits).reverse().slice(0, 300);
    this.list.replaceChildren(...shown.map((each) => this._row(each)));
    this.empty.hidden = shown.length > 0;
    setText(this.empty, words.length ? "No message fits." : "Nothing was said yet.");
  }

  _row({ time, device, property, text }) {
    const where = device ? h("button.open", { type: "button", onclick: () => this.context.reveal(device, property) }, device)
      : h("span", {}, "Router");
    return h("li", {}, h("time", { datetime: new Date(time).toISOString() }, clock(time)), where, h("span.text", {}, text));
  }
}

// Hours, minutes and seconds in UTC, as the observatory counts.
export function clock(time) {
  return new Date(time).toISOString().slice(11, 19);
}
