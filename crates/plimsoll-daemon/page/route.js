// Every view has a link of its own: the hash holds the view, its filters, the range and the zone.
// Pure, apart from `go`.

const VIEWS = new Set(["slos", "slo", "levels", "alerts", "targets"]);

/** `#/slo/a%2Fb?range=6h&label=team%3Apay` → `{view, id, params: {range, …}, labels, states}`. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const slash = path.indexOf("/");
  const view = slash < 0 ? path : path.slice(0, slash);
  const search = new URLSearchParams(query);
  const params = Object.fromEntries([...search].filter(([name]) => name !== "label" && name !== "state"));
  return {
    view: VIEWS.has(view) ? view : "slos",
    id: slash < 0 ? null : decode(path.slice(slash + 1)),
    params,
    labels: search.getAll("label"),
    states: search.getAll("state"),
  };
}

/** The hash of a route; what is empty is left out, so that links stay short. */
export function format(route) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(route.params)) if (value) search.set(name, value);
  for (const label of route.labels) search.append("label", label);
  for (const state of route.states) search.append("state", state);
  const path =
    route.id === null || route.id === undefined
      ? route.view
      : `${route.view}/${encodeURIComponent(route.id)}`;
  const query = search.toString();
  return query ? `#/${path}?${query}` : `#/${path}`;
}

/** The same route with some parameters changed. */
export function withParams(route, changes) {
  return { ...route, params: { ...route.params, ...changes } };
}

/** The route with `value` switched in the list `name`: labels or states. */
export function toggled(route, name, value) {
  const list = route[name];
  return {
    ...route,
    [name]: list.includes(value) ? list.filter((each) => each !== value) : [...list, value],
  };
}

/** The route of another view, which keeps the range and the zone and drops the filters. */
export function toView(route, view, id = null) {
  const { range, from, to, zone } = route.params;
  return { view, id, params: { range, from, to, zone }, labels: [], states: [] };
}

/** Goes to a route. `replace` leaves no step in the history: for typing. */
export function go(route, replace = false) {
  const hash = format(route);
  if (hash === location.hash) return;
  if (replace) {
    history.replaceState(null, "", hash);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = hash;
  }
}

// A link that was cut in half by a chat program still opens the page.
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
