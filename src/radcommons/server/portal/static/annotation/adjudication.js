// The adjudication page: the readers of a case side by side, why a person is asked, and the decision on each label.

import { call, wordsOf } from "./api.js";
import { Bench } from "./bench.js";
import { Columns, styleOf } from "./columns.js";
import { Desk } from "./desk.js";
import { EMPTY_READING, Schema } from "./schema.js";
import { listenToKeys, listKeys } from "./keys.js";
import { Rulings } from "./rulings.js";
import { hungSeries, loadSeries } from "./stack.js";

const byId = (id) => document.getElementById(id);

class Page {
  #told;
  #ready;
  #live = 0;
  isSideBySide = false;

  constructor(told) {
    this.#told = told;
    this.schema = new Schema(told.schema);
    this.columns = new Columns(told.columns);
    this.bench = new Bench(this.schema, EMPTY_READING, told.study_instance_uid, (kind) => this.#changed(kind));
    this.desk = new Desk(byId("panes"), byId("pane-template"), (words) => this.say(words), {
      moved: () => {},
      shown: () => performance.mark("image"),
    });
    this.task = { ...told, proposals: [], ai: [], series: told.series.map((one) => ({ study_instance_uid: told.study_instance_uid, is_prior: false, series_description: "", ...one })) };
  }

  async open() {
    byId("project").textContent = this.#told.project.title;
    this.#listReaders();
    for (const part of document.querySelectorAll("[data-drawing]")) part.hidden = this.schema.drawn.length === 0;
    const [main] = hungSeries(this.task);
    this.#ready = await loadSeries({ root: this.task.dicomweb_root }, main, { isAhead: true });
    await this.#hang();
    this.rulings = new Rulings(byId, this, this.#told);
    listKeys(byId("help-keys"), new Set(["Slices", "Look", "Draw"]));
    listenToKeys(this.#verbs());
    this.#wire();
    this.rulings.pickNext();
    document.body.dataset.state = "ready";
  }

  /** One pane with everybody above each other, or one for each reader. */
  async #hang() {
    const [main] = hungSeries(this.task);
    const count = this.isSideBySide ? this.#told.columns.length : 1;
    const index = this.desk.pane?.view?.index ?? 0;
    this.desk.underlay = (pen) => {
      const at = this.desk.panes.indexOf(pen.pane);
      this.columns.draw(pen, { only: this.isSideBySide ? at : undefined });
    };
    this.desk.isMirrored = this.isSideBySide;
    const shared = { images: this.#ready.images, frames: shareable(this.#ready.frames) };
    await this.desk.open(this.task, this.bench, { ready: shared, readyForAll: true, hung: Array.from({ length: count }, () => main) });
    this.desk.panes.forEach((pane, at) => {
      const name = this.isSideBySide ? `Reader ${this.#told.columns[at].column}` : "All readers";
      pane.byId("reader").textContent = name;
      pane.byId("reader").hidden = false;
    });
    this.desk.pane.step(index - this.desk.pane.view.index);
  }

  #listReaders() {
    const buttons = this.#told.columns.map(({ column }, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.column = column;
      button.setAttribute("aria-pressed", "true");
      button.title = `Show or hide reader ${column}`;
      button.append(lineOf(styleOf(index)), `Reader ${column}`);
      button.addEventListener("click", () => this.toggleReader(column));
      return button;
    });
    byId("readers").replaceChildren(...buttons);
  }

  toggleReader(column) {
    const { shown } = this.columns;
    if (shown.has(column)) shown.delete(column);
    else shown.add(column);
    for (const button of byId("readers").children) button.setAttribute("aria-pressed", String(shown.has(button.dataset.column)));
    this.desk.redraw();
  }

