"use strict";

const LISTED = 200; // names; a search finds the others
const FULL = 0.5; // of the map, covered with pictures when all of it is seen
const [SMALLEST, LARGEST] = [16, 112]; // pixels of a picture on the map, all of it being seen
const [FAR, NEAR] = [0.5, 60]; // how far out and in one may go
const STEP = 1.4; // of going closer
const MARGIN = 24; // pixels around the map
const MOVE = 60; // pixels at a key's stroke
const DOT = 2.5;

const element = (id) => document.getElementById(id);
const data = JSON.parse(element("data").textContent);
const canvas = element("map");
const pen = canvas.getContext("2d");
const all = data.x.map((_, one) => one);
const names = data.name.map((name) => name.toLowerCase());

// screen = map * scale + (left, top)
const view = { whole: 1, scale: 1, left: 0, top: 0, width: 0, height: 0 };
const hidden = new Set(); // groups
let sought = "";
let chosen = -1;
let hovered = -1;
let shown = all; // what the search and the legend leave
let tiles = []; // of these, those with room for a picture
let colours = {};

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const colourOf = (one) => data.groups.length ? data.groups[data.group[one]].colour : colours.dot;
const placeOf = (one) => [data.x[one] * view.scale + view.left, data.y[one] * view.scale + view.top];
const closeness = () => view.scale / view.whole;

/** Pixels of a picture: they grow more slowly than the map, so that going closer makes room. */
function sideOf() {
  const whole = Math.sqrt((view.width * view.height * FULL) / Math.max(1, shown.length));
  const side = clamp(whole, SMALLEST, LARGEST) * Math.sqrt(closeness());
  return Math.min(side, Math.max(data.side, LARGEST));
}

/** As many of those shown as have room beside each other, the same ones wherever the map is. */
function roomy(distance) {
  const grid = new Map();
  const cell = (x, y) => x * 65536 + y;
  const near = (one, x, y) => (grid.get(cell(x, y)) ?? []).some((other) =>
    Math.abs(data.x[one] - data.x[other]) < distance && Math.abs(data.y[one] - data.y[other]) < distance);
  const around = [-1, 0, 1];
  return shown.filter((one) => {
    const [x, y] = [Math.floor(data.x[one] / distance), Math.floor(data.y[one] / distance)];
    if (!data.width[one] || around.some((i) => around.some((j) => near(one, x + i, y + j)))) return false;
    grid.set(cell(x, y), [...(grid.get(cell(x, y)) ?? []), one]);
    return true;
  });
}

function seesAgain() {
  shown = all.filter((one) => !hidden.has(data.group[one]) && names[one].includes(sought));
  list();
  arrange();
}

function arrange() {
  tiles = roomy((sideOf() * 1.06) / view.scale);
  later();
}

let waiting = false;
function later() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
}

function draw() {
  const ratio = window.devicePixelRatio;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, view.width, view.height);
  pen.imageSmoothingQuality = "high";
  const [seen, side] = [new Set(shown), sideOf()];
  for (const one of all) dot(one, seen.has(one) ? 1 : 0.18);
  for (const one of tiles) tile(one, side);
  for (const one of new Set([chosen, hovered])) if (one >= 0) tile(one, Math.max(side * 1.35, 72), true);
}

function dot(one, strength) {
  const [x, y] = placeOf(one);
  pen.globalAlpha = strength;
  pen.fillStyle = colourOf(one);
  pen.beginPath();
  pen.arc(x, y, DOT, 0, 2 * Math.PI);
  pen.fill();
  pen.globalAlpha = 1;
}

/** The middle of a picture as a square, with its group's colour around it. */
function tile(one, side, lifted = false) {
  const [x, y] = placeOf(one);
  if (x < -side || y < -side || x > view.width + side || y > view.height + side) return;
  const border = lifted ? 3 : data.groups.length ? Math.max(1.5, side / 22) : 0;
  pen.save();
  if (border) {
    square(x, y, side + 2 * border * lifted);
    pen.fillStyle = lifted ? colours.chosen : colourOf(one);
    pen.fill();
  }
  const inner = side - 2 * border * !lifted;
  square(x, y, inner);
  pen.clip();
  const part = Math.min(data.width[one], data.height[one]);
  if (part) {
    pen.drawImage(element("sheet"), left(one) + (data.width[one] - part) / 2, top(one) + (data.height[one] - part) / 2,
      part, part, x - inner / 2, y - inner / 2, inner, inner);
  } else {
    pen.fillStyle = colours.line;
    pen.fill();
  }
  pen.restore();
}

