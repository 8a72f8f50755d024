// What is drawn on one frame, as values that never change: made, moved, edited, hit, measured. Points are [column, row] with
// (0, 0) at the outer corner of the top-left pixel, as radcommons.transfer.annotation.geometry keeps them.

import { lengthBetween } from "../reading/geometry.js";

export const AREAS = new Set(["box", "polygon", "freehand", "mask", "ellipse"]);
export const LEAST_POINTS = { box: 2, polygon: 3, freehand: 3, line: 2, point: 1, angle: 3, ellipse: 4 };
const SMALLEST = 0.5;

export function frameOf(image) {
  return { sop_instance_uid: image.sopInstanceUid, frame_number: image.frameNumber };
}

/** The name of a frame, equal to the `key` of its image. */
export function keyOf(shape) {
  return `${shape.frame.sop_instance_uid}/${shape.frame.frame_number}`;
}

function rounded([x, y], { rows, columns }) {
  const within = (value, most) => Math.round(Math.min(most, Math.max(0, value)) * 100) / 100;
  return [within(x, columns), within(y, rows)];
}

/** An outline inside its image, or undefined when it is too small to be meant. */
export function outline(geometry, points, image, { isHole = false, isInterpolated = false } = {}) {
  let kept = points.map((point) => rounded(point, image.format));
  if (geometry === "box") {
    const [[x0, y0], [x1, y1]] = kept;
    kept = [
      [Math.min(x0, x1), Math.min(y0, y1)],
      [Math.max(x0, x1), Math.max(y0, y1)],
    ];
  }
  if (kept.length < LEAST_POINTS[geometry] || isTooSmall(geometry, kept)) return undefined;
  return { geometry, points: kept, frame: frameOf(image), is_hole: isHole, is_interpolated: isInterpolated };
}

function isTooSmall(geometry, points) {
  if (geometry === "point") return false;
  const { left, top, right, bottom } = boundsOf(points);
  if (geometry === "line" || geometry === "angle") return right - left < SMALLEST && bottom - top < SMALLEST;
  return right - left < SMALLEST || bottom - top < SMALLEST;
}

/** A mask of runs on an image. */
export function maskShape(runs, image) {
  return { geometry: "mask", frame: frameOf(image), rows: image.format.rows, columns: image.format.columns, runs };
}

/** The four ends (major axis first) of the ellipse in a rectangle. */
export function ellipseIn([x0, y0], [x1, y1], aspect = 1) {
  const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
  const across = [[Math.min(x0, x1), y], [Math.max(x0, x1), y]];
  const down = [[x, Math.min(y0, y1)], [x, Math.max(y0, y1)]];
  return Math.abs(x1 - x0) >= Math.abs(y1 - y0) * aspect ? [...across, ...down] : [...down, ...across];
}

/** The same drawing on another frame of the same size, or undefined when the frames differ in size. */
export function onImage(shape, image) {
  if (shape.geometry === "mask") {
    const isSameSize = shape.rows === image.format.rows && shape.columns === image.format.columns;
    return isSameSize ? { ...shape, frame: frameOf(image) } : undefined;
  }
  return outline(shape.geometry, shape.points, image, { isHole: shape.is_hole });
}

