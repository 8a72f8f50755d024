// One pane: a series, its frames, the image, the words around it, and a sheet above for what is drawn.

import { Cine } from "../reading/cine.js";
import { LoadError } from "../reading/dicomweb.js";
import { Picture } from "../reading/picture.js";
import { PointerTools } from "../reading/pointer.js";
import { View, valueAt } from "../reading/view.js";
import { Words } from "../reading/words.js";
import { loadSeries } from "./stack.js";

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
    const all = [...hung, ...super.presets().filter(({ name }) => !names.has(name.toLowerCase()))];
    return all.map((preset, index) => ({ ...preset, hint: index < 9 ? `⇧${index + 1}` : "" }));
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
  #isSheetDrawn = false;
  #pointed = undefined;
  #telling = 0;
  #on;
  #preview;

  /** `on` hears: `shown`, `moved` to another image, `viewed` otherwise, `hover` over a point, `overlay` to draw above the image and say whether anything was. */
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
    byId("invert").addEventListener("click", () => this.invert());
    byId("reset").addEventListener("click", () => this.reset());
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

  /** Show a series; `ready` may hold its images and frames from reading ahead, or promise them. */
  async open(place, series, hanging, ready = undefined) {
    this.series = series;
    this.#frames?.close();
    try {
      const { images, frames } = await (ready ?? loadSeries(place, series));
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
    this.#pointed = undefined;
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
    else this.#telling ||= requestAnimationFrame(() => this.#tell());
  }

  #tell() {
    this.#telling = 0;
    this.#words.progress(this.#frames, this.view.count);
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
      this.#words.inverted(view.isInverted);
      this.#value();
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
    // An empty sheet that stays empty costs the browser nothing when slices are leafed through.
    if (this.#isSheetDrawn) context.clearRect(0, 0, canvas.width, canvas.height);
    this.#isSheetDrawn = Boolean(this.frame && this.placement && this.#on.overlay(this, context));
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
    this.#pointed = point;
    this.#value();
    this.#on.hover(this, point);
  }

  /** The value under the pointer, which stays where it is while the slices change. */
  #value() {
    const point = this.#pointed;
    this.#words.value(point ? valueAt(this.image, this.frame, point) : undefined, this.image, point);
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

  /** Take back the length that was measured last on this image; false when there is none. */
  removeRuler() {
    const at = this.rulers.findLastIndex(({ key }) => key === this.image.key);
    if (at >= 0) this.rulers.splice(at, 1);
    this.draw();
    return at >= 0;
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
