// The way to the daemon: requests, the event stream, and the knowledge of whether it is still there.

const TIMEOUT_MS = 10_000;
// The daemon pings every 5 s; two missed pings and the stream counts as dead.
const SILENCE_MS = 12_000;
const RETRY_MS_MAX = 10_000;
// What the stream can't say, such as an SLO that a reload removed, is read anew this often.
const RESYNC_MS = 30_000;

const EVENTS = ["hello", "slos", "alerts", "signals", "targets", "mark", "ping"];

/** Reads JSON; throws an error whose message a person can act on. */
export async function read(path) {
  return ask(path, { headers: { accept: "application/json" } });
}

/** Sends JSON; throws as `read` does. */
export async function send(path, body) {
  const headers = { accept: "application/json", "content-type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body) });
}

async function ask(path, request) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS), ...request });
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.detail ?? problem.title ?? `${path} answered ${answer.status}`);
}

/** The path of an SLO's history within a range. */
export function historyPath(id, range, step) {
  const query = new URLSearchParams({ from: iso(range.from), to: iso(range.to), step: String(step) });
  return `api/v1/slos/${encodeURIComponent(id)}/history?${query}`;
}

/** The path of the marks within a range. */
export function eventsPath(range) {
  return `api/v1/events?${new URLSearchParams({ from: iso(range.from), to: iso(range.to) })}`;
}

function iso(ms) {
  return new Date(ms).toISOString();
}

/**
 * The link to the daemon. Calls `tell(kind, data)` for each event of the stream, `link()` when
 * the link changes, and `sync()` when everything has to be read anew.
 */
export class Link {
  /** `connecting`, `live` or `lost`. */
  state = "connecting";
  /** When the daemon was last heard, in this browser's milliseconds. */
  heard = null;
  /** What to add to this browser's clock to have the daemon's. */
  skew = 0;
  version = null;
  instance = null;

  #listener;
  #stream = null;
  #retryMs = 1_000;
  #retry = null;

  constructor(listener) {
    this.#listener = listener;
  }

  /** Connects and stays connected for as long as the page lives. */
  start() {
    this.#open();
    setInterval(() => this.#check(), 1_000);
    setInterval(() => this.state === "live" && this.#listener.sync(), RESYNC_MS);
    // A laptop that wakes up, or a tab that comes back, shouldn't wait for the next retry.
    addEventListener("online", () => this.#reopen());
    document.addEventListener(
      "visibilitychange",
      () => document.hidden || this.state === "live" || this.#reopen(),
    );
  }

  /** The daemon's clock now, as well as this browser knows it. */
  now() {
    return Date.now() + this.skew;
  }

  #open() {
    const stream = new EventSource("api/v1/stream");
    this.#stream = stream;
    for (const kind of EVENTS) {
      stream.addEventListener(kind, (event) => stream === this.#stream && this.#receive(kind, event.data));
    }
    stream.onerror = () => stream === this.#stream && this.#lose();
  }

  #reopen() {
    this.#stream?.close();
    clearTimeout(this.#retry);
    this.#open();
  }

  #receive(kind, text) {
    this.heard = Date.now();
    const data = text ? JSON.parse(text) : null;
    if (kind === "hello") this.#greet(data);
    else if (kind !== "ping") this.#listener.tell(kind, data);
  }

  #greet(hello) {
    const now = Date.parse(hello.now);
    // Under a second it is the way through the network, not the clock.
    this.skew = Math.abs(now - Date.now()) < 1_000 || !Number.isFinite(now) ? 0 : now - Date.now();
    this.version ??= hello.version;
    this.newVersion = hello.version === this.version ? null : hello.version;
    this.instance = hello.instance;
    this.#retryMs = 1_000;
    this.#turn("live");
    this.#listener.sync();
  }

  #check() {
    if (this.state === "live" && Date.now() - this.heard > SILENCE_MS) this.#lose();
  }

  #lose() {
    this.#stream.close();
    this.#turn("lost");
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#reopen(), this.#retryMs * (0.75 + Math.random() / 2));
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
  }

  #turn(state) {
    if (this.state === state) return;
    this.state = state;
    this.#listener.link();
  }
}
