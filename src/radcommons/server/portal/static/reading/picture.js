// Draws one frame, the scale bar and the measurements on a canvas.

import { Placement, lengthBetween, roundLength } from "./geometry.js";
import { greyTable, paintGrey } from "./windowing.js";

const INK = "#ffe08a";
const SHADOW = "rgba(0, 0, 0, 0.8)";

export class Picture {
  #canvas;
  #context;
  #buffer = document.createElement("canvas");
  #painted = "";
  #pixels = undefined;
  #table = { key: "", words: undefined };
  #placement = undefined;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
  }

  get placement() {
    return this.#placement;
  }

  /** Match the canvas to its box in device pixels. True when the size changed. */
  resize() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.#canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.#canvas.clientHeight * ratio));
    if (this.#canvas.width === width && this.#canvas.height === height) return false;
    this.#canvas.width = width;
    this.#canvas.height = height;
    return true;
  }

  /** Place of a pointer event on the canvas, in device pixels. */
  pointOf(event) {
    const box = this.#canvas.getBoundingClientRect();
    const ratio = this.#canvas.width / Math.max(1, box.width);
    return { x: (event.clientX - box.left) * ratio, y: (event.clientY - box.top) * ratio };
  }

  place(image, view) {
    this.#placement = new Placement(image, this.#canvas, view);
    return this.#placement;
  }

  draw(image, frame, view, marks) {
    const context = this.#context;
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
    const placement = this.place(image, view);
    if (!frame) return;
    const source = this.#paint(image, frame, view);
    context.imageSmoothingEnabled = placement.scale < 4;
    context.imageSmoothingQuality = placement.scale < 1 ? "high" : "low";
    context.drawImage(source, placement.left, placement.top, placement.width, placement.height);
    marks.over?.(context, placement);
    this.#drawScaleBar(image, placement);
    for (const mark of marks.lengths) this.#drawLength(image, placement, mark);
    if (marks.cursor) this.#drawCursor(placement.toCanvas(marks.cursor));
  }

  #paint(image, frame, view) {
    if (frame.kind === "rendered" && !view.isInverted) return frame.bitmap;
    const window = view.windowOf(image, frame);
    const key = [image.key, frame.kind, window.center, window.width, view.isInverted, frame.window?.center, frame.window?.width].join();
    if (key === this.#painted) return this.#buffer;
    const [width, height] = frame.bitmap ? [frame.bitmap.width, frame.bitmap.height] : [image.format.columns, image.format.rows];
    if (this.#buffer.width !== width || this.#buffer.height !== height) Object.assign(this.#buffer, { width, height });
    const context = this.#buffer.getContext("2d", { alpha: false });
    if (frame.kind === "grey") {
      if (this.#pixels?.width !== width || this.#pixels.height !== height) this.#pixels = context.createImageData(width, height);
      paintGrey(frame.values, this.#greys(image, frame, view), new Uint32Array(this.#pixels.data.buffer));
      context.putImageData(this.#pixels, 0, 0);
    } else {
      if (frame.bitmap) context.drawImage(frame.bitmap, 0, 0);
      else context.putImageData(new ImageData(frame.colours, width, height), 0, 0);
      if (view.isInverted) {
        context.globalCompositeOperation = "difference";
        context.fillStyle = "#fff";
        context.fillRect(0, 0, width, height);
        context.globalCompositeOperation = "source-over";
      }
    }
    this.#painted = key;
    return this.#buffer;
  }

  /** The table from stored values to grey; one for all slices that are seen alike. */
  #greys(image, frame, view) {
    const window = view.windowOf(image, frame);
    const how = { isSigned: frame.values instanceof Int16Array, isInverted: view.isInverted };
    const key = [window.center, window.width, how.isSigned, how.isInverted, image.slope, image.intercept, image.voiFunction, image.format.photometric].join();
    if (key !== this.#table.key) this.#table = { key, words: greyTable(image, window, how) };
    return this.#table.words;
  }

  #stroke(draw, width = 2) {
    const context = this.#context;
    const ratio = window.devicePixelRatio || 1;
    for (const [style, size] of [
      [SHADOW, width + 2],
      [INK, width],
    ]) {
      context.strokeStyle = style;
      context.lineWidth = size * ratio;
      context.beginPath();
      draw(context);
      context.stroke();
    }
  }

  #label(words, x, y) {
    const context = this.#context;
    const ratio = window.devicePixelRatio || 1;
    context.font = `${13 * ratio}px system-ui, sans-serif`;
    context.lineWidth = 4 * ratio;
    context.strokeStyle = SHADOW;
    context.fillStyle = INK;
    context.strokeText(words, x, y);
    context.fillText(words, x, y);
  }

  #drawScaleBar(image, placement) {
    if (!image.spacing.kind) return;
    const ratio = window.devicePixelRatio || 1;
    const pixelsPerMm = placement.scale / image.spacing.column;
    const length = roundLength((this.#canvas.width * 0.25) / pixelsPerMm);
    const [width, tick] = [length * pixelsPerMm, 6 * ratio];
    const x = (this.#canvas.width - width) / 2;
    const y = this.#canvas.height - 26 * ratio;
    this.#stroke((context) => {
      context.moveTo(x, y - tick);
      context.lineTo(x, y);
      context.lineTo(x + width, y);
      context.lineTo(x + width, y - tick);
    });
    const short = length >= 0.1 ? `${length} mm` : `${Math.round(length * 1000)} µm`;
    this.#label(length >= 10 ? `${length / 10} cm` : short, x, y + 18 * ratio);
  }

  #drawLength(image, placement, { from, to }) {
    const [a, b] = [placement.toCanvas(from), placement.toCanvas(to)];
    this.#stroke((context) => {
      context.moveTo(a.x, a.y);
      context.lineTo(b.x, b.y);
    });
    for (const point of [a, b]) this.#drawCursor(point, 4);
    const { value, unit } = lengthBetween(image, from, to);
    this.#label(`${value.toFixed(1)} ${unit}`, b.x + 10, b.y - 8);
  }

  #drawCursor({ x, y }, size = 12) {
    const arm = size * (window.devicePixelRatio || 1);
    this.#stroke((context) => {
      context.moveTo(x - arm, y);
      context.lineTo(x + arm, y);
      context.moveTo(x, y - arm);
      context.lineTo(x, y + arm);
    }, 1);
  }
}
