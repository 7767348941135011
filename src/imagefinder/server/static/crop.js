// Crop box: drawn over an image with the pointer, or moved with the keyboard.

import { announce, h } from "./dom.js";

const STEP = 0.02;
const MIN_SIDE = 0.03; // of the image; anything smaller was a click

/**
 * Let a region be drawn in `frame`, which covers the image exactly: [left, top, width, height] as
 * fractions of the image. `onEnter` is called when it is confirmed with the keyboard.
 */
export function croppable(frame, onEnter) {
  let region = null;
  const box = h("div", {
    class: "box",
    tabindex: "0",
    role: "group",
    "aria-label": "Crop. Arrow keys move it, Shift and arrow keys resize it, Enter searches.",
    hidden: true,
  });
  frame.append(box);

  function show(next) {
    region = next;
    box.hidden = !region;
    if (!region) return;
    const [left, top, width, height] = region.map((fraction) => `${100 * fraction}%`);
    Object.assign(box.style, { left, top, width, height });
  }

  frame.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    const before = region;
    const start = position(frame, event);
    frame.setPointerCapture(event.pointerId);
    const drag = (moved) => show(between(start, position(frame, moved)));
    frame.addEventListener("pointermove", drag);
    const end = (ended) => {
      frame.removeEventListener("pointermove", drag);
      frame.removeEventListener("pointerup", end);
      frame.removeEventListener("pointercancel", end);
      const drawn = between(start, position(frame, ended));
      if (ended.type === "pointercancel" || Math.min(drawn[2], drawn[3]) < MIN_SIDE) return show(before);
      show(drawn);
    };
    frame.addEventListener("pointerup", end);
    frame.addEventListener("pointercancel", end);
  });

  box.addEventListener("keydown", (event) => {
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (arrow) {
      event.preventDefault();
      show(event.shiftKey ? resize(region, arrow) : move(region, arrow));
      announce(`Crop: ${region.map((fraction) => Math.round(100 * fraction)).join(", ")} percent`);
    } else if (event.key === "Enter") {
      event.preventDefault(); // or it presses the button that gets the focus back
      onEnter();
    }
  });

  return {
    region: () => region,
    /** Show a box, by default in the middle, and focus it. */
    begin(initial) {
      show(initial || [0.25, 0.25, 0.5, 0.5]);
      box.focus();
    },
  };
}

function position(frame, event) {
  const { left, top, width, height } = frame.getBoundingClientRect();
  return [clamp((event.clientX - left) / width), clamp((event.clientY - top) / height)];
}

function between([x, y], [toX, toY]) {
  return [Math.min(x, toX), Math.min(y, toY), Math.abs(toX - x), Math.abs(toY - y)];
}

function move([left, top, width, height], [x, y]) {
  return [clamp(left + STEP * x, 1 - width), clamp(top + STEP * y, 1 - height), width, height];
}

function resize([left, top, width, height], [x, y]) {
  return [
    left,
    top,
    Math.max(MIN_SIDE, clamp(width + STEP * x, 1 - left)),
    Math.max(MIN_SIDE, clamp(height + STEP * y, 1 - top)),
  ];
}

const clamp = (value, max = 1) => Math.min(Math.max(value, 0), max);
