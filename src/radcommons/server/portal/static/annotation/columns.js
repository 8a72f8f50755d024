// The readers of a case above its image: each in colour, letter and dash; where they agree and where only one drew.

import { bordersOfPixels, boundsOfPixels, pixelsOfShapes } from "./raster.js";
import { shapesOn } from "./reading.js";
import { AREAS, keyOf } from "./shapes.js";
import { drawOther } from "./sheet.js";

// Orange, sky blue, pink, yellow, green: told apart with any colour vision; dashes and hatching say the same without colour.
const STYLES = [
  { colour: "#ff9f1c", dashes: [], hatch: (x, y) => (x + y) % 6 < 2 },
  { colour: "#56b4e9", dashes: [10, 5], hatch: (x, y) => (x - y + 6000) % 6 < 2 },
  { colour: "#f29ccf", dashes: [2, 5], hatch: (x, y) => x % 4 < 2 && y % 4 < 2 },
  { colour: "#f0e442", dashes: [12, 4, 2, 4], hatch: (x) => x % 5 < 2 },
  { colour: "#2fc39a", dashes: [6, 2], hatch: (_, y) => y % 5 < 2 },
];

export function styleOf(index) {
  return STYLES[index % STYLES.length];
}

function word(colour, alpha) {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

const ALL = word("#ffffff", 80);
const SOME = word("#ffffff", 34);

/** A picture of where the readers' areas agree: white where all did, thinner where several, hatched where only one. */
function differencePicture(readers, { rows, columns }) {
  const masks = readers.map(({ pixels }) => pixels);
  const styles = readers.map(({ index }) => styleOf(index));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns, rows];
  const context = canvas.getContext("2d");
  const drawn = masks.map((pixels) => boundsOfPixels(pixels, columns)).filter(Boolean);
  if (drawn.length === 0) return canvas;
  const [left, top] = [Math.min(...drawn.map((one) => one.left)), Math.min(...drawn.map((one) => one.top))];
  const [right, bottom] = [Math.max(...drawn.map((one) => one.right)), Math.max(...drawn.map((one) => one.bottom))];
  const picture = context.createImageData(right - left, bottom - top);
  const words = new Uint32Array(picture.data.buffer);
  const colours = styles.map(({ colour }) => word(colour, 150));
  for (let row = top, at = 0; row < bottom; row++) {
    for (let column = left; column < right; column++, at++) {
      const pixel = row * columns + column;
      let [count, only] = [0, -1];
      for (let reader = 0; reader < masks.length; reader++) {
        if (masks[reader][pixel]) [count, only] = [count + 1, reader];
      }
      if (count === masks.length) words[at] = ALL;
      else if (count > 1) words[at] = SOME;
      else if (count === 1 && styles[only].hatch(column, row)) words[at] = colours[only];
    }
  }
  context.putImageData(picture, left, top);
  return canvas;
}

export class Columns {
  #columns;
  #pictures = new Map();
  label = undefined;
  /** Letters that are shown; the others are left out of the shading too. */
  shown;
  isShading = true;

  constructor(columns) {
    this.#columns = columns;
    this.shown = new Set(columns.map(({ column }) => column));
  }

  #itemsOf(column) {
    return column.items.filter((item) => item.label_id === this.label?.id);
  }

  /** Above one pane: everybody who is shown, or only the reader of that pane when they stand side by side. */
  draw(pen, { only = undefined } = {}) {
    if (!this.label || this.label.scope !== "region") return;
    const visible = this.#columns.flatMap((column, index) => {
      const isVisible = only === undefined ? this.shown.has(column.column) : only === index;
      return isVisible ? [{ column, index }] : [];
    });
    if (this.isShading && visible.length > 1 && AREAS.has(this.label.geometry)) this.#shade(pen, visible);
    for (const { column, index } of visible) this.#outline(pen, column, index);
  }

  #outline(pen, column, index) {
    const { colour, dashes } = styleOf(index);
    for (const item of this.#itemsOf(column)) {
      const isMask = item.shapes.some(({ geometry }) => geometry === "mask");
      if (!isMask) drawOther(pen, item, { colour, tag: column.column, dashes });
      else this.#border(pen, item, column, index);
    }
  }

  /** Masks as borders, so that what lies below and what others drew stays visible. */
  #border(pen, item, column, index) {
    const { colour, dashes } = styleOf(index);
    const { key, format } = pen.pane.image;
    const shapes = shapesOn(item, key);
    if (shapes.length === 0) return;
    const loops = this.#kept(`${key}/${item.id}/border`, () => bordersOfPixels(pixelsOfShapes(shapes, format.rows, format.columns), format));
    pen.context.beginPath();
    for (const loop of loops) {
      loop.forEach((point, at) => {
        const { x, y } = pen.at(point);
        if (at === 0) pen.context.moveTo(x, y);
        else pen.context.lineTo(x, y);
      });
      pen.context.closePath();
    }
    pen.stroke(colour, 2, dashes);
    if (loops[0]) pen.words(column.column, loops[0][0], colour, { dx: 4 + 14 * index, dy: -6 });
  }

  #shade(pen, visible) {
    const { key, format } = pen.pane.image;
    const name = `${key}/${this.label.id}/${visible.map(({ index }) => index).join()}`;
    // Readers who are hidden count neither for nor against.
    const canvas = this.#kept(name, () => {
      const readers = visible.map(({ column, index }) => {
        const shapes = this.#itemsOf(column).flatMap((item) => shapesOn(item, key));
        return { index, pixels: pixelsOfShapes(shapes, format.rows, format.columns) };
      });
      return differencePicture(readers, format);
    });
    pen.picture({ canvas });
  }

  #kept(name, make) {
    if (!this.#pictures.has(name)) this.#pictures.set(name, make());
    return this.#pictures.get(name);
  }

  /** The keys of the frames on which anybody drew the label, in no order. */
  keys() {
    const shapes = this.#columns.flatMap((column) => this.#itemsOf(column).flatMap((item) => item.shapes));
    return new Set(shapes.map((shape) => keyOf(shape)));
  }
}
