// Draws findings above the image: colour and letter for the label, dashes for what a program made, handles for what is picked.

import { bordersOfPixels, boundsOfPixels, cornersOf, pixelsOfShape } from "./raster.js";
import { shapesOn } from "./reading.js";
import { AREAS, boundsOf, handlesOf, measureWords } from "./shapes.js";

const SHADOW = "rgba(0, 0, 0, 0.75)";
const FILL_ALPHA = 64;
const EDGE_ALPHA = 255;

function rgbOf(colour) {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}

/** A picture of a mask: filled thinly, and while it is painted its edge full, so that the image below stays readable. */
export class MaskPicture {
  constructor(size, colour, { edgeAlpha = EDGE_ALPHA } = {}) {
    this.size = size;
    this.colour = rgbOf(colour);
    this.edgeAlpha = edgeAlpha;
    this.canvas = document.createElement("canvas");
    [this.canvas.width, this.canvas.height] = [size.columns, size.rows];
    this.context = this.canvas.getContext("2d");
  }

  /** Paint the pixels of a rectangle again (with one pixel around it, whose edges change too). */
  paint(pixels, bounds) {
    if (!bounds) return this;
    const { rows, columns } = this.size;
    const [left, top] = [Math.max(0, bounds.left - 1), Math.max(0, bounds.top - 1)];
    const [right, bottom] = [Math.min(columns, bounds.right + 1), Math.min(rows, bounds.bottom + 1)];
    const picture = this.context.createImageData(right - left, bottom - top);
    const words = new Uint32Array(picture.data.buffer);
    const [red, green, blue] = this.colour;
    const rgb = (blue << 16) | (green << 8) | red;
    const [fill, edge] = [((FILL_ALPHA << 24) | rgb) >>> 0, ((this.edgeAlpha << 24) | rgb) >>> 0];
    let at = 0;
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++, at++) {
        const pixel = row * columns + column;
        if (!pixels[pixel]) continue;
        const isInner =
          column > 0 && pixels[pixel - 1] && column < columns - 1 && pixels[pixel + 1] &&
          row > 0 && pixels[pixel - columns] && row < rows - 1 && pixels[pixel + columns];
        words[at] = isInner ? fill : edge;
      }
    }
    this.context.putImageData(picture, left, top);
    return this;
  }
}

const pictures = new WeakMap();

function pictureOf(shape, colour) {
  const known = pictures.get(shape);
  if (known?.colourName === colour) return known;
  const pixels = pixelsOfShape(shape, shape.rows, shape.columns);
  const picture = new MaskPicture(shape, colour, { edgeAlpha: FILL_ALPHA });
  picture.colourName = colour;
  picture.border = pathOf(bordersOfPixels(pixels, shape));
  picture.bounds = boundsOfPixels(pixels, shape.columns);
  picture.paint(pixels, picture.bounds);
  pictures.set(shape, picture);
  return picture;
}

