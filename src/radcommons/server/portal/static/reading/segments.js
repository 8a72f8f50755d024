// Segmentations over their images (PS3.3 A.51, C.8.20): binary, fractional and label maps, one mask a frame.

import { colourOfLab, spareColour } from "./colour.js";
import { first, item, number, numbers, text, values } from "./dicomjson.js";
import { firstPart, request } from "./dicomweb.js";
import { EXPLICIT_LITTLE_ENDIAN } from "./decode.js";
import { gapBetween, groupItem, mapOnto, planeOf, toleranceOf } from "./planes.js";

const SEGMENTATION = new Set(["1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"]);
const KEPT = 96;

export function isSegmentation(instance) {
  return SEGMENTATION.has(text(instance, "00080016"));
}

function layersOf(instance) {
  return values(instance, "00620002").map((segment, index) => {
    const type = text(item(segment, "0062000F"), "00080104");
    return {
      id: number(segment, "00620004") ?? index,
      name: text(segment, "00620005") || type || `Segment ${index + 1}`,
      detail: [type, text(segment, "00620008").toLowerCase()].filter(Boolean).join(", "),
      colour: colourOfLab(numbers(segment, "0062000D")) ?? spareColour(index),
      isOn: true,
    };
  });
}

function framesOf(instance, isLabelMap) {
  const count = number(instance, "00280008") ?? 1;
  const size = { rows: number(instance, "00280010") ?? 0, columns: number(instance, "00280011") ?? 0 };
  return Array.from({ length: count }, (_, index) => {
    const derivation = groupItem(instance, index, "00089124");
    const source = derivation === instance ? undefined : item(derivation, "00082112");
    const identified = groupItem(instance, index, "0062000A");
    return {
      ...size,
      frameNumber: index + 1,
      layerId: isLabelMap ? undefined : (number(identified, "0062000B") ?? number(item(instance, "00620002"), "00620004")),
      source: text(source, "00081155"),
      sourceFrame: number(source, "00081160"),
      plane: planeOf(instance, index),
    };
  });
}

function paint(canvas, alphaAt, count, colourAt) {
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  const words = new Uint32Array(pixels.data.buffer);
  for (let index = 0; index < count; index++) {
    const alpha = alphaAt(index);
    if (alpha > 0) words[index] = (alpha << 24) | colourAt(index);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** #rrggbb as the low three bytes of a pixel word. */
function wordOf(colour) {
  const value = Number.parseInt(colour.slice(1), 16);
  return ((value & 0xff) << 16) | (value & 0xff00) | (value >> 16);
}

/** The segments of one SEG object over the images of its source series. */
export class Segments {
  title = "Segments";
  layers;
  #instance;
  #base;
  #frames;
  #isLabelMap;
  #masks = new Map();
  #onArrival;
  #byImage = new Map();

  constructor(instance, base, onArrival) {
    this.#instance = instance;
    this.#isLabelMap = text(instance, "00620001") === "LABELMAP" || text(instance, "00080016").endsWith(".66.7");
    this.#base = `${base}/instances/${text(instance, "00080018")}/frames`;
    this.#frames = framesOf(instance, this.#isLabelMap);
    this.#onArrival = onArrival;
    this.layers = layersOf(instance).filter(({ id }) => !(this.#isLabelMap && id === 0));
  }

  /** The frames that lie on an image: by the image they name, else by where they are. */
  #on(image) {
    if (!this.#byImage.has(image.key)) {
      const names = ({ source, sourceFrame }) => source === image.sopInstanceUid && (sourceFrame ?? image.frameNumber) === image.frameNumber;
      const named = this.#frames.filter(names);
      const tolerance = toleranceOf(image);
      const near = ({ source, plane }) => !source && (gapBetween(image, plane) ?? Infinity) <= tolerance;
      const found = named.length > 0 ? named : this.#frames.filter((frame) => near(frame) || (gapBetween(image, frame.plane) ?? Infinity) <= Math.min(tolerance, 0.5));
      this.#byImage.set(image.key, found);
    }
    return this.#byImage.get(image.key);
  }

  has(image) {
    const shown = new Set(this.layers.filter(({ isOn }) => isOn).map(({ id }) => id));
    return this.#on(image).some(({ layerId }) => layerId === undefined || shown.has(layerId));
  }

  /** Draw onto a context whose unit is a pixel of the image. */
  draw(context, image) {
    for (const frame of this.#on(image)) {
      const layer = this.layers.find(({ id }) => id === frame.layerId);
      if (!this.#isLabelMap && !layer?.isOn) continue;
      const mask = this.#mask(frame, layer);
      if (!mask) continue;
      context.save();
      context.transform(...mapOnto(image, frame.plane, frame));
      context.imageSmoothingEnabled = false;
      context.drawImage(mask, 0, 0);
      context.restore();
    }
  }

  /** Colours of a label map are painted into its mask: a change of layers makes it anew. */
  changed() {
    if (!this.#isLabelMap) return;
    for (const [key, kept] of this.#masks) if (kept.labels) this.#masks.set(key, { labels: kept.labels, mask: this.#paintLabels(kept.labels) });
  }

  #mask(frame, layer) {
    const kept = this.#masks.get(frame.frameNumber);
    if (kept) return kept.mask;
    this.#masks.set(frame.frameNumber, {});
    if (this.#masks.size > KEPT) this.#masks.delete(this.#masks.keys().next().value);
    const load = this.#isLabelMap ? this.#loadLabels(frame) : this.#loadMask(frame, layer);
    load.then((made) => {
      this.#masks.set(frame.frameNumber, made);
      this.#onArrival();
    }).catch(() => this.#onArrival(frame));
    return undefined;
  }

  async #loadMask(frame, layer) {
    const most = text(this.#instance, "00620001") === "FRACTIONAL" ? (number(this.#instance, "0062000E") ?? 255) : 1;
    // Centre and width that make 0 black and the largest value white (PS3.3 C.11.2.1.2.1).
    const window = most > 1 ? `${(most + 1) / 2},${most + 1}` : "0.5,1";
    const response = await request(`${this.#base}/${frame.frameNumber}/rendered?window=${window},linear`, "image/png");
    const bitmap = await createImageBitmap(await response.blob());
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    const grey = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
    context.clearRect(0, 0, bitmap.width, bitmap.height);
    bitmap.close();
    const word = wordOf(layer.colour);
    return { mask: paint(canvas, (index) => grey[4 * index], grey.length / 4, () => word) };
  }

  async #loadLabels(frame) {
    const accept = `multipart/related; type="application/octet-stream"; transfer-syntax=${EXPLICIT_LITTLE_ENDIAN}`;
    const { bytes } = await firstPart(await request(`${this.#base}/${frame.frameNumber}`, accept));
    const isWide = number(this.#instance, "00280100") === 16;
    const data = isWide ? new Uint16Array(bytes.slice().buffer) : bytes;
    const labels = { data, rows: frame.rows, columns: frame.columns, background: first(this.#instance, "00280120") ?? 0 };
    return { labels, mask: this.#paintLabels(labels) };
  }

  #paintLabels({ data, rows, columns }) {
    const words = new Map(this.layers.filter(({ isOn }) => isOn).map(({ id, colour }) => [id, wordOf(colour)]));
    const count = Math.min(data.length, rows * columns);
    return paint(new OffscreenCanvas(columns, rows), (index) => (words.has(data[index]) ? 255 : 0), count, (index) => words.get(data[index]));
  }
}
