// Making elements. What comes from the server goes into text and attributes alone, never into markup: paths are
// what clients have chosen.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

/** Make an element with attributes, and children or texts. */
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for a drawing. */
export function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Find an element by its id. */
export function at(id) {
  return document.getElementById(id);
}

/** Change a text, if it is another one: what stays the same is not laid out again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