/** Closed lines as a path in image coordinates. */
function pathOf(loops) {
  const path = new Path2D();
  for (const loop of loops) {
    loop.forEach(([x, y], index) => (index === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
    path.closePath();
  }
  return path;
}

/** A pen over one pane's canvas, in image coordinates. */
export class Pen {
  hasDrawn = false;
  #context;

  constructor(pane, context) {
    this.pane = pane;
    this.#context = context;
    this.ratio = devicePixelRatio || 1;
    this.place = pane.placement;
  }

  /** Whoever takes it draws. */
  get context() {
    this.hasDrawn = true;
    return this.#context;
  }

  at([x, y]) {
    return this.place.toCanvas({ x, y });
  }

  path(points, { isClosed = false } = {}) {
    this.context.beginPath();
    points.forEach((point, index) => {
      const { x, y } = this.at(point);
      if (index === 0) this.context.moveTo(x, y);
      else this.context.lineTo(x, y);
    });
    if (isClosed) this.context.closePath();
  }

  /** Stroke the path begun last, or one in image coordinates. */
  stroke(colour, width, dashes = [], inImage = undefined) {
    const { context, ratio, place } = this;
    let path;
    if (inImage) {
      path = new Path2D();
      path.addPath(inImage, new DOMMatrix([place.scale, 0, 0, place.scale * place.aspect, place.left, place.top]));
    }
    const draw = () => (path ? context.stroke(path) : context.stroke());
    context.lineJoin = context.lineCap = "round";
    context.setLineDash([]);
    context.strokeStyle = SHADOW;
    context.lineWidth = (width + 2) * ratio;
    draw();
    context.setLineDash(dashes.map((dash) => dash * ratio));
    context.strokeStyle = colour;
    context.lineWidth = width * ratio;
    draw();
    context.setLineDash([]);
  }

  words(text, [x, y], colour, { dx = 6, dy = -6 } = {}) {
    const { context, ratio } = this;
    const spot = this.at([x, y]);
    context.font = `600 ${12 * ratio}px system-ui, "Liberation Sans", sans-serif`;
    context.lineJoin = "round";
    context.lineWidth = 4 * ratio;
    context.strokeStyle = SHADOW;
    context.fillStyle = colour;
    context.strokeText(text, spot.x + dx * ratio, spot.y + dy * ratio);
    context.fillText(text, spot.x + dx * ratio, spot.y + dy * ratio);
  }

  handle(point, colour, isChosen) {
    const { context, ratio } = this;
    const { x, y } = this.at(point);
    const size = (isChosen ? 6 : 4) * ratio;
    context.fillStyle = isChosen ? "#ffffff" : colour;
    context.strokeStyle = "#000000";
    context.lineWidth = 1.5 * ratio;
    context.beginPath();
    context.rect(x - size, y - size, 2 * size, 2 * size);
    context.fill();
    context.stroke();
  }

  picture(picture) {
    const { context, place } = this;
    context.imageSmoothingEnabled = place.scale < 1;
    context.drawImage(picture.canvas, place.left, place.top, place.width, place.height);
  }

  shape(shape, colour, { width = 2, dashes = [] } = {}) {
    if (shape.geometry === "mask") {
      const picture = pictureOf(shape, colour);
      this.picture(picture);
      this.stroke(colour, width - 0.5, dashes, picture.border);
      return;
    }
    const isArea = AREAS.has(shape.geometry);
    const points = isArea ? cornersOf(shape) : shape.points;
    if (shape.geometry === "point") {
      const { x, y } = this.at(points[0]);
      this.context.beginPath();
      this.context.arc(x, y, 6 * this.ratio, 0, 2 * Math.PI);
      this.context.moveTo(x - 10 * this.ratio, y);
      this.context.lineTo(x + 10 * this.ratio, y);
      this.context.moveTo(x, y - 10 * this.ratio);
      this.context.lineTo(x, y + 10 * this.ratio);
    } else this.path(points, { isClosed: isArea });
    this.stroke(colour, width, dashes);
  }

  /** Where the tag of a shape stands: its top left. */
  corner(shape) {
    if (shape.geometry === "mask") {
      const { bounds } = pictureOf(shape, pictures.get(shape)?.colourName ?? "#ffffff");
      return bounds ? [bounds.left, bounds.top] : [0, 0];
    }
    const { left, top } = boundsOf(shape.points);
    return [left, top];
  }
}

function dashesOf(shape) {
  if (shape.is_interpolated) return [7, 5];
  return shape.is_hole ? [2, 5] : [];
}

/** Everything of one finding on the image of a pane. */
export function drawFinding(pen, { item, label, tag }, { isPicked = false, picked = undefined, draft = undefined, vertex = undefined, hidden = undefined, hasHandles = true } = {}) {
  const { image } = pen.pane;
  shapesOn(item, image.key).forEach((kept, index) => {
    if (kept === hidden) return;
    const shape = kept === picked && draft ? draft : kept;
    pen.shape(shape, label.colour, { width: isPicked ? 3 : 2, dashes: dashesOf(shape) });
    const measure = measureWords(shape, image);
    if (index === 0 || measure) pen.words([index === 0 ? tag : "", measure].filter(Boolean).join("  "), pen.corner(shape), label.colour);
    if (kept === picked && hasHandles) handlesOf(shape).forEach((point, at) => pen.handle(point, label.colour, at === vertex));
  });
}

/** What somebody else drew on the image of a pane: dashed, its tag below the corner. */
export function drawOther(pen, item, { colour, tag, dashes = [8, 4], width = 2 }) {
  shapesOn(item, pen.pane.image.key).forEach((shape, index) => {
    pen.shape(shape, colour, { width, dashes });
    const measure = measureWords(shape, pen.pane.image);
    if (index === 0 || measure) pen.words([tag, measure].filter(Boolean).join("  "), pen.corner(shape), colour, { dx: 6, dy: 16 });
  });
}

/** The outline being drawn. */
export function drawPreview(pen, preview, colour) {
  if (preview.geometry === "path" || preview.geometry === "line") pen.path(preview.points);
  else pen.path(cornersOf(preview), { isClosed: true });
  pen.stroke(colour, 2, [5, 4]);
  for (const point of preview.points) if (preview.points.length < 40) pen.handle(point, colour, false);
  const measure = measureWords(preview.points.length === 3 ? { geometry: "angle", points: preview.points } : preview, pen.pane.image);
  if (preview.geometry === "line" && measure) pen.words(measure, preview.points.at(-1), colour, { dx: 12, dy: 4 });
}

/** The mask in work, of which only what changed is painted again. */
export function drawStroke(pen, stroke, size) {
  if (!stroke.picture) {
    stroke.picture = new MaskPicture(size, stroke.label.colour);
    stroke.picture.paint(stroke.pixels, boundsOfPixels(stroke.pixels, size.columns));
  } else stroke.picture.paint(stroke.pixels, stroke.dirty);
  stroke.dirty = undefined;
  pen.picture(stroke.picture);
}

/** The round brush where the pointer is. */
export function drawBrush(pen, { x, y }, radius, colour, dashes = []) {
  const middle = pen.at([x, y]);
  pen.context.beginPath();
  pen.context.arc(middle.x, middle.y, radius * pen.place.scale, 0, 2 * Math.PI);
  pen.stroke(colour, 1.5, dashes);
}

/** The cross that the arrow keys move. */
export function drawCursor(pen, { x, y }) {
  const middle = pen.at([x, y]);
  const [arm, gap] = [14 * pen.ratio, 4 * pen.ratio];
  pen.context.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    pen.context.moveTo(middle.x + dx * gap, middle.y + dy * gap);
    pen.context.lineTo(middle.x + dx * arm, middle.y + dy * arm);
  }
  pen.stroke("#ffffff", 1.5);
}
