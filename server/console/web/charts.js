// Time lines on canvas: three minutes, a point a second. They are drawn when there is a new point, not in between.

import { make, say } from "/elements.js";
import { lagText, number, timeText } from "/figures.js";

export const POINTS = 180;
const LEFT = 46, RIGHT = 6, TOP = 6, BOTTOM = 16;

const CHARTS = [
  { title: "Requests a second", write: number, least: 5, series: [
    { key: "rate", name: "all", colour: "blue", filled: true },
    { key: "refused", name: "4xx", colour: "amber" },
    { key: "failed", name: "5xx", colour: "red" },
  ] },
  { title: "Times of requests, and in the queue", write: timeText, least: 0.005, series: [
    { key: "wait95", name: "queue p95", colour: "violet", filled: true },
    { key: "p50", name: "p50", colour: "green" },
    { key: "p95", name: "p95", colour: "blue" },
  ] },
  { title: "Loop lag", write: lagText, least: 0.005, series: [
    { key: "lag", name: "worst", colour: "amber", filled: true },
    { key: "lag50", name: "median", colour: "blue" },
  ] },
];

/** The next number that is good to read at an axis. */
function rounded(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 4, 5, 10].find((step) => step * power >= value * 0.999);
}

class Chart {
  constructor(about) {
    this.about = about;
    this.points = [];
    this.place = null; // of the point that is looked at, from the end
    this.values = new Map();
    this.swatches = new Map();
    const items = about.series.map((each) => {
      const swatch = make("span", { class: `swatch ${each.colour}` }), value = make("b", {}, "–");
      this.swatches.set(each.key, swatch);
      this.values.set(each.key, value);
      return make("li", {}, swatch, `${each.name} `, value);
    });
    this.when = make("small", {}, "");
    this.canvas = make("canvas", { tabindex: 0, role: "img" });
    this.grid = make("span", { class: "grid-colour", hidden: true });
    this.element = make("section", { class: "panel chart" }, make("h2", {}, about.title, " ", this.when),
      make("ul", { class: "legend" }, ...items), this.canvas, this.grid);
    this.canvas.addEventListener("pointermove", (event) => this.look(this.placeAt(event.offsetX)));
    this.canvas.addEventListener("pointerleave", () => this.look(null));
    this.canvas.addEventListener("blur", () => this.look(null));
    this.canvas.addEventListener("keydown", (event) => this.press(event));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  press(event) {
    const step = { ArrowLeft: 1, ArrowRight: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const last = Math.max(0, this.points.length - 1);
    this.look(Math.min(last, Math.max(0, (this.place ?? 0) + step)));
  }

  placeAt(x) {
    const width = this.canvas.clientWidth - LEFT - RIGHT;
    const place = Math.round(((LEFT + width - x) / width) * (POINTS - 1));
    return Math.min(Math.max(0, this.points.length - 1), Math.max(0, place));
  }

  look(place) {
    this.place = place;
    this.draw();
  }

  add(point) {
    this.points.push(point);
    if (this.points.length > POINTS) this.points.shift();
    this.draw();
  }

  draw() {
    const looked = this.points[this.points.length - 1 - (this.place ?? 0)];
    for (const { key } of this.about.series) say(this.values.get(key), this.about.write(looked?.[key] ?? null));
    say(this.when, this.place ? `${this.place} s ago` : "");
    const texts = this.about.series.map(({ key, name }) => `${name} ${this.about.write(looked?.[key] ?? null)}`);
    this.canvas.setAttribute("aria-label", `${this.about.title}: ${texts.join(", ")}. Arrow keys look back.`);
    this.paint();
  }

  paint() {
    const { clientWidth: width, clientHeight: height } = this.canvas, scale = window.devicePixelRatio || 1;
    if (!width || document.hidden) return;
    if (this.canvas.width !== Math.round(width * scale) || this.canvas.height !== Math.round(height * scale)) {
      this.canvas.width = Math.round(width * scale);
      this.canvas.height = Math.round(height * scale);
    }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const bottom = height - BOTTOM, right = width - RIGHT;
    const highest = Math.max(this.about.least, ...this.points.flatMap((point) => this.about.series.map(({ key }) => point[key] ?? 0)));
    const top = rounded(highest);
    const across = (index) => right - ((this.points.length - 1 - index) / (POINTS - 1)) * (right - LEFT);
    const up = (value) => bottom - (value / top) * (bottom - TOP);
    this.paintGrid(pen, { top, bottom, right, up });
    for (const each of this.about.series) this.paintLine(pen, each, across, up, bottom);
    if (this.place) {
      const x = across(this.points.length - 1 - this.place);
      pen.strokeStyle = getComputedStyle(this.when).color;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(x, TOP);
      pen.lineTo(x, bottom);
      pen.stroke();
    }
  }

  paintGrid(pen, { top, bottom, right, up }) {
    const muted = getComputedStyle(this.when).color;
    pen.lineWidth = 1;
    pen.font = `11px ${getComputedStyle(this.canvas).fontFamily}`;
    pen.strokeStyle = getComputedStyle(this.grid).color;
    pen.fillStyle = muted;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (const value of [0, top / 2, top]) {
      const y = Math.round(up(value)) + 0.5;
      pen.beginPath();
      pen.moveTo(LEFT, y);
      pen.lineTo(right, y);
      pen.stroke();
      pen.fillText(value ? this.about.write(value) : "0", LEFT - 6, Math.max(y, 7));
    }
    pen.textBaseline = "alphabetic";
    for (const [text, part, align] of [["3 min ago", 0, "left"], ["2", 1 / 3, "center"], ["1", 2 / 3, "center"], ["now", 1, "right"]]) {
      pen.textAlign = align;
      pen.fillText(text, LEFT + part * (right - LEFT), bottom + 13);
    }
  }

  paintLine(pen, { key, filled }, across, up, bottom) {
    const colour = getComputedStyle(this.swatches.get(key)).color;
    const flush = (part) => {
      if (!part.length) return;
      pen.beginPath();
      part.forEach(([x, y], index) => (index ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      pen.strokeStyle = pen.fillStyle = colour;
      pen.lineWidth = 1.5;
      pen.lineJoin = "round";
      if (part.length === 1) pen.fillRect(part[0][0] - 1, part[0][1] - 1, 2, 2);
      pen.stroke();
      if (filled) {
        pen.lineTo(part[part.length - 1][0], bottom);
        pen.lineTo(part[0][0], bottom);
        pen.globalAlpha = 0.13;
        pen.fill();
        pen.globalAlpha = 1;
      }
    };
    let part = [];
    this.points.forEach((point, index) => {
      const value = point[key];
      if (value === null || value === undefined) {
        flush(part);
        part = [];
      } else part.push([across(index), up(value)]);
    });
    flush(part);
  }
}

/** Make the charts in an element; what is returned adds a point to all of them, or paints them again. */
export function makeCharts(element) {
  const charts = CHARTS.map((about) => new Chart(about));
  element.replaceChildren(...charts.map((each) => each.element));
  return {
    add: (point) => charts.forEach((each) => each.add(point)),
    paint: () => charts.forEach((each) => each.paint()),
  };
}
