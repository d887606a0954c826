// The gateway as it is: listeners, routes, what they run on, applications, and the load on what connects them.

import { draw } from "/elements.js";
import { isFailing, lagText, number, timeText } from "/figures.js";

const MOST_ROUTES = 8;
const ROW = 46, BOX = 38, HEAD = 22, NARROW = 720;

/** Routes of requests and of WebSockets as one list, the busiest first; what is beyond some is one of them. */
function routesOf(figures) {
  const found = new Map();
  const entry = (each) => {
    const key = `${each.application} ${each.route} ${each.runsOn}`;
    if (!found.has(key)) found.set(key, { key, name: each.route || "/", application: each.application, runsOn: each.runsOn, rate: 0, failing: false, p95: null, open: 0, inFlight: 0 });
    return found.get(key);
  };
  for (const each of figures.routes) Object.assign(entry(each), { rate: each.rate, failing: isFailing(each), p95: each.p95, inFlight: each.inFlight });
  for (const each of figures.sockets) entry(each).open += each.open;
  // In an order that stays, or the drawing would jump about: the busiest are chosen, and then sorted by name.
  const all = [...found.values()].sort((one, other) => other.rate + other.open - one.rate - one.open);
  const shown = all.slice(0, MOST_ROUTES).sort((one, other) => (one.application + one.name).localeCompare(other.application + other.name));
  return { shown, hidden: all.length - shown.length };
}

