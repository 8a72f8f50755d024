// The image side of the page: one or two panes, the tool in the reader's hand, and what lies above the images.

import { Drawer } from "./drawer.js";
import { Editor } from "./editor.js";
import { Painter } from "./painter.js";
import { LoadError } from "../reading/dicomweb.js";
import { gestureOf } from "../reading/pointer.js";
import { Pane } from "./pane.js";
import { keyOf } from "./shapes.js";
import { Pen, drawBrush, drawCursor, drawFinding, drawPreview, drawStroke } from "./sheet.js";
import { hungSeries } from "./stack.js";

export const LOOKING = new Set(["window", "scroll", "zoom", "pan", "ruler"]);
export const PAINTING = new Set(["draw", "erase", "threshold"]);
const BRUSH_LIMITS = [0.5, 200];

export class Desk {
  panes = [];
  pane = undefined;
  isLinked = true;
  /** Whether all panes look alike: the same image with different readers above it. */
  isMirrored = false;
  /** Draws what is not the reader's own below it: proposals, results of algorithms, the columns of an adjudication. */
  underlay = () => {};
  #root;
  #template;
  #say;
  #on;
  #pointer = undefined;
  #task;

  /** `on` hears: `moved()` when another image is looked at, `shown()` when it is there. */
  constructor(root, template, say, on) {
    [this.#root, this.#template, this.#say, this.#on] = [root, template, say, on];
  }

  /** Begin with a case: its bench, and the series of each pane, as the hanging protocol has them unless named. */
  async open(task, bench, { ready = undefined, readyForAll = false, hung = hungSeries(task) } = {}) {
    this.bench = bench;
    this.#task = task;
    this.drawer = new Drawer(bench, this.#say);
    this.painter = new Painter(bench, this.#say);
    this.editor = new Editor(bench);
    if (hung.length === 0) throw new LoadError("missing", "This case holds no images.");
    while (this.panes.length < hung.length) this.#addPane();
    while (this.panes.length > hung.length) this.panes.pop().root.remove();
    this.#root.dataset.panes = String(this.panes.length);
    this.pane = this.panes[0];
    this.#listSeries();
    for (const [index, series] of hung.entries()) await this.show(this.panes[index], series, index === 0 || readyForAll ? ready : undefined);
    this.focus(this.panes[0]);
  }

  async show(pane, series, ready = undefined) {
    this.cancel();
    const select = pane.byId("series");
    select.value = series.series_instance_uid;
    pane.stage.setAttribute("aria-label", `${seriesWords(series)}: arrow keys change the slice, question mark lists the keys`);
    await pane.open({ root: this.#task.dicomweb_root }, series, this.#task.hanging ?? {}, ready);
    pane.tool(this.#viewTool);
    pane.root.classList.toggle("is-prior", series.is_prior);
    pane.byId("prior").hidden = !series.is_prior;
  }

  #addPane() {
    const root = this.#template.content.firstElementChild.cloneNode(true);
    this.#root.append(root);
    const pane = new Pane(root, {
      moved: (one) => this.#moved(one),
      shown: () => this.#on.shown(),
      viewed: (one) => this.#viewed(one),
      hover: (one, point) => this.#hover(one, point),
      overlay: (one, context) => this.#overlay(one, context),
    });
    this.panes.push(pane);
    this.#listen(pane);
    pane.byId("series").addEventListener("change", (event) => {
      const series = this.#task.series.find((one) => one.series_instance_uid === event.target.value);
      this.show(pane, series).then(() => this.#on.moved());
    });
    return pane;
  }

  #listSeries() {
    for (const pane of this.panes) {
      const options = this.#task.series.map((one) => new Option(seriesWords(one), one.series_instance_uid));
      pane.byId("series").replaceChildren(...options);
      pane.byId("series").disabled = options.length < 2;
    }
  }

  get #viewTool() {
    return LOOKING.has(this.bench.tool) ? this.bench.tool : "draw";
  }

  /** The case was read by somebody else's eyes: nothing may be drawn on an earlier study. */
  get mayDraw() {
    return !this.bench.isLocked && !this.pane.series?.is_prior;
  }

  focus(pane = this.pane) {
    this.pane = pane;
    for (const one of this.panes) one.root.classList.toggle("is-active", one === pane && this.panes.length > 1);
    pane.stage.focus({ preventScroll: true });
  }

  otherPane() {
    if (this.panes.length > 1) this.focus(this.panes[(this.panes.indexOf(this.pane) + 1) % 2]);
    this.#on.moved();
  }

  #moved(pane) {
    this.cancel({ isQuiet: true });
    if (this.isLinked && this.panes.length > 1) for (const one of this.panes) if (one !== pane && one.image) one.follow(pane);
    this.#on.moved();
  }

  #viewed(pane) {
    if (this.isMirrored) for (const one of this.panes) if (one !== pane && one.view) one.mirror(pane);
  }

  #hover(pane, point) {
    this.#pointer = point ? { pane, point } : undefined;
    if (PAINTING.has(this.bench.tool)) pane.drawSheet();
  }

  get #isMask() {
    return this.bench.label?.geometry === "mask";
  }

