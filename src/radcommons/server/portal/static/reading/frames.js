// Keeps the frames around the current image in memory: loads what is looked at first, then its neighbours in the
// direction of travel, and lets the farthest go when the budget is spent.

import { LoadError } from "./dicomweb.js";

const PARALLEL = 4;
const REST_MS = 400;

function budgetBytes() {
  const memory = navigator.deviceMemory ?? 4;
  return (memory <= 2 ? 96 : 256) * 2 ** 20;
}

function sizeOf(frame) {
  if (frame.kind === "grey") return frame.values.byteLength;
  return frame.kind === "colour" ? frame.colours.byteLength : frame.bitmap.width * frame.bitmap.height * 4;
}

function frameBytes(image) {
  const { rows, columns, samples, bitsAllocated } = image.format;
  const isGrey = samples === 1 && bitsAllocated <= 16 && !image.format.palette;
  return rows * columns * (isGrey ? 2 : 4);
}

export class FrameStore {
  #workers;
  #images = [];
  #capacity = 0;
  #urlOf;
  #onChange;
  #kept = new Map();
  #failed = new Map();
  #pending = new Map();
  #wanted = [];
  #way = undefined;
  #window = undefined;
  #nextId = 0;
  #rest = 0;

  constructor(onChange) {
    const count = Math.max(1, Math.min(2, (navigator.hardwareConcurrency ?? 2) - 1));
    this.#onChange = onChange;
    this.#workers = Array.from({ length: count }, () => {
      const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
      worker.onmessage = ({ data }) => this.#receive(data);
      return worker;
    });
  }

  /** Tell somebody more of frames that arrive: a store that was filled ahead gets its page later, or several. */
  listen(onChange) {
    this.#wake();
    const before = this.#onChange;
    this.#onChange = (place) => {
      before(place);
      onChange(place);
    };
  }

  /** Ask for nothing more for a moment: what is looked at elsewhere needs the line and the processor. */
  rest() {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#wake(), REST_MS);
  }

  #wake() {
    clearTimeout(this.#rest);
    this.#rest = 0;
    this.#pump();
  }

  /** Let everything go; the store is of no use afterwards. */
  close() {
    for (const place of [...this.#kept.keys()]) this.#drop(place);
    clearTimeout(this.#rest);
    for (const worker of this.#workers) worker.terminate();
    this.#pending.clear();
    this.#wanted = [];
  }

  open(images, urlOf) {
    this.#images = images;
    this.#urlOf = urlOf;
    const most = navigator.connection?.saveData ? 7 : Math.max(5, Math.floor(budgetBytes() / Math.max(...images.map(frameBytes))));
    this.#capacity = Math.min(images.length, most);
  }

  get loadedCount() {
    return this.#kept.size;
  }

  /** How many frames the memory budget holds; the rest is loaded when it is looked at. */
  get capacity() {
    return this.#capacity;
  }

  frame(index) {
    return this.#kept.get(index);
  }

  failure(index) {
    return this.#failed.get(index);
  }

  /** Make `index` the frame to have first; `direction` is the way the reader is going. */
  focus(index, direction) {
    const [count, capacity] = [this.#images.length, this.capacity];
    const isInside = (place) => place >= 0 && place < count;
    const ahead = Math.ceil(capacity * 0.7);
    this.#wanted = [index];
    // Beyond what lies ahead a store that has no room for all goes on behind, one that has takes the rest as well.
    for (let step = 1; this.#wanted.length < capacity && step < count; step++) {
      const isNear = step <= ahead || capacity === count;
      const places = isNear ? [index + direction * step, index - direction * step] : [index - direction * step];
      this.#wanted.push(...places.filter(isInside));
    }
    this.#wanted.length = Math.min(this.#wanted.length, capacity);
    this.#forget();
    this.#pump();
  }

  /** The window for pictures that the server renders; frames decoded here do not need it. */
  renderWith(window, index) {
    const isSame = this.#window?.center === window?.center && this.#window?.width === window?.width;
    this.#window = window;
    if (isSame || this.#kept.get(index)?.kind !== "rendered") return;
    const [shown] = [this.#kept.get(index)];
    for (const [place, frame] of this.#kept) if (frame.kind === "rendered") this.#kept.delete(place);
    this.#kept.set(index, { ...shown, isStale: true });
    for (const place of this.#pending.keys()) this.#abort(place);
    this.#pump();
  }

  retry(index) {
    this.#failed.delete(index);
    this.#pump();
  }

  #forget() {
    const near = new Set(this.#wanted);
    const urgent = new Set(this.#wanted.slice(0, 2 * PARALLEL));
    for (const place of [...this.#kept.keys()]) if (!near.has(place)) this.#drop(place);
    for (const place of [...this.#pending.keys()]) if (!urgent.has(place)) this.#abort(place);
    let total = 0;
    for (const place of this.#wanted) {
      const frame = this.#kept.get(place);
      if (frame) total += sizeOf(frame);
      if (frame && total > budgetBytes() && place !== this.#wanted[0]) this.#drop(place);
    }
  }

  #drop(place) {
    this.#kept.get(place)?.bitmap?.close();
    this.#kept.delete(place);
  }

  #abort(place) {
    const { worker, id } = this.#pending.get(place);
    worker.postMessage({ id, abort: true });
    this.#pending.delete(place);
  }

  #needs(place) {
    const kept = this.#kept.get(place);
    return (!kept || kept.isStale) && !this.#pending.has(place) && !this.#failed.has(place);
  }

  #pump() {
    if (this.#rest) return;
    for (const place of this.#wanted) {
      if (this.#pending.size >= PARALLEL) return;
      if (this.#needs(place)) this.#start(place);
      // Nothing competes with the image being looked at until it is here.
      if (place === this.#wanted[0] && this.#pending.has(place)) return;
    }
  }

  #start(place) {
    const image = this.#images[place];
    const id = this.#nextId++;
    const worker = this.#workers[id % this.#workers.length];
    const task = {
      url: this.#urlOf(image),
      format: image.format,
      window: this.#window,
      way: this.#way,
      mustRender: image.hasModalityTable || image.isFloating,
    };
    this.#pending.set(place, { worker, id });
    worker.postMessage({ id, task });
  }

  #receive({ id, way, frame, error }) {
    const entry = [...this.#pending].find(([, pending]) => pending.id === id);
    if (!entry) {
      frame?.bitmap?.close();
      return;
    }
    const [place] = entry;
    this.#pending.delete(place);
    if (error && error.kind !== "aborted") this.#failed.set(place, new LoadError(error.kind, error.message));
    if (frame) {
      this.#way = way;
      this.#drop(place);
      this.#kept.set(place, frame);
    }
    this.#onChange(place);
    this.#pump();
  }
}
