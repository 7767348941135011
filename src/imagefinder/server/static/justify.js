// Justified layout: rows that fill a width, of equal height but for a few pixels.

const NARROWEST = 0.45; // width by height; what lies beyond is cut at its sides
const WIDEST = 2.6;

/** The proportion in which an image is shown. */
export const ratioOf = ({ width, height }) => Math.min(Math.max(width / height || 1, NARROWEST), WIDEST);

/**
 * Rows `{start, end, top, height}` of images with these ratios, each as near `target` pixels high as
 * fits. The last row is not stretched. `top` is where the first row begins.
 */
export function justify(ratios, width, target, gap, top = 0) {
  const rows = [];
  let start = 0;
  let sum = 0;
  for (let end = 1; end <= ratios.length; end += 1) {
    sum += ratios[end - 1];
    const height = heightOf(sum, end - start, width, gap);
    const next = ratios[end] === undefined ? 0 : heightOf(sum + ratios[end], end - start + 1, width, gap);
    const isLast = end === ratios.length;
    if (!isLast && (height > target && target - next < height - target)) continue;
    if (!isLast && height > target * 1.35) continue;
    const row = { start, end, top, height: isLast ? Math.min(height, target) : height };
    rows.push(row);
    top += row.height + gap;
    [start, sum] = [end, 0];
  }
  return rows;
}

/** Rows likewise, all of which fill the width: for a part of a list that goes on. */
export function spread(ratios, width, target, gap) {
  const sum = ratios.reduce((total, ratio) => total + ratio, 0);
  const count = Math.max(1, Math.round((sum * target + gap * ratios.length) / (width + gap)));
  const rows = [];
  let [start, top, reached] = [0, 0, 0];
  for (let end = 1; end <= ratios.length; end += 1) {
    const half = ratios[end] === undefined ? 0 : ratios[end] / 2;
    reached += ratios[end - 1];
    if (end < ratios.length && reached + half < ((rows.length + 1) * sum) / count) continue;
    const part = ratios.slice(start, end).reduce((total, ratio) => total + ratio, 0);
    const row = { start, end, top, height: heightOf(part, end - start, width, gap) };
    rows.push(row);
    top += row.height + gap;
    start = end;
  }
  return rows;
}

const heightOf = (ratios, count, width, gap) => (width - gap * (count - 1)) / ratios;
