const LISTED = 200; // names; a search finds the others
const STEP = 1.4; // of going closer
const MARGIN = 20; // pixels around the map
const MOVE = 60; // pixels at a key's stroke
const ROUND = 14; // pixels from which on corners are seen
const FAINT = 0.1; // what the search or the legend leaves out

const element = (id) => document.getElementById(id);
const data = JSON.parse(element("data").textContent);
const canvas = element("map");
const pen = canvas.getContext("2d");
const all = data.x.map((_, one) => one);
const names = data.name.map((name) => name.toLowerCase());

// screen = cell * scale + (left, top): a scale is the pixels of a cell
const view = { whole: 1, scale: 1, left: 0, top: 0, width: 0, height: 0 };
const hidden = new Set(); // groups
let sought = "";
let chosen = -1;
let hovered = -1;
let shown = new Set(all); // what the search and the legend leave
let colours = {};

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const colourOf = (one) => data.groups[data.group[one]].colour;
const placeOf = (one) => [data.x[one] * view.scale + view.left, data.y[one] * view.scale + view.top];
const leftOf = (one) => (one % data.columns) * data.side;
const topOf = (one) => Math.floor(one / data.columns) * data.side;

function see() {
  shown = new Set(all.filter((one) => !hidden.has(data.group[one]) && names[one].includes(sought)));
  list();
  choose(shown.has(chosen) ? chosen : -1);
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
  const side = view.scale * 0.94;
  for (const one of all) {
    pen.globalAlpha = shown.has(one) ? 1 : FAINT;
    tile(one, side, data.groups.length ? Math.max(1, side / 18) : 0);
  }
  pen.globalAlpha = 1;
  for (const one of new Set([chosen, hovered])) if (one >= 0) lifted(one, Math.max(side * 1.3, 84));
}

function lifted(one, side) {
  const [x, y] = placeOf(one);
  pen.shadowColor = "rgba(0, 0, 0, 0.45)";
  pen.shadowBlur = 14;
  square(x, y, side + 6, colours.chosen);
  pen.shadowBlur = 0;
  tile(one, side, 0);
}

/** The middle of an image as a square, with its group's colour around it. */
function tile(one, side, border) {
  const [x, y] = placeOf(one);
  if (x < -side || y < -side || x > view.width + side || y > view.height + side) return;
  if (border) square(x, y, side, colourOf(one));
  const inner = side - 2 * border;
  const part = Math.min(data.width[one], data.height[one]);
  if (!part) {
    square(x, y, inner, colours.line);
    return;
  }
  pen.save();
  if (side > ROUND) {
    square(x, y, inner);
    pen.clip();
  }
  const [left, top] = [leftOf(one) + (data.width[one] - part) / 2, topOf(one) + (data.height[one] - part) / 2];
  pen.drawImage(element("sheet"), left, top, part, part, x - inner / 2, y - inner / 2, inner, inner);
  pen.restore();
}

function square(x, y, side, colour) {
  pen.beginPath();
  if (side > ROUND) pen.roundRect(x - side / 2, y - side / 2, side, side, side / 12);
  else pen.rect(x - side / 2, y - side / 2, side, side);
  if (colour) {
    pen.fillStyle = colour;
    pen.fill();
  }
}

const cells = new Map(all.map((one) => [`${data.x[one]} ${data.y[one]}`, one]));

/** The image at a point of the screen, or -1. */
function at(x, y) {
  const [column, row] = [Math.round((x - view.left) / view.scale), Math.round((y - view.top) / view.scale)];
  const one = cells.get(`${column} ${row}`) ?? -1;
  return shown.has(one) ? one : -1;
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
    picked.replaceChildren(made("p", "Point at an image, or choose one of the list."));
    return;
  }
  const group = data.groups.length ? data.groups[data.group[one]].name : "";
  picked.replaceChildren(...(data.width[one] ? [enlarged(one)] : []), made("strong", data.name[one]),
    made("p", [group, data.size[one], data.id[one]].filter(Boolean).join(" · ")));
}

function enlarged(one) {
  const image = document.createElement("canvas");
  const [width, height] = [data.width[one], data.height[one]];
  const scale = 256 / Math.max(width, height);
  [image.width, image.height] = [width * scale * devicePixelRatio, height * scale * devicePixelRatio];
  image.style.width = `${width * scale}px`;
  image.setAttribute("role", "img");
  image.setAttribute("aria-label", data.name[one]);
  const brush = image.getContext("2d");
  brush.imageSmoothingQuality = "high";
  brush.drawImage(element("sheet"), leftOf(one), topOf(one), width, height, 0, 0, image.width, image.height);
  return image;
}

