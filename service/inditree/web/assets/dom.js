// Elements of the page in a line: h("button.quiet", {type: "button", onclick: f}, "Connect").

const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set(["svg", "path", "polyline", "circle", "line", "g", "rect"]);

// Make an element. `spec` is its tag and classes; attributes that are null or false are left out, functions are
// handlers, `dataset` is an object. Children are nodes, texts, or lists of these.
export function h(spec, attributes = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const node = DRAWN.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  if (classes.length) node.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(key.slice(2), value);
    else if (key === "dataset") Object.assign(node.dataset, value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(node, child);
    else if (child !== null && child !== undefined && child !== false) node.append(child);
  }
}

// Change the text of a node only where it differs: screen readers and selections are left in peace.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Change an attribute only where it differs; null takes it away.
export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

// Have exactly these children, in this order; those that are there already are not taken out and put back.
export function arrange(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  let at = parent.firstElementChild;
  for (const node of wanted) {
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
}

// Make a node's children like those of `fresh`, and leave in peace what is alike: focus, hover and half a click stay.
// A node whose data attributes differ is another one, so a handler may depend on these and on nothing else.
export function patch(node, fresh) {
  const [old, wanted] = [[...node.childNodes], [...fresh.childNodes]];
  wanted.forEach((next, i) => {
    const known = old[i];
    if (!known) node.append(next);
    else if (!alike(known, next)) known.replaceWith(next);
    else if (next.nodeType === 3) setText(known, next.textContent);
    else {
      for (const name of known.getAttributeNames()) if (!next.hasAttribute(name)) known.removeAttribute(name);
      for (const name of next.getAttributeNames()) setAttribute(known, name, next.getAttribute(name));
      patch(known, next);
    }
  });
  for (const left of old.slice(wanted.length)) left.remove();
}

function alike(one, other) {
  if (one.nodeName !== other.nodeName) return false;
  const data = (node) => JSON.stringify({ ...node.dataset, state: null });
  return one.nodeType === 3 || data(one) === data(other);
}

// A small drawing of lines: `paths` are SVG path texts on a 24 by 24 grid.
export function icon(...paths) {
  return h("svg.icon", { viewBox: "0 0 24 24", "aria-hidden": "true" }, paths.map((d) => h("path", { d })));
}
