// One case on the page: its task, bench, desk and panel, and how it is kept. Also every verb that a key or a button stands for.

import { Bench } from "./bench.js";
import { SHAPE_WORDS } from "./findings.js";
import { Panel } from "./panel.js";
import { readingOf } from "./reading.js";
import { Saver } from "./saver.js";
import { Schema } from "./schema.js";
import { drawOther } from "./sheet.js";

const WRITABLE = new Set(["assigned", "opened", "in_progress", "returned"]);

export class Case {
  #page;

  constructor(page, task) {
    this.#page = page;
    this.task = task;
    this.schema = new Schema(task.schema);
    this.isWritable = WRITABLE.has(task.state);
    this.isReady = false;
    const reading = readingOf(task.read, task.proposals);
    this.bench = new Bench(this.schema, reading, task.study_instance_uid, (kind) => this.#changed(kind));
    // Nothing can be changed before it is known what this computer had kept.
    this.bench.isLocked = true;
  }

  /** Hang the images and, for a case that is to be read, take the lease. */
  async open(ready) {
    const { desk, byId, clock } = this.#page;
    clock.restart(this.task.read?.active_seconds ?? 0);
    const source = () => ({ reading: this.bench.reading, viewerState: this.#viewerState(), seconds: clock.seconds });
    if (this.isWritable) this.saver = new Saver(this.task, this.schema, source, (state, facts) => this.#page.told(state, facts));
    const opened = this.saver?.open();
    desk.underlay = () => {};
    const hung = desk.open(this.task, this.bench, { ready });
    // The questions stand there while the images are on their way.
    this.panel = new Panel(byId, { task: this.task, bench: this.bench, desk, jump: (id) => this.jump(id) });
    await hung;
    this.#showBeside();
    this.#restoreView();
    if (this.schema.drawn.length === 0) this.bench.tool = "window";
    const restored = await opened;
    this.bench.isLocked = !this.isWritable || this.saver.isBlocked;
    if (restored) {
      this.bench.replace(restored.reading);
      this.#page.say("What this computer had kept was restored.");
      clock.restart(Math.max(clock.seconds, restored.seconds ?? 0));
    }
    this.isReady = true;
    this.panel.show();
    desk.redraw();
  }

  #changed(kind) {
    if (kind === "reading" && this.panel) this.saver?.touch();
    this.panel?.show();
    this.#page.desk.picked();
  }

  #viewerState() {
    const { pane } = this.#page.desk;
    if (!pane?.view) return {};
    const window = pane.view.window;
    return { series: pane.series.series_instance_uid, slice: pane.view.index + 1, window: window ? { center: window.center, width: window.width } : null };
  }

  #restoreView() {
    const state = this.task.read?.viewer_state;
    const { pane } = this.#page.desk;
    if (state?.series === pane.series.series_instance_uid && state.slice > 1) pane.step(state.slice - 1 - pane.view.index);
  }

  /** What lies beside the reader's own findings: proposals to judge, an algorithm's results, the answer to learn from. */
  #showBeside() {
    const drawn = (items, tagOf) =>
      items.flatMap((item, index) => {
        const label = this.schema.label(item.label_id);
        return label?.scope === "region" ? [{ item, label, tag: tagOf(index, label) }] : [];
      });
    const beside = [
      ...drawn(this.task.proposals, (index) => `P${index + 1}`),
      ...this.task.ai.flatMap((model) => drawn(model.items, (_, label) => `AI ${label.mark}`)),
      ...drawn(this.task.feedback?.items ?? [], (_, label) => `Answer ${label.mark}`),
    ];
    this.#page.desk.underlay = (pen) => {
      for (const { item, label, tag } of beside) drawOther(pen, item, { colour: label.colour, tag });
    };
  }

  showFeedback(feedback) {
    this.task.feedback = feedback;
    this.bench.isLocked = true;
    this.#showBeside();
    this.panel.show();
    this.#page.desk.redraw();
  }

  async jump(id) {
    await this.#page.desk.jump(id);
    this.panel.showFindings();
  }

  // The verbs of keys and buttons.

  step(count) {
    this.#page.desk.pane.step(count);
  }

  cine() {
    this.#page.desk.pane.toggleCine();
  }

  otherPane() {
    this.#page.desk.otherPane();
  }

  tool(name) {
    const isDrawing = ["draw", "erase", "threshold"].includes(name);
    const label = this.bench.label ?? (isDrawing ? this.schema.drawn[0] : undefined);
    if (isDrawing && (this.bench.isLocked || !label)) return;
    if (name !== "draw" && isDrawing && label.geometry !== "mask") {
      this.#page.say("Eraser and threshold brush are for labels that are painted.");
      return;
    }
    if (isDrawing) this.bench.label = label;
    this.bench.pickTool(name);
  }

  label(key) {
    const label = this.schema.drawn.find((one) => one.key === key);
    if (!label || this.bench.isLocked) return false;
    this.bench.pickLabel(label);
    this.#page.say(`${label.title}, ${SHAPE_WORDS[label.geometry]}`);
    return true;
  }

  preset(index) {
    this.#page.desk.pane.presetNumber(index);
    return true;
  }

  zoom(factor) {
    this.#page.desk.pane.zoom(factor);
  }

  invert() {
    this.#page.desk.pane.invert();
  }

  resetView() {
    this.#page.desk.pane.reset();
  }

  toggleHidden() {
    this.bench.set("isHidden", !this.bench.isHidden);
  }

  bracket(direction) {
    const { bench } = this;
    if (bench.tool === "select") this.#page.desk.editor.stepVertex(direction);
    else if (bench.label?.geometry === "mask") this.#page.desk.brush(direction > 0 ? 1.25 : 0.8);
    else this.#page.desk.pane.adjustWindow(0, direction > 0 ? 1.1 : 1 / 1.1);
  }

  addVertex() {
    if (this.#page.desk.mayDraw) this.#page.desk.editor.insertVertex();
  }

  backspace() {
    const { desk } = this.#page;
    if (this.bench.tool === "ruler") desk.pane.removeRuler();
    else if (!desk.back() && this.bench.tool === "select" && desk.mayDraw) desk.editor.removeVertex();
  }

  remove(isWhole) {
    if (this.bench.tool === "ruler" && this.#page.desk.pane.removeRuler()) return;
    if (this.bench.isLocked) return;
    const isDone = isWhole ? this.bench.removeItem() : this.bench.remove();
    this.#page.say(isDone ? "Removed. Ctrl+Z brings it back." : "Pick a finding first.");
  }

  startNew() {
    this.bench.startNew();
  }

  toggleCutting() {
    this.bench.set("isCutting", !this.bench.isCutting);
  }

  copy(count) {
    this.#page.desk.copy(count);
  }

  interpolate() {
    this.#page.desk.interpolate();
  }

  stepFinding(count) {
    const { findings } = this.bench;
    if (this.task.proposals.length > 0 && findings.length === 0) {
      this.panel.pickProposal((this.panel.proposal ?? -1) + count);
      return;
    }
    const at = findings.findIndex(({ item }) => item.id === this.bench.itemId);
    const next = findings[at < 0 ? (count > 0 ? 0 : findings.length - 1) : (at + count + findings.length) % findings.length];
    if (!next) return;
    this.bench.pickTool("select");
    this.jump(next.item.id);
    this.#page.say(`${next.tag} ${next.label.title}`);
  }

  question(count) {
    if (!this.panel.form.step(count, this.bench.reading)) this.#page.byId("submit").focus();
  }

  answerKey(key) {
    return this.panel.form.current?.press(key) ?? false;
  }

  toggleNothing() {
    if (!this.bench.isLocked && this.schema.drawn.length > 0) this.panel.setNothing(!this.bench.reading.isNothingFound);
  }

  verdict(verdict) {
    if (this.task.proposals.length > 0) this.panel.judge(undefined, verdict);
  }

  note() {
    this.#page.byId("note").focus();
  }

  arrow(x, y, isFar) {
    const { desk } = this.#page;
    if (desk.arrow(x, y, isFar)) return true;
    if (isFar || this.bench.tool === "pan") desk.pane.pan(-x * 40, -y * 40);
    else desk.pane.step(y !== 0 ? y : x * 10);
    return true;
  }

  enter() {
    const isDone = this.#page.desk.place();
    // A finding with a value of its own asks for it at once.
    const { item } = this.bench;
    if (isDone && item && item.value === null && !this.#page.desk.drawer.isBusy) this.askValue();
    return isDone;
  }

  askValue() {
    this.panel.showFindings();
    if (this.bench.item?.value === null) this.panel.findings.askValue(this.bench.itemId);
  }

  escape() {
    const { desk } = this.#page;
    if (desk.cancel()) return true;
    if (document.activeElement !== desk.pane.stage) desk.pane.stage.focus();
    else if (this.bench.itemId) this.bench.pickItem(undefined);
    else {
      desk.pane.view.cursor = undefined;
      desk.redraw();
    }
    return true;
  }

  undo() {
    if (!this.#page.desk.cancel() && this.bench.undo()) this.#page.say("Undone");
  }

  redo() {
    if (this.bench.redo()) this.#page.say("Redone");
  }

  save() {
    this.saver?.save();
  }

  submit() {
    this.#page.submit();
  }

  help() {
    this.#page.help();
  }

  close() {
    this.saver?.close();
  }
}
