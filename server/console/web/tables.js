// The tables and lists of the page, from figures between two readings.

import { at, make, say } from "/elements.js";
import { duration, isFailing, number, share, time, timeText } from "/figures.js";

const MOST_ROWS = 50;
const SLOW = 1, VERY_SLOW = 5;

/** Fill an element with a table; it is made once, and then only the cells are changed. */
function fillTable(element, columns, rows, { empty, caption = "", sort = null }) {
  if (!rows.length) {
    element.replaceChildren(make("p", { class: "muted" }, empty));
    return;
  }
  let table = element.querySelector("table");
  if (!table) {
    const heads = columns.map((each) => {
      const head = make("th", { scope: "col", class: each.text ? "text" : null });
      if (sort && each.order) {
        const button = make("button", { type: "button" }, each.name);
        button.addEventListener("click", () => sort.by(each.name));
        head.append(button);
      } else head.append(each.name);
      return head;
    });
    table = make("table", {}, caption ? make("caption", {}, caption) : null, make("thead", {}, make("tr", {}, ...heads)), make("tbody"));
    element.replaceChildren(table);
  }
  if (sort) {
    [...table.tHead.rows[0].cells].forEach((head, index) => {
      if (columns[index].name === sort.name) head.setAttribute("aria-sort", "descending");
      else head.removeAttribute("aria-sort");
    });
  }
  const body = table.tBodies[0];
  while (body.rows.length > rows.length) body.lastChild.remove();
  while (body.rows.length < rows.length) body.append(make("tr", {}, ...columns.map(() => make("td"))));
  rows.forEach((row, index) => columns.forEach((each, place) => {
    const cell = body.rows[index].cells[place], state = each.state?.(row) ?? "";
    const name = [each.text ? "text" : "", each.isName ? "name" : "", state].filter(Boolean).join(" ");
    if (cell.className !== name) cell.className = name;
    if (each.fill) each.fill(cell, row);
    else say(cell, each.value(row));
    if (each.isName && cell.title !== cell.textContent) cell.title = cell.textContent;
  }));
}

function fillWaiting(cell, row) {
  if (row.waiting === null) {
    say(cell, "–");
    return;
  }
  if (!cell.querySelector("meter")) cell.replaceChildren(make("meter", { min: 0, max: 1, high: 0.5, low: 0.25, optimum: 0, "aria-label": "share of the time in the queue" }), make("span"));
  cell.querySelector("meter").value = row.waiting;
  say(cell.querySelector("span"), share(row.waiting));
}

const slowness = (seconds) => (seconds > VERY_SLOW ? "bad" : seconds > SLOW ? "warn" : "");

const ROUTES = [
  { name: "route", text: true, isName: true, value: (row) => row.route || "/" },
  { name: "application", text: true, value: (row) => row.application },
  { name: "runs on", text: true, value: (row) => row.runsOn },
  { name: "requests/s", value: (row) => number(row.rate), order: (row) => row.rate },
  { name: "p50", value: (row) => timeText(row.p50), order: (row) => row.p50 ?? -1 },
  { name: "p95", value: (row) => timeText(row.p95), order: (row) => row.p95 ?? -1, state: (row) => slowness(row.p95) },
  { name: "p99", value: (row) => timeText(row.p99), order: (row) => row.p99 ?? -1 },
  { name: "in the queue", fill: fillWaiting, order: (row) => row.waiting ?? -1 },
  { name: "in flight", value: (row) => number(row.inFlight), order: (row) => row.inFlight },
  { name: "5xx", value: (row) => (row.count ? share(row.failed / row.count) : "–"), order: (row) => (row.count ? row.failed / row.count : -1), state: (row) => (isFailing(row) ? "bad" : row.failed ? "warn" : "") },
];
const order = { name: "p95", by: null };

/** Fill the table of routes, by what was chosen last; `again` is called when something else is. */
export function fillRoutes(figures, again) {
  order.by = (name) => {
    order.name = name;
    again();
  };
  const weight = ROUTES.find((each) => each.name === order.name).order;
  const rows = [...figures.routes].sort((one, other) => weight(other) - weight(one)).slice(0, MOST_ROWS);
  fillTable(at("routes"), ROUTES, rows, { empty: "No requests yet.", sort: order });
}

const SOCKETS = [
  { name: "route", text: true, isName: true, value: (row) => row.route || "/" },
  { name: "application", text: true, value: (row) => row.application },
  { name: "open", value: (row) => number(row.open) },
  { name: "in/s", value: (row) => number(row.received) },
  { name: "out/s", value: (row) => number(row.sent) },
  { name: "slow", value: (row) => number(row.slow), state: (row) => (row.slow ? "warn" : "") },
  { name: "round trip", value: (row) => timeText(row.trip) },
  { name: "closed", value: (row) => Object.entries(row.closes).map(([code, count]) => `${code}: ${number(count)}`).join(", ") || "–" },
];

/** Fill the table of WebSockets. */
export function fillSockets(figures) {
  const rows = [...figures.sockets].sort((one, other) => other.open - one.open).slice(0, MOST_ROWS);
  fillTable(at("sockets"), SOCKETS, rows, { empty: "None has been opened." });
}

