// Elements, made and found.

export const $ = (id) => document.getElementById(id);

/** An element: attributes by name, listeners as `on…`, what is null or false left out. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== false));
  return element;
}

/** Put a text into a place that is hidden while there is none. */
export function say(place, text) {
  place.textContent = text ?? "";
  place.hidden = !text;
}

/** Tell those who do not see the page. */
export function announce(text) {
  $("status").textContent = text;
}

/** Open a dialog; its button's value once it is closed. */
export function asked(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) =>
    dialog.addEventListener("close", () => done(dialog.returnValue), { once: true }),
  );
}

export const plural = (count, one, many = `${one}s`) =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