function square(x, y, side) {
  pen.beginPath();
  pen.roundRect(x - side / 2, y - side / 2, side, side, side / 11);
}

const left = (one) => (one % data.columns) * data.side;
const top = (one) => Math.floor(one / data.columns) * data.side;

/** The picture at a point of the screen, or -1. */
function at(x, y) {
  const reach = sideOf() / 2;
  const near = (one, far) => {
    const [px, py] = placeOf(one);
    return Math.max(Math.abs(px - x), Math.abs(py - y)) <= far;
  };
  return tiles.find((one) => near(one, reach)) ?? shown.find((one) => near(one, 3 * DOT)) ?? -1;
}

function choose(one, go = false) {
  chosen = one;
  if (go && one >= 0) reveal(one);
  tell(one);
  for (const button of element("list").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(Number(button.value) === one));
  }
  later();
}

function tell(one) {
  const picked = element("picked");
  if (one < 0) {
    picked.replaceChildren(made("p", "Point at a picture, or choose one of the list."));
    return;
  }
  const group = data.groups.length ? data.groups[data.group[one]].name : "";
  picked.replaceChildren(...(data.width[one] ? [enlarged(one)] : []), made("strong", data.name[one]),
    made("p", [group, data.size[one], data.id[one]].filter(Boolean).join(" · ")));
}

function enlarged(one) {
  const picture = document.createElement("canvas");
  const [width, height] = [data.width[one], data.height[one]];
  const scale = 264 / Math.max(width, height);
  [picture.width, picture.height] = [width * scale * devicePixelRatio, height * scale * devicePixelRatio];
  picture.style.width = `${width * scale}px`;
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", data.name[one]);
  const brush = picture.getContext("2d");
  brush.imageSmoothingQuality = "high";
  brush.drawImage(element("sheet"), left(one), top(one), width, height, 0, 0, picture.width, picture.height);
  return picture;
}

function made(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function list() {
  const count = shown.length.toLocaleString("en");
  element("count").textContent = shown.length === 1 ? "1 picture" : `${count} pictures`;
  const lines = [...shown].sort((a, b) => names[a] < names[b] ? -1 : 1).slice(0, LISTED).map((one) => {
    const [line, button] = [document.createElement("li"), made("button", data.name[one])];
    button.value = one;
    button.title = data.name[one];
    button.addEventListener("click", () => choose(one, true));
    line.append(button);
    return line;
  });
  if (shown.length > LISTED) {
    const more = made("li", `and ${(shown.length - LISTED).toLocaleString("en")} more: search for them`);
    more.className = "more";
    lines.push(more);
  }
  element("list").replaceChildren(...lines);
}

function legend() {
  const lines = data.groups.map((group, code) => {
    const [line, button] = [document.createElement("li"), made("button", group.name)];
    button.style.setProperty("--colour", group.colour);
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      if (!hidden.delete(code)) hidden.add(code);
      button.setAttribute("aria-pressed", String(!hidden.has(code)));
      seesAgain();
    });
    line.append(button);
    return line;
  });
  element("legend").replaceChildren(...lines);
}

/** Move the map until a picture is well within sight. */
function reveal(one) {
  const [x, y] = placeOf(one);
  const [wide, tall] = [view.width * 0.15, view.height * 0.15];
  view.left += clamp(x, wide, view.width - wide) - x;
  view.top += clamp(y, tall, view.height - tall) - y;
  later();
}

function closer(factor, x = view.width / 2, y = view.height / 2) {
  const scale = clamp(view.scale * factor, FAR * view.whole, NEAR * view.whole);
  view.left = x - ((x - view.left) * scale) / view.scale;
  view.top = y - ((y - view.top) * scale) / view.scale;
  view.scale = scale;
  arrange();
}

