// Painting masks: brush, eraser and threshold brush. While a stroke lasts the pixels change in place; when it ends they become
// a new shape, so that a stroke is one step to take back.

import { isWithin, paintStroke } from "./brush.js";
import { named } from "./drawer.js";
import { pixelsOfShape, runsOfPixels } from "./raster.js";
import { shapesOn } from "./reading.js";
import { maskShape } from "./shapes.js";

export class Painter {
  /** The mask in work: `{key, pixels, colour, dirty}`; the sheet draws it instead of the shape it grows from. */
  stroke = undefined;
  isPenDown = false;
  #bench;
  #say;
  #last = undefined;

  constructor(bench, say) {
    this.#bench = bench;
    this.#say = say;
  }

  get isBusy() {
    return this.stroke !== undefined;
  }

  press(pane, point, { isErasing = false } = {}) {
    const { bench } = this;
    const { rows, columns } = pane.image.format;
    if (bench.tool === "threshold" && pane.frame?.kind !== "grey") {
      this.#say("The values of this image are not in the browser; the threshold brush needs them.");
      return;
    }
    const isTaking = isErasing || bench.tool === "erase";
    const item = bench.continued(named(pane));
    const shape = item && shapesOn(item, pane.image.key)[0];
    if (isTaking && !shape) {
      this.#say("There is no mask of this finding here to erase.");
      return;
    }
    const pixels = shape ? pixelsOfShape(shape, rows, columns).slice() : new Uint8Array(rows * columns);
    this.stroke = { key: pane.image.key, shape, pixels, label: bench.label, value: isTaking ? 0 : 1, hasChanged: false, dirty: undefined };
    this.#last = point;
    this.drag(pane, point);
  }

  get bench() {
    return this.#bench;
  }

  drag(pane, point) {
    const { stroke } = this;
    if (!stroke || stroke.key !== pane.image.key) return;
    const { image, frame } = pane;
    const { tool, brush } = this.#bench;
    const touched = paintStroke(stroke.pixels, image.format, {
      from: this.#last,
      to: point,
      radius: brush.radius,
      aspect: image.spacing.row / image.spacing.column,
      value: stroke.value,
      accepts: tool === "threshold" && stroke.value === 1 ? isWithin(frame, image, brush) : undefined,
    });
    this.#last = point;
    if (!touched) return;
    stroke.hasChanged = true;
    stroke.dirty = joined(stroke.dirty, touched);
  }

  release(pane) {
    const { stroke } = this;
    this.stroke = undefined;
    if (!stroke?.hasChanged || stroke.key !== pane.image.key) return;
    const runs = runsOfPixels(stroke.pixels);
    const isEmpty = runs.length < 2;
    if (stroke.shape) {
      this.#bench.shape = stroke.shape;
      this.#bench.replaceShape(isEmpty ? undefined : maskShape(runs, pane.image));
    } else if (!isEmpty) this.#bench.add(maskShape(runs, pane.image), named(pane));
  }

  /** Enter: the pen goes down, and up again; between the two the arrows paint. */
  place(pane, cursor) {
    this.isPenDown = !this.isPenDown;
    if (this.isPenDown) {
      this.press(pane, cursor);
      this.isPenDown = this.isBusy;
      if (this.isPenDown) this.#say("Pen down: the arrows paint, Enter lifts it.");
    } else {
      this.release(pane);
      this.#say("Pen up.");
    }
  }

  cancel() {
    const wasBusy = this.isBusy;
    this.stroke = undefined;
    this.isPenDown = false;
    return wasBusy;
  }
}

function joined(a, b) {
  if (!a) return b;
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}
