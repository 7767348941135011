const LISTED = 200; // names; a search finds the others
const STEP = 1.4; // zoom factor of a key or button
const MARGIN = 20; // pixels around the map
const PAN = 60; // pixels per key press
const ROUNDED = 14; // pixels from which corners are rounded
const FADED = 0.1; // opacity of what the search or the legend excludes

const element = (id) => document.getElementById(id);
const data = JSON.parse(element("data").textContent);
const canvas = element("map");
const context = canvas.getContext("2d");
const all = data.x.map((_, one) => one);
const names = data.name.map((name) => name.toLowerCase());

// screen = cell * scale + (left, top), where scale is the pixels of a cell
const view = { fit: 1, scale: 1, left: 0, top: 0, width: 0, height: 0 };
const hidden = new Set(); // groups
let searched = "";
let selected = -1;
let hovered = -1;
let shown = new Set(all); // what the search and the legend include
let colors = {};

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const colorOf = (one) => data.groups[data.group[one]].color;
const pointOf = (one) => [data.x[one] * view.scale + view.left, data.y[one] * view.scale + view.top];
const leftOf = (one) => (one % data.columns) * data.side;
const topOf = (one) => Math.floor(one / data.columns) * data.side;

function filter() {
  shown = new Set(all.filter((one) => !hidden.has(data.group[one]) && names[one].includes(searched)));
  showList();
  select(shown.has(selected) ? selected : -1);
}

let waiting = false;
function requestDraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
}

function draw() {
  const ratio = window.devicePixelRatio;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, view.width, view.height);
  context.imageSmoothingQuality = "high";
  const side = view.scale * 0.94;
  for (const one of all) {
    context.globalAlpha = shown.has(one) ? 1 : FADED;
    drawTile(one, side, data.groups.length ? Math.max(1, side / 18) : 0);
  }
  context.globalAlpha = 1;
  for (const one of new Set([selected, hovered])) if (one >= 0) drawLifted(one, Math.max(side * 1.3, 84));
}

function drawLifted(one, side) {
  const [x, y] = pointOf(one);
  context.shadowColor = "rgba(0, 0, 0, 0.45)";
  context.shadowBlur = 14;
  drawSquare(x, y, side + 6, colors.accent);
  context.shadowBlur = 0;
  drawTile(one, side, 0);
}

/** The middle of an image as a square, with its group's color around it. */
function drawTile(one, side, border) {
  const [x, y] = pointOf(one);
  if (x < -side || y < -side || x > view.width + side || y > view.height + side) return;
  if (border) drawSquare(x, y, side, colorOf(one));
  const inner = side - 2 * border;
  const crop = Math.min(data.width[one], data.height[one]);
  if (!crop) {
    drawSquare(x, y, inner, colors.line);
    return;
  }
  context.save();
  if (side > ROUNDED) {
    drawSquare(x, y, inner);
    context.clip();
  }
  const [left, top] = [leftOf(one) + (data.width[one] - crop) / 2, topOf(one) + (data.height[one] - crop) / 2];
  context.drawImage(element("sprites"), left, top, crop, crop, x - inner / 2, y - inner / 2, inner, inner);
  context.restore();
}

function drawSquare(x, y, side, color) {
  context.beginPath();
  if (side > ROUNDED) context.roundRect(x - side / 2, y - side / 2, side, side, side / 12);
  else context.rect(x - side / 2, y - side / 2, side, side);
  if (color) {
    context.fillStyle = color;
    context.fill();
  }
}

const cells = new Map(all.map((one) => [`${data.x[one]} ${data.y[one]}`, one]));

/** The image at a point of the screen, or -1. */
function at(x, y) {
  const [column, row] = [Math.round((x - view.left) / view.scale), Math.round((y - view.top) / view.scale)];
  const one = cells.get(`${column} ${row}`) ?? -1;
  return shown.has(one) ? one : -1;
}

function select(one, intoView = false) {
  selected = one;
  if (intoView && one >= 0) bringIntoView(one);
  showDetails(one);
  for (const button of element("list").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(Number(button.value) === one));
  }
  requestDraw();
}

function showDetails(one) {
  const details = element("details");
  if (one < 0) {
    details.replaceChildren(created("p", "Point at an image, or select one in the list."));
    return;
  }
  const group = data.groups.length ? data.groups[data.group[one]].name : "";
  details.replaceChildren(...(data.width[one] ? [enlarged(one)] : []), created("strong", data.name[one]),
    created("p", [group, data.size[one], data.id[one]].filter(Boolean).join(" · ")));
}

function enlarged(one) {
  const image = document.createElement("canvas");
  const [width, height] = [data.width[one], data.height[one]];
  const scale = 256 / Math.max(width, height);
  [image.width, image.height] = [width * scale * devicePixelRatio, height * scale * devicePixelRatio];
  image.style.width = `${width * scale}px`;
  image.setAttribute("role", "img");
  image.setAttribute("aria-label", data.name[one]);
  const pen = image.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(element("sprites"), leftOf(one), topOf(one), width, height, 0, 0, image.width, image.height);
  return image;
}

function created(tag, text) {
  const node = document.createElement(tag);
  node.textContent = text;
  return node;
}

