// Scaled scroll position: browsers limit the height of an element, so a taller list gets less.

const TALLEST = 8_000_000; // pixels; Firefox draws nothing beyond 17 million

/** Where a tall list is scrolled to, while its element is scrolled to another place. */
export class ScaledScroll {
  top = 0; // of the list
  element = 0; // what its element is scrolled to

  constructor(tallest = TALLEST) {
    this.tallest = tallest;
  }

  /** The height of the list, and of the window onto it; the element's height. */
  resize(height, window) {
    Object.assign(this, { height, window });
    return Math.min(height, this.tallest);
  }

  get isScaled() {
    return this.height > this.tallest;
  }

  /** How much longer the way of the list is than that of its element. */
  get scale() {
    return this.isScaled ? (this.height - this.window) / (this.tallest - this.window) : 1;
  }

  /** The element is scrolled: a short way moves the list as far, a long one goes to that share of it. */
  moveTo(element) {
    const by = element - this.element;
    const isEnd = element >= this.tallest - this.window;
    if (!this.isScaled || element <= 0) this.top = element;
    else if (isEnd || Math.abs(by) > this.window) this.top = element * this.scale;
    else this.top += by;
    this.element = element;
    return this.top;
  }

  /** What the element must be scrolled to for the list to be at a height, or to stay where it is. */
  settle(top = this.top) {
    this.top = top;
    this.element = top / this.scale;
    return this.element;
  }

  /** What lies between both; elements are placed this much higher. */
  get shift() {
    return this.top - this.element;
  }
}
