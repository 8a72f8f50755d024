// The reader's workbench: the reading in work, what is picked (label, finding, shape, vertex), and the moves on findings.
// Knows neither page nor network; whoever shows something listens.

import { shapesBetween } from "./interpolate.js";
import { History, newName, shapesOn, withItem, withShape, withShapes, withoutItem } from "./reading.js";
import { keyOf, onImage } from "./shapes.js";

// Every drawing of these is a finding of its own; the others may go on over many slices.
const SINGLE = new Set(["box", "line", "point", "angle"]);

export class Bench {
  label = undefined;
  tool = "window";
  itemId = undefined;
  shape = undefined;
  vertex = undefined;
  isStartingNew = false;
  isCutting = false;
  isHidden = false;
  brush = { radius: 8, low: -750, high: -300 };
  #history;
  #changed;
  #studyUid;

  /** `changed(kind)` hears "reading" after every change of the reading and "picked" after every other one. */
  constructor(schema, reading, studyUid, changed) {
    this.schema = schema;
    this.#history = new History(reading);
    this.#studyUid = studyUid;
    this.#changed = changed;
    this.isLocked = false;
  }

  get reading() {
    return this.#history.now;
  }

  get canUndo() {
    return this.#history.canUndo;
  }

  get canRedo() {
    return this.#history.canRedo;
  }

  get item() {
    return this.reading.items.find((item) => item.id === this.itemId);
  }

  /** Findings in the order they were drawn, numbered within their label. */
  get findings() {
    const numbers = new Map();
    return this.reading.items.flatMap((item) => {
      const label = this.schema.label(item.label_id);
      if (label?.scope !== "region") return [];
      const number = (numbers.get(label.id) ?? 0) + 1;
      numbers.set(label.id, number);
      return [{ item, label, tag: `${label.mark}${number}` }];
    });
  }

  /** Put another reading in the place of all steps so far. */
  replace(reading) {
    this.#history = new History(reading);
    this.#unpickMissing();
    this.#changed("reading");
  }

  change(reading, options) {
    if (this.isLocked || !this.#history.advance(reading, options)) return false;
    this.#unpickMissing();
    this.#changed("reading");
    return true;
  }

  undo() {
    if (this.isLocked || !this.#history.undo()) return false;
    this.#unpickMissing();
    this.#changed("reading");
    return true;
  }

  redo() {
    if (this.isLocked || !this.#history.redo()) return false;
    this.#unpickMissing();
    this.#changed("reading");
    return true;
  }

  #unpickMissing() {
    const { item } = this;
    if (!item) this.itemId = undefined;
    if (!item?.shapes.includes(this.shape)) this.shape = this.vertex = undefined;
  }

  pickLabel(label) {
    const isOther = this.label !== label;
    this.label = label;
    if (isOther && this.item?.label_id !== label.id) this.itemId = this.shape = this.vertex = undefined;
    this.isStartingNew = false;
    this.tool = "draw";
    this.#changed("picked");
  }

  pickTool(name) {
    if (this.tool === name) return;
    this.tool = name;
    this.#changed("picked");
  }

  pickItem(id, shape = undefined) {
    this.itemId = id;
    this.shape = shape;
    this.vertex = undefined;
    this.isStartingNew = false;
    const label = this.schema.label(this.item?.label_id);
    if (label) this.label = label;
    this.#changed("picked");
  }

  pickVertex(index) {
    this.vertex = index;
    this.#changed("picked");
  }

  startNew() {
    this.isStartingNew = true;
    this.itemId = this.shape = this.vertex = undefined;
    this.#changed("picked");
  }

  set(name, value) {
    this[name] = value;
    this.#changed("picked");
  }

  /** The finding that a drawing on this image goes on with, or undefined when it begins one. */
  continued(image) {
    const { item, label } = this;
    if (this.isStartingNew || !item || item.label_id !== label?.id || SINGLE.has(label.geometry)) return undefined;
    if (item.target.series_instance_uid !== image.series) return undefined;
    const isHere = shapesOn(item, image.key).length > 0;
    // A second outline on one slice is another finding, unless it is cut out; a mask grows.
    return label.geometry === "mask" || !isHere || this.isCutting ? item : undefined;
  }

  /** Take in something drawn for the label that is picked. */
  add(shape, image) {
    const known = this.continued(image);
    if (known) {
      const before = known.shapes.find((one) => keyOf(one) === image.key && (one.geometry === "mask" || one.is_interpolated));
      const reading = before ? withShape(this.reading, known.id, before, shape) : withShapes(this.reading, known.id, [shape]);
      this.#pick(known.id, shape);
      return this.change(reading);
    }
    const target = { study_instance_uid: this.#studyUid, series_instance_uid: image.series };
    const value = this.label.value.kind === "flag" ? true : undefined;
    const item = { id: newName("f"), label_id: this.label.id, target, value: value ?? null, shapes: [shape], note: "" };
    this.#pick(item.id, shape);
    return this.change(withItem({ ...this.reading, isNothingFound: false }, item));
  }

  #pick(id, shape) {
    [this.itemId, this.shape, this.vertex] = [id, shape, undefined];
    this.isStartingNew = false;
  }

  /** Put another shape in the place of the picked one (or of `before`); `undefined` takes it away. */
  replaceShape(after, { before = this.shape, merge = "" } = {}) {
    if (!before || !this.item) return false;
    const reading = withShape(this.reading, this.itemId, before, after);
    if (before === this.shape) this.shape = after;
    return this.change(reading, { merge });
  }

  removeItem(id = this.itemId) {
    if (id === undefined) return false;
    return this.change(withoutItem(this.reading, id));
  }

  /** Remove the picked shape, or the whole finding when none is picked. */
  remove() {
    return this.shape ? this.replaceShape(undefined) : this.removeItem();
  }

  setItem(id, facts) {
    const item = this.reading.items.find((one) => one.id === id);
    return this.change(withItem(this.reading, { ...item, ...facts }), { merge: `${id}.${Object.keys(facts)}` });
  }

  /** Carry what the picked finding has on one image to another; false when there is nothing or something already. */
  copyTo(fromKey, image) {
    const { item } = this;
    if (!item || shapesOn(item, image.key).length > 0) return false;
    const copies = shapesOn(item, fromKey).map((shape) => onImage(shape, image)).filter(Boolean);
    if (copies.length === 0) return false;
    this.shape = copies[0];
    this.vertex = undefined;
    return this.change(withShapes(this.reading, item.id, copies));
  }

  /** Fill the empty slices between those on which the picked finding is drawn. Returns how many shapes were made. */
  interpolate(images) {
    const { item } = this;
    if (!item) return 0;
    const drawn = images.flatMap((image, index) => {
      const own = shapesOn(item, image.key).filter((shape) => !shape.is_interpolated && !shape.is_hole);
      return own.length > 0 ? [{ index, shapes: own }] : [];
    });
    const kept = item.shapes.filter((shape) => !shape.is_interpolated);
    const made = drawn.slice(1).flatMap((second, at) => {
      const first = drawn[at];
      // Two outlines on a slice leave open which belongs to which.
      if (first.shapes.length > 1 || second.shapes.length > 1) return [];
      return shapesBetween(first.shapes[0], second.shapes[0], images.slice(first.index + 1, second.index));
    });
    if (made.length > 0) this.change(withItem(this.reading, { ...item, shapes: [...kept, ...made] }));
    return made.length;
  }
}