const PROCESSES = [
  { name: "process", text: true, value: (row) => String(row.pid) },
  { name: "state", text: true, value: (row) => row.state, state: (row) => (row.state === "ready" ? "" : "warn") },
  { name: "up", value: (row) => (row.since ? duration(row.taken - row.since) : "–") },
  { name: "requests/s", value: (row) => number(row.rate) },
  { name: "in flight", value: (row) => number(row.in_flight) },
  { name: "connections", value: (row) => number(row.connections) },
  { name: "busy", value: (row) => number(row.busy) },
  { name: "queued", value: (row) => number(row.queued), state: (row) => (row.queued ? "warn" : "") },
];

/** Fill the table of processes; one that gives no answer is one whose loop is held, most often. */
export function fillProcesses(status, before) {
  const rows = status.processes.map((each) => {
    const was = before.processes.find((one) => one.pid === each.pid);
    const rate = was && each.taken > was.taken ? Math.max(0, each.requests - was.requests) / (each.taken - was.taken) : 0;
    return { ...each, rate, state: each.ready ? "ready" : "stopping" };
  });
  const missing = status.missing.map((pid) => ({ pid, state: "no answer", rate: null }));
  fillTable(at("processes"), PROCESSES, [...rows, ...missing], { empty: "None has answered." });
}

/** What else there is: pools, limits that were hit, requests refused, channel layers, workers. */
export function fillMore(status) {
  const found = [];
  for (const [name, pool] of Object.entries(status.pools)) {
    found.push([`pool ${name}`, `${number(pool.completed)} jobs, ${number(pool.refused)} refused, ${pool.stuck} stuck; wait p50 ${timeText(pool.wait.p50)}, p99 ${timeText(pool.wait.p99)}`]);
  }
  if (status.gate) found.push(["gate", `${status.gate.inside} inside, ${status.gate.waiting} waiting`]);
  for (const [code, count] of Object.entries(status.connections.refused)) found.push([`refused with ${code}`, number(count)]);
  for (const [name, count] of Object.entries(status.limits_hit)) found.push([name, `hit ${number(count)} times`]);
  for (const [name, layer] of Object.entries(status.layers)) {
    const lost = Object.values(layer.lost).reduce((sum, each) => sum + each, 0);
    found.push([`layer ${name}`, `${layer.groups} groups, ${layer.members} members; ${number(layer.sent)} messages to ${number(layer.delivered)} channels, ${number(lost)} lost`]);
  }
  if (status.workers) found.push(["workers", `${status.workers.started} started, ${status.workers.failed} failed, ${status.workers.reloads} reloads`]);
  const columns = [{ name: "what", text: true, isName: true, value: ([name]) => name }, { name: "since the start", text: true, value: ([, said]) => said }];
  fillTable(at("more"), columns, found, { empty: "Nothing." });
}

const FRESH_SECONDS = 15;
const seen = new Map(); // stacks by key: their elements, how often they were seen, and when that last changed
let isChosen = false; // whether somebody has opened or closed one: until then the first is open

/** Show the stacks of what has held the loop, what did so lately first. */
export function fillHeld(status) {
  const { loop } = status, place = at("held");
  if (loop.watch === null) {
    place.replaceChildren(make("p", { class: "muted" }, "Nobody looks: start the server with ", make("code", {}, "--loop-watch 0.1"), " and the stack of whatever holds the loop for longer than that is kept, and shown here."));
    return;
  }
  const entries = Object.entries(loop.stacks);
  if (!entries.length) {
    place.replaceChildren(make("p", { class: "muted" }, `Nothing has held it for longer than ${timeText(loop.watch)}.`));
    return;
  }
  if (!seen.size) place.replaceChildren();
  for (const [key, stack] of entries) noteStack(key, stack, status.taken);
  const sorted = [...seen.values()].sort((one, other) => other.at - one.at || other.longest - one.longest);
  sorted.forEach(({ element }, index) => {
    if (!isChosen && element.open !== !index) element.open = !index;
    if (place.children[index] !== element) place.insertBefore(element, place.children[index] ?? null);
  });
}

function noteStack(key, stack, now) {
  let entry = seen.get(key);
  if (!entry) {
    const when = make("span", { class: "when" });
    const element = make("details", {}, make("summary", {}, when, " ", make("code", {}, key)), stack.frames.length ? make("ol", { class: "stack" }, ...stack.frames.map((frame) => make("li", {}, frame))) : null);
    element.addEventListener("click", () => (isChosen = true));
    entry = { element, when, count: 0, at: 0, longest: 0 };
    seen.set(key, entry);
  }
  if (stack.count > entry.count) Object.assign(entry, { count: stack.count, at: now, longest: stack.longest });
  const [longest, unit] = time(stack.longest), fresh = now - entry.at < FRESH_SECONDS;
  entry.element.classList.toggle("fresh", fresh);
  say(entry.when, `${fresh ? "just now, " : ""}${stack.count}×, longest ${longest} ${unit}`);
}
