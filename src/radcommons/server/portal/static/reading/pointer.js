// Mouse, pen and touch on the image. Each gesture becomes one call on `actions`; nothing is decided here.

import { spaceBar } from "./space.js";

const WHEEL_STEP = 40;
const STEPS_PER_DRAG = 12;

/** What a drag does: what is held decides before the tool in hand, so that looking never needs another tool. */
export function gestureOf(event) {
  if (event.button === 1 || event.shiftKey || spaceBar.isHeld) return "pan";
  if (event.ctrlKey || event.metaKey) return "zoom";
  return event.button === 2 ? "window" : undefined;
}

export class PointerTools {
  #stage;
  #picture;
  #view;
  #actions;
  #touches = new Map();
  #drag = undefined;
  #pinch = undefined;
  #wheel = 0;

  constructor(stage, picture, view, actions) {
    this.#stage = stage;
    this.#picture = picture;
    this.#view = view;
    this.#actions = actions;
    stage.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.#onDown(event));
    stage.addEventListener("pointermove", (event) => this.#onMove(event));
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => this.#onUp(event));
    stage.addEventListener("pointerleave", () => actions.hover(undefined));
    stage.addEventListener("dblclick", () => actions.fit());
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  #fromMiddle(point) {
    const canvas = this.#stage.querySelector("canvas");
    return { x: point.x - canvas.width / 2, y: point.y - canvas.height / 2 };
  }

  #onWheel(event) {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) {
      this.#actions.zoom(Math.exp(-event.deltaY / 300), this.#fromMiddle(this.#picture.pointOf(event)));
      return;
    }
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * WHEEL_STEP : event.deltaY;
    this.#wheel += lines;
    const steps = Math.trunc(this.#wheel / WHEEL_STEP);
    if (steps === 0) return;
    this.#wheel -= steps * WHEEL_STEP;
    this.#actions.step(Math.sign(steps) * Math.min(Math.abs(steps), 3));
  }

  #onDown(event) {
    this.#stage.focus({ preventScroll: true });
    const tool = gestureOf(event) ?? this.#view.tool;
    if (spaceBar.isHeld) spaceBar.use();
    // A drawing hand keeps its own pointer; a second finger makes it a pinch all the same.
    const isDrawing = tool === "draw";
    if (!isDrawing || this.#touches.size > 0) this.#stage.setPointerCapture(event.pointerId);
    const point = this.#picture.pointOf(event);
    this.#touches.set(event.pointerId, point);
    if (this.#touches.size === 2) {
      this.#drag = undefined;
      this.#pinch = this.#spread();
      return;
    }
    if (isDrawing) return;
    const start = this.#picture.placement?.toImage(point);
    this.#drag = { tool, point, start, window: this.#actions.currentWindow(), rest: 0, hasMoved: false };
    event.preventDefault();
  }

  #onMove(event) {
    const point = this.#picture.pointOf(event);
    if (!this.#touches.has(event.pointerId)) {
      this.#actions.hover(this.#picture.placement?.toImage(point));
      return;
    }
    this.#touches.set(event.pointerId, point);
    if (this.#pinch && this.#touches.size === 2) this.#movePinch();
    else if (this.#drag) this.#moveDrag(point);
  }

  #spread() {
    const [a, b] = [...this.#touches.values()];
    return { distance: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  }

  #movePinch() {
    const now = this.#spread();
    this.#actions.pan(now.x - this.#pinch.x, now.y - this.#pinch.y);
    if (this.#pinch.distance > 0) this.#actions.zoom(now.distance / this.#pinch.distance, this.#fromMiddle(now));
    this.#pinch = now;
  }

  #moveDrag(point) {
    const drag = this.#drag;
    const [x, y] = [point.x - drag.point.x, point.y - drag.point.y];
    if (Math.hypot(x, y) > 0) drag.hasMoved = true;
    if (drag.tool === "window") {
      this.#actions.dragWindow(drag.window, x, y);
      return;
    }
    if (drag.tool === "measure") {
      this.#actions.previewLength(drag.start, this.#picture.placement?.toImage(point));
      return;
    }
    drag.point = point;
    if (drag.tool === "pan") this.#actions.pan(x, y);
    else if (drag.tool === "zoom") this.#actions.zoom(Math.exp(-y / 200));
    else {
      drag.rest += y;
      const steps = Math.trunc(drag.rest / STEPS_PER_DRAG);
      drag.rest -= steps * STEPS_PER_DRAG;
      if (steps !== 0) this.#actions.step(steps);
    }
  }

  #onUp(event) {
    this.#touches.delete(event.pointerId);
    if (this.#touches.size < 2) this.#pinch = undefined;
    const drag = this.#drag;
    this.#drag = undefined;
    if (!drag) return;
    if (drag.tool === "measure") this.#actions.finishLength(drag.hasMoved);
    if (drag.tool === "window" && drag.hasMoved) this.#actions.settle();
  }
}
