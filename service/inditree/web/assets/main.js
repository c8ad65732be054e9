// Puts the page together: one store, one connection, the places that show what is in it.

import { anything, Automation } from "./automation.js";
import { Connection } from "./connection.js";
import { DevicePage } from "./device.js";
import { h, setText } from "./dom.js";
import { Header } from "./header.js";
import { ImagePanel } from "./image/panel.js";
import { clock, Messages } from "./messages.js";
import { Overview } from "./overview.js";
import { RouterPage } from "./router.js";
import { Sidebar } from "./sidebar.js";
import { Store } from "./store.js";
import { Trends } from "./trends.js";

const store = new Store();
const trends = new Trends();
const pages = new Map(); // device name -> DevicePage
let place = { name: "overview", device: "", group: null };
let seen = 0; // messages

const context = {
  store,
  trends,
  go,
  reveal,
  confirm,
  send: (message) => connection.send(message),
  connect: (property, on) => press(property, on ? "CONNECT" : "DISCONNECT"),
  abort: (properties) => properties.forEach((each) => each && press(each, each.items[0].name)),
  imagePanel: (property) => new ImagePanel(property, context),
};

const header = new Header(context);
const sidebar = new Sidebar(context);
const places = { overview: new Overview(context), automation: new Automation(context), messages: new Messages(context),
  router: new RouterPage(context) };
const main = h("main", { tabindex: "-1" });
const ticker = h("button.ticker", { type: "button", "aria-live": "polite", onclick: () => go("messages") });
const dialog = h("dialog.confirm", {}, h("p"), h("form", { method: "dialog" },
  h("button.quiet", { value: "no" }, "Cancel"), h("button.abort", { value: "yes" })));
document.body.append(header.node, sidebar.node, main, ticker, dialog);

function press(property, name) {
  context.send({ newSwitchVector: { device: property.device, name: property.name, items: [{ name, value: true }] } });
  property.sent = Date.now();
}

// Ask before a roof moves.
function confirm(text, verb) {
  setText(dialog.querySelector("p"), text);
  setText(dialog.querySelector(".abort"), verb);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

// Places: #/ , #/messages , #/router , #/device/NAME/GROUP

function go(name, device = "", group = null) {
  const parts = [name === "overview" ? "" : name, device, group].filter((part) => part !== null && part !== "");
  const hash = `#/${parts.map(encodeURIComponent).join("/")}`;
  if (location.hash === hash) show();
  else location.hash = hash;
}

function reveal(device, property) {
  const known = store.property(device, property);
  go("device", device, known?.group ?? null);
  show();
  page(device).reveal(property);
}

function show() {
  const [name = "overview", device = "", group = null] = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
  place = { name: name in places || name === "device" ? name : "overview", device, group };
  const node = place.name === "device" ? page(device).node : places[place.name].node;
  if (main.firstElementChild !== node) {
    main.replaceChildren(node);
    main.scrollTop = 0;
  }
  document.title = device || (place.name === "overview" ? "inditree" : `${place.name}, inditree`);
  if (place.name === "device") page(device).show(group);
  else if (place.name === "router") places.router.update(store.status);
  else places[place.name].update();
  if (place.name === "messages") seen = store.messages.length;
  sidebar.select(place.name, place.device);
}

function page(device) {
  if (!pages.has(device)) pages.set(device, new DevicePage(device, context));
  return pages.get(device);
}

// What came

store.subscribe((changes) => {
  for (const property of changes.properties) trends.note(property);
  const devices = new Set([...changes.properties].map((each) => each.device));
  if (changes.structure) {
    for (const name of pages.keys()) if (!store.devices.has(name) && name !== place.device) pages.delete(name);
    sidebar.update(store, place.name, place.device);
    if (place.name === "device") page(place.device).arrange();
    if (place.name === "overview") places.overview.update();
  }
  if (devices.size) {
    for (const name of devices) sidebar.mark(store, name);
    if (place.name === "device") page(place.device).update([...changes.properties]);
    if (place.name === "overview" && !changes.structure) places.overview.update([...devices]);
  }
  if (changes.messages) tell();
  if (changes.status) {
    places.router.update(store.status);
    sidebar.automates(anything(store.status));
    sidebar.markAll(store);
    if (place.name === "overview" && !changes.structure) places.overview.update();
    if (place.name === "device") page(place.device).arranged();
  }
  if (place.name === "automation") places.automation.update();
  header.update(store);
});

function tell() {
  const last = store.messages.at(-1);
  setText(ticker, `${clock(last.time)}  ${last.device ? `${last.device}: ` : ""}${last.text}`);
  if (place.name === "messages") places.messages.update();
}

// The connection

const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/`;
const connection = new Connection(url, {
  open() {
    store.begin();
    connection.send({ getProperties: { version: 512, client: "inditree page" } });
    connection.send({ getStatus: {} });
    for (const each of pages.values()) for (const panel of each.panels.values()) panel.enable();
  },
  message: (message) => store.apply(message),
  state(state) {
    document.documentElement.dataset.connection = state;
    header.connection(state, connection.lostAt);
  },
});

setInterval(() => {
  const now = Date.now();
  header.tick(now, connection.state, connection.lostAt);
  if (place.name === "device") page(place.device).tick(now);
  if (place.name === "automation") places.automation.update();
}, 1000);
header.tick(Date.now(), "connecting", 0);
addEventListener("hashchange", show);
show();
connection.start();
