// The bar on top: whether the connection lives, what is in Alert, the colours, and the button that stops everything.

import { h, icon, setAttribute, setText } from "./dom.js";
import { aborts, why } from "./knowledge.js";
import { span } from "./numbers.js";
import { Search } from "./search.js";

const THEMES = ["dark", "light", "night"];

export class Header {
  constructor(context) {
    this.context = context;
    this.name = h("strong.name", {}, "inditree");
    this.link = h("span.link", { role: "status", dataset: { state: "connecting" } }, "Connecting");
    this.clock = h("time.clock", { title: "UTC" });
    this.search = new Search(context);
    this.alerts = h("button.alerts", { type: "button", "aria-haspopup": "true", "aria-expanded": "false", hidden: true,
      onclick: () => this.toggleAlerts() });
    this.list = h("ul.dropdown.alertlist", { hidden: true, "aria-label": "Properties in Alert" });
    this.theme = h("button.quiet.theme", { type: "button", onclick: () => this.nextTheme() });
    this.abort = h("button.abort", { type: "button", hidden: true, onclick: () => context.abort(aborts(context.store.devices)) },
      "Abort all");
    this.node = h("header.bar", {},
      h("button.brand", { type: "button", "aria-label": "Overview", onclick: () => context.go("overview") },
        icon("M12 3v18", "M12 8 5 4", "M12 8l7-4", "M12 14l-7-3", "M12 14l7-3"), this.name),
      this.link, this.search.node, h("div.push"), h("div.holder", {}, this.alerts, this.list), this.clock, this.theme, this.abort);
    this._setTheme(localStorage.getItem("theme") ?? "dark");
    document.addEventListener("click", (event) => {
      if (!this.alerts.parentElement.contains(event.target)) this._close();
    });
    document.addEventListener("keydown", (event) => event.key === "Escape" && this._close());
  }

  connection(state, lostAt) {
    setAttribute(this.link, "data-state", state);
    const since = state === "lost" && lostAt ? ` ${span((Date.now() - lostAt) / 1000)}` : "";
    setText(this.link, { live: "Live", lost: `Connection lost${since}`, connecting: "Connecting" }[state]);
  }

  update(store) {
    if (store.status) setText(this.name, store.status.name || "inditree");
    const stops = aborts(store.devices);
    this.abort.hidden = !stops.length;
    setText(this.abort, stops.length === 1 ? "Abort" : "Abort all");
    this.abort.title = stops.map((each) => each.device).join(", ");
    this.bad = [...store.all()].filter((each) => each.state === "Alert").sort((a, b) => b.since - a.since);
    this.alerts.hidden = !this.bad.length;
    setText(this.alerts, `${this.bad.length} ${this.bad.length === 1 ? "Alert" : "Alerts"}`);
    if (!this.bad.length) this._close();
    else if (!this.list.hidden) this._fill();
  }

  tick(now, state, lostAt) {
    setText(this.clock, new Date(now).toISOString().slice(11, 19));
    if (state === "lost") this.connection(state, lostAt);
  }

  toggleAlerts() {
    if (!this.list.hidden) return this._close();
    if (this.bad.length === 1) return this.context.reveal(this.bad[0].device, this.bad[0].name);
    this._fill();
    this.list.hidden = false;
    this.alerts.setAttribute("aria-expanded", "true");
  }

  _fill() {
    this.list.replaceChildren(...this.bad.map((each) => h("li", {}, h("button", { type: "button", onclick: () => {
      this._close();
      this.context.reveal(each.device, each.name);
    } }, h("strong", {}, `${each.device}: ${each.label}`), h("span", {}, why(each) || `in Alert for ${span((Date.now() - each.since) / 1000)}`)))));
  }

  _close() {
    this.list.hidden = true;
    this.alerts.setAttribute("aria-expanded", "false");
  }

  nextTheme() {
    this._setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]);
  }

  _setTheme(theme) {
    document.documentElement.dataset.theme = THEMES.includes(theme) ? theme : "dark";
    localStorage.setItem("theme", document.documentElement.dataset.theme);
    const words = { dark: "Dark", light: "Day", night: "Night" };
    setText(this.theme, words[document.documentElement.dataset.theme]);
    this.theme.title = "Colours: dark, day, or red for the night";
    this.theme.setAttribute("aria-label", `Colours: ${this.theme.textContent}`);
  }
}
