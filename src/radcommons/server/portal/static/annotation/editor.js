// Picking and changing what is drawn: a shape as a whole, its points one by one, by pointer or by keys.

import { cornersOf, pixelsOfShape } from "./raster.js";
import { shapesOn } from "./reading.js";
import { AREAS, handlesOf, hasVertices, moved, toSegment, withHandle, withVertex, withoutVertex } from "./shapes.js";

const REACH_PX = 9;

export class Editor {
  /** The picked shape as it would be if the pointer were let go now. */
  draft = undefined;
  #bench;
  #grip = undefined;

  constructor(bench) {
    this.#bench = bench;
  }

  get isBusy() {
    return this.#grip !== undefined;
  }

  press(pane, point, { isRemoving = false } = {}) {
    const at = [point.x, point.y];
    const reach = (REACH_PX * (devicePixelRatio || 1)) / pane.placement.scale;
    const { shape } = this.#bench;
    const handle = shape && this.#isHere(pane, shape) ? nearestHandle(shape, at, reach) : -1;
    if (handle >= 0 && isRemoving) {
      this.removeVertex(handle);
      return;
    }
    if (handle >= 0) {
      this.#bench.pickVertex(handle);
      this.#grip = { handle, from: at };
      return;
    }
    const found = this.#under(pane, at, reach);
    this.#bench.pickItem(found?.item.id, found?.shape);
    if (found && found.shape.geometry !== "mask") this.#grip = { handle: -1, from: at };
  }

  drag(pane, point) {
    const { shape } = this.#bench;
    if (!this.#grip || !shape) return;
    const at = [point.x, point.y];
    const { handle, from } = this.#grip;
    this.draft =
      handle >= 0 ? withHandle(shape, handle, at, pane.image) : moved(shape, at[0] - from[0], at[1] - from[1], pane.image);
  }

  release() {
    const { draft } = this;
    this.#grip = this.draft = undefined;
    const { vertex } = this.#bench;
    if (!draft) return;
    this.#bench.replaceShape(draft);
    this.#bench.pickVertex(vertex);
  }

  cancel() {
    const wasBusy = this.isBusy;
    this.#grip = this.draft = undefined;
    return wasBusy;
  }

  /** A double click on an edge: a vertex more. */
  insertAt(pane, point) {
    const { shape } = this.#bench;
    if (!shape || !hasVertices(shape) || !this.#isHere(pane, shape)) return false;
    const at = [point.x, point.y];
    const distances = shape.points.map((start, index) => toSegment(at, start, shape.points[(index + 1) % shape.points.length]).distance);
    const index = distances.indexOf(Math.min(...distances));
    if (distances[index] * pane.placement.scale > 2 * REACH_PX * (devicePixelRatio || 1)) return false;
    return this.insertVertex(index, at);
  }

  insertVertex(index = this.#bench.vertex ?? 0, point = undefined) {
    const { shape } = this.#bench;
    if (!shape || !hasVertices(shape)) return false;
    this.#bench.replaceShape(withVertex(shape, index, point));
    this.#bench.pickVertex(index + 1);
    return true;
  }

  removeVertex(index = this.#bench.vertex) {
    const { shape } = this.#bench;
    const left = shape && index !== undefined && withoutVertex(shape, index);
    if (!left) return false;
    this.#bench.replaceShape(left);
    this.#bench.pickVertex(Math.min(index, left.points.length - 1));
    return true;
  }

  /** The next or previous point of the picked shape. */
  stepVertex(count) {
    const { shape, vertex } = this.#bench;
    const total = shape ? handlesOf(shape).length : 0;
    if (total === 0) return false;
    this.#bench.pickVertex(vertex === undefined ? (count > 0 ? 0 : total - 1) : (vertex + count + total) % total);
    return true;
  }

  /** Arrows: the picked point, or the shape as a whole. */
  nudge(pane, x, y) {
    const { shape, vertex } = this.#bench;
    if (!shape || shape.geometry === "mask" || !this.#isHere(pane, shape)) return false;
    const handle = vertex === undefined ? undefined : handlesOf(shape)[vertex];
    const after = handle ? withHandle(shape, vertex, [handle[0] + x, handle[1] + y], pane.image) : moved(shape, x, y, pane.image);
    if (!after) return true;
    this.#bench.replaceShape(after, { merge: `nudge.${this.#bench.itemId}.${vertex}` });
    this.#bench.pickVertex(vertex);
    return true;
  }

  #isHere(pane, shape) {
    return `${shape.frame.sop_instance_uid}/${shape.frame.frame_number}` === pane.image.key;
  }

  /** The finding whose edge is nearest, else the smallest that the point lies in. */
  #under(pane, at, reach) {
    const here = this.#bench.findings.flatMap(({ item }) => shapesOn(item, pane.image.key).map((shape) => ({ item, shape })));
    const near = here
      .map((one) => ({ ...one, distance: edgeDistance(one.shape, at) }))
      .filter(({ distance }) => distance <= reach)
      .sort((a, b) => a.distance - b.distance)[0];
    if (near) return near;
    const { rows, columns } = pane.image.format;
    const [column, row] = at.map(Math.floor);
    if (column < 0 || row < 0 || column >= columns || row >= rows) return undefined;
    return here
      .filter(({ shape }) => AREAS.has(shape.geometry))
      .map((one) => ({ ...one, pixels: pixelsOfShape(one.shape, rows, columns) }))
      .filter(({ pixels }) => pixels[row * columns + column] === 1)
      .map((one) => ({ ...one, size: one.pixels.reduce((sum, pixel) => sum + pixel, 0) }))
      .sort((a, b) => a.size - b.size)[0];
  }
}

function nearestHandle(shape, [x, y], reach) {
  const distances = handlesOf(shape).map(([column, row]) => Math.hypot(column - x, row - y));
  const least = Math.min(...distances, Infinity);
  return least <= reach ? distances.indexOf(least) : -1;
}

function edgeDistance(shape, at) {
  if (shape.geometry === "mask") return Infinity;
  const points = AREAS.has(shape.geometry) ? cornersOf(shape) : shape.points;
  if (points.length === 1) return Math.hypot(points[0][0] - at[0], points[0][1] - at[1]);
  const isClosed = AREAS.has(shape.geometry);
  const edges = isClosed ? points.length : points.length - 1;
  let least = Infinity;
  for (let index = 0; index < edges; index++) {
    least = Math.min(least, toSegment(at, points[index], points[(index + 1) % points.length]).distance);
  }
  return least;
}
