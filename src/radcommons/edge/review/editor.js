// Boxes over a picture: drawn, moved, resized by mouse and by keys, in pixels of the stored matrix.

const SVG = "http://www.w3.org/2000/svg";
const NEAR = 8;
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function make(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export function isInFrame(box, frame) {
  return frame === null || !box.frames || box.frames.includes(frame);
}

export function shape(box) {
  return { x: box.left, y: box.top, width: box.width, height: box.height };
}

export function isSame(one, other) {
  return ["left", "top", "width", "height"].every((name) => one[name] === other[name]) && String(one.frames ?? "") === String(other.frames ?? "");
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

export class Editor {
  // `changed(boxes)` is told of every change, `picked(index)` of the box that has the focus.
  constructor(stage, { changed, picked }) {
    this.stage = stage;
    this.changed = changed;
    this.picked = picked;
    this.chosen = -1;
    this.boxes = [];
    this.staying = [];
  }

  show({ address, columns, rows, boxes, staying, frame, label }) {
    const sameSize = this.columns === columns && this.rows === rows;
    // The server keeps boxes in an order of its own: the one in hand is found again by where it lies.
    const inHand = this.boxes[this.chosen];
    if (inHand) this.chosen = boxes.findIndex((each) => isSame(each, inHand));
    Object.assign(this, { columns, rows, boxes: [...boxes], staying, frame });
    if (!this.svg || !sameSize || !this.svg.isConnected) this.build(columns, rows);
    if (this.address !== address) {
      this.address = address;
      this.image.setAttribute("href", address);
    }
    this.svg.setAttribute("aria-label", label);
    this.draw();
  }

  build(columns, rows) {
    this.image = make("image", { x: 0, y: 0, width: columns, height: rows });
    this.layer = make("g");
    this.svg = make("svg", { viewBox: `0 0 ${columns} ${rows}`, role: "group" }, this.image, this.layer);
    this.address = null;
    this.stage.replaceChildren(this.svg);
    this.svg.addEventListener("pointerdown", (event) => this.press(event));
  }

  draw() {
    // Removing the box that has the focus takes the focus, and the choice, away.
    const focused = this.layer.contains(document.activeElement);
    const chosen = this.chosen;
    const stays = this.staying.map((seen, index) => this.mark(seen, index));
    const boxes = this.boxes.map((box, index) => this.outline(box, index));
    this.layer.replaceChildren(...stays, ...boxes);
    if (focused && chosen >= 0) this.choose(Math.min(chosen, this.boxes.length - 1));
    else if (focused) this.stage.focus({ preventScroll: true });
  }

  outline(box, index) {
    const here = isInFrame(box, this.frame);
    const words = `Box ${index + 1} of ${this.boxes.length}, ${box.width} by ${box.height} pixels at ${box.left}, ${box.top}`;
    const element = make(
      "g",
      { class: here ? "box" : "box elsewhere", tabindex: 0, role: "button", "aria-label": words + (box.frames ? ", not in all frames" : "") },
      make("rect", shape(box)),
    );
    element.dataset.index = index;
    element.addEventListener("focus", () => this.take(index));
    element.addEventListener("blur", () => this.take(-1));
    return element;
  }

  mark(seen, index) {
    const element = make(
      "g",
      { class: "stay", tabindex: 0, role: "button", "aria-label": `${seen.is_doubtful ? "Stays unless you blacken it" : "Stays"}: ${seen.text || "writing"}` },
      make("rect", shape(seen.box)),
    );
    element.dataset.stays = index;
    return element;
  }

  take(index) {
    this.chosen = index;
    this.picked(index);
  }

  choose(index) {
    const found = this.layer.querySelector(`[data-index="${index}"]`);
    if (found) found.focus({ preventScroll: true });
    else this.take(-1);
  }

  stayingChosen() {
    const index = document.activeElement?.dataset?.stays;
    return index === undefined ? null : this.staying[Number(index)];
  }

  put(boxes, chosen) {
    this.boxes = boxes;
    this.changed(boxes);
    this.draw();
    this.choose(chosen);
  }

  replace(index, box) {
    this.put(this.boxes.map((each, place) => (place === index ? this.inside(box) : each)), index);
  }

  add(box) {
    this.put([...this.boxes, this.inside(box)], this.boxes.length);
  }

  addInTheMiddle() {
    const width = Math.max(2, Math.round(this.columns / 4));
    const height = Math.max(2, Math.round(this.rows / 12));
    this.add({ left: Math.round((this.columns - width) / 2), top: Math.round((this.rows - height) / 2), width, height });
  }

  remove(index) {
    this.put(this.boxes.filter((_, place) => place !== index), Math.min(index, this.boxes.length - 2));
  }

  inside(box) {
    const width = clamp(box.width, 1, this.columns);
    const height = clamp(box.height, 1, this.rows);
    const moved = { left: clamp(box.left, 0, this.columns - width), top: clamp(box.top, 0, this.rows - height), width, height };
    return box.frames ? { ...moved, frames: box.frames } : moved;
  }

  // True when the key moved or resized the box that has the focus.
  key(event) {
    const step = STEPS[event.key];
    if (!step || this.chosen < 0) return false;
    const [x, y] = step.map((each) => each * (event.altKey ? 10 : 1));
    const box = this.boxes[this.chosen];
    const next = event.shiftKey
      ? { ...box, width: Math.min(box.width + x, this.columns - box.left), height: Math.min(box.height + y, this.rows - box.top) }
      : { ...box, left: box.left + x, top: box.top + y };
    this.replace(this.chosen, next);
    return true;
  }

  point(event) {
    const matrix = this.svg.getScreenCTM().inverse();
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
    return { x: clamp(x, 0, this.columns), y: clamp(y, 0, this.rows), near: NEAR * matrix.a };
  }

  press(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    const start = this.point(event);
    const target = event.target.closest(".box");
    const index = target ? Number(target.dataset.index) : -1;
    if (target) target.focus({ preventScroll: true });
    else this.stage.focus({ preventScroll: true });
    const follow = target ? this.dragged(this.boxes[index], start) : this.drawn(start);
    const ghost = make("rect", { class: "drawn" });
    let last = null;
    const move = (moved) => {
      last = follow(this.point(moved));
      if (!last) return;
      for (const [key, value] of Object.entries(shape(last))) ghost.setAttribute(key, value);
      if (!ghost.isConnected) this.layer.append(ghost);
    };
    const end = () => {
      this.svg.removeEventListener("pointermove", move);
      ghost.remove();
      if (!last) return;
      if (target) this.replace(index, last);
      else this.add(last);
    };
    this.svg.setPointerCapture(event.pointerId);
    this.svg.addEventListener("pointermove", move);
    this.svg.addEventListener("pointerup", end, { once: true });
    this.svg.addEventListener("pointercancel", () => { last = null; end(); }, { once: true });
  }

  drawn(start) {
    return ({ x, y, near }) => {
      if (Math.abs(x - start.x) < near / 2 || Math.abs(y - start.y) < near / 2) return null;
      const left = Math.floor(Math.min(x, start.x));
      const top = Math.floor(Math.min(y, start.y));
      return { left, top, width: Math.ceil(Math.max(x, start.x)) - left, height: Math.ceil(Math.max(y, start.y)) - top };
    };
  }

  dragged(box, start) {
    const right = box.left + box.width;
    const bottom = box.top + box.height;
    const near = Math.min(start.near, box.width / 3, box.height / 3);
    const holds = {
      left: start.x - box.left < near, right: right - start.x < near,
      top: start.y - box.top < near, bottom: bottom - start.y < near,
    };
    const edges = Object.values(holds).some(Boolean);
    return ({ x, y }) => {
      const dx = Math.round(x - start.x);
      const dy = Math.round(y - start.y);
      if (!dx && !dy) return null;
      if (!edges) return this.inside({ ...box, left: box.left + dx, top: box.top + dy });
      const left = holds.left ? clamp(box.left + dx, 0, right - 1) : box.left;
      const top = holds.top ? clamp(box.top + dy, 0, bottom - 1) : box.top;
      return {
        ...box, left, top,
        width: (holds.right ? clamp(right + dx, left + 1, this.columns) : right) - left,
        height: (holds.bottom ? clamp(bottom + dy, top + 1, this.rows) : bottom) - top,
      };
    };
  }
}
