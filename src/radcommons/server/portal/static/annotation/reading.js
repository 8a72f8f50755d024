// A read in work: a value that never changes, the moves from one to the next, and the way back.

import { EMPTY_READING } from "./schema.js";
import { keyOf } from "./shapes.js";

const MOST_STEPS = 1000;

/** A name that nothing else has; `crypto.randomUUID` is missing where a hospital serves without TLS. */
export function newName(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `${prefix}-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** What somebody typed or pasted, as every table can keep it: page breaks out of a PDF and halves of characters become blanks. */
export function plainText(text) {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]|\p{Surrogate}/gu, " ");
}

/** The reading that the server sent, without what it computes or takes over from proposals by itself. */
export function readingOf(saved, proposals = []) {
  if (!saved) return EMPTY_READING;
  const proposed = new Set(proposals.map((item) => item.id));
  const own = saved.items.filter((item) => !item.id.startsWith("computed.") && !proposed.has(item.id));
  return {
    items: [...own, ...(saved.viewer_state?.unfinished ?? [])],
    isNothingFound: saved.is_nothing_found,
    flags: saved.flags,
    note: saved.note,
    verdicts: saved.verdicts ?? {},
  };
}

export function withItem(reading, item) {
  const isKnown = reading.items.some(({ id }) => id === item.id);
  const items = isKnown ? reading.items.map((one) => (one.id === item.id ? item : one)) : [...reading.items, item];
  return { ...reading, items };
}

export function withoutItem(reading, id) {
  return { ...reading, items: reading.items.filter((item) => item.id !== id) };
}

/** A finding with one of its shapes replaced; taken away when `after` is undefined, and the finding with its last shape. */
export function withShape(reading, id, before, after) {
  const item = reading.items.find((one) => one.id === id);
  const shapes = item.shapes.flatMap((shape) => (shape === before ? (after ? [after] : []) : [shape]));
  return shapes.length > 0 ? withItem(reading, { ...item, shapes }) : withoutItem(reading, id);
}

export function withShapes(reading, id, added) {
  const item = reading.items.find((one) => one.id === id);
  return withItem(reading, { ...item, shapes: [...item.shapes, ...added] });
}

export function sameTarget(a, b) {
  return (
    (a.series_instance_uid ?? "") === (b.series_instance_uid ?? "") &&
    (a.sop_instance_uid ?? "") === (b.sop_instance_uid ?? "") &&
    (a.frame_number ?? 0) === (b.frame_number ?? 0)
  );
}

/** The answer to a question about one target, or undefined. */
export function answerTo(reading, labelId, target) {
  return reading.items.find((item) => item.label_id === labelId && sameTarget(item.target, target));
}

/** The reading with a question answered; `undefined`, an empty text and no choices take the answer back. */
export function withAnswer(reading, labelId, target, value) {
  const known = answerTo(reading, labelId, target);
  const isEmpty = value === undefined || value === "" || value === false || (Array.isArray(value) && value.length === 0);
  if (isEmpty) return known ? withoutItem(reading, known.id) : reading;
  return withItem(reading, known ? { ...known, value } : { id: newName("a"), label_id: labelId, target, value, shapes: [], note: "" });
}

export function withFlag(reading, flag, isSet) {
  const others = reading.flags.filter((one) => one !== flag);
  return { ...reading, flags: isSet ? [...others, flag] : others };
}

/** The shapes of a finding on one frame. */
export function shapesOn(item, key) {
  return item.shapes.filter((shape) => keyOf(shape) === key);
}

/** The reading now, the ones before it, and those taken back. */
export class History {
  #past = [];
  #future = [];
  #merging = "";

  constructor(reading) {
    this.now = reading;
  }

  /** Go on to another reading. Steps with the same `merge` in a row (typing into one field) are one step. */
  advance(reading, { merge = "" } = {}) {
    if (reading === this.now) return false;
    if (!merge || merge !== this.#merging) this.#past.push(this.now);
    if (this.#past.length > MOST_STEPS) this.#past.shift();
    this.#merging = merge;
    this.#future = [];
    this.now = reading;
    return true;
  }

  undo() {
    return this.#turn(this.#past, this.#future);
  }

  redo() {
    return this.#turn(this.#future, this.#past);
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  #turn(from, to) {
    if (from.length === 0) return false;
    to.push(this.now);
    this.now = from.pop();
    this.#merging = "";
    return true;
  }
}
