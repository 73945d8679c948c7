// Views describe what they want with `h`; `patch` changes the document as little as it takes, so
// that focus, selection and scroll position survive an update each second.

/** Describes an element. `false`, `null` and `undefined` children are left out. */
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, children: flat(children) };
}

function flat(children) {
  return [children]
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false);
}

/** Makes the children of `parent` what the descriptions say, reusing nodes by `key`, then by tag. */
export function patch(parent, children) {
  const focused = document.activeElement;
  patchChildren(parent, flat(children));
  // A node that moved to another row has lost the focus on the way.
  if (focused?.isConnected && focused !== document.activeElement && parent.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}

function patchChildren(parent, children) {
  const keyed = new Map();
  for (const node of parent.childNodes) if (node.plimsollKey !== undefined) keyed.set(node.plimsollKey, node);
  let cursor = parent.firstChild;
  for (const child of children) {
    const node = reuse(cursor, keyed, child) ?? create(child);
    if (node === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(node, cursor);
    update(node, child);
  }
  while (cursor) {
    const next = cursor.nextSibling;
    cursor.remove();
    cursor = next;
  }
}

function reuse(cursor, keyed, child) {
  if (typeof child !== "object") return cursor?.nodeType === Node.TEXT_NODE ? cursor : null;
  const { key } = child.props;
  if (key !== undefined) {
    const node = keyed.get(key);
    keyed.delete(key);
    return node?.localName === child.tag ? node : null;
  }
  return cursor?.localName === child.tag && cursor.plimsollKey === undefined ? cursor : null;
}

function create(child) {
  if (typeof child !== "object") return document.createTextNode("");
  const node = document.createElement(child.tag);
  if (child.props.key !== undefined) node.plimsollKey = child.props.key;
  return node;
}

function update(node, child) {
  if (typeof child !== "object") {
    const text = String(child);
    if (node.data !== text) node.data = text;
    return;
  }
  updateProps(node, child.props);
  // An island draws itself: a chart, for example. It is called at each update.
  if (child.props.island) child.props.island(node);
  else patchChildren(node, child.children);
  // The value of a select exists only once its options do.
  if ("value" in child.props && node !== document.activeElement && node.value !== child.props.value) {
    node.value = child.props.value;
  }
}

const OWN = new Set(["key", "island", "value"]);

function updateProps(node, props) {
  const before = node.plimsollProps ?? {};
  for (const name of Object.keys(before)) if (!(name in props)) setProp(node, name, null);
  for (const [name, value] of Object.entries(props)) {
    if (name === "style" || before[name] !== value) setProp(node, name, value);
  }
  node.plimsollProps = props;
}

function setProp(node, name, value) {
  if (OWN.has(name)) return;
  if (name.startsWith("on")) node[name] = value;
  // Through the object model, because the content policy forbids style attributes.
  else if (name === "style")
    for (const [key, text] of Object.entries(value ?? {})) node.style.setProperty(key, text);
  else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}