  get #hand() {
    if (this.bench.tool === "select") return this.editor;
    return this.#isMask ? this.painter : this.drawer;
  }

  #listen(pane) {
    const { sheet } = pane;
    sheet.addEventListener("pointerdown", (event) => this.#down(pane, event));
    sheet.addEventListener("pointermove", (event) => this.#move(pane, event));
    for (const name of ["pointerup", "pointercancel"]) sheet.addEventListener(name, (event) => this.#up(pane, event));
    sheet.addEventListener("dblclick", (event) => this.#double(pane, event));
    pane.stage.addEventListener("focus", () => {
      if (this.pane !== pane && this.panes.length > 1) {
        this.focus(pane);
        this.#on.moved();
      }
    });
  }

  #pointOf(pane, event) {
    return pane.placement?.toImage(pane.picture.pointOf(event));
  }

  #down(pane, event) {
    if (this.pane !== pane) this.focus(pane);
    const isOurs = event.button === 0 && !gestureOf(event) && !LOOKING.has(this.bench.tool) && pane.frame;
    if (!isOurs) return;
    event.preventDefault();
    if (event.pointerType === "touch" && !event.isPrimary) {
      // A second finger looks closer; what the first one began is taken back.
      this.#liftHand(pane);
      return;
    }
    if (event.pointerType !== "touch") event.stopPropagation();
    pane.stage.focus({ preventScroll: true });
    pane.stopCine();
    if (!this.mayDraw) {
      this.#say(this.bench.isLocked ? "This read is finished and cannot be changed." : "Nothing is drawn on earlier studies.");
      return;
    }
    if (this.bench.tool !== "select" && !this.bench.label) {
      this.#say("Pick a label first.");
      return;
    }
    pane.sheet.setPointerCapture(event.pointerId);
    this.#hand.press(pane, this.#pointOf(pane, event), { isErasing: event.altKey, isRemoving: event.altKey });
    pane.drawSheet();
  }

  #liftHand(pane) {
    if (this.drawer.isBusy) this.drawer.lift();
    this.painter.cancel();
    this.editor.cancel();
    pane.drawSheet();
  }

  #move(pane, event) {
    const point = this.#pointOf(pane, event);
    if (!point || LOOKING.has(this.bench.tool)) return;
    this.#pointer = { pane, point };
    const hand = this.#hand;
    if (!hand.isBusy) return;
    // Every place the pointer passed since the last frame, so that fast strokes stay round.
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length > 0 && hand !== this.editor ? events : [event]) hand.drag(pane, this.#pointOf(pane, one));
    pane.drawSheet();
  }

  #up(pane, event) {
    if (LOOKING.has(this.bench.tool) || !this.#hand.isBusy) return;
    const point = this.#pointOf(pane, event);
    if (event.type === "pointercancel") this.cancel();
    else this.#hand.release(pane, point);
    pane.drawSheet();
  }

  #double(pane, event) {
    if (LOOKING.has(this.bench.tool)) return;
    event.stopPropagation();
    const point = this.#pointOf(pane, event);
    if (this.bench.tool === "select") this.editor.insertAt(pane, point);
    else if (this.drawer.isBusy) {
      // The second press of the double click has set a point of its own.
      this.drawer.back();
      this.drawer.finish(pane);
    }
    pane.drawSheet();
  }

  /** Follow what was picked on the bench. */
  picked() {
    for (const pane of this.panes) if (pane.view && pane.view.tool !== this.#viewTool) pane.tool(this.#viewTool);
    if (this.bench.tool !== "draw") this.drawer.cancel();
    this.redraw();
  }

  redraw() {
    for (const pane of this.panes) if (pane.view) pane.drawSheet();
  }

  cancel({ isQuiet = false } = {}) {
    const { drawer, painter, editor, pane } = this;
    if (!drawer) return false;
    const wasBusy = [drawer, painter, editor].map((hand) => hand.cancel()).includes(true);
    if (pane?.isMeasuring) pane.cancelLength();
    if (!isQuiet && pane?.view) pane.drawSheet();
    return wasBusy;
  }

  /** An arrow key. True when the tool in hand took it. */
  arrow(x, y, isFar) {
    const { pane, bench } = this;
    if (!pane?.placement || !pane.frame) return false;
    const step = Math.max(1, Math.round((devicePixelRatio || 1) / pane.placement.scale)) * (isFar ? 10 : 1);
    if (bench.tool === "select") return this.mayDraw && this.editor.nudge(pane, x * step, y * step);
    if (bench.tool !== "ruler" && !(PAINTING.has(bench.tool) && bench.label)) return false;
    const { rows, columns } = pane.image.format;
    const from = pane.view.cursor ?? { x: columns / 2, y: rows / 2 };
    const cursor = { x: Math.min(columns, Math.max(0, from.x + x * step)), y: Math.min(rows, Math.max(0, from.y + y * step)) };
    pane.view.cursor = cursor;
    if (this.drawer.isBusy) this.drawer.hover = [cursor.x, cursor.y];
    if (this.painter.isPenDown) this.painter.drag(pane, cursor);
    if (bench.tool === "ruler" && pane.isMeasuring) pane.previewLength(this.rulerFrom, cursor);
    pane.hover(cursor);
    this.#pointer = undefined;
    pane.draw();
    return true;
  }

  /** Enter: a point, or the pen down or up. */
  place() {
    const { pane, bench } = this;
    if (!pane?.frame || bench.tool === "select") return false;
    if (!pane.view.cursor) this.arrow(0, 0, false);
    const { cursor } = pane.view;
    if (!cursor) return false;
    if (bench.tool === "ruler") {
      if (pane.isMeasuring) pane.finishLength(true);
      else {
        this.rulerFrom = cursor;
        pane.previewLength(cursor, cursor);
      }
      return true;
    }
    if (!PAINTING.has(bench.tool) || !bench.label) return false;
    if (!this.mayDraw) this.#say("Nothing can be drawn here.");
    else this.#hand.place(pane, cursor);
    pane.drawSheet();
    return true;
  }

  back() {
    const isDone = this.drawer.back();
    if (isDone) this.pane.drawSheet();
    return isDone;
  }

  brush(factor) {
    const radius = Math.min(BRUSH_LIMITS[1], Math.max(BRUSH_LIMITS[0], this.bench.brush.radius * factor));
    this.bench.set("brush", { ...this.bench.brush, radius: Math.round(radius * 10) / 10 });
  }

  /** Show the place where a finding is drawn largest, or where a shape of it lies. */
  async jump(id) {
    const item = this.bench.reading.items.find((one) => one.id === id);
    if (!item) return;
    const uid = item.target.series_instance_uid;
    const pane = this.panes.find((one) => one.series.series_instance_uid === uid) ?? this.panes[0];
    if (pane.series.series_instance_uid !== uid) await this.show(pane, this.#task.series.find((one) => one.series_instance_uid === uid));
    this.pane = pane;
    const own = item.shapes.filter((shape) => pane.indexOfKey(keyOf(shape)) !== undefined);
    const here = own.find((shape) => keyOf(shape) === pane.image.key);
    const middle = own[Math.floor(own.length / 2)];
    this.bench.pickItem(id, here ?? middle);
    if (!here && middle) pane.goTo(keyOf(middle));
  }

  copy(count) {
    const { pane, bench } = this;
    const image = pane.images[pane.view.index + count];
    if (!image || !this.mayDraw) return false;
    const isDone = bench.copyTo(pane.image.key, { ...image, series: pane.series.series_instance_uid });
    if (isDone) pane.step(count);
    this.#say(isDone ? "Copied." : bench.item ? "There is nothing to copy here, or something there already." : "Pick a finding first.");
    return isDone;
  }

  interpolate() {
    if (!this.mayDraw) return;
    const made = this.bench.interpolate(this.pane.images);
    this.#say(made > 0 ? `${made} slices filled. Dashed lines are computed; drawing over one makes it yours.` : "Draw the finding on two slices with empty slices between, one outline on each.");
  }

  #overlay(pane, context) {
    const { bench, drawer, painter, editor } = this;
    const pen = new Pen(pane, context);
    if (!bench.isHidden) {
      this.underlay(pen);
      const { stroke } = painter;
      for (const finding of bench.findings) {
        const isPicked = finding.item.id === bench.itemId;
        drawFinding(pen, finding, {
          isPicked,
          picked: isPicked ? bench.shape : undefined,
          hasHandles: bench.tool === "select",
          draft: editor.draft,
          vertex: bench.vertex,
          hidden: stroke?.key === pane.image.key ? stroke.shape : undefined,
        });
      }
    }
    if (painter.stroke?.key === pane.image.key) drawStroke(pen, painter.stroke, pane.image.format);
    const preview = bench.label && drawer.preview(pane.image);
    if (preview) drawPreview(pen, preview, bench.label.colour);
    this.#drawHand(pen, pane);
    return pen.hasDrawn;
  }

  #drawHand(pen, pane) {
    const { bench } = this;
    const { cursor } = pane.view;
    if (this.#isMask && PAINTING.has(bench.tool)) {
      const point = this.#pointer?.pane === pane ? this.#pointer.point : pane === this.pane ? cursor : undefined;
      if (point) drawBrush(pen, point, bench.brush.radius, bench.tool === "erase" ? "#ffffff" : bench.label.colour, bench.tool === "threshold" ? [4, 3] : []);
    }
    if (cursor && pane === this.pane && bench.tool !== "ruler") drawCursor(pen, cursor);
  }
}

export function seriesWords(series) {
  const count = series.frame_count ?? series.image_count;
  const name = series.series_description || (series.series_number == null ? "Images" : `Series ${series.series_number}`);
  return `${series.is_prior ? "Earlier: " : ""}${name} · ${series.modality}${count > 1 ? ` · ${count}` : ""}`;
}
