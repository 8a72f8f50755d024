// What the reader has chosen: slice, window, zoom, tool, measurements. Knows neither network nor page.

import { automaticWindow, CT_PRESETS } from "./windowing.js";

const ZOOM_LIMITS = [0.2, 40];

export class View {
  index = 0;
  direction = 1;
  preset = "stored";
  window = undefined;
  zoom = 1;
  panX = 0;
  panY = 0;
  isInverted = false;
  tool = "window";
  cursor = undefined;
  #images;
  #lengths = new Map();

  constructor(images) {
    this.#images = images;
  }

  get image() {
    return this.#images[this.index];
  }

  imageAt(index) {
    return this.#images[index];
  }

  /** Where an image stands, by its object and frame (from 1; 0 for its first); -1 when it is not here. */
  placeOf(sopInstanceUid, frameNumber = 0) {
    return this.#images.findIndex((image) => image.sopInstanceUid === sopInstanceUid && (frameNumber === 0 || image.frameNumber === frameNumber));
  }

  get count() {
    return this.#images.length;
  }

  /** The presets that make sense for these images, the stored ones first. */
  presets() {
    const image = this.#images[0];
    const list = [];
    const isGrey = image.format.samples === 1 && !image.format.palette;
    if (image.windows.length > 0) list.push({ id: "stored", name: image.windows[0].name || "As stored", key: "0" });
    if (isGrey) list.push({ id: "auto", name: "Automatic", key: "5" });
    if (image.units === "HU") list.push(...CT_PRESETS);
    return list;
  }

  /** The window of a frame: the reader's, else the one in the header, else one computed once and kept. */
  windowOf(image, frame) {
    if (this.window) return this.window;
    if (this.preset === "stored" && image.windows.length > 0) return image.windows[0];
    if (frame?.kind !== "grey") return { center: 128, width: 256 };
    this.window = automaticWindow(frame, image);
    this.preset = "auto";
    return this.window;
  }

  /** The window to ask the server for, or undefined for its own choice. */
  renderedWindow() {
    if (this.window) return this.window;
    return this.preset === "stored" ? this.image.windows[0] : undefined;
  }

  choosePreset(id) {
    const preset = this.presets().find((candidate) => candidate.id === id);
    if (!preset) return false;
    this.preset = id;
    this.window = preset.width ? { center: preset.center, width: preset.width } : undefined;
    return true;
  }

  setWindow(center, width) {
    this.window = { center, width: Math.max(width, 1) };
    this.preset = "custom";
  }

  moveTo(index) {
    const next = Math.min(this.count - 1, Math.max(0, index));
    if (next === this.index) return false;
    this.direction = next > this.index ? 1 : -1;
    this.index = next;
    return true;
  }

  /** Zoom by a factor about a point given from the middle of the canvas, in canvas pixels. */
  zoomBy(factor, { x, y } = { x: 0, y: 0 }) {
    const zoom = Math.min(ZOOM_LIMITS[1], Math.max(ZOOM_LIMITS[0], this.zoom * factor));
    const applied = zoom / this.zoom;
    this.panX = x - (x - this.panX) * applied;
    this.panY = y - (y - this.panY) * applied;
    this.zoom = zoom;
  }

  pan(x, y) {
    this.panX += x;
    this.panY += y;
  }

  reset() {
    Object.assign(this, { zoom: 1, panX: 0, panY: 0, isInverted: false, window: undefined, cursor: undefined });
    this.preset = this.image.windows.length > 0 ? "stored" : "auto";
  }

  lengths(image = this.image) {
    return this.#lengths.get(image.key) ?? [];
  }

  addLength(length) {
    this.#lengths.set(this.image.key, [...this.lengths(), length]);
  }

  removeLength() {
    this.#lengths.set(this.image.key, this.lengths().slice(0, -1));
  }
}

/** Value under an image point in the units of the series, or undefined. */
export function valueAt(image, frame, point) {
  if (frame?.kind !== "grey") return undefined;
  const [column, row] = [Math.floor(point.x), Math.floor(point.y)];
  if (column < 0 || row < 0 || column >= image.format.columns || row >= image.format.rows) return undefined;
  return frame.values[row * image.format.columns + column] * image.slope + image.intercept;
}
