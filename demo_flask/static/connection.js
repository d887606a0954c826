// The WebSocket of a page: it comes back by itself after the network or the server was away.

import { SignedOut } from "./messages.js";

const FIRST_DELAY = 500; // ms before the first attempt to reconnect; doubles with each one
const LONGEST_DELAY = 15_000;
const PING_EVERY = 25_000;
const PONG_WITHIN = 20_000;
const SIGNED_OUT = 4401; // the code with which the server closes

export class Connection {
  #socket = null;
  #attempts = 0;
  #timer = 0;
  #heartbeat = 0;

  // `catchUp` fetches what was missed; `heard` takes what the server says; `changed` is told the state: connecting,
  // live, waiting (for the next attempt), or out (signed out: there will be none).
  constructor(address, { catchUp, heard, changed }) {
    Object.assign(this, { address, catchUp, heard, changed });
    addEventListener("online", () => this.#retryNow());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#retryNow(); });
  }

  open() {
    this.#state("connecting");
    this.#socket = new WebSocket(this.address);
    this.#socket.onmessage = (event) => this.#hear(JSON.parse(event.data));
    this.#socket.onclose = (event) => { if (event.code === SIGNED_OUT) this.signedOut(); else this.#wait(); };
    this.#watch();
  }

  #state(name) {
    this.name = name;
    this.changed(name);
  }

  async #hear(news) {
    if (news.type === "pong") this.#watch();
    this.heard(news);
    // The first word says that this page belongs to the room: only what was said before can have been missed.
    if (this.name !== "connecting") return;
    const mine = this.#socket;
    if (await this.#caughtUp() && mine === this.#socket) {
      this.#attempts = 0;
      this.#state("live");
    }
  }

  async #caughtUp() {
    try {
      await this.catchUp();
      return true;
    } catch (error) {
      if (error instanceof SignedOut) this.signedOut();
      else this.#wait();
      return false;
    }
  }

  // A connection can die without a word: ask now and then, and give up on one that does not answer. Ask however much
  // is said here, too: the server does not know that anybody listens.
  #watch() {
    clearTimeout(this.#heartbeat);
    this.#heartbeat = setTimeout(() => {
      if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send("ping");
      this.#heartbeat = setTimeout(() => this.#wait(), PONG_WITHIN);
    }, PING_EVERY);
  }

  #wait() {
    this.#drop();
    this.#state("waiting");
    // Not all pages at the same moment when a server comes back.
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempts) * (0.5 + Math.random() / 2);
    this.#attempts += 1;
    this.#timer = setTimeout(() => this.#retry(), delay);
  }

  // A WebSocket does not say why it was refused; a request does.
  async #retry() {
    clearTimeout(this.#timer);
    this.#state("connecting"); // and so not a second time meanwhile
    if (await this.#caughtUp()) this.open();
  }

  #retryNow() {
    if (this.name === "waiting") this.#retry();
  }

  signedOut() {
    this.#drop();
    this.#state("out");
  }

  #drop() {
    clearTimeout(this.#heartbeat);
    clearTimeout(this.#timer);
    if (!this.#socket) return;
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }
}
