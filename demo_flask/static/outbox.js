// What somebody has written and the server does not have yet: it survives a lost connection and a reload.

const AGAIN = 4_000; // ms until another attempt, where nothing says when

export class Outbox {
  #sending = false;
  #timer = 0;

  // `show` makes the item of a text; `sent` is told of each message that arrived; `signedOut`, that one cannot.
  constructor(list, { address, name, show, sent, signedOut, giveBack }) {
    Object.assign(this, { list, address, name, show, sent, signedOut, giveBack });
    this.letters = JSON.parse(load(name) ?? "[]");
    this.letters.forEach((letter) => this.#display(letter));
  }

  add(text) {
    // Sent twice with the same key, a message is kept once.
    const key = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const letter = { key, text, written: new Date().toISOString() };
    this.letters.push(letter);
    this.#display(letter);
    this.#changed();
    this.flush();
  }

  // Forget a letter that has arrived.
  remove(key) {
    this.letters = this.letters.filter((letter) => letter.key !== key);
    this.#item(key)?.remove();
    this.#changed();
  }

  // Send what waits, in order.
  async flush() {
    if (this.#sending) return;
    this.#sending = true;
    clearTimeout(this.#timer);
    try {
      let letter;
      while ((letter = this.letters.find((each) => !each.refused))) {
        const wait = await this.#post(letter);
        if (wait) {
          this.#timer = setTimeout(() => this.flush(), wait);
          break;
        }
      }
    } finally {
      this.#sending = false;
    }
  }

  // Send one, and return after how many milliseconds to try again, or 0.
  async #post(letter) {
    let response;
    let answer;
    try {
      response = await fetch(this.address, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new URLSearchParams({ text: letter.text, key: letter.key }),
        signal: AbortSignal.timeout(20_000),
      });
      answer = await response.json();
    } catch {
      this.#explain(letter, "Waiting for the connection…");
      return AGAIN * (0.5 + Math.random());
    }
    if (response.ok) {
      this.sent(answer.message);
      this.remove(letter.key);
    } else if (response.status === 401) {
      this.#explain(letter, "Waiting until you are signed in…");
      this.signedOut();
      return AGAIN * 10;
    } else if (response.status === 429 || response.status >= 500) {
      this.#explain(letter, answer.error);
      return Number(response.headers.get("Retry-After")) * 1000 || AGAIN;
    } else {
      letter.refused = answer.error;
      this.#display(letter);
      this.#changed();
    }
    return 0;
  }

  #display(letter) {
    const item = this.show(letter.text, letter.written);
    item.dataset.key = letter.key;
    item.classList.add("waiting");
    item.classList.toggle("refused", Boolean(letter.refused));
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = letter.refused ?? "Sending…";
    item.querySelector("article").append(note);
    if (letter.refused) note.append(" ", this.#button(letter));
    const before = this.#item(letter.key);
    if (before) before.replaceWith(item);
    else this.list.append(item);
  }

  #button(letter) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "Take back";
    button.onclick = () => {
      this.remove(letter.key);
      this.giveBack(letter.text);
    };
    return button;
  }

  #explain(letter, words) {
    const note = this.#item(letter.key)?.querySelector(".note");
    if (note) note.textContent = words;
  }

  #item(key) {
    return [...this.list.children].find((item) => item.dataset.key === key);
  }

  #changed() {
    save(this.name, this.letters.length ? JSON.stringify(this.letters) : "");
  }
}

// Browsers that are told to keep nothing refuse access: then nothing outlives the page.
export function load(name) {
  try { return sessionStorage.getItem(name); } catch { return null; }
}

export function save(name, value) {
  try {
    if (value) sessionStorage.setItem(name, value);
    else sessionStorage.removeItem(name);
  } catch { /* see above */ }
}
