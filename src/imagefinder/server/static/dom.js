// DOM helpers.

export const $ = (id) => document.getElementById(id);

/** Create an element; attributes named `on…` are listeners, null and false ones are left out. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter(Boolean));
  return element;
}

export const button = (text, onclick, label = null, style = "plain") =>
  h("button", { type: "button", class: style, "aria-label": label, onclick }, text);

/** Set an element's text, and hide it if there is none. */
export function setText(element, text) {
  element.textContent = text ?? "";
  element.hidden = !text;
}

export function announce(text) {
  $("status").textContent = text;
}

/** Open a dialog and wait for the value of the button that closes it. */
export function openDialog(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) =>
    dialog.addEventListener("close", () => done(dialog.returnValue), { once: true }),
  );
}

export const plural = (count, one, many = `${one}s`) =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
