// Filling the slices between two drawings: contours by walking both at the same pace, masks by their distance from the edge.

import { outline, maskShape } from "./shapes.js";
import { pixelsOfShape, runsOfPixels } from "./raster.js";

const CORNERS = 96;
const FAR = 1e9;

/** Points at equal distances along a closed polygon. */
function evenly(points, count) {
  const lengths = points.map(([x, y], index) => {
    const [nextX, nextY] = points[(index + 1) % points.length];
    return Math.hypot(nextX - x, nextY - y);
  });
  const step = lengths.reduce((sum, length) => sum + length, 0) / count;
  const found = [];
  let [index, passed] = [0, 0];
  for (let number = 0; number < count; number++) {
    while (passed + lengths[index] < number * step && index < points.length - 1) passed += lengths[index++];
    const share = lengths[index] === 0 ? 0 : Math.min(1, (number * step - passed) / lengths[index]);
    const [[x, y], [nextX, nextY]] = [points[index], points[(index + 1) % points.length]];
    found.push([x + (nextX - x) * share, y + (nextY - y) * share]);
  }
  return found;
}

function signedArea(points) {
  return points.reduce((sum, [x, y], index) => {
    const [nextX, nextY] = points[(index + 1) % points.length];
    return sum + x * nextY - nextX * y;
  }, 0);
}

function middleOf(points) {
  return [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
}

/** The second polygon turned so that its points lie nearest to those of the first, seen from their own middles. */
function aligned(first, second) {
  const turned = Math.sign(signedArea(first)) === Math.sign(signedArea(second)) ? second : [...second].reverse();
  const [a, b] = [middleOf(first), middleOf(turned)];
  let [best, least] = [0, Infinity];
  for (let shift = 0; shift < turned.length; shift++) {
    let sum = 0;
    for (let index = 0; index < first.length && sum < least; index += 3) {
      const other = turned[(index + shift) % turned.length];
      sum += (first[index][0] - a[0] - other[0] + b[0]) ** 2 + (first[index][1] - a[1] - other[1] + b[1]) ** 2;
    }
    if (sum < least) [best, least] = [shift, sum];
  }
  return turned.map((_, index) => turned[(index + best) % turned.length]);
}

/** The contour that lies `share` of the way from one to another. */
function contourBetween(first, second, share) {
  const from = evenly(first, CORNERS);
  const to = aligned(from, evenly(second, CORNERS));
  return from.map(([x, y], index) => [x + (to[index][0] - x) * share, y + (to[index][1] - y) * share]);
}

/** For each pixel the squared distance to the nearest pixel of a value along one line (Felzenszwalb and Huttenlocher). */
function distancesAlong(values, count, at, step) {
  const [places, bounds] = [new Int32Array(count), new Float64Array(count + 1)];
  let last = 0;
  bounds[0] = -Infinity;
  bounds[1] = Infinity;
  for (let q = 1; q < count; q++) {
    const height = values[at + q * step] + q * q;
    let crossing;
    do {
      const p = places[last];
      crossing = (height - values[at + p * step] - p * p) / (2 * q - 2 * p);
    } while (crossing <= bounds[last] && --last >= 0);
    places[++last] = q;
    bounds[last] = crossing;
    bounds[last + 1] = Infinity;
  }
  const result = new Float64Array(count);
  for (let q = 0, index = 0; q < count; q++) {
    while (bounds[index + 1] < q) index++;
    result[q] = (q - places[index]) ** 2 + values[at + places[index] * step];
  }
  for (let q = 0; q < count; q++) values[at + q * step] = result[q];
}

function distanceTo(pixels, value, { rows, columns }) {
  const squares = Float64Array.from(pixels, (pixel) => (pixel === value ? 0 : FAR));
  for (let column = 0; column < columns; column++) distancesAlong(squares, rows, column, columns);
  for (let row = 0; row < rows; row++) distancesAlong(squares, columns, row * columns, 1);
  return squares;
}

/** Distance from the edge in pixels: positive inside, negative outside. */
function signedDistance(pixels, size) {
  const [outside, inside] = [distanceTo(pixels, 1, size), distanceTo(pixels, 0, size)];
  return Float32Array.from(pixels, (_, at) => Math.sqrt(inside[at]) - Math.sqrt(outside[at]));
}

/** Where both masks are needed, with a margin: distances over a whole radiograph would take seconds. */
function windowOf(first, second, size) {
  const margin = 2;
  const rows = { from: size.rows, to: 0 };
  const columns = { from: size.columns, to: 0 };
  for (const pixels of [first, second]) {
    for (let at = pixels.indexOf(1); at >= 0; at = pixels.indexOf(1, at + 1)) {
      const [row, column] = [Math.floor(at / size.columns), at % size.columns];
      rows.from = Math.min(rows.from, row);
      rows.to = Math.max(rows.to, row + 1);
      columns.from = Math.min(columns.from, column);
      columns.to = Math.max(columns.to, column + 1);
    }
  }
  const top = Math.max(0, rows.from - margin);
  const left = Math.max(0, columns.from - margin);
  return {
    top,
    left,
    rows: Math.min(size.rows, rows.to + margin) - top,
    columns: Math.min(size.columns, columns.to + margin) - left,
  };
}

function cropped(pixels, size, crop) {
  const result = new Uint8Array(crop.rows * crop.columns);
  for (let row = 0; row < crop.rows; row++) {
    const start = (row + crop.top) * size.columns + crop.left;
    result.set(pixels.subarray(start, start + crop.columns), row * crop.columns);
  }
  return result;
}

function masksBetween(first, second, images, size) {
  const [a, b] = [pixelsOfShape(first), pixelsOfShape(second)];
  const crop = windowOf(a, b, size);
  if (crop.rows <= 0 || crop.columns <= 0) return [];
  const [from, to] = [a, b].map((pixels) => signedDistance(cropped(pixels, size, crop), crop));
  return images.flatMap((image, index) => {
    const share = (index + 1) / (images.length + 1);
    const pixels = new Uint8Array(size.rows * size.columns);
    for (let row = 0; row < crop.rows; row++) {
      for (let column = 0; column < crop.columns; column++) {
        const at = row * crop.columns + column;
        const isInside = from[at] * (1 - share) + to[at] * share > 0;
        if (isInside) pixels[(row + crop.top) * size.columns + crop.left + column] = 1;
      }
    }
    return pixels.includes(1) ? [maskShape(runsOfPixels(pixels), image)] : [];
  });
}

/** The shapes for the images between two drawings of the same kind; empty when the two do not go together. */
export function shapesBetween(first, second, images) {
  if (first.geometry !== second.geometry || images.length === 0) return [];
  if (first.geometry === "mask") {
    const size = { rows: first.rows, columns: first.columns };
    const isSameSize = second.rows === first.rows && second.columns === first.columns;
    return isSameSize ? masksBetween(first, second, images, size) : [];
  }
  return images.flatMap((image, index) => {
    const share = (index + 1) / (images.length + 1);
    const isContour = first.geometry === "polygon" || first.geometry === "freehand";
    const points = isContour
      ? contourBetween(first.points, second.points, share)
      : first.points.map(([x, y], at) => [x + (second.points[at][0] - x) * share, y + (second.points[at][1] - y) * share]);
    const made = outline(first.geometry, points, image, { isInterpolated: true, isHole: first.is_hole });
    return made ? [made] : [];
  });
}

