// Makes a room's page live. Without it everything can be read and written too, with plain links and forms.

import { Connection } from "./connection.js";
import { Messages, showTime } from "./messages.js";
import { Outbox, load, save } from "./outbox.js";
import { People } from "./people.js";

const WORDS = { connecting: "Connecting…", live: "Live", waiting: "Reconnecting…", out: "Signed out" };

const byId = (id) => document.getElementById(id);
const room = byId("room");
const form = byId("composer");
const scroller = byId("scroller");
const { me, newest, socket, source } = room.dataset;

function begin() {
  const draft = `draft ${me} ${source}`;
  const { text } = form.elements;
  const people = new People(byId("people"), byId("person"), { me, count: byId("count") });
  const messages = new Messages(byId("messages"), byId("card"), {
    source, me, newest: Number(newest), older: byId("older"), onmessage: arrived,
  });
  const outbox = new Outbox(byId("waiting"), {
    address: form.action,
    name: `outbox ${me} ${source}`,
    show: (words, created) => messages.item({ author: me, text: words, created, colour: 0 }),
    sent: (message) => messages.arrive(message).catch(() => {}),
    signedOut: () => connection.signedOut(),
    giveBack: write,
  });
  const connection = new Connection(address(), { catchUp: () => messages.catchUp(), heard, changed });

  // What cannot be fetched now is fetched when the connection is back.
  function heard(news) {
    if (news.type === "people") people.begin(news.people);
    if (news.type === "group.join") people.join(news);
    if (news.type === "group.leave") people.leave(news);
    if (news.type === "message") messages.arrive(news.message).catch(() => {});
    if (news.type === "pong") messages.hear(news.newest).catch(() => {});
  }

  function arrived(message) {
    outbox.remove(message.key);
    byId("down").hidden = isAtEnd();
  }

  function changed(state) {
    room.dataset.state = byId("live").dataset.state = state;
    byId("live").firstElementChild.textContent = WORDS[state];
    byId("out").hidden = state !== "out";
    if (state === "connecting") people.forget();
    if (state === "live") outbox.flush();
  }

  function write(words) {
    text.value = words;
    save(draft, words);
    text.focus();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!text.value.trim()) return;
    outbox.add(text.value);
    byId("error").textContent = "";
    write("");
    toEnd();
  });
  text.addEventListener("input", () => save(draft, text.value));
  text.addEventListener("keydown", (event) => {
    // A finger has no Shift + Enter, and Enter may end a word that is being composed.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || matchMedia("(pointer: coarse)").matches) return;
    event.preventDefault();
    form.requestSubmit();
  });
  byId("down").addEventListener("click", toEnd);
  scroller.addEventListener("scroll", () => { if (isAtEnd()) byId("down").hidden = true; });
  byId("older").addEventListener("click", (event) => {
    event.preventDefault();
    messages.showOlder().catch(() => {}); // the page says that it has no connection
  });
  text.value ||= load(draft) ?? "";
  connection.open();
}

// The end of the messages is at 0, and what is above it has negative numbers: see parlour.css.
function isAtEnd() {
  return scroller.scrollTop > -60;
}

function toEnd() {
  scroller.scrollTop = 0;
}

function address() {
  const url = new URL(socket, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

if (form) begin();
else document.querySelectorAll("time").forEach(showTime); // a page of older messages