function made(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function list() {
  const count = shown.size.toLocaleString("en");
  element("count").textContent = shown.size === 1 ? "1 image" : `${count} images`;
  const lines = [...shown].sort((a, b) => (names[a] < names[b] ? -1 : 1)).slice(0, LISTED).map((one) => {
    const [line, button] = [document.createElement("li"), made("button", data.name[one])];
    button.value = one;
    button.title = data.name[one];
    button.addEventListener("click", () => choose(one, true));
    line.append(button);
    return line;
  });
  if (shown.size > LISTED) {
    const more = made("li", `and ${(shown.size - LISTED).toLocaleString("en")} more: search for them`);
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
      see();
    });
    line.append(button);
    return line;
  });
  element("legend").replaceChildren(...lines);
}

/** Move the map until an image is well within sight. */
function reveal(one) {
  const [x, y] = placeOf(one);
  const [wide, tall] = [view.width * 0.15, view.height * 0.15];
  move(clamp(x, wide, view.width - wide) - x, clamp(y, tall, view.height - tall) - y);
}

function move(x, y) {
  view.left += x;
  view.top += y;
  later();
}

function closer(factor, x = view.width / 2, y = view.height / 2) {
  const scale = clamp(view.scale * factor, view.whole / 2, Math.max(2 * data.side, view.whole));
  view.left = x - ((x - view.left) * scale) / view.scale;
  view.top = y - ((y - view.top) * scale) / view.scale;
  view.scale = scale;
  later();
}

function whole() {
  if (!all.length) return;
  const range = (column) => column.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  const [[west, east], [north, south]] = [range(data.x), range(data.y)];
  const [wide, tall] = [(view.width - 2 * MARGIN) / (east - west + 1), (view.height - 2 * MARGIN) / (south - north + 1)];
  view.whole = view.scale = clamp(Math.min(wide, tall), 1, 2 * data.side);
  view.left = (view.width - (west + east) * view.scale) / 2;
  view.top = (view.height - (north + south) * view.scale) / 2;
  later();
}

/** The nearest image that way; from the middle, if none is chosen. */
function next(right, down) {
  const from = chosen >= 0 ? placeOf(chosen) : [view.width / 2, view.height / 2];
  let [best, least] = [-1, Infinity];
  for (const one of shown) {
    const [x, y] = placeOf(one).map((value, way) => value - from[way]);
    const [along, aside] = [x * right + y * down, Math.abs(x * down + y * right)];
    const far = Math.hypot(along, aside);
    const thatWay = chosen < 0 || (one !== chosen && along > 0 && aside <= along);
    if (thatWay && far < least) [best, least] = [one, far];
  }
  if (best >= 0) choose(best, true);
}

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const way = WAYS[event.key];
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
  const [x, y] = [event.offsetX, event.offsetY];
  const before = fingers.get(event.pointerId);
  if (!before) {
    hover(at(x, y));
    return;
  }
  const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const apart = (one) => Math.max(1, Math.hypot(one[0] - other[0], one[1] - other[1]));
    closer(apart([x, y]) / apart(before), ...other);
  } else move(x - before[0], y - before[1]);
  moved += Math.hypot(x - before[0], y - before[1]);
  fingers.set(event.pointerId, [x, y]);
});

canvas.addEventListener("pointerup", (event) => {
  fingers.delete(event.pointerId);
  if (moved < 4) choose(at(event.offsetX, event.offsetY));
});
canvas.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
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
  const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1);
  closer(Math.exp(-clamp(pixels, -120, 120) / 300), event.offsetX, event.offsetY);
}, { passive: false });

element("search").addEventListener("input", (event) => {
  sought = event.target.value.trim().toLowerCase();
  see();
});
element("closer").addEventListener("click", () => closer(STEP));
element("farther").addEventListener("click", () => closer(1 / STEP));
element("whole").addEventListener("click", whole);

function colour() {
  const style = getComputedStyle(document.documentElement);
  colours = Object.fromEntries(["chosen", "line"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  later();
}

function resize() {
  const untouched = !view.width || view.scale === view.whole;
  [view.width, view.height] = [canvas.clientWidth, canvas.clientHeight];
  [canvas.width, canvas.height] = [view.width * devicePixelRatio, view.height * devicePixelRatio];
  if (untouched) whole();
  draw(); // at once, for a canvas that is resized is blank
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colour);
element("sheet").decode().then(later, later);
colour();
legend();
see();
new ResizeObserver(resize).observe(canvas);