/** A text no longer than it has room for, with letters so wide. */
function fitted(text, width, letter = 6) {
  const most = Math.max(4, Math.floor(width / letter));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

class Sheet {
  constructor(width) {
    this.width = width;
    this.edges = draw("g");
    this.boxes = draw("g");
    this.loads = draw("g");
  }

  heading(x, text) {
    this.boxes.append(draw("text", { x, y: 12, class: "heading" }, text));
  }

  box(place, { title, sub, right = "", state = "", about = "" }, extra = []) {
    const { x, y, width, height = BOX } = place;
    this.boxes.append(draw("g", {},
      draw("title", {}, about || `${title} ${sub}`),
      draw("rect", { x: x + 0.5, y: y + 0.5, width, height, rx: 6, class: `box ${state}` }),
      draw("text", { x: x + 10, y: y + 16, class: "title" }, fitted(title, width - 24 - 7 * right.length, 7.4)),
      draw("text", { x: x + width - 10, y: y + 16, "text-anchor": "end" }, right),
      draw("text", { x: x + 10, y: y + 30, class: "sub" }, fitted(sub, width - 16)),
      ...extra));
  }

  edge([x1, y1], [x2, y2], { rate = 0, most = 1, failing = false, open = 0, text = "" }) {
    const bend = (x2 - x1) / 2, path = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
    const kind = rate ? (failing ? "failing" : "") : open ? "sockets" : "idle";
    const width = rate ? 1.5 + 6 * Math.sqrt(rate / most) : open ? 2 : 1;
    this.edges.append(draw("path", { d: path, class: `edge ${kind}`, "stroke-width": width.toFixed(1), "stroke-opacity": rate ? 0.55 : 1 }));
    if (!text) return;
    const part = 0.7, left = 1 - part; // nearer to its end, where the curves are apart
    const x = left ** 3 * x1 + 3 * left ** 2 * part * (x1 + bend) + 3 * left * part ** 2 * (x2 - bend) + part ** 3 * x2;
    const y = (left ** 3 + 3 * left ** 2 * part) * y1 + (3 * left * part ** 2 + part ** 3) * y2;
    this.loads.append(draw("text", { x, y: y + 4, "text-anchor": "middle", class: "load" }, text));
  }

  svg(height, summary) {
    return draw("svg", { viewBox: `0 0 ${this.width} ${height}`, role: "img", "aria-label": summary }, this.edges, this.boxes, this.loads);
  }
}

/** Small squares, one for each thread: running, waiting for something else than the CPU, stuck, or idle. */
function threadsOf(pool, { x, y, width }) {
  const count = Math.min(pool.threads, 64), step = Math.min(11, (width - 20) / Math.max(1, count));
  const scale = count / Math.max(1, pool.threads);
  const stuck = Math.ceil(pool.stuck * scale), blocked = Math.ceil(pool.blocked * scale), busy = Math.ceil(pool.busy * scale);
  return Array.from({ length: count }, (_, index) => {
    const state = index < stuck ? "stuck" : index < stuck + blocked ? "blocked" : index < stuck + busy ? "running" : "";
    return draw("rect", { x: x + 10 + index * step, y: y + 38, width: Math.max(1, step - 2), height: 8, rx: 1.5, class: `thread ${state}` });
  });
}

/** What runs requests: each pool, the loop, and the threads of WebSockets; with height and how it is drawn. */
function runnersOf(status, figures, routes) {
  const runners = Object.entries(status.pools).map(([name, pool]) => ({
    key: name, height: 56, pool,
    title: `pool ${name}`, right: `${pool.busy}/${pool.threads}`,
    sub: `queue ${pool.queued}, highest ${pool.highest_queue}${pool.queued ? `, oldest ${timeText(pool.oldest_wait)}` : ""}`,
    state: pool.stuck ? "bad" : pool.queued ? "warn" : "",
    about: `Thread pool ${name}: ${pool.busy} of ${pool.threads} threads busy, ${pool.blocked} of them blocked, ${pool.queued} jobs queued`,
  }));
  runners.push({
    key: "loop", height: BOX, title: status.processes.length > 1 ? `${status.processes.length} event loops` : "event loop",
    right: "", sub: `lag ${lagText(figures.lag)} at worst`, state: (figures.lag ?? 0) > 0.25 ? "bad" : (figures.lag ?? 0) > 0.05 ? "warn" : "",
  });
  const threads = status.socket_threads;
  if (routes.some((each) => each.runsOn === "websocket")) {
    runners.push({ key: "websocket", height: BOX, title: "WebSocket threads", right: threads ? `${threads.busy}/${threads.threads}` : "", sub: "of WSGI applications", state: "" });
  }
  return runners;
}

/** Places boxes one below the other, in the middle of a height. */
function stacked(items, heightOf, x, width, height) {
  const gap = 10, used = items.reduce((sum, item) => sum + heightOf(item) + gap, -gap);
  let y = HEAD + Math.max(0, (height - used) / 2);
  return items.map((item) => {
    const place = { x, y, width, height: heightOf(item) };
    y += place.height + gap;
    return place;
  });
}

const right = ({ x, y, width, height }) => [x + width + 1, y + height / 2];
const left = ({ x, y, height }) => [x, y + height / 2];

function loadOf(route) {
  const sockets = route.open ? `${number(route.open)} open` : "";
  return [route.rate ? number(route.rate) : "", sockets].filter(Boolean).join(" · ");
}

function summaryOf(status, figures, { shown, hidden }) {
  const routes = shown.map((each) => `${each.name} of ${each.application} ${number(each.rate)} a second on ${each.runsOn}`);
  const pools = Object.entries(status.pools).map(([name, pool]) => `pool ${name} ${pool.busy} of ${pool.threads} threads busy, ${pool.queued} queued`);
  return `The gateway: ${status.connections.open} connections at ${status.urls.join(" and ")}; ${routes.join("; ")}${hidden ? `; and ${hidden} more routes` : ""}; ${pools.join("; ")}; loop lag ${lagText(figures.lag)}.`;
}

/** Draw the gateway into an element. */
export function drawGateway(element, status, figures) {
  const width = Math.max(320, element.clientWidth), narrow = width < NARROW;
  const routes = routesOf(figures), runners = runnersOf(status, figures, routes.shown);
  const most = Math.max(1e-9, ...routes.shown.map((each) => each.rate));
  const sheet = new Sheet(width);
  const height = narrow ? drawNarrow(sheet, status, figures, routes, runners, most) : drawWide(sheet, status, figures, routes, runners, most);
  element.replaceChildren(sheet.svg(height, summaryOf(status, figures, routes)));
}

function boxRoutes(sheet, { shown, hidden }, places, withApplication) {
  shown.forEach((each, index) => sheet.box(places[index], {
    title: each.name, right: withApplication ? loadOf(each) : "", state: each.failing ? "bad" : "",
    sub: [withApplication ? each.application : "", `p95 ${timeText(each.p95)}`, each.inFlight ? `${each.inFlight} in flight` : ""].filter(Boolean).join(" · "),
    about: `${each.name} of ${each.application}: ${number(each.rate)} requests a second, p95 ${timeText(each.p95)}, ${each.inFlight} in flight, ${each.open} WebSockets`,
  }));
  if (hidden && places.length) {
    const last = places[places.length - 1];
    sheet.boxes.append(draw("text", { x: last.x + 10, y: last.y + last.height + 15, class: "sub" }, `and ${hidden} more`));
  }
}

function boxRunners(sheet, runners, places) {
  runners.forEach((each, index) => sheet.box(places[index], each, each.pool ? threadsOf(each.pool, places[index]) : []));
}

function drawWide(sheet, status, figures, routes, runners, most) {
  const { shown } = routes, gap = Math.max(70, sheet.width * 0.075), column = (sheet.width - 3 * gap - 1) / 4;
  const columns = [0, 1, 2, 3].map((index) => index * (column + gap));
  const applications = [...new Set(shown.map((each) => each.application))];
  const height = Math.max(shown.length * (BOX + 10) - 10, runners.reduce((sum, each) => sum + each.height + 10, -10), status.urls.length * ROW, applications.length * ROW, BOX) + (routes.hidden ? 20 : 0);
  ["Listeners", "Routes", "Runs on", "Applications"].forEach((text, index) => sheet.heading(columns[index], text));
  const listeners = stacked(status.urls, () => BOX, columns[0], column, height);
  const places = stacked(shown, () => BOX, columns[1], column, height - (routes.hidden ? 20 : 0));
  const running = stacked(runners, (each) => each.height, columns[2], column, height);
  const serving = stacked(applications, () => BOX, columns[3], column, height);
  status.urls.forEach((url, index) => sheet.box(listeners[index], {
    title: url, right: "", state: status.connections.waits ? "bad" : "",
    sub: status.urls.length > 1 ? "" : `${number(status.connections.open)} connections, ${number(figures.accepted)} new a second`,
  }));
  boxRoutes(sheet, routes, places, false);
  boxRunners(sheet, runners, running);
  // Which listener a request came by is not counted: several come together before the routes.
  const joint = [columns[0] + column + gap * 0.3, HEAD + height / 2];
  const from = listeners.length === 1 ? right(listeners[0]) : joint;
  if (listeners.length > 1) listeners.forEach((each) => sheet.edge(right(each), joint, { rate: figures.rate, most: Math.max(most, figures.rate) }));
  const loads = new Map();
  shown.forEach((each, index) => {
    const load = { rate: each.rate, most, failing: each.failing, open: each.open, text: loadOf(each) };
    sheet.edge(from, left(places[index]), load);
    const runner = runners.findIndex((one) => one.key === each.runsOn);
    if (runner < 0) return;
    sheet.edge(right(places[index]), left(running[runner]), { ...load, text: "" });
    const key = `${runner} ${applications.indexOf(each.application)}`, sum = loads.get(key) ?? { rate: 0, open: 0, failing: false };
    loads.set(key, { rate: sum.rate + each.rate, open: sum.open + each.open, failing: sum.failing || each.failing });
  });
  const heaviest = Math.max(most, ...[...loads.values()].map((each) => each.rate));
  for (const [key, load] of loads) {
    const [runner, application] = key.split(" ").map(Number);
    sheet.edge(right(running[runner]), left(serving[application]), { ...load, most: heaviest, text: loadOf(load) });
  }
  applications.forEach((name, index) => {
    const own = shown.filter((each) => each.application === name), failing = own.some((each) => each.failing);
    const inFlight = own.reduce((sum, each) => sum + each.inFlight, 0);
    sheet.box(serving[index], { title: name, sub: `${inFlight} in flight`, state: failing ? "bad" : "" });
  });
  return HEAD + height + 4;
}

/** For phones: listeners above, routes at the left with their applications, what they run on at the right. */
function drawNarrow(sheet, status, figures, routes, runners, most) {
  const { shown } = routes, gap = 34, wide = Math.round((sheet.width - gap) * 0.56), rest = sheet.width - gap - wide - 1;
  sheet.boxes.append(draw("text", { x: 0, y: 12, class: "sub" }, fitted(status.urls.join("  "), sheet.width)));
  sheet.boxes.append(draw("text", { x: 0, y: 27, class: "sub" }, `${number(status.connections.open)} connections, ${number(figures.accepted)} new a second`));
  const top = 18;
  const height = Math.max(shown.length * (BOX + 10), runners.reduce((sum, each) => sum + each.height + 10, 0));
  const lower = (places) => places.map((place) => ({ ...place, y: place.y + top }));
  const places = lower(stacked(shown, () => BOX, 0, wide, height)), running = lower(stacked(runners, (each) => each.height, wide + gap, rest, height));
  boxRoutes(sheet, routes, places, true);
  boxRunners(sheet, runners, running);
  shown.forEach((each, index) => {
    const runner = runners.findIndex((one) => one.key === each.runsOn);
    if (runner >= 0) sheet.edge(right(places[index]), left(running[runner]), { rate: each.rate, most, failing: each.failing, open: each.open });
  });
  return HEAD + top + height + (routes.hidden ? 16 : 0);
}
