// Drawing an outline by pointer or by keys: each of them sets points, and the geometry says when they are enough.

import { ellipseIn, outline, simplified } from "./shapes.js";

const CLOSE_PX = 10;
const DRAG_PX = 4;
// Set by pressing and dragging, or by two clicks.
const BY_TWO = new Set(["box", "line", "ellipse"]);
const OPEN_ENDED = new Set(["polygon", "freehand"]);

export class Drawer {
  points = [];
  hover = undefined;
  #bench;
  #say;
  #isPressed = false;
  #hasDragged = false;
  #pressedAt = undefined;
  #key = "";

  constructor(bench, say) {
    this.#bench = bench;
    this.#say = say;
  }

  get isBusy() {
    return this.points.length > 0;
  }

  get #geometry() {
    return this.#bench.label?.geometry;
  }

  /** The outline as it would be if the next point were set where the pointer or cursor is. */
  preview(image) {
    if (!this.isBusy || this.#key !== image.key) return undefined;
    const points = this.hover && !(this.#geometry === "freehand" && this.#hasDragged) ? [...this.points, this.hover] : this.points;
    if (points.length < 2) return { geometry: "line", points: [points[0], points[0]] };
    if (this.#geometry === "box") return { geometry: "box", points: points.slice(0, 2) };
    if (this.#geometry === "ellipse") return { geometry: "ellipse", points: ellipseIn(points[0], points[1]) };
    return { geometry: OPEN_ENDED.has(this.#geometry) ? "path" : "line", points };
  }

  press(pane, point) {
    this.#begin(pane);
    [this.#isPressed, this.#hasDragged] = [true, false];
    this.#pressedAt = [point.x, point.y];
    this.#set(pane, [point.x, point.y]);
  }

  drag(pane, point) {
    const at = [point.x, point.y];
    if (this.#isPressed && this.#pressedAt) {
      const pixels = Math.hypot(at[0] - this.#pressedAt[0], at[1] - this.#pressedAt[1]) * pane.placement.scale;
      if (pixels > DRAG_PX * (devicePixelRatio || 1)) this.#hasDragged = true;
    }
    if (this.#isPressed && this.#geometry === "freehand" && this.#hasDragged) this.points.push(at);
    this.hover = at;
  }

  release(pane, point) {
    if (!this.#isPressed) return;
    this.#isPressed = false;
    if (!this.isBusy || !this.#hasDragged) return;
    if (BY_TWO.has(this.#geometry) && this.points.length === 1) this.#set(pane, [point.x, point.y]);
    else if (this.#geometry === "freehand") this.finish(pane);
    this.#hasDragged = false;
  }

  /** Enter: a point where the cursor is; a second time at the same place ends an open outline. */
  place(pane, cursor) {
    this.#begin(pane);
    this.#hasDragged = false;
    const at = [cursor.x, cursor.y];
    const last = this.points.at(-1);
    if (last && OPEN_ENDED.has(this.#geometry) && Math.hypot(at[0] - last[0], at[1] - last[1]) < 0.01) this.finish(pane);
    else this.#set(pane, at);
  }

  /** Forget the press that is under way; points that were set before stay. */
  lift() {
    if (!this.#isPressed) return;
    if (this.#geometry === "freehand" && this.#hasDragged) this.cancel();
    else this.points.pop();
    this.#isPressed = this.#hasDragged = false;
  }

  back() {
    if (!this.isBusy) return false;
    this.points.pop();
    return true;
  }

  cancel() {
    const wasBusy = this.isBusy;
    this.points = [];
    this.#isPressed = this.#hasDragged = false;
    return wasBusy;
  }

  finish(pane) {
    const { image } = pane;
    let { points } = this;
    if (this.#geometry === "freehand") points = simplified(points, 0.4 / pane.placement.scale);
    if (this.#geometry === "ellipse") points = ellipseIn(points[0], points[1], image.spacing.row / image.spacing.column);
    this.cancel();
    const made = outline(this.#geometry, points, image, { isHole: this.#bench.isCutting && this.#bench.continued(named(pane)) !== undefined });
    if (made) this.#bench.add(made, named(pane));
    else this.#say("Too small to keep. Set the points farther apart.");
  }

  #begin(pane) {
    if (this.#key !== pane.image.key) this.points = [];
    this.#key = pane.image.key;
  }

  #set(pane, at) {
    if (OPEN_ENDED.has(this.#geometry) && this.points.length >= 3 && this.#isAtStart(pane, at)) {
      this.finish(pane);
      return;
    }
    this.points.push(at);
    this.hover = at;
    const enough = { point: 1, box: 2, line: 2, ellipse: 2, angle: 3 }[this.#geometry];
    if (this.points.length === enough) this.finish(pane);
    else if (!this.#isPressed) this.#say(this.#nextWords());
  }

  #isAtStart(pane, at) {
    const [x, y] = this.points[0];
    return Math.hypot(at[0] - x, at[1] - y) * pane.placement.scale < CLOSE_PX * (devicePixelRatio || 1);
  }

  #nextWords() {
    const count = this.points.length;
    const ends = OPEN_ENDED.has(this.#geometry) ? " Enter twice at one place closes the outline." : "";
    return `Point ${count} set.${ends}`;
  }
}

/** The image of a pane with the name of its series, by which findings know where they are. */
export function named(pane) {
  return { ...pane.image, series: pane.series.series_instance_uid };
}
