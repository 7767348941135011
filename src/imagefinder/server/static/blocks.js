// Blocks: a listing of any length, laid out in rows, of which only parts are loaded.

import { hidden } from "./hidden.js";
import { justify, ratioOf, spread } from "./justify.js";

const SIZE = 200;
const KEPT = 40; // loaded blocks
const SHAPES = [1.5, 1, 0.75, 1.33, 1.78, 1.5, 0.67, 1.33]; // of images not loaded yet

export class Blocks {
  /** `load` gives the images from an offset on, and may be aborted; without it, none come. */
  constructor(total, load = null) {
    this.load = load;
    this.list = [];
    for (let offset = 0; offset < total; offset += SIZE) {
      this.list.push({ offset, count: Math.min(SIZE, total - offset), images: null, ratios: null, used: 0 });
    }
  }

  /** Blocks of images that are all there. */
  static of(images) {
    const blocks = new Blocks(0);
    blocks.list = [{ offset: 0, count: images.length, images, ratios: images.map(ratioOf), used: 0 }];
    return blocks;
  }

  /** Compute all rows, and where each block begins. */
  layOut(width, target, gap) {
    const unknown = new Map(); // rows of blocks that were never loaded, by their number of images
    let [top, start] = [0, 0];
    for (const block of this.list) {
      const ratios = this.ratiosOf(block);
      const isLast = block === this.list.at(-1);
      const key = block.ratios ? null : `${ratios.length} ${isLast}`;
      const rows = unknown.get(key) ?? (isLast ? justify : spread)(ratios, width, target, gap);
      if (key) unknown.set(key, rows);
      const end = rows.at(-1);
      Object.assign(block, { rows, top, start });
      top += end ? end.top + end.height + gap : 0;
      start += ratios.length;
    }
    this.count = start;
    this.height = Math.max(top - gap, 0);
  }

  ratiosOf(block) {
    if (block.images) return this.imagesOf(block).map(ratioOf);
    return block.ratios ?? Array.from({ length: block.count }, (_, one) => SHAPES[one % SHAPES.length]);
  }

  imagesOf = ({ images }) => (hidden.size ? images.filter(({ id }) => !hidden.has(id)) : images);

  /** The rows between two heights, as `{block, row}`. */
  *between(low, high) {
    for (let number = lastUpTo(this.list, (block) => block.top, low); number < this.list.length; number += 1) {
      const block = this.list[number];
      if (block.top > high) return;
      for (let one = lastUpTo(block.rows, (row) => row.top, low - block.top); one < block.rows.length; one += 1) {
        if (block.top + block.rows[one].top > high) return;
        yield { block, row: block.rows[one] };
      }
    }
  }

  /** The top of the row with the image of this number. */
  topOf(number) {
    const block = this.blockOf(number);
    const row = block?.rows.find(({ end }) => block.start + end > number);
    return row ? block.top + row.top : 0;
  }

  blockOf(number) {
    return this.list[lastUpTo(this.list, (block) => block.start, number)];
  }

  /** The number of a loaded image, or -1. */
  indexOf(id) {
    for (const block of this.list) {
      const number = block.images ? this.imagesOf(block).findIndex((image) => image.id === id) : -1;
      if (number >= 0) return block.start + number;
    }
    return -1;
  }

  find(id) {
    for (const { images } of this.list) {
      const found = images?.find((image) => image.id === id);
      if (found) return found;
    }
    return null;
  }

  /** Load a block, unless that has begun; true if that has changed it. */
  async fill(block) {
    if (block.images || block.controller || !this.load) return false;
    const own = (block.controller = new AbortController());
    try {
      await this.read(block, own.signal);
      return true;
    } finally {
      if (block.controller === own) block.controller = null;
    }
  }

  /** Stop loading a block, which may begin anew at once. */
  abort(block) {
    block.controller?.abort();
    block.controller = null;
  }

  async read(block, signal) {
    this.put(this.list.indexOf(block), await this.load(block.offset, block.count, signal));
  }

  /** The images of a block have come. */
  put(number, images) {
    const block = this.list[number];
    if (!block) return;
    block.images = images;
    block.count = images.length;
    block.ratios = block.images.map(ratioOf);
    this.forgetOthers(block);
  }

  /** Stop loading all but these. */
  abortOthers(blocks) {
    for (const block of this.list) if (!blocks.has(block)) this.abort(block);
  }

  /** Keep the images of some blocks only, but the shape of all. */
  forgetOthers(block) {
    block.used = this.clock = (this.clock ?? 0) + 1;
    const loaded = this.list.filter(({ images }) => images);
    if (loaded.length <= KEPT) return;
    const oldest = loaded.reduce((one, other) => (one.used < other.used ? one : other));
    oldest.images = null;
  }

  /** Images are gone from the listing; what is on its way may come from before or after that, and is loaded anew. */
  remove(ids) {
    if (!ids.size) return;
    let removed = 0;
    for (const block of this.list) {
      this.abort(block);
      block.offset -= removed;
      const before = block.count;
      if (block.images) {
        block.images = block.images.filter(({ id }) => !ids.has(id));
        block.ratios = block.images.map(ratioOf);
        block.count = block.images.length;
      }
      removed += before - block.count;
    }
  }
}

/** The last element whose ascending value is at most a limit, or the first. */
function lastUpTo(list, valueOf, limit) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (valueOf(list[middle]) <= limit) low = middle + 1;
    else high = middle;
  }
  return Math.max(low - 1, 0);
}
