// Zoom of one image: wheel, pinch, double click and keys; drag to move it, swipe to leave it.

const MOST = 12;
const STEP = 1.5;
const SWIPE = 60; // pixels

export class Zoom {
  /** `stage` holds the image; `onZoom` is called with each new scale, `onSwipe` with -1 or 1. */
  constructor(stage, { onZoom, onSwipe }) {
    Object.assign(this, { stage, onZoom, onSwipe, pointers: new Map() });
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("dblclick", (event) => this.by(this.scale > 1 ? 1 / this.scale : 2.5, this.at(event)));
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) stage.addEventListener(kind, (event) => this.up(event));
    this.reset();
  }

  /** Show the whole image. */
  reset() {
    Object.assign(this, { scale: 1, x: 0, y: 0 });
    this.apply();
  }

  in() {
    this.by(STEP);
  }

  out() {
    this.by(1 / STEP);
  }

  /** Scale by a factor, so that what is at a point of the stage (from its middle) stays there. */
  by(factor, [x, y] = [0, 0]) {
    const scale = Math.min(Math.max(this.scale * factor, 1), MOST);
    const change = scale / this.scale;
    this.x = x - (x - this.x) * change;
    this.y = y - (y - this.y) * change;
    this.scale = scale;
    this.apply();
  }

  apply() {
    const limit = (side) => ((this.scale - 1) * side) / 2;
    const [most, lowest] = [limit(this.stage.clientWidth), limit(this.stage.clientHeight)];
    this.x = Math.min(Math.max(this.x, -most), most);
    this.y = Math.min(Math.max(this.y, -lowest), lowest);
    const image = this.stage.querySelector("img");
    if (image) image.style.transform = this.scale > 1 ? `translate(${this.x}px, ${this.y}px) scale(${this.scale})` : "";
    this.stage.classList.toggle("zoomed", this.scale > 1);
    this.onZoom(this.scale);
  }

  at({ clientX, clientY }) {
    const box = this.stage.getBoundingClientRect();
    return [clientX - box.left - box.width / 2, clientY - box.top - box.height / 2];
  }

  wheel(event) {
    event.preventDefault();
    this.by(Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), this.at(event));
  }

  down(event) {
    if (event.button || event.target.closest("button")) return;
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.at(event));
    this.began = this.pointers.size === 1 ? this.at(event) : null;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.at(event);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    if (other) this.by(distance(now, other) / distance(before, other), middle(now, other));
    else if (this.scale > 1) {
      this.x += now[0] - before[0];
      this.y += now[1] - before[1];
      this.apply();
    }
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId) || !this.began || this.scale > 1) return;
    const across = this.at(event)[0] - this.began[0];
    if (event.type === "pointerup" && event.pointerType !== "mouse" && Math.abs(across) > SWIPE) this.onSwipe(-Math.sign(across));
  }
}

const distance = ([x, y], [otherX, otherY]) => Math.max(Math.hypot(x - otherX, y - otherY), 1);
const middle = ([x, y], [otherX, otherY]) => [(x + otherX) / 2, (y + otherY) / 2];