export function boundsOf(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

/** The points by which a shape is edited: a box shows all four corners. */
export function handlesOf({ geometry, points }) {
  if (geometry === "mask") return [];
  if (geometry !== "box") return points;
  const [[left, top], [right, bottom]] = points;
  return [[left, top], [right, top], [right, bottom], [left, bottom]];
}

/** A shape with one of its handles moved to a point; undefined when nothing sensible is left. */
export function withHandle(shape, index, point, image) {
  const points = [...shape.points];
  const options = { isHole: shape.is_hole };
  if (shape.geometry === "box") {
    const opposite = handlesOf(shape)[(index + 2) % 4];
    return outline("box", [opposite, point], image, options);
  }
  if (shape.geometry === "ellipse") return outline("ellipse", ellipseWith(points, index, point), image, options);
  points[index] = point;
  return outline(shape.geometry, points, image, options);
}

/** Moving one end of an axis moves its other end the other way and turns the other axis with it. */
function ellipseWith(points, index, [x, y]) {
  const middle = [(points[0][0] + points[1][0]) / 2, (points[0][1] + points[1][1]) / 2];
  const pair = index < 2 ? 0 : 2;
  const other = 2 - pair;
  const arm = [x - middle[0], y - middle[1]];
  const size = Math.hypot(...arm) || 1;
  const half = Math.hypot(points[other][0] - points[other + 1][0], points[other][1] - points[other + 1][1]) / 2;
  const turned = [(-arm[1] / size) * half, (arm[0] / size) * half];
  const result = [...points];
  result[index] = [x, y];
  result[pair + ((index + 1) % 2)] = [middle[0] - arm[0], middle[1] - arm[1]];
  result[other] = [middle[0] - turned[0], middle[1] - turned[1]];
  result[other + 1] = [middle[0] + turned[0], middle[1] + turned[1]];
  return half > size ? [...result.slice(other, other + 2), ...result.slice(pair, pair + 2)] : result;
}

/** A shape moved as a whole. */
export function moved(shape, x, y, image) {
  if (shape.geometry === "mask") return undefined;
  const points = shape.points.map(([column, row]) => [column + x, row + y]);
  const { left, top, right, bottom } = boundsOf(points);
  // It stops at the edge instead of being squeezed against it.
  const back = [
    Math.max(0, -left) - Math.max(0, right - image.format.columns),
    Math.max(0, -top) - Math.max(0, bottom - image.format.rows),
  ];
  const kept = points.map(([column, row]) => [column + back[0], row + back[1]]);
  return outline(shape.geometry, kept, image, { isHole: shape.is_hole });
}

export function hasVertices(shape) {
  return shape.geometry === "polygon" || shape.geometry === "freehand";
}

/** A polygon with a vertex more after the one of that index. */
export function withVertex(shape, index, point) {
  const points = [...shape.points];
  const [a, b] = [points[index], points[(index + 1) % points.length]];
  points.splice(index + 1, 0, point ?? [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
  return { ...shape, points, is_interpolated: false };
}

/** A polygon with a vertex less; undefined when too few would be left. */
export function withoutVertex(shape, index) {
  if (!hasVertices(shape) || shape.points.length <= LEAST_POINTS[shape.geometry]) return undefined;
  return { ...shape, points: shape.points.filter((_, at) => at !== index), is_interpolated: false };
}

/** Distance from a point to the line between two others, and how far along it lies nearest (0 to 1). */
export function toSegment([x, y], [x0, y0], [x1, y1]) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / length));
  return { distance: Math.hypot(x - x0 - along * dx, y - y0 - along * dy), along };
}

/** Fewer points for a freehand line, none farther than `tolerance` from it (Douglas and Peucker). */
export function simplified(points, tolerance) {
  if (points.length < 3) return points;
  const kept = new Set([0, points.length - 1]);
  const open = [[0, points.length - 1]];
  while (open.length > 0) {
    const [from, to] = open.pop();
    let [farthest, distance] = [0, tolerance];
    for (let index = from + 1; index < to; index++) {
      const found = toSegment(points[index], points[from], points[to]).distance;
      if (found > distance) [farthest, distance] = [index, found];
    }
    if (farthest > 0) {
      kept.add(farthest);
      open.push([from, farthest], [farthest, to]);
    }
  }
  return points.filter((_, index) => kept.has(index));
}

/** What a line or an angle measures, in words; "" for other shapes. */
export function measureWords(shape, image) {
  const at = shape.points?.map(([x, y]) => ({ x, y }));
  if (shape.geometry === "line" && at.length >= 2) {
    const parts = at.slice(1).map((point, index) => lengthBetween(image, at[index], point));
    return `${parts.reduce((total, { value }) => total + value, 0).toFixed(1)} ${parts[0].unit}`;
  }
  if (shape.geometry === "angle" && at.length === 3) return `${angleOf(at, image).toFixed(1)}°`;
  return "";
}

/** The angle at the middle of three points, in degrees, in the patient. */
function angleOf([a, vertex, b], image) {
  const { row, column } = image.spacing;
  const arm = (point) => [(point.x - vertex.x) * column, (point.y - vertex.y) * row];
  const [[ax, ay], [bx, by]] = [arm(a), arm(b)];
  return (Math.abs(Math.atan2(ax * by - ay * bx, ax * bx + ay * by)) * 180) / Math.PI;
}