  #changed(kind) {
    if (kind === "reading") this.rulings?.drawn();
    this.desk.picked();
  }

  /** Show where a label was drawn and let a new answer be drawn for it. */
  showLabel(label) {
    this.columns.label = label;
    this.bench.replace(EMPTY_READING);
    if (label?.scope === "region") {
      this.bench.label = label;
      this.bench.tool = "window";
      this.step(0);
      this.goToDrawn();
    }
    this.desk.picked();
  }

  /** The next slice on which somebody drew the label. */
  goToDrawn(direction = 1) {
    const { pane } = this.desk;
    const places = [...this.columns.keys()].map((key) => pane.indexOfKey(key)).filter((index) => index !== undefined).sort((a, b) => a - b);
    if (places.length === 0) return;
    const here = pane.view.index;
    const after = direction > 0 ? places.find((index) => index > here) : places.findLast((index) => index < here);
    const target = after ?? (direction > 0 ? places[0] : places.at(-1));
    pane.step(target - here);
  }

  step(count) {
    this.desk.pane.step(count);
  }

  async toggleSideBySide() {
    this.isSideBySide = !this.isSideBySide;
    byId("beside").setAttribute("aria-pressed", String(this.isSideBySide));
    byId("readers").hidden = this.isSideBySide;
    await this.#hang();
    this.desk.picked();
  }

  toggleShading() {
    this.columns.isShading = !this.columns.isShading;
    byId("shading").setAttribute("aria-pressed", String(this.columns.isShading));
    this.desk.redraw();
  }

  say(words) {
    clearTimeout(this.#live);
    byId("hint").textContent = words;
    this.#live = setTimeout(() => (byId("live").textContent = words), 100);
  }

  /** What the keys do here; the rest of the reading page's keys has no meaning. */
  #verbs() {
    const { desk, bench } = this;
    const verbs = {
      step: (count) => this.step(count),
      cine: () => desk.pane.toggleCine(),
      otherPane: () => desk.otherPane(),
      preset: (index) => (desk.pane.presetNumber(index), true),
      zoom: (factor) => desk.pane.zoom(factor),
      invert: () => desk.pane.invert(),
      resetView: () => desk.pane.reset(),
      toggleHidden: () => bench.set("isHidden", !bench.isHidden),
      tool: (name) => this.tool(name),
      bracket: (direction) => (bench.tool === "select" ? desk.editor.stepVertex(direction) : desk.brush(direction > 0 ? 1.25 : 0.8)),
      addVertex: () => desk.editor.insertVertex(),
      backspace: () => (bench.tool === "ruler" ? desk.pane.removeRuler() : desk.back() || desk.editor.removeVertex()),
      remove: () => (bench.tool === "ruler" && desk.pane.removeRuler()) || bench.remove(),
      startNew: () => bench.startNew(),
      copy: (count) => desk.copy(count),
      interpolate: () => desk.interpolate(),
      undo: () => bench.undo(),
      redo: () => bench.redo(),
      label: (key) => this.rulings.pressDigit(key),
      answerKey: (key) => this.rulings.answerKey(key),
      question: (count) => this.rulings.pickNext(count),
      stepFinding: (count) => this.goToDrawn(count),
      note: () => byId("rationale").focus(),
      enter: () => desk.place(),
      arrow: (x, y, isFar) => this.#arrow(x, y, isFar),
      escape: () => this.#escape(),
      submit: () => this.rulings.decide(),
      help: () => byId("help").showModal(),
    };
    return new Proxy(verbs, { get: (known, verb) => known[verb] ?? (() => {}) });
  }

  #arrow(x, y, isFar) {
    if (this.desk.arrow(x, y, isFar)) return true;
    if (isFar) this.desk.pane.pan(-x * 40, -y * 40);
    else this.step(y !== 0 ? y : x * 10);
    return true;
  }

  #escape() {
    if (!this.desk.cancel()) this.desk.pane.stage.focus();
    return true;
  }

  tool(name) {
    const isDrawing = ["draw", "erase", "threshold"].includes(name);
    const { label } = this.columns;
    if (isDrawing && (label?.scope !== "region" || !this.rulings.startNewAnswer())) return;
    if (["erase", "threshold"].includes(name) && label.geometry !== "mask") return;
    this.bench.pickTool(name);
  }

  #wire() {
    byId("beside").addEventListener("click", () => this.toggleSideBySide());
    byId("shading").addEventListener("click", () => this.toggleShading());
    byId("help-button").addEventListener("click", () => byId("help").showModal());
    for (const button of document.querySelectorAll("button[data-tool]")) button.addEventListener("click", () => this.tool(button.dataset.tool));
  }

  /** After a decision: what the server says of the case now. */
  async leave(nextCase) {
    const target = nextCase ? document.body.dataset.caseUrl.replace("CASE", nextCase) : document.body.dataset.worklist;
    location.assign(target);
  }

  decide(body) {
    return call("POST", `/adjudication/cases/${this.#told.case}/decisions`, { seen: this.#told.seen, ...body });
  }
}

/** Several panes look at one store; none of them may close it. */
function shareable(frames) {
  return new Proxy(frames, {
    get(store, name) {
      if (name === "close") return () => {};
      const value = store[name];
      return typeof value === "function" ? value.bind(store) : value;
    },
  });
}

/** A line as the reader's outlines are drawn. */
function lineOf({ colour, dashes }) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("viewBox", "0 0 28 8");
  drawing.setAttribute("class", "an-line");
  drawing.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [name, value] of Object.entries({ d: "M1 4h26", stroke: colour, "stroke-width": 3, "stroke-dasharray": dashes.join(" ") })) line.setAttribute(name, value);
  drawing.append(line);
  return drawing;
}

const page = new Page(JSON.parse(byId("case").textContent));
page.open().catch((error) => {
  document.body.dataset.state = "failed";
  byId("banner-words").textContent = wordsOf(error);
  byId("banner").hidden = false;
});
