// The operations page: takes a reading a second from the server over a WebSocket, and shows what follows from it.

import { makeCharts } from "/charts.js";
import { drawGateway } from "/drawing.js";
import { at, make, say } from "/elements.js";
import { between, duration, isFailing, lag, number, time } from "/figures.js";
import { fillHeld, fillMore, fillProcesses, fillRoutes, fillSockets } from "/tables.js";

const WINDOW = 10; // readings that the tables look back
const SILENT_SECONDS = 2.5, LONGEST_PAUSE = 10;

const readings = [];
const charts = makeCharts(at("charts"));
let heardAt = performance.now(), connected = false, paused = false, retry = 0.5;

// Colours.

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function useTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  say(at("theme"), isDark() ? "Light" : "Dark");
  at("theme").setAttribute("aria-label", `Use ${isDark() ? "light" : "dark"} colours`);
  charts.paint();
}

function remembered(theme) {
  try {
    if (theme) localStorage.setItem("theme", theme);
    return localStorage.getItem("theme");
  } catch {
    return theme; // a browser that keeps nothing
  }
}

at("theme").addEventListener("click", () => useTheme(remembered(isDark() ? "light" : "dark") ?? (isDark() ? "light" : "dark")));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => useTheme());

at("pause").addEventListener("click", () => {
  paused = !paused;
  at("pause").setAttribute("aria-pressed", String(paused));
  say(at("pause"), paused ? "Go on" : "Pause");
  if (!paused) show();
});

// Figures.

const TILES = ["Requests", "Time p95", "In flight", "Threads busy", "Loop lag", "WebSockets", "Server errors"];
const tiles = new Map(TILES.map((name) => {
  const value = make("span", { class: "value" }, "–"), unit = make("span", { class: "unit" }), note = make("dd", { class: "note" });
  const element = make("div", { class: "tile" }, make("dt", {}, name), make("dd", {}, value, " ", unit), note);
  at("tiles").append(element);
  return [name, { element, value, unit, note }];
}));

function tile(name, value, unit, note, state = "") {
  const found = tiles.get(name);
  say(found.value, value);
  say(found.unit, unit);
  say(found.note, note);
  found.element.className = `tile ${state}`;
}

function fillTiles(status, now) {
  const pools = Object.values(status.pools), sum = (field) => pools.reduce((all, pool) => all + pool[field], 0);
  const busy = sum("busy"), threads = sum("threads"), queued = sum("queued"), late = now.lag ?? 0;
  tile("Requests", number(now.rate), "/s", `${number(now.accepted)} connections/s`);
  tile("Time p95", ...time(now.p95), `p50 ${time(now.p50).join(" ")}, p99 ${time(now.p99).join(" ")}`);
  tile("In flight", number(now.inFlight), "", `${number(status.connections.open)} connections`);
  tile("Threads busy", number(busy), `of ${threads}`, queued ? `${number(queued)} queued` : "none queued", queued ? "warn" : "");
  tile("Loop lag", ...lag(now.lag), "worst of the last second", late > 0.25 ? "bad" : late > 0.05 ? "warn" : "");
  tile("WebSockets", number(now.open), "open", `${number(now.sockets.reduce((all, each) => all + each.sent, 0))} messages out/s`);
  tile("Server errors", number(now.failed), "/s", `${number(now.refused)} refusals (4xx)/s`, now.failed ? (isFailing({ count: now.count, failed: now.failed * now.seconds }) ? "bad" : "warn") : "");
}

function fillHeader(status) {
  const ready = status.processes.filter((each) => each.ready).length, all = status.processes.length + status.missing.length;
  const state = !ready ? ["stopping", "bad"] : ready < all ? [`${ready} of ${all} ready`, "warn"] : ["ready", "good"];
  say(at("state"), state[0]);
  at("state").className = `pill ${state[1]}`;
  const since = Math.min(...status.processes.map((each) => each.since));
  const processes = all > 1 ? `${all} processes` : `process ${status.processes[0]?.pid ?? status.missing[0]}`;
  say(at("about"), [status.version, status.urls.join(" "), processes, `up ${duration(status.taken - since)}`].join(" · "));
  const title = `hybrid – ${state[0]}`;
  if (document.title !== title) document.title = title;
}

function show() {
  const now = readings[readings.length - 1];
  if (!now || paused || document.hidden) return;
  const before = readings[readings.length - 2] ?? now, earlier = readings[0];
  const last = between(now, before), lately = between(now, earlier);
  fillHeader(now);
  fillTiles(now, last);
  drawGateway(at("drawing"), now, { ...last, routes: lately.routes, sockets: lately.sockets });
  fillRoutes(lately, show);
  fillSockets(lately);
  fillProcesses(now, earlier);
  fillMore(now);
  fillHeld(now);
}

function take(reading) {
  const before = readings[readings.length - 1];
  readings.push(reading);
  if (readings.length > WINDOW + 1) readings.shift();
  if (before) charts.add(between(reading, before));
  show();
}

// The connection.

function look() {
  const silent = (performance.now() - heardAt) / 1000, isSilent = silent > SILENT_SECONDS;
  const asks = !at("sign-in").hidden;
  at("silence").hidden = asks || !isSilent;
  if (asks || !isSilent) return;
  say(at("silence"), connected
    ? `No reading for ${silent.toFixed(0)} s: the event loop that sends them is held. With --loop-watch its stack is kept meanwhile, and shown as soon as it goes on.`
    : `No connection for ${silent.toFixed(0)} s: the server has gone, or cannot be reached. The page asks again and again.`);
  at("state").className = "pill bad";
  say(at("state"), connected ? "loop held" : "no connection");
}

function connect() {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  socket.addEventListener("open", () => {
    connected = true;
    retry = 0.5;
  });
  socket.addEventListener("message", (event) => {
    heardAt = performance.now();
    take(JSON.parse(event.data));
  });
  socket.addEventListener("close", () => {
    connected = false;
    setTimeout(begin, retry * 1000);
    retry = Math.min(LONGEST_PAUSE, retry * 2);
  });
}

async function signIn(token) {
  const answer = await fetch("/session", { method: "POST", headers: { authorization: `Bearer ${token}` } });
  heardAt = performance.now();
  return answer.ok;
}

async function begin() {
  let answer = null;
  try {
    answer = await fetch("/session");
  } catch {
    setTimeout(begin, retry * 1000);
    retry = Math.min(LONGEST_PAUSE, retry * 2);
    return;
  }
  const asks = answer.status === 401;
  at("sign-in").hidden = !asks;
  at("figures").hidden = asks;
  if (asks) {
    say(at("state"), "signed out");
    at("state").className = "pill warn";
    at("token").focus();
  } else connect();
}

at("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  let said = "";
  try {
    if (await signIn(at("token").value)) begin();
    else said = "That is not the token.";
  } catch {
    said = "The server does not answer.";
  }
  at("token").value = "";
  say(at("refused"), said);
});

/** A token behind the # goes to the server once, and out of the address: no log and no history has it. */
async function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return;
  history.replaceState(null, "", location.pathname);
  await signIn(token).catch(() => false);
}

document.addEventListener("visibilitychange", () => {
  show();
  charts.paint();
});
new ResizeObserver(() => show()).observe(at("drawing"));
setInterval(look, 500);
useTheme(remembered());
takeToken().then(begin);
