// One pane: a series, its frames, the image, the words around it, and a sheet above for what is drawn.

import { Cine } from "../reading/cine.js";
import { LoadError, fetchMetadata } from "../reading/dicomweb.js";
import { FrameStore } from "../reading/frames.js";
import { imagesOf } from "../reading/images.js";
import { Picture } from "../reading/picture.js";
import { PointerTools } from "../reading/pointer.js";
import { View, valueAt } from "../reading/view.js";
import { Words } from "../reading/words.js";

/** The reader's choices, with the windows that the project hangs its images in. */
class HungView extends View {
  #windows;

  constructor(images, windows) {
    super(images);
    const isGrey = images[0].format.samples === 1 && !images[0].format.palette;
    this.#windows = isGrey ? windows : [];
    this.preset = images[0].windows.length > 0 ? "stored" : "auto";
    if (this.#windows.length > 0) this.choosePreset(this.presets()[0].id);
  }

  presets() {
    const hung = (this.#windows ?? []).map(({ name, center, width }, index) => ({ id: `hung-${index}`, name, center, width }));
    const names = new Set(hung.map(({ name }) => name.toLowerCase()));
    return [...hung, ...super.presets().filter(({ name }) => !names.has(name.toLowerCase()))];
  }

  reset() {
    super.reset();
    if (this.#windows.length > 0) this.choosePreset(this.presets()[0].id);
  }
}

export class Pane {
  view = undefined;
  images = [];
  series = undefined;
  rulers = [];
  #root;
  #words;
  #picture;
  #frames;
  #cine;
  #byKey = new Map();
  #pending = 0;
  #on;
  #preview;

  /** `on` hears: `shown`, `moved` to another image, `viewed` otherwise, `hover` over a point, `overlay` to draw above the image. */
  constructor(root, on) {
    this.#root = root;
    this.#on = on;
    const byId = (id) => root.querySelector(`[data-part="${id}"]`);
    this.byId = byId;
    this.#words = new Words(byId);
    this.#picture = new Picture(byId("canvas"));
    this.sheet = byId("sheet");
    this.stage = byId("stage");
    byId("preset").addEventListener("change", (event) => this.preset(event.target.value));
    byId("slice").addEventListener("input", (event) => this.step(Number(event.target.value) - 1 - this.view.index));
    byId("cine").addEventListener("click", () => this.toggleCine());
    byId("retry").addEventListener("click", () => this.retry());
    new ResizeObserver(() => this.draw()).observe(this.stage);
  }

  get picture() {
    return this.#picture;
  }

  get placement() {
    return this.#picture.placement;
  }

  get image() {
    return this.view?.image;
  }

  get frame() {
    return this.view && this.#frames.frame(this.view.index);
  }

  frameOfKey(key) {
    const index = this.#byKey.get(key);
    return index === undefined ? undefined : this.#frames.frame(index);
  }

  imageOfKey(key) {
    return this.images[this.#byKey.get(key)];
  }

  indexOfKey(key) {
    return this.#byKey.get(key);
  }

  get isLoaded() {
    return this.#frames.loadedCount >= this.#frames.capacity;
  }

  /** Show a series; `ready` may hold its images and frames from reading ahead. */
  async open(place, series, hanging, ready = undefined) {
    this.series = series;
    this.#frames?.close();
    try {
      const { images, frames } = ready ?? (await loadSeries(place, series));
      this.#frames = frames;
      frames.listen((index) => this.#arrived(index));
      this.#begin(images, hanging);
    } catch (error) {
      this.#words.problem(error instanceof LoadError ? error : Object.assign(error, { kind: undefined }));
      throw error;
    }
  }

  #begin(images, hanging) {
    this.images = images;
    this.rulers = [];
    this.#byKey = new Map(images.map((image, index) => [image.key, index]));
    const windows = hanging.windows ?? [];
    this.view = new HungView(images, windows);
    this.view.tool = "window";
    this.#cine?.stop();
    this.#cine = new Cine(this.view, this.#frames, () => this.show(), this.#words);
    for (const image of images) image.frameRate = hanging.cine_fps || image.frameRate;
    this.#words.begin(this.view);
    this.#pointer ??= new PointerTools(this.stage, this.#picture, this.#forwarded(), this);
    this.show();
    this.#frames.renderWith(this.view.renderedWindow(), this.view.index);
  }

  #pointer;

  /** The pointer outlives the view of one series. */
  #forwarded() {
    const pane = this;
    return {
      get tool() {
        return pane.view.tool === "ruler" ? "measure" : pane.view.tool;
      },
    };
  }

  #arrived(index) {
    if (index === this.view.index) this.draw();
    else this.#words.progress(this.#frames, this.view.count);
  }

  show() {
    this.#frames.focus(this.view.index, this.view.direction);
    this.draw();
    this.#on.moved(this);
  }

  draw() {
    if (!this.view || this.#pending) return;
    this.#pending = requestAnimationFrame(() => {
      this.#pending = 0;
      const { image, frame, view } = this;
      const rulers = this.rulers.filter((ruler) => ruler.key === image.key);
      if (this.#preview) rulers.push(this.#preview);
      this.#picture.resize();
      this.#picture.draw(image, frame, view, { lengths: rulers, cursor: view.tool === "ruler" ? view.cursor : undefined });
      this.#words.show(view, frame, this.#frames, this.#picture.placement);
      this.drawSheet();
      if (frame) {
        this.stage.dataset.state = "shown";
        this.#on.shown(this);
      }
    });
  }

  /** Only what is drawn above the image, as a brush needs it: the image below stays. */
  drawSheet() {
    const [canvas, below] = [this.sheet, this.byId("canvas")];
    if (canvas.width !== below.width || canvas.height !== below.height) [canvas.width, canvas.height] = [below.width, below.height];
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (this.frame && this.placement) this.#on.overlay(this, context);
  }

  say(words) {
    this.#words.say(words);
  }

  tool(name) {
    if (!this.view) return;
    this.view.tool = name;
    this.view.cursor = undefined;
    this.#preview = undefined;
    this.stage.dataset.tool = name;
    this.draw();
  }

  step(count) {
    const target = Number.isFinite(count) ? this.view.index + count : count < 0 ? 0 : this.view.count - 1;
    if (this.view.moveTo(target)) this.show();
  }

  goTo(key) {
    const index = this.#byKey.get(key);
    if (index !== undefined && this.view.moveTo(index)) this.show();
    else this.draw();
  }

  currentWindow() {
    return this.view.windowOf(this.image, this.frame);
  }

  preset(id) {
    if (this.view.choosePreset(id)) this.settle();
  }

  presetNumber(index) {
    const preset = this.view.presets()[index];
    if (preset) this.preset(preset.id);
  }

  dragWindow(start, x, y) {
    const pace = Math.max(start.width, 50) / 400;
    this.view.setWindow(start.center + y * pace, start.width + x * pace);
    this.#viewed();
  }

  /** Look as another pane does: same window, zoom and place. */
  mirror(other) {
    const { zoom, panX, panY, window, preset, isInverted } = other.view;
    Object.assign(this.view, { zoom, panX, panY, window, preset, isInverted });
    this.draw();
  }

  #viewed() {
    this.draw();
    this.#on.viewed(this);
  }

  adjustWindow(levels, factor) {
    const { center, width } = this.currentWindow();
    this.view.setWindow(center + levels * width, width * factor);
    this.settle();
  }

  settle() {
    this.#frames.renderWith(this.view.renderedWindow(), this.view.index);
    this.#viewed();
  }

  zoom(factor, point) {
    this.view.zoomBy(factor, point);
    this.#viewed();
  }

  pan(x, y) {
    this.view.pan(x, y);
    this.#viewed();
  }

  fit() {
    Object.assign(this.view, { zoom: 1, panX: 0, panY: 0 });
    this.#viewed();
  }

  invert() {
    this.view.isInverted = !this.view.isInverted;
    this.#viewed();
  }

  reset() {
    this.view.reset();
    this.settle();
  }

  toggleCine() {
    this.#cine?.toggle();
  }

  stopCine() {
    this.#cine?.stop();
  }

  retry() {
    this.#frames.retry(this.view.index);
    this.draw();
  }

  hover(point) {
    this.#words.value(point ? valueAt(this.image, this.frame, point) : undefined, this.image, point);
    this.#on.hover(this, point);
  }

  previewLength(from, to) {
    this.#preview = { key: this.image.key, from, to };
    this.draw();
  }

  finishLength(hasMoved) {
    if (this.#preview && hasMoved) this.rulers.push(this.#preview);
    this.#preview = undefined;
    this.draw();
  }

  get isMeasuring() {
    return this.#preview !== undefined;
  }

  cancelLength() {
    this.#preview = undefined;
    this.draw();
  }

  /** Show the slice that lies nearest to that of another pane, where both know where they are. */
  follow(other) {
    const { location } = other.image;
    if (location === undefined || this.images[0]?.location === undefined) return;
    let [best, least] = [this.view.index, Infinity];
    this.images.forEach((image, index) => {
      const distance = Math.abs(image.location - location);
      if (distance < least) [best, least] = [index, distance];
    });
    if (this.view.moveTo(best)) {
      this.#frames.focus(best, this.view.direction);
      this.draw();
    }
  }

  get root() {
    return this.#root;
  }
}

/** Images and frame store of a series; the first frame is asked for at once. */
export async function loadSeries(place, series, { isAhead = false } = {}) {
  const at = { root: place.root, study: series.study_instance_uid, series: series.series_instance_uid };
  // Its workers start while the description of the series is on its way.
  const frames = new FrameStore(() => {});
  try {
    const images = imagesOf(await fetchMetadata(at));
    if (images.length === 0) throw new LoadError("missing", "This series holds no pictures. Choose another series.");
    const base = `${at.root}/studies/${at.study}/series/${at.series}/instances`;
    frames.open(images, (image) => `${base}/${image.sopInstanceUid}/frames/${image.frameNumber}`);
    if (isAhead) frames.focus(0, 1);
    return { images, frames };
  } catch (error) {
    frames.close();
    throw error;
  }
}
