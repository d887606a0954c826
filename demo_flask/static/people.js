// Who is here: each person once, however many windows they have open.

export class People {
  #windows = new Map(); // of everybody, by the channel that each has
  #gone = new Set();

  constructor(list, template, { me, count }) {
    Object.assign(this, { list, template, me, count });
  }

  // A new connection begins: what it says can come in another order than it happened.
  forget() {
    this.#windows.clear();
    this.#gone.clear();
  }

  begin(members) {
    for (const { channel, metadata } of members) this.#windows.set(channel, metadata);
    this.#show();
  }

  join({ channel, metadata }) {
    this.#windows.set(channel, metadata);
    this.#show();
  }

  leave({ channel }) {
    this.#gone.add(channel);
    this.#show();
  }

  #show() {
    for (const channel of this.#gone) this.#windows.delete(channel);
    const people = new Map([...this.#windows.values()].map((person) => [person.name, person]));
    const names = [...people.keys()].sort((one, other) => one.localeCompare(other));
    this.list.replaceChildren(...names.map((name) => this.#item(people.get(name))));
    this.count.textContent = names.length;
  }

  #item({ name, colour }) {
    const item = this.template.content.firstElementChild.cloneNode(true);
    const avatar = item.querySelector(".avatar");
    avatar.className = `avatar colour-${colour}`;
    avatar.textContent = [...name][0].toUpperCase();
    item.querySelector(".name").textContent = name;
    item.classList.toggle("mine", name === this.me);
    return item;
  }
}
