// Shapes to pixels and masks as run lengths, by the rules of radcommons.transfer.annotation.raster, to the pixel: a pixel
// belongs to an area when its centre lies inside (even-odd); runs go row by row and begin with the pixels outside.

const ELLIPSE_CORNERS = 128;

/** The pixels (0 or 1) that runs stand for. */
export function pixelsOfRuns(runs, rows, columns) {
  const pixels = new Uint8Array(rows * columns);
  let at = 0;
  runs.forEach((length, index) => {
    if (index % 2 === 1) pixels.fill(1, at, at + length);
    at += length;
  });
  return pixels;
}

/** The run lengths of pixels (0 or 1); the inverse of `pixelsOfRuns`. */
export function runsOfPixels(pixels) {
  const runs = [];
  let value = 0;
  let start = 0;
  while (start < pixels.length) {
    // The native search is many times faster than a loop over nine million pixels.
    const found = pixels.indexOf(1 - value, start);
    const end = found < 0 ? pixels.length : found;
    runs.push(end - start);
    start = end;
    value = 1 - value;
  }
  return runs;
}

/** How many pixels are inside. */
export function countOfRuns(runs) {
  let total = 0;
  for (let index = 1; index < runs.length; index += 2) total += runs[index];
  return total;
}

/** The pixels inside a closed polygon of [column, row] points. */
export function polygonPixels(points, rows, columns) {
  const toggles = new Uint8Array(rows * (columns + 1));
  points.forEach((start, index) => {
    let [[x0, y0], [x1, y1]] = [start, points[(index + 1) % points.length]];
    if (y0 === y1) return;
    if (y0 > y1) [x0, y0, x1, y1] = [x1, y1, x0, y0];
    const first = Math.max(0, Math.ceil(y0 - 0.5));
    const last = Math.min(rows, Math.ceil(y1 - 0.5));
    const slope = (x1 - x0) / (y1 - y0);
    for (let row = first; row < last; row++) {
      const column = Math.ceil(x0 + (row + 0.5 - y0) * slope - 0.5);
      toggles[row * (columns + 1) + Math.min(columns, Math.max(0, column))] ^= 1;
    }
  });
  const pixels = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    let isInside = 0;
    for (let column = 0; column < columns; column++) {
      isInside ^= toggles[row * (columns + 1) + column];
      pixels[row * columns + column] = isInside;
    }
  }
  return pixels;
}

/** The corners of the closed polygon that an area stands for; an ellipse becomes one of 128 corners. */
export function cornersOf(shape) {
  const { geometry, points } = shape;
  if (geometry === "box") {
    const [[left, top], [right, bottom]] = points;
    return [[left, top], [right, top], [right, bottom], [left, bottom]];
  }
  if (geometry !== "ellipse") return points;
  const [majorFrom, majorTo, minorFrom, minorTo] = points;
  const middle = [(majorFrom[0] + majorTo[0]) / 2, (majorFrom[1] + majorTo[1]) / 2];
  return Array.from({ length: ELLIPSE_CORNERS }, (_, index) => {
    const angle = (2 * Math.PI * index) / ELLIPSE_CORNERS;
    return [0, 1].map(
      (axis) =>
        middle[axis] +
        (Math.cos(angle) * (majorTo[axis] - majorFrom[axis])) / 2 +
        (Math.sin(angle) * (minorTo[axis] - minorFrom[axis])) / 2,
    );
  });
}

const decoded = new WeakMap();

/** The pixels of one area or mask. Shapes never change, so each is computed once. Not to be written to. */
export function pixelsOfShape(shape, rows, columns) {
  let pixels = decoded.get(shape);
  if (!pixels) {
    pixels =
      shape.geometry === "mask"
        ? pixelsOfRuns(shape.runs, shape.rows, shape.columns)
        : polygonPixels(cornersOf(shape), rows, columns);
    decoded.set(shape, pixels);
  }
  return pixels;
}

/** The pixels that the areas of one finding cover on one frame: added and cut out in their order. */
export function pixelsOfShapes(shapes, rows, columns) {
  const covered = new Uint8Array(rows * columns);
  for (const shape of shapes) {
    const pixels = pixelsOfShape(shape, rows, columns);
    const value = shape.is_hole ? 0 : 1;
    for (let at = 0; at < covered.length; at++) if (pixels[at]) covered[at] = value;
  }
  return covered;
}

/** The smallest rectangle of set pixels as {left, top, right, bottom} (ends excluded), or undefined when none is set. */
export function boundsOfPixels(pixels, columns) {
  const first = pixels.indexOf(1);
  if (first < 0) return undefined;
  const bounds = { left: columns, top: Math.floor(first / columns), right: 0, bottom: Math.floor(pixels.lastIndexOf(1) / columns) + 1 };
  for (let row = bounds.top; row < bounds.bottom; row++) {
    const line = pixels.subarray(row * columns, (row + 1) * columns);
    const left = line.indexOf(1);
    if (left < 0) continue;
    bounds.left = Math.min(bounds.left, left);
    bounds.right = Math.max(bounds.right, line.lastIndexOf(1) + 1);
  }
  return bounds;
}

/** Closed borders of a mask along the edges of its pixels. */
export function bordersOfPixels(pixels, { rows, columns }) {
  const isSet = (x, y) => x >= 0 && y >= 0 && x < columns && y < rows && pixels[y * columns + x] === 1;
  const next = new Map();
  const add = (x0, y0, x1, y1) => {
    const key = y0 * (columns + 1) + x0;
    next.set(key, [...(next.get(key) ?? []), [x1, y1]]);
  };
  for (let at = pixels.indexOf(1); at >= 0; at = pixels.indexOf(1, at + 1)) {
    const [x, y] = [at % columns, Math.floor(at / columns)];
    if (!isSet(x, y - 1)) add(x, y, x + 1, y);
    if (!isSet(x + 1, y)) add(x + 1, y, x + 1, y + 1);
    if (!isSet(x, y + 1)) add(x + 1, y + 1, x, y + 1);
    if (!isSet(x - 1, y)) add(x, y + 1, x, y);
  }
  const loops = [];
  for (const [key, ends] of next) {
    while (ends.length > 0) {
      const start = [key % (columns + 1), Math.floor(key / (columns + 1))];
      const loop = [start];
      let here = ends.pop();
      while (here[0] !== start[0] || here[1] !== start[1]) {
        loop.push(here);
        here = next.get(here[1] * (columns + 1) + here[0]).pop();
      }
      loops.push(loop);
    }
  }
  return loops;
}