function showList() {
  const count = shown.size.toLocaleString("en");
  element("count").textContent = shown.size === 1 ? "1 image" : `${count} images`;
  const lines = [...shown].sort((a, b) => (names[a] < names[b] ? -1 : 1)).slice(0, LISTED).map((one) => {
    const [line, button] = [document.createElement("li"), created("button", data.name[one])];
    button.value = one;
    button.title = data.name[one];
    button.addEventListener("click", () => select(one, true));
    line.append(button);
    return line;
  });
  if (shown.size > LISTED) {
    const more = created("li", `and ${(shown.size - LISTED).toLocaleString("en")} more: search to narrow the list`);
    more.className = "more";
    lines.push(more);
  }
  element("list").replaceChildren(...lines);
}

function showLegend() {
  const lines = data.groups.map((group, code) => {
    const [line, button] = [document.createElement("li"), created("button", group.name)];
    button.style.setProperty("--color", group.color);
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      if (!hidden.delete(code)) hidden.add(code);
      button.setAttribute("aria-pressed", String(!hidden.has(code)));
      filter();
    });
    line.append(button);
    return line;
  });
  element("legend").replaceChildren(...lines);
}

/** Pan until an image is well inside the view. */
function bringIntoView(one) {
  const [x, y] = pointOf(one);
  const [wide, tall] = [view.width * 0.15, view.height * 0.15];
  pan(clamp(x, wide, view.width - wide) - x, clamp(y, tall, view.height - tall) - y);
}

function pan(x, y) {
  view.left += x;
  view.top += y;
  requestDraw();
}

function zoom(factor, x = view.width / 2, y = view.height / 2) {
  const scale = clamp(view.scale * factor, view.fit / 2, Math.max(2 * data.side, view.fit));
  view.left = x - ((x - view.left) * scale) / view.scale;
  view.top = y - ((y - view.top) * scale) / view.scale;
  view.scale = scale;
  requestDraw();
}

function fit() {
  if (!all.length) return;
  const range = (column) => column.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  const [[west, east], [north, south]] = [range(data.x), range(data.y)];
  const [wide, tall] = [(view.width - 2 * MARGIN) / (east - west + 1), (view.height - 2 * MARGIN) / (south - north + 1)];
  view.fit = view.scale = clamp(Math.min(wide, tall), 1, 2 * data.side);
  view.left = (view.width - (west + east) * view.scale) / 2;
  view.top = (view.height - (north + south) * view.scale) / 2;
  requestDraw();
}

/** The nearest image in a direction; or to the center of the view, if none is selected. */
function selectNext(right, down) {
  const from = selected >= 0 ? pointOf(selected) : [view.width / 2, view.height / 2];
  let [best, least] = [-1, Infinity];
  for (const one of shown) {
    const [x, y] = pointOf(one).map((value, direction) => value - from[direction]);
    const [along, aside] = [x * right + y * down, Math.abs(x * down + y * right)];
    const far = Math.hypot(along, aside);
    const inDirection = selected < 0 || (one !== selected && along > 0 && aside <= along);
    if (inDirection && far < least) [best, least] = [one, far];
  }
  if (best >= 0) select(best, true);
}

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const direction = DIRECTIONS[event.key];
  if (direction && event.shiftKey) pan(-direction[0] * PAN, -direction[1] * PAN);
  else if (direction) selectNext(...direction);
  else if (event.key === "+" || event.key === "=") zoom(STEP);
  else if (event.key === "-") zoom(1 / STEP);
  else if (event.key === "0") fit();
  else if (event.key === "Escape") select(-1);
  else return;
  event.preventDefault();
});

const pointers = new Map();
let moved = 0;

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
  moved = 0;
});

canvas.addEventListener("pointermove", (event) => {
  const [x, y] = [event.offsetX, event.offsetY];
  const before = pointers.get(event.pointerId);
  if (!before) {
    hover(at(x, y));
    return;
  }
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const distance = (one) => Math.max(1, Math.hypot(one[0] - other[0], one[1] - other[1]));
    zoom(distance([x, y]) / distance(before), ...other);
  } else pan(x - before[0], y - before[1]);
  moved += Math.hypot(x - before[0], y - before[1]);
  pointers.set(event.pointerId, [x, y]);
});

canvas.addEventListener("pointerup", (event) => {
  pointers.delete(event.pointerId);
  if (moved < 4) select(at(event.offsetX, event.offsetY));
});
canvas.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
canvas.addEventListener("pointerleave", () => hover(-1));

function hover(one) {
  if (one === hovered) return;
  hovered = one;
  canvas.style.cursor = one >= 0 ? "pointer" : "";
  showDetails(one >= 0 ? one : selected);
  requestDraw();
}

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1);
  zoom(Math.exp(-clamp(pixels, -120, 120) / 300), event.offsetX, event.offsetY);
}, { passive: false });

element("search").addEventListener("input", (event) => {
  searched = event.target.value.trim().toLowerCase();
  filter();
});
element("zoom-in").addEventListener("click", () => zoom(STEP));
element("zoom-out").addEventListener("click", () => zoom(1 / STEP));
element("fit").addEventListener("click", fit);

function readColors() {
  const style = getComputedStyle(document.documentElement);
  colors = Object.fromEntries(["accent", "line"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  requestDraw();
}

function resize() {
  const untouched = !view.width || view.scale === view.fit;
  [view.width, view.height] = [canvas.clientWidth, canvas.clientHeight];
  [canvas.width, canvas.height] = [view.width * devicePixelRatio, view.height * devicePixelRatio];
  if (untouched) fit();
  draw(); // at once: resizing a canvas clears it
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColors);
element("sprites").decode().then(requestDraw, requestDraw);
readColors();
showLegend();
filter();
new ResizeObserver(resize).observe(canvas);
