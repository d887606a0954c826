// Makes open pages live. Without it they work the same, and show what is new when they are loaded again.

const live = document.getElementById("live");
const people = document.getElementById("people");
const changed = document.getElementById("changed");

function say(state, text) {
  live.dataset.state = state;
  live.textContent = text;
}

// A page that one leaves is gone for the others at once, though the browser may keep it for the way back.
let leave = () => {};
addEventListener("pagehide", () => leave());
addEventListener("pageshow", ({ persisted }) => { if (persisted) location.reload(); });

// What is new is fetched as a page like any other, and put in the place of what is there, part by part. So there is
// one place that says what a page looks like, and one that says who may see it: the view.
let fetching = false;
let again = false;

async function refresh() {
  again = fetching;
  if (fetching) return;
  fetching = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected || answer.status === 404) return location.reload(); // signed out, or the ticket is gone
    if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The connection is gone, and its return brings us here again.
  } finally {
    fetching = false;
    if (again) refresh();
  }
}

function show(page) {
  for (const old of document.querySelectorAll("[data-live]")) {
    const part = page.getElementById(old.id);
    if (!part || part.isEqualNode(old)) continue;
    for (const item of part.querySelectorAll("[id]")) {
      const before = document.getElementById(item.id);
      item.classList.toggle("fresh", !before || before.dataset.version !== item.dataset.version);
    }
    if (old.matches("[aria-live]")) old.replaceChildren(...part.childNodes); // the same element, to be read out
    else old.replaceWith(part);
  }
}

// A list hears of all tickets. The browser connects again by itself.
function listen(address) {
  const events = new EventSource(address);
  events.addEventListener("ready", () => { say("live", "Live"); refresh(); });
  events.addEventListener("ticket", refresh);
  events.onerror = () => {
    if (events.readyState === EventSource.CLOSED) say("off", "Reload for news");
    else say("waiting", "Connecting again…");
  };
  leave = () => events.close();
}

// A ticket has a WebSocket, which also says who is looking at it.
let known = false; // whether this server has WebSockets

function connect(address, attempt = 0) {
  const socket = new WebSocket(address);
  leave = () => { socket.onclose = null; socket.close(); };
  let joined = false;
  socket.onmessage = ({ data }) => {
    const news = JSON.parse(data);
    if (news.type === "people") meet(news.people);
    if (news.type === "changed") hear();
    if (joined) return;
    joined = known = true; // nothing can be missed from here on; what came before is fetched
    attempt = 0;
    say("live", "Live");
    if (!changed) refresh();
  };
  socket.onclose = () => {
    say(known ? "waiting" : "off", known ? "Connecting again…" : "Reload for news");
    const delay = Math.min(15_000, 500 * 2 ** attempt) * (0.5 + Math.random() / 2); // not all pages at once
    setTimeout(connect, delay, address, attempt + 1);
  };
}

function hear() {
  if (changed) changed.hidden = false; // what somebody is writing is left alone
  else refresh();
}

function meet(all) {
  people.replaceChildren(...all.map(({ name, editing }) => {
    const item = document.createElement("li");
    item.textContent = name;
    item.classList.toggle("editing", editing);
    if (editing) item.append(Object.assign(document.createElement("span"), { textContent: " is editing" }));
    return item;
  }));
}

if (live?.dataset.events) listen(live.dataset.events);
if (live?.dataset.socket) connect(live.dataset.socket);
