// The messages of a room on the page: in order, each once, none missing. Their numbers are 1, 2, 3 … in each room.

const KEEP = 300; // messages on the page

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export class SignedOut extends Error {}

export function showTime(time) {
  const when = new Date(time.dateTime);
  const today = when.toDateString() === new Date().toDateString();
  time.title = calendar.format(when);
  time.textContent = today ? clock.format(when) : time.title;
}

export class Messages {
  #catchingUp = null;

  // `onmessage` is told of each message that comes to the page.
  constructor(list, card, { older, source, newest, me, onmessage }) {
    Object.assign(this, { list, card, older, source, newest, me, onmessage });
    this.announced = newest; // the largest number that somebody has spoken of
    list.querySelectorAll("time").forEach(showTime);
  }

  // Take a message that was announced. A number too large means that others were lost on the way, or are late.
  arrive(message) {
    if (message.number === this.newest + 1) this.#append(message);
    return this.hear(message.number);
  }

  // Make sure to have all messages up to this number.
  async hear(number) {
    this.announced = Math.max(this.announced, number);
    if (this.newest < this.announced) await this.catchUp();
  }

  // Fetch what is missing. Fails with SignedOut, or with another error when there is no connection.
  catchUp() {
    this.#catchingUp ??= this.#fetchMissed().finally(() => { this.#catchingUp = null; });
    return this.#catchingUp;
  }

  async #fetchMissed() {
    for (let more = true; more;) {
      const answer = await this.#fetch(`after=${this.newest}`);
      for (const message of answer.messages) {
        if (message.number === this.newest + 1) this.#append(message);
      }
      more = answer.more || (answer.messages.length > 0 && this.newest < this.announced);
    }
  }

  // Put the messages before the first one on the page.
  async showOlder() {
    const first = this.list.firstElementChild;
    const answer = await this.#fetch(`before=${first.dataset.number}`);
    if (first !== this.list.firstElementChild) return; // somebody has clicked twice
    const items = answer.messages.map((message) => this.item(message));
    first.before(...items);
    this.#group([...items, first]);
    this.older.hidden = !answer.more;
  }

  async #fetch(query) {
    const response = await fetch(`${this.source}?${query}`, {
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(20_000),
    });
    if (response.status === 401) throw new SignedOut();
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return response.json();
  }

  #append(message) {
    this.newest = message.number;
    const item = this.item(message);
    item.classList.add("new");
    this.list.append(item);
    this.#group([item]);
    if (this.list.children.length > KEEP) {
      this.list.firstElementChild.remove();
      this.older.hidden = false;
    }
    this.onmessage(message);
  }

  // Several messages in a row by one person have the name once.
  #group(items) {
    for (const item of items) {
      const before = item.previousElementSibling;
      item.classList.toggle("follows", before?.dataset.author === item.dataset.author);
    }
  }

  // Make the item of a message.
  item(message) {
    const item = this.card.content.firstElementChild.cloneNode(true);
    if (message.number) item.dataset.number = message.number;
    item.dataset.author = message.author;
    item.classList.toggle("mine", message.author === this.me);
    const avatar = item.querySelector(".avatar");
    avatar.className = `avatar colour-${message.colour}`;
    avatar.textContent = [...message.author][0].toUpperCase();
    item.querySelector(".author").textContent = message.author;
    item.querySelector(".text").textContent = message.text;
    const time = item.querySelector("time");
    time.dateTime = message.created;
    showTime(time);
    return item;
  }
}
