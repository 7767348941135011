// Grid of images: justified rows, of which only those near the window are elements of the page.

import { Blocks } from "./blocks.js";
import { h } from "./dom.js";
import { ratioOf } from "./justify.js";
import { ScaledScroll } from "./scaled-scroll.js";

const GAP = 4;
const AHEAD = 1; // windows above and below that are rendered too
const SETTLING = 80; // milliseconds, until what is scrolled past in a hurry is loaded

export class Grid {
  /** `list` is an <ol>; `onError` is told why images cannot be loaded, `onRest` the first image's number. */
  constructor(list, { onError = () => {}, onRest = () => {} } = {}) {
    Object.assign(this, { list, onError, onRest, scroll: new ScaledScroll() });
    this.clear();
    new ResizeObserver(() => list.clientWidth !== this.width && this.layOut()).observe(list);
    addEventListener("scroll", () => this.request(), { passive: true });
    addEventListener("resize", () => this.request());
    onScrollEnd(() => this.rest());
    addEventListener("hidden", () => this.layOut());
    addEventListener("removed", ({ detail }) => this.blocks.remove(detail));
  }

  clear() {
    this.set([], null);
  }

  /** Show images that are all there; `card` makes the <li> of an image. */
  set(images, card) {
    this.show(Blocks.of(images), card);
  }

  /** Show gray tiles in place of images that are on their way. */
  wait(count) {
    this.show(new Blocks(count), null);
  }

  /** Show a listing of which images are loaded as they come near, from an image on. */
  show(blocks, card, at = 0) {
    this.list.replaceChildren(); // also what was said in place of images
    Object.assign(this, { blocks, card, shown: new Map(), drawn: [], scroll: new ScaledScroll() });
    this.layOut();
    if (at) this.reveal(at, "top");
    dispatchEvent(new CustomEvent("listed", { detail: this }));
  }

  get count() {
    return this.blocks.count;
  }

  indexOf = (id) => this.blocks.indexOf(id);
  find = (id) => this.blocks.find(id);

  /** The image of a number, loaded if it must be. */
  async at(number) {
    const block = this.blocks.blockOf(number);
    if (!block.images) {
      await this.blocks.read(block);
      this.layOut();
    }
    return this.blocks.imagesOf(block)[number - block.start];
  }

  /** Compute the rows; what is at the top of the window stays there. */
  layOut() {
    this.width = this.list.clientWidth;
    if (!this.width) return;
    const anchor = this.isLaidOut && this.scroll.top > 0 ? this.anchor() : null;
    this.blocks.layOut(this.width, this.target(), GAP);
    this.isLaidOut = true;
    const height = this.scroll.resize(this.blocks.height, innerHeight);
    this.list.style.height = this.blocks.count ? `${height}px` : "";
    if (anchor) this.scrollTo(anchor.block.top + rowWith(anchor.block, anchor.number).top + anchor.below);
    this.render();
  }

  anchor() {
    const [first] = this.blocks.between(this.scroll.top, this.scroll.top);
    if (!first) return null;
    const { block, row } = first;
    return { block, number: row.start, below: this.scroll.top - block.top - row.top };
  }

  /** The height of a row: about two images across a telephone, eight across a screen. */
  target() {
    return Math.min(Math.max(this.width / 7.5, 124), 210);
  }

  scrollTo(top) {
    const by = this.scroll.settle(top) + this.list.getBoundingClientRect().top;
    if (Math.abs(by) >= 1) scrollBy({ top: by, behavior: "instant" });
  }

  /** Scroll to an image: to the top, or only if it is out of sight. */
  reveal(number, where = "near") {
    const top = this.blocks.topOf(number);
    const sight = this.scroll.top + innerHeight - 2 * this.target();
    if (where === "top") this.scrollTo(top);
    else if (top < this.scroll.top || top > sight) this.scrollTo(Math.max(top - this.target(), 0));
    this.render();
  }

  /** Focus the card of an image, wherever it is. */
  focus(id) {
    const number = this.indexOf(id);
    if (number < 0) return;
    this.reveal(number);
    this.shown.get(id)?.querySelector("a").focus({ preventScroll: true });
  }

