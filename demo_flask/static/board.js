// Keeps the page up to date over a WebSocket, and posts without leaving it. Without this script the form still works.

const KEEP = 200; // messages on the page
const FIRST_DELAY = 500; // ms before the first attempt to reconnect; doubles with each one
const LONGEST_DELAY = 15_000;
const PING_EVERY = 25_000;
const PONG_WITHIN = 10_000;

const list = document.getElementById("messages");
const form = document.getElementById("composer");
const live = document.getElementById("live");
const error = document.getElementById("error");
const hint = document.getElementById("hint");
const { author, text } = form.elements;
const card = document.getElementById("card");

// Messages

let newest = Number(list.dataset.newest); // every message up to this id has been seen

const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

function showTime(time) {
  const when = new Date(time.dateTime);
  const minutes = Math.round((when - Date.now()) / 60_000);
  time.title = dates.format(when);
  if (minutes > -1) time.textContent = "just now";
  else if (minutes > -60) time.textContent = relative.format(minutes, "minute");
  else time.textContent = minutes > -12 * 60 ? relative.format(Math.round(minutes / 60), "hour") : time.title;
}

function showTimes() {
  list.querySelectorAll("time").forEach(showTime);
}

function show(message) {
  if (document.getElementById(`message-${message.id}`)) return;
  const item = card.content.firstElementChild.cloneNode(true);
  item.id = `message-${message.id}`;
  item.dataset.id = message.id;
  item.classList.add("new");
  const avatar = item.querySelector(".avatar");
  avatar.className = `avatar colour-${message.colour}`;
  avatar.textContent = [...message.author][0].toUpperCase();
  item.querySelector(".author").textContent = message.author;
  item.querySelector(".text").textContent = message.text;
  item.querySelector("time").dateTime = message.created;
  showTime(item.querySelector("time"));
  const older = [...list.children].find((other) => Number(other.dataset.id) < message.id);
  list.insertBefore(item, older ?? null);
  while (list.children.length > KEEP) list.lastElementChild.remove();
}

// Ids grow by one, so a jump means that something was missed.
function arrive(message) {
  if (message.id <= newest) return;
  if (message.id > newest + 1) {
    catchUp().catch(reconnect);
    return;
  }
  newest = message.id;
  show(message);
}

let catchingUp = null;

function catchUp() {
  catchingUp ??= fetchMissed().finally(() => { catchingUp = null; });
  return catchingUp;
}

async function fetchMissed() {
  for (let more = true; more;) {
    const response = await fetch(`${list.dataset.source}?after=${newest}`, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const answer = await response.json();
    for (const message of answer.messages) {
      newest = Math.max(newest, message.id);
      show(message);
    }
    more = answer.more;
  }
}

// The connection

let socket = null;
let attempts = 0;
let timer = 0;
let heartbeat = 0;

function say(state, words) {
  live.dataset.state = state;
  live.firstElementChild.textContent = words;
}

function connect() {
  clearTimeout(timer);
  const address = new URL(list.dataset.socket, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  socket = new WebSocket(address);
  socket.onopen = opened;
  socket.onmessage = heard;
  socket.onclose = reconnect;
}

// The server has let this page join before the socket opens: what was missed until then is fetched now.
async function opened() {
  const mine = socket;
  wait();
  try {
    await catchUp();
  } catch {
    reconnect();
    return;
  }
  if (socket !== mine) return;
  attempts = 0;
  say("on", "Live");
}

function heard(event) {
  wait();
  const news = JSON.parse(event.data);
  if (news.type === "message") arrive(news.message);
}

// A connection can die without a word: ask now and then, and give up on one that does not answer.
function wait() {
  clearTimeout(heartbeat);
  heartbeat = setTimeout(() => {
    socket.send("ping");
    heartbeat = setTimeout(reconnect, PONG_WITHIN);
  }, PING_EVERY);
}

function reconnect() {
  clearTimeout(heartbeat);
  clearTimeout(timer);
  if (socket) {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    socket = null;
  }
  say("waiting", "Reconnecting…");
  // Not all pages at the same moment when a server comes back.
  const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** attempts) * (0.5 + Math.random() / 2);
  attempts += 1;
  timer = setTimeout(connect, delay);
}

function connectNow() {
  if (!socket) connect();
}

// The form

function count() {
  const left = text.maxLength - text.value.length;
  hint.textContent = left < 100 ? `${left} characters left` : "Ctrl + Enter posts";
}

// Browsers that are told to keep nothing refuse access.
function remember(name) {
  try { localStorage.setItem("author", name); } catch { /* then the name is typed again next time */ }
}

function remembered() {
  try { return localStorage.getItem("author") ?? ""; } catch { return ""; }
}

function complain(words, field) {
  for (const input of [author, text]) {
    input.toggleAttribute("aria-invalid", false);
    input.removeAttribute("aria-describedby");
  }
  error.textContent = words;
  const wrong = form.elements[field];
  if (!wrong) return;
  wrong.setAttribute("aria-invalid", "true");
  wrong.setAttribute("aria-describedby", "error");
  wrong.focus();
}

async function post(event) {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(new FormData(form)),
    });
    const answer = await response.json();
    complain(answer.error ?? "", answer.field);
    if (!response.ok) return;
    remember(author.value);
    text.value = "";
    text.focus();
    count();
    arrive(answer.message);
  } catch {
    complain("The message could not be sent. It is still here: try again.");
  } finally {
    button.disabled = false;
  }
}

form.addEventListener("submit", post);
text.addEventListener("input", count);
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
addEventListener("online", connectNow);
document.addEventListener("visibilitychange", () => { if (!document.hidden) connectNow(); });

author.value ||= remembered();
count();
showTimes();
setInterval(showTimes, 60_000);
say("waiting", "Connecting…");
connect();