function move(x, y) {
  view.left += x;
  view.top += y;
  later();
}

function whole() {
  if (!all.length) return;
  const [low, high] = [[Math.min(...data.x), Math.min(...data.y)], [Math.max(...data.x), Math.max(...data.y)]];
  const margin = MARGIN + LARGEST / 4;
  const [width, height] = [view.width - 2 * margin, view.height - 2 * margin];
  const fits = Math.min(width / (high[0] - low[0] || 1), height / (high[1] - low[1] || 1));
  view.whole = view.scale = Math.max(fits, 1);
  view.left = (view.width - (low[0] + high[0]) * view.scale) / 2;
  view.top = (view.height - (low[1] + high[1]) * view.scale) / 2;
  arrange();
}

/** The nearest picture that way; from the middle, if none is chosen. */
function next(right, down) {
  const from = chosen >= 0 ? placeOf(chosen) : [view.width / 2, view.height / 2];
  let [best, least] = [-1, Infinity];
  for (const one of shown) {
    const [x, y] = placeOf(one);
    const [across, along] = [Math.abs((x - from[0]) * down + (y - from[1]) * right), (x - from[0]) * right + (y - from[1]) * down];
    const far = Math.hypot(across, along);
    const thatWay = chosen < 0 || (one !== chosen && along > 0 && across <= along);
    if (thatWay && far < least) [best, least] = [one, far];
  }
  if (best >= 0) choose(best, true);
}

const KEYS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

canvas.addEventListener("keydown", (event) => {
  const way = KEYS[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (way && event.shiftKey) move(-way[0] * MOVE, -way[1] * MOVE);
  else if (way) next(...way);
  else if (event.key === "+" || event.key === "=") closer(STEP);
  else if (event.key === "-") closer(1 / STEP);
  else if (event.key === "0") whole();
  else if (event.key === "Escape") choose(-1);
  else return;
  event.preventDefault();
});

const fingers = new Map();
let moved = 0;

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
  moved = 0;
});

canvas.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) {
    hover(at(event.offsetX, event.offsetY));
    return;
  }
  const [x, y] = [event.offsetX, event.offsetY];
  const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const apart = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]);
    closer(apart([x, y]) / Math.max(1, apart(before)), other[0], other[1]);
  } else move(x - before[0], y - before[1]);
  moved += Math.hypot(x - before[0], y - before[1]);
  fingers.set(event.pointerId, [x, y]);
});

for (const end of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(end, (event) => {
    fingers.delete(event.pointerId);
    if (end === "pointerup" && moved < 4) choose(at(event.offsetX, event.offsetY));
  });
}

canvas.addEventListener("pointerleave", () => hover(-1));

function hover(one) {
  if (one === hovered) return;
  hovered = one;
  canvas.style.cursor = one >= 0 ? "pointer" : "";
  tell(one >= 0 ? one : chosen);
  later();
}

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
  closer(Math.exp(-clamp(event.deltaY * lines, -120, 120) / 300), event.offsetX, event.offsetY);
}, { passive: false });

element("search").addEventListener("input", (event) => {
  sought = event.target.value.trim().toLowerCase();
  seesAgain();
});
element("closer").addEventListener("click", () => closer(STEP));
element("farther").addEventListener("click", () => closer(1 / STEP));
element("whole").addEventListener("click", whole);

function colour() {
  const style = getComputedStyle(document.documentElement);
  colours = Object.fromEntries(["dot", "chosen", "line"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  later();
}

function resize() {
  const first = !view.width;
  const untouched = first || closeness() === 1;
  [view.width, view.height] = [canvas.clientWidth, canvas.clientHeight];
  [canvas.width, canvas.height] = [view.width * devicePixelRatio, view.height * devicePixelRatio];
  if (untouched) whole();
  else arrange();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colour);
element("sheet").decode().then(later, later);
colour();
legend();
list();
new ResizeObserver(resize).observe(canvas);
