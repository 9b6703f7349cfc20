// Building and updating the document. All text goes in as text nodes: nothing here, or anywhere in the page,
// reads markup (Trusted Types, which the content security policy asks for, would refuse it).

const SVG = 'http://www.w3.org/2000/svg';
const SVG_TAGS = new Set(['svg', 'path', 'line']);

// h('a', {href: '#x', class: 'chip'}, 'text', node, null, [more]); `on…` properties are listeners.
export function h(tag, attributes = {}, ...children) {
  const node = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'value') node.value = value;
    else node.setAttribute(name, value === true ? '' : value);
  }
  append(node, children);
  return node;
}

export function append(node, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

// Control characters, marks that turn the direction of text, and blanks without width: names of files are made
// with them to look like others.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udfff]/u;
const HIDDEN_ALL = new RegExp(HIDDEN.source, 'gu');

// A path may break behind its separators; that changes nothing of its text.
function breakable(text) {
  const pieces = text.split(/(?<=[\\/])(?=[^\\/])/);
  return pieces.flatMap((piece, i) => (i === 0 ? [piece] : [document.createElement('wbr'), piece]));
}

// What came from an event. It stands by itself whatever its direction, its text stays exactly what it was, and
// characters that do not show are shown by their codes.
export function shown(value) {
  const text = String(value ?? '');
  const node = document.createElement('bdi');
  if (!HIDDEN.test(text)) {
    append(node, breakable(text));
    return node;
  }
  let at = 0;
  for (const match of text.matchAll(HIDDEN_ALL)) {
    if (match.index > at) node.append(h('bdi', {}, breakable(text.slice(at, match.index))));
    const code = 'U+' + match[0].codePointAt(0).toString(16).toUpperCase().padStart(4, '0');
    node.append(h('span', {class: 'ctl', 'data-code': code, title: code}, h('bdi', {}, match[0])));
    at = match.index + match[0].length;
  }
  if (at < text.length) node.append(h('bdi', {}, breakable(text.slice(at))));
  return node;
}

// Brings the children of `parent` that belong to `items` up to date: each is known by `key`, stays the same
// node while what it shows is the same, and keeps the focus where it is made anew.
export function keyed(parent, items, key, make) {
  const known = parent.keyedNodes ?? new Map();
  const next = new Map();
  let place = parent.firstChild;
  for (const item of items) {
    const id = key(item);
    const text = JSON.stringify(item);
    let entry = known.get(id);
    if (!entry || entry.text !== text) {
      const made = {node: make(item), text};
      if (entry) {
        const focused = entry.node.contains(document.activeElement);
        if (entry.node === place) place = place.nextSibling;
        entry.node.replaceWith(made.node);
        if (focused) (made.node.matches('a, button') ? made.node : made.node.querySelector('a, button'))?.focus();
      }
      entry = made;
    }
    next.set(id, entry);
    if (entry.node === place) place = place.nextSibling;
    else parent.insertBefore(entry.node, place);
  }
  for (const [id, entry] of known) if (!next.has(id)) entry.node.remove();
  parent.keyedNodes = next;
}

// Replaces what `node` holds, unless `text` says that it is what it holds already.
export function fill(node, text, make) {
  if (node.filledText === text) return;
  node.filledText = text;
  node.replaceChildren();
  append(node, make());
}

export function announce(text) {
  document.getElementById('announce').textContent = text;
}

export function copyButton(text, what) {
  const button = h('button', {type: 'button', class: 'small', onclick: copy}, 'Copy');
  async function copy() {
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {  // only over TLS or on this machine
      done = copyBySelection(text);
    }
    button.textContent = done ? 'Copied' : 'Select it by hand';
    announce(done ? `${what} copied` : 'This browser does not let the page copy');
  }
  button.setAttribute('aria-label', `Copy ${what}`);
  return button;
}

function copyBySelection(text) {
  const area = h('textarea', {class: 'unseen', value: text});
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  focused?.focus();
  return done;
}