  request() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.render();
    });
  }

  rest() {
    if (!this.isVisible) return;
    this.render();
    if (this.scroll.isScaled) this.scrollTo(this.scroll.top);
    const anchor = this.scroll.top > 0 ? this.anchor() : null;
    this.onRest(anchor ? anchor.block.start + anchor.number : 0);
    this.render();
  }

  get isVisible() {
    return this.list.isConnected && this.list.offsetParent !== null;
  }

  render() {
    if (!this.isVisible || !this.isLaidOut) return;
    const before = this.scroll.top;
    const top = this.scroll.moveTo(-this.list.getBoundingClientRect().top);
    const isLeap = Math.abs(top - before) >= innerHeight;
    const ahead = isLeap ? 0 : AHEAD * innerHeight;
    const near = [...this.blocks.between(top - ahead, top + innerHeight + ahead)];
    this.drawRows(near);
    clearTimeout(this.later);
    const blocks = new Set(near.map(({ block }) => block));
    this.blocks.abortOthers(blocks);
    if (isLeap) this.later = setTimeout(() => this.render(), SETTLING);
    else for (const block of blocks) this.fill(block);
  }

  async fill(block) {
    const { blocks } = this;
    try {
      if ((await blocks.fill(block)) && blocks === this.blocks) this.layOut();
    } catch (error) {
      if (error.name !== "AbortError" && blocks === this.blocks) this.onError(error);
    }
  }

  /** Draw rows, unless they are what is drawn: most frames of a scroll show no new one. */
  drawRows(near) {
    const [first, last] = [near[0], near.at(-1)];
    const drawn = [first?.block, first?.row, last?.block, last?.row, this.scroll.shift];
    if (drawn.every((one, place) => one === this.drawn[place])) return;
    this.drawn = drawn;
    this.draw(near.flatMap(({ block, row }) => this.tilesOf(block, row)));
  }

  /** What is in a row, with its place. */
  tilesOf(block, row) {
    const images = block.images && this.blocks.imagesOf(block);
    const ratios = images ? null : this.blocks.ratiosOf(block);
    const tiles = [];
    let left = 0;
    for (let one = row.start; one < row.end; one += 1) {
      const width = (images ? ratioOf(images[one]) : ratios[one]) * row.height;
      const number = block.start + one;
      tiles.push({ number, image: images?.[one], left, top: block.top + row.top - this.scroll.shift, width, height: row.height });
      left += width + GAP;
    }
    return tiles;
  }

  tileAt(number) {
    const block = this.blocks.blockOf(number);
    return this.tilesOf(block, rowWith(block, number - block.start)).find((tile) => tile.number === number);
  }

  /** Let the elements be these tiles, in this order; the focused one stays wherever it is. */
  draw(tiles) {
    const ids = new Map(tiles.map((tile) => [tile.image?.id ?? `skeleton-${tile.number}`, tile]));
    for (const [id, element] of this.shown) {
      if (ids.has(id)) continue;
      const number = element.contains(document.activeElement) ? this.indexOf(id) : -1;
      if (number >= 0) place(element, this.tileAt(number), this.count);
      else {
        element.remove();
        this.shown.delete(id);
      }
    }
    let next = this.list.firstElementChild;
    for (const [id, tile] of ids) {
      while (next && !ids.has(next.dataset.id)) next = next.nextElementSibling;
      const element = this.shown.get(id) ?? this.make(id, tile);
      place(element, tile, this.count);
      if (element === next) next = next.nextElementSibling;
      else this.list.insertBefore(element, next);
    }
  }

  make(id, { image, number }) {
    const element = image ? this.card(image, number) : h("li", { class: "skeleton", "aria-hidden": "true" });
    element.dataset.id = id;
    this.shown.set(id, element);
    return element;
  }
}

const rowWith = ({ rows }, number) => rows.find(({ end }) => end > number) ?? { top: 0 };

function place(element, { number, left, top, width, height }, count) {
  const place = [number, left, top, width, height, count].join();
  if (element.place === place) return;
  element.place = place;
  element.setAttribute("aria-setsize", count);
  element.setAttribute("aria-posinset", number + 1);
  Object.assign(element.style, { transform: `translate(${left}px, ${top}px)`, width: `${width}px`, height: `${height}px` });
}

/** Once scrolling has ended for a moment; Safari before 26 does not say when it ends. */
function onScrollEnd(listener) {
  let timer = 0;
  addEventListener("scroll", () => clearTimeout(timer), { passive: true });
  addEventListener("onscrollend" in window ? "scrollend" : "scroll", () => {
    clearTimeout(timer);
    timer = setTimeout(listener, 2 * SETTLING);
  });
}
