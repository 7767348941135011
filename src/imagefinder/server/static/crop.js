// A box drawn over an image, by pointer or by keys.

import { announce, h } from "./dom.js";

const STEP = 0.02;
const LEAST = 0.03; // of a side; a smaller one was a click

/**
 * Let a part be chosen within `frame`, which lies exactly over the image. Shares of the sides go
 * to `chosen` as [left, top, width, height]. Gives what puts a box there (null takes it away).
 */
export function croppable(frame, chosen) {
  let part = null;
  const box = h("div", {
    class: "box",
    tabindex: "0",
    role: "group",
    "aria-label": "Part of the image. Arrows move it, Shift and arrows resize it, Enter searches.",
    hidden: true,
  });
  frame.append(box);

  function show(next) {
    part = next;
    box.hidden = !part;
    if (!part) return;
    const [left, top, width, height] = part.map((share) => `${100 * share}%`);
    Object.assign(box.style, { left, top, width, height });
  }

  frame.addEventListener("pointerdown", (event) => {
    const touched = event.pointerType === "touch" && !frame.classList.contains("cropping");
    if (event.button !== 0 || touched) return; // a finger scrolls the page
    event.preventDefault();
    const before = part;
    const start = at(frame, event);
    frame.setPointerCapture(event.pointerId);
    const drag = (moved) => show(between(start, at(frame, moved)));
    frame.addEventListener("pointermove", drag);
    const end = (ended) => {
      frame.removeEventListener("pointermove", drag);
      const drawn = between(start, at(frame, ended));
      if (ended.type === "pointercancel" || Math.min(drawn[2], drawn[3]) < LEAST) return show(before);
      show(drawn);
      chosen(drawn);
    };
    frame.addEventListener("pointerup", end, { once: true });
    frame.addEventListener("pointercancel", end, { once: true });
  });

  box.addEventListener("keydown", (event) => {
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (arrow) {
      event.preventDefault();
      show(event.shiftKey ? resized(part, arrow) : moved(part, arrow));
      announce(`Part: ${part.map((share) => Math.round(100 * share)).join(", ")} percent`);
    } else if (event.key === "Enter") chosen(part);
    else if (event.key === "Escape") chosen(null);
  });

  return {
    show,
    /** Begin with the middle, for the keys; a finger may draw from now on. */
    begin() {
      frame.classList.add("cropping");
      show(part ?? [0.25, 0.25, 0.5, 0.5]);
      box.focus();
    },
  };
}

function at(frame, event) {
  const { left, top, width, height } = frame.getBoundingClientRect();
  return [within((event.clientX - left) / width), within((event.clientY - top) / height)];
}

function between([x, y], [toX, toY]) {
  return [Math.min(x, toX), Math.min(y, toY), Math.abs(toX - x), Math.abs(toY - y)];
}

function moved([left, top, width, height], [x, y]) {
  return [within(left + STEP * x, 1 - width), within(top + STEP * y, 1 - height), width, height];
}

function resized([left, top, width, height], [x, y]) {
  return [
    left,
    top,
    Math.max(LEAST, within(width + STEP * x, 1 - left)),
    Math.max(LEAST, within(height + STEP * y, 1 - top)),
  ];
}

const within = (value, most = 1) => Math.min(Math.max(value, 0), most);
