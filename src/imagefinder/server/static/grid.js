// Grid of images: justified rows, of which only those near the window are elements of the page.

import { h } from "./dom.js";
import { justify, ratioOf } from "./justify.js";

const GAP = 4;
const AHEAD = 1; // windows above and below that are rendered too

export class Grid {
  /** `list` is an <ol>, `card` makes the <li> of an image, `onEnd` is called near the end. */
  constructor(list, { onEnd = () => {} } = {}) {
    this.list = list;
    this.onEnd = onEnd;
    this.clear();
    new ResizeObserver(() => list.clientWidth !== this.width && this.layOut()).observe(list);
    addEventListener("scroll", () => this.request(), { passive: true });
    addEventListener("resize", () => this.request());
  }

  clear() {
    this.items = [];
    this.rows = [];
    this.shown = new Map(); // from the number of an image to its card
    this.list.replaceChildren();
    this.list.style.height = "";
  }

  /** Replace all images. */
  set(items, card) {
    this.clear();
    this.card = card;
    this.append(items);
  }

  append(items) {
    this.items.push(...items);
    this.layOut(this.rows.pop());
  }

  remove(id) {
    const number = this.items.findIndex((item) => item.id === id);
    if (number < 0) return;
    this.items.splice(number, 1);
    this.rebuild();
  }

  /** Make the cards anew, as what they show has changed. */
  rebuild() {
    this.list.replaceChildren();
    this.shown.clear();
    this.layOut();
  }

  /** Compute the rows, all of them or from one on. */
  layOut(from = { start: 0, top: 0 }) {
    this.width = this.list.clientWidth;
    if (!this.width) return;
    if (!from.start) this.rows = [];
    const ratios = this.items.slice(from.start).map(ratioOf);
    for (const row of justify(ratios, this.width, this.target(), GAP, from.top)) {
      this.rows.push({ ...row, start: row.start + from.start, end: row.end + from.start });
    }
    const last = this.rows.at(-1);
    this.list.style.height = last ? `${last.top + last.height}px` : "";
    this.render(true);
  }

  /** The height of a row: about two images across a telephone, eight across a screen. */
  target() {
    return Math.min(Math.max(this.width / 7.5, 124), 210);
  }

  request() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.render();
    });
  }

  render(moved = false) {
    if (!this.list.isConnected || !this.list.offsetParent) return;
    const top = -this.list.getBoundingClientRect().top;
    const [low, high] = [top - AHEAD * innerHeight, top + (1 + AHEAD) * innerHeight];
    const wanted = new Set();
    for (let row = this.rowAt(low); row < this.rows.length && this.rows[row].top < high; row += 1) {
      for (let one = this.rows[row].start; one < this.rows[row].end; one += 1) wanted.add(one);
    }
    for (const [one, card] of this.shown) {
      if (wanted.has(one) || card.contains(document.activeElement)) continue;
      card.remove();
      this.shown.delete(one);
    }
    for (const one of wanted) if (!this.shown.has(one)) this.insert(one);
    if (moved) for (const [one, card] of this.shown) this.place(one, card);
    const end = this.rows.at(-1);
    if (end && high > end.top) this.onEnd();
  }

  /** Add a card where it belongs, so that the order of the elements is that of the images. */
  insert(one) {
    const card = this.card(this.items[one], one);
    card.setAttribute("aria-setsize", this.items.length);
    card.setAttribute("aria-posinset", one + 1);
    card.dataset.number = one;
    this.place(one, card);
    this.shown.set(one, card);
    let next = this.list.lastElementChild;
    if (!next || Number(next.dataset.number) < one) return void this.list.append(card);
    while (next.previousElementSibling && Number(next.previousElementSibling.dataset.number) > one) {
      next = next.previousElementSibling;
    }
    next.before(card);
  }

  place(one, card) {
    const row = this.rows[this.rowOf(one)];
    let left = 0;
    for (let other = row.start; other < one; other += 1) left += ratioOf(this.items[other]) * row.height + GAP;
    Object.assign(card.style, {
      transform: `translate(${left}px, ${row.top}px)`,
      width: `${ratioOf(this.items[one]) * row.height}px`,
      height: `${row.height}px`,
    });
  }

  /** The first row that ends below a height. */
  rowAt(top) {
    return this.search((row) => row.top + row.height >= top);
  }

  rowOf(one) {
    return this.search((row) => row.end > one);
  }

  search(isAtOrAfter) {
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isAtOrAfter(this.rows[middle])) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

const SHAPES = [1.5, 1, 0.75, 1.33, 1.78, 1.5, 0.67, 1.33];

/** Gray tiles in place of images that are on their way. */
export function skeletons(count) {
  const items = Array.from({ length: count }, (_, one) => ({ id: `skeleton-${one}`, width: SHAPES[one % SHAPES.length], height: 1 }));
  return [items, () => h("li", { class: "skeleton", "aria-hidden": "true" })];
}
