// A map of images on a canvas: drag, wheel, pinch and keys move it, a click or arrow keys select.
// Used by the pages of `imagefinder map` and of the server alike.

const STEP = 1.4; // zoom factor of a key or button
const MARGIN = 20; // pixels around the map
const PAN = 60; // pixels per key press
const ROUNDED = 14; // pixels from which corners are rounded
const FADED = 0.1; // opacity of what is not shown
const CLICK = 4; // pixels that a pointer may move
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class ImageMap {
  /**
   * `data` has columns, with a number for each image: `x` and `y` (its cell), `width` and `height` (of
   * its thumbnail in `sprites`, 0 while there is none); and `side` and `columns` of the squares in
   * `sprites`, which is an image or a canvas. `colorOf` gives the color around an image, or null.
   * `onDetails` is called with the image that is pointed at or selected, or -1, `onSelect` with the
   * one selected, `onOpen` when Enter is pressed on it.
   */
  constructor(canvas, { data, sprites, colorOf = () => null, onDetails = () => {}, onSelect = () => {}, onOpen = () => {} }) {
    Object.assign(this, { canvas, data, sprites, colorOf, onDetails, onSelect, onOpen });
    this.context = canvas.getContext("2d");
    // screen = cell * scale + (left, top), where scale is the pixels of a cell
    this.view = { fit: 1, scale: 1, left: 0, top: 0, width: 0, height: 0 };
    this.all = data.x.map((_, one) => one);
    this.shown = new Set(this.all);
    this.cells = new Map(this.all.map((one) => [`${data.x[one]} ${data.y[one]}`, one]));
    this.selected = -1;
    this.hovered = -1;
    this.pointers = new Map();
    this.moved = 0;
    this.listen();
    this.readColors();
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(canvas);
  }

  /** Let go of the canvas, so that it can have another map. */
  close() {
    this.observer.disconnect();
    this.listeners.abort();
  }

  /** Show these images, and fade the others. */
  show(images) {
    this.shown = new Set(images);
    this.select(this.shown.has(this.selected) ? this.selected : -1);
  }

  select(one, intoView = false) {
    this.selected = one;
    if (intoView && one >= 0) this.bringIntoView(one);
    this.onDetails(one);
    this.onSelect(one);
    this.requestDraw();
  }

  zoom(factor, x = this.view.width / 2, y = this.view.height / 2) {
    const { view } = this;
    const scale = clamp(view.scale * factor, view.fit / 2, Math.max(2 * this.data.side, view.fit));
    view.left = x - ((x - view.left) * scale) / view.scale;
    view.top = y - ((y - view.top) * scale) / view.scale;
    view.scale = scale;
    this.requestDraw();
  }

  zoomIn() {
    this.zoom(STEP);
  }

  zoomOut() {
    this.zoom(1 / STEP);
  }

  /** Show the whole map. */
  fit() {
    if (!this.all.length) return;
    const { view, data } = this;
    const range = (column) => column.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
    const [[west, east], [north, south]] = [range(data.x), range(data.y)];
    const [wide, tall] = [(view.width - 2 * MARGIN) / (east - west + 1), (view.height - 2 * MARGIN) / (south - north + 1)];
    view.fit = view.scale = clamp(Math.min(wide, tall), 1, 2 * data.side);
    view.left = (view.width - (west + east) * view.scale) / 2;
    view.top = (view.height - (north + south) * view.scale) / 2;
    this.requestDraw();
  }

  /** The place of an image on the canvas, in pixels. */
  pointOf(one) {
    return [this.data.x[one] * this.view.scale + this.view.left, this.data.y[one] * this.view.scale + this.view.top];
  }

  /** Where an image's square begins in the sprites. */
  spriteOf(one) {
    const { columns, side } = this.data;
    return [(one % columns) * side, Math.floor(one / columns) * side];
  }

  requestDraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  draw() {
    const { context, view } = this;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, view.width, view.height);
    context.imageSmoothingQuality = "high";
    const side = view.scale * 0.94;
    for (const one of this.all) {
      context.globalAlpha = this.shown.has(one) ? 1 : FADED;
      this.drawTile(one, side, this.colorOf(one) ? Math.max(1, side / 18) : 0);
    }
    context.globalAlpha = 1;
    for (const one of new Set([this.selected, this.hovered])) if (one >= 0) this.drawLifted(one, Math.max(side * 1.3, 84));
  }

  drawLifted(one, side) {
    const [x, y] = this.pointOf(one);
    this.context.shadowColor = "rgba(0, 0, 0, 0.45)";
    this.context.shadowBlur = 14;
    this.drawSquare(x, y, side + 6, this.colors.accent);
    this.context.shadowBlur = 0;
    this.drawTile(one, side, 0);
  }

  /** The middle of an image as a square, with its color around it. */
  drawTile(one, side, border) {
    const { context, data, view } = this;
    const [x, y] = this.pointOf(one);
    if (x < -side || y < -side || x > view.width + side || y > view.height + side) return;
    if (border) this.drawSquare(x, y, side, this.colorOf(one));
    const inner = side - 2 * border;
    const crop = Math.min(data.width[one], data.height[one]);
    if (!crop) {
      this.drawSquare(x, y, inner, this.colors.line);
      return;
    }
    context.save();
    if (side > ROUNDED) {
      this.drawSquare(x, y, inner);
      context.clip();
    }
    const [left, top] = this.spriteOf(one);
    const [across, down] = [left + (data.width[one] - crop) / 2, top + (data.height[one] - crop) / 2];
    context.drawImage(this.sprites, across, down, crop, crop, x - inner / 2, y - inner / 2, inner, inner);
    context.restore();
  }

  drawSquare(x, y, side, color) {
    const { context } = this;
    context.beginPath();
    if (side > ROUNDED) context.roundRect(x - side / 2, y - side / 2, side, side, side / 12);
    else context.rect(x - side / 2, y - side / 2, side, side);
    if (color) {
      context.fillStyle = color;
      context.fill();
    }
  }

  /** The image at a point of the canvas, or -1. */
  at(x, y) {
    const { view } = this;
    const [column, row] = [Math.round((x - view.left) / view.scale), Math.round((y - view.top) / view.scale)];
    const one = this.cells.get(`${column} ${row}`) ?? -1;
    return this.shown.has(one) ? one : -1;
  }

  /** Pan until an image is well inside the view. */
  bringIntoView(one) {
    const [x, y] = this.pointOf(one);
    const [wide, tall] = [this.view.width * 0.15, this.view.height * 0.15];
    this.pan(clamp(x, wide, this.view.width - wide) - x, clamp(y, tall, this.view.height - tall) - y);
  }

  pan(x, y) {
    this.view.left += x;
    this.view.top += y;
    this.requestDraw();
  }

  /** The nearest image in a direction; or to the center of the view, if none is selected. */
  selectNext(right, down) {
    const from = this.selected >= 0 ? this.pointOf(this.selected) : [this.view.width / 2, this.view.height / 2];
    let [best, least] = [-1, Infinity];
    for (const one of this.shown) {
      const [x, y] = this.pointOf(one).map((value, direction) => value - from[direction]);
      const [along, aside] = [x * right + y * down, Math.abs(x * down + y * right)];
      const far = Math.hypot(along, aside);
      const inDirection = this.selected < 0 || (one !== this.selected && along > 0 && aside <= along);
      if (inDirection && far < least) [best, least] = [one, far];
    }
    if (best >= 0) this.select(best, true);
  }

  hover(one) {
    if (one === this.hovered) return;
    this.hovered = one;
    this.canvas.style.cursor = one >= 0 ? "pointer" : "";
    this.onDetails(one >= 0 ? one : this.selected);
    this.requestDraw();
  }

  listen() {
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    const on = (kind, listener, options = {}) => this.canvas.addEventListener(kind, listener, { signal, ...options });
    on("keydown", (event) => this.key(event));
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.up(event));
    for (const kind of ["pointercancel", "lostpointercapture"]) on(kind, ({ pointerId }) => this.pointers.delete(pointerId));
    on("pointerleave", () => this.hover(-1));
    on("wheel", (event) => this.wheel(event), { passive: false });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.readColors(), { signal });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = DIRECTIONS[event.key];
    if (direction && event.shiftKey) this.pan(-direction[0] * PAN, -direction[1] * PAN);
    else if (direction) this.selectNext(...direction);
    else if (event.key === "+" || event.key === "=") this.zoomIn();
    else if (event.key === "-") this.zoomOut();
    else if (event.key === "0") this.fit();
    else if (event.key === "Escape") this.select(-1);
    else if (event.key === "Enter" && this.selected >= 0) this.onOpen(this.selected);
    else return;
    event.preventDefault();
  }

  down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    this.moved = 0;
  }

  move(event) {
    const [x, y] = [event.offsetX, event.offsetY];
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      this.hover(this.at(x, y));
      return;
    }
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const distance = (one) => Math.max(1, Math.hypot(one[0] - other[0], one[1] - other[1]));
      this.zoom(distance([x, y]) / distance(before), ...other);
    } else this.pan(x - before[0], y - before[1]);
    this.moved += Math.hypot(x - before[0], y - before[1]);
    this.pointers.set(event.pointerId, [x, y]);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (this.moved < CLICK) this.select(this.at(event.offsetX, event.offsetY));
  }

  wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1);
    this.zoom(Math.exp(-clamp(pixels, -120, 120) / 300), event.offsetX, event.offsetY);
  }

  readColors() {
    const style = getComputedStyle(document.documentElement);
    this.colors = Object.fromEntries(["accent", "line"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    this.requestDraw();
  }

  resize() {
    const { canvas, view } = this;
    const untouched = !view.width || view.scale === view.fit;
    [view.width, view.height] = [canvas.clientWidth, canvas.clientHeight];
    [canvas.width, canvas.height] = [view.width * devicePixelRatio, view.height * devicePixelRatio];
    if (untouched) this.fit();
    this.draw(); // at once: resizing a canvas clears it
  }
}
