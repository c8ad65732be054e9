// Search over all devices: words that stand in names and labels of devices, properties and members.

import { h } from "./dom.js";

const MOST = 30;

// Properties that have all the words, those first whose label begins with the first word.
export function find(devices, text) {
  const words = text.toLowerCase().split(/[\s.]+/).filter(Boolean);
  if (!words.length) return [];
  const found = [];
  for (const [device, properties] of devices) {
    for (const property of properties.values()) {
      const members = property.items.map((item) => `${item.name} ${item.label}`).join(" ");
      const all = `${device} ${property.name} ${property.label} ${property.group} ${members}`.toLowerCase();
      if (words.every((word) => all.includes(word))) {
        const head = `${property.label} ${property.name}`.toLowerCase();
        const rank = head.startsWith(words[0]) ? 0 : head.includes(words[0]) ? 1 : 2;
        found.push({ property, rank });
      }
    }
  }
  found.sort((a, b) => a.rank - b.rank);
  return found.slice(0, MOST).map(({ property }) => property);
}

export class Search {
  constructor(context) {
    this.context = context;
    this.input = h("input", { type: "search", placeholder: "Search", "aria-label": "Search properties", role: "combobox",
      "aria-expanded": "false", "aria-controls": "found", autocomplete: "off",
      oninput: () => this.update(), onfocus: () => this.update(), onkeydown: (event) => this.key(event) });
    this.list = h("ul.dropdown", { id: "found", role: "listbox", hidden: true });
    this.node = h("div.search", { onfocusout: (event) => this.node.contains(event.relatedTarget) || this.close() },
      this.input, h("kbd", { "aria-hidden": "true" }, "/"), this.list);
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || /INPUT|TEXTAREA|SELECT/.test(event.target.tagName)) return;
      event.preventDefault();
      this.input.focus();
    });
  }

  update() {
    const found = find(this.context.store.devices, this.input.value);
    this.at = 0;
    this.list.replaceChildren(...found.map((property, i) => h("li", {
      role: "option", id: `found-${i}`, "aria-selected": String(i === 0),
      onmousedown: (event) => {
        event.preventDefault();
        this.take(property);
      },
    }, h("strong", {}, property.label), h("span", {}, `${property.device}, ${property.group}`))));
    this.found = found;
    this.list.hidden = !found.length;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
  }

  key(event) {
    if (event.key === "Escape") {
      this.input.value = "";
      this.close();
      this.input.blur();
    } else if (event.key === "Enter" && this.found?.length) {
      this.take(this.found[this.at]);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this._move(event.key === "ArrowDown" ? 1 : -1);
    }
  }

  _move(step) {
    const rows = [...this.list.children];
    if (!rows.length) return;
    rows[this.at]?.setAttribute("aria-selected", "false");
    this.at = (this.at + step + rows.length) % rows.length;
    rows[this.at].setAttribute("aria-selected", "true");
    rows[this.at].scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", `found-${this.at}`);
  }

  take(property) {
    this.input.value = "";
    this.close();
    this.context.reveal(property.device, property.name);
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
  }
}
