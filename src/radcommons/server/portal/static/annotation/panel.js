// The right side: what can be drawn, what was drawn, the questions, flags and note, and what is missing before submitting.

import { FindingList, LabelList } from "./findings.js";
import { Form, make } from "./form.js";
import { withAnswer, withFlag } from "./reading.js";
import { problemsOf } from "./schema.js";

const VERDICT_WORDS = { accept: "Accepted", reject: "Rejected" };

export class Panel {
  #byId;
  #bench;
  #desk;
  #task;
  #hasTried = false;
  #late = 0;

  constructor(byId, { task, bench, desk, jump }) {
    [this.#byId, this.#bench, this.#desk, this.#task] = [byId, bench, desk, task];
    const { schema } = bench;
    byId("draw-part").hidden = schema.drawn.length === 0;
    for (const button of document.querySelectorAll("[data-drawing]")) button.hidden = schema.drawn.length === 0;
    this.labels = new LabelList(byId("labels"), schema, (label) => bench.pickLabel(label));
    this.findings = new FindingList(byId("findings"), bench, { jump });
    this.form = new Form(byId("questions"), schema, {
      answer: (label, target, value, { isTyping = false } = {}) =>
        bench.change(withAnswer(bench.reading, label.id, target, value), { merge: isTyping ? `answer.${label.id}` : "" }),
      targetOf: (label) => this.#targetOf(label),
    });
    this.#listProposals();
    this.show();
  }

  #targetOf(label) {
    const target = { study_instance_uid: this.#task.study_instance_uid };
    const { pane } = this.#desk;
    if (label.scope === "study" || !pane?.series) return target;
    target.series_instance_uid = pane.series.series_instance_uid;
    if (label.scope === "series" || !pane.image) return target;
    target.sop_instance_uid = pane.image.sopInstanceUid;
    // A frame is named where an image has several.
    const isMany = pane.images.filter(({ sopInstanceUid }) => sopInstanceUid === pane.image.sopInstanceUid).length > 1;
    if (isMany) target.frame_number = pane.image.frameNumber;
    return target;
  }

  /** Fill everything from the reading. */
  show() {
    const { reading, isLocked } = this.#bench;
    this.labels.show(this.#bench);
    this.form.show(reading);
    this.form.lock(isLocked);
    const nothing = this.#byId("nothing");
    nothing.checked = reading.isNothingFound;
    nothing.disabled = isLocked;
    for (const box of document.querySelectorAll("[data-flag]")) {
      box.checked = reading.flags.includes(box.dataset.flag);
      box.disabled = isLocked;
    }
    const note = this.#byId("note");
    if (document.activeElement !== note) note.value = reading.note;
    note.readOnly = isLocked;
    this.#showVerdicts();
    this.#showTools();
    this.#showProblems();
    this.moved();
  }

  /** Another image is looked at: places, statistics, and questions about the image follow. */
  moved() {
    // They take a moment, so they wait until the slices stand still.
    clearTimeout(this.#late);
    this.#late = setTimeout(() => {
      if (this.#bench.schema.questions.some(({ scope }) => scope !== "study")) this.form.show(this.#bench.reading);
      this.showFindings();
    }, 60);
  }

  showFindings() {
    const { pane } = this.#desk;
    if (!pane?.image) return;
    this.findings.show(pane);
    const { length } = this.#bench.findings;
    this.#byId("findings-none").hidden = length > 0;
    this.#byId("findings-count").textContent = length > 0 ? String(length) : "";
  }

  #showTools() {
    const { label, tool, brush, isCutting, isStartingNew, isLocked } = this.#bench;
    const isMask = label?.geometry === "mask";
    this.#byId("brush").hidden = !isMask;
    this.#byId("brush-range").hidden = tool !== "threshold";
    for (const [id, value] of [["radius", brush.radius], ["low", brush.low], ["high", brush.high]]) {
      const input = this.#byId(id);
      if (document.activeElement !== input) input.value = String(value);
    }
    this.#byId("radius-words").textContent = this.#radiusWords(brush.radius);
    for (const button of document.querySelectorAll("button[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
      const needsMask = ["erase", "threshold"].includes(button.dataset.tool);
      if (needsMask) button.hidden = !this.#bench.schema.drawn.some(({ geometry }) => geometry === "mask");
      button.disabled = (needsMask && !isMask) || (isLocked && ["draw", "erase", "threshold"].includes(button.dataset.tool)) || (button.dataset.tool === "draw" && !label);
    }
    this.#byId("cut").setAttribute("aria-pressed", String(isCutting));
    this.#byId("hide").setAttribute("aria-pressed", String(this.#bench.isHidden));
    this.#byId("undo").disabled = isLocked || !this.#bench.canUndo;
    this.#byId("redo").disabled = isLocked || !this.#bench.canRedo;
    this.#byId("next-drawing").textContent = this.#nextWords(label, isStartingNew);
  }

  #radiusWords(radius) {
    const spacing = this.#desk.pane?.image?.spacing;
    return spacing?.kind ? `${(2 * radius * spacing.column).toFixed(1)} mm wide` : `${(2 * radius).toFixed(0)} pixels wide`;
  }

  #nextWords(label, isStartingNew) {
    if (!label || this.#bench.isLocked) return "";
    const item = this.#bench.item?.label_id === label.id && !isStartingNew ? this.#bench.item : undefined;
    const known = item && this.#bench.findings.find((finding) => finding.item === item);
    if (!known || ["box", "line", "point", "angle"].includes(label.geometry)) return `Next drawing: a new ${label.title}`;
    return label.geometry === "mask" ? `Painting ${known.tag}. N begins another` : `On other slices the drawing goes on with ${known.tag}. N begins another`;
  }

  #listProposals() {
    const { proposals } = this.#task;
    this.#byId("proposals-part").hidden = proposals.length === 0;
    this.#byId("proposals").replaceChildren(
      ...proposals.map((proposal, index) => {
        const label = this.#bench.schema.label(proposal.label_id);
        const go = make("button", { type: "button", class: "an-finding-head" }, make("span", { class: "an-mark", text: `P${index + 1}` }), make("span", { class: "an-label-words" }, make("span", { text: label?.title ?? proposal.label_id }), make("small", { text: proposedWords(label, proposal) })));
        go.addEventListener("click", () => this.pickProposal(index));
        const verdicts = Object.entries({ accept: "Accept", reject: "Reject" }).map(([verdict, words]) => {
          const button = make("button", { type: "button", "aria-pressed": "false", "data-verdict": verdict, "data-proposal": proposal.id, text: words });
          button.addEventListener("click", () => this.judge(proposal.id, verdict));
          return button;
        });
        return make("li", { class: "an-finding an-proposal" }, go, make("div", { class: "an-verdicts", role: "group", "aria-label": `Verdict on P${index + 1}` }, ...verdicts));
      }),
    );
  }

  pickProposal(index) {
    const { proposals } = this.#task;
    if (proposals.length === 0) return;
    this.proposal = (index + proposals.length) % proposals.length;
    const rows = this.#byId("proposals").children;
    [...rows].forEach((row, at) => row.classList.toggle("is-picked", at === this.proposal));
    rows[this.proposal].scrollIntoView({ block: "nearest" });
    const shape = proposals[this.proposal].shapes[0];
    if (shape) this.#desk.panes[0].goTo(`${shape.frame.sop_instance_uid}/${shape.frame.frame_number}`);
  }

  /** Judge a proposal (the picked one when none is named) and go on to the next without a verdict. */
  judge(id = this.#task.proposals[this.proposal ?? 0]?.id, verdict = "accept") {
    const { reading } = this.#bench;
    if (id === undefined) return;
    this.#bench.change({ ...reading, verdicts: { ...reading.verdicts, [id]: verdict } });
    const open = this.#task.proposals.findIndex((one) => !this.#bench.reading.verdicts[one.id]);
    if (open >= 0) this.pickProposal(open);
  }

  #showVerdicts() {
    const { verdicts } = this.#bench.reading;
    for (const button of document.querySelectorAll("[data-verdict]")) {
      const isChosen = verdicts[button.dataset.proposal] === button.dataset.verdict;
      button.setAttribute("aria-pressed", String(isChosen));
      button.textContent = isChosen ? VERDICT_WORDS[button.dataset.verdict] : button.dataset.verdict === "accept" ? "Accept" : "Reject";
      button.disabled = this.#bench.isLocked;
    }
  }

  setFlag(flag, isSet) {
    this.#bench.change(withFlag(this.#bench.reading, flag, isSet));
  }

  setNothing(isSet) {
    this.#bench.change({ ...this.#bench.reading, isNothingFound: isSet });
  }

  setNote(note) {
    this.#bench.change({ ...this.#bench.reading, note }, { merge: "note" });
  }

  get problems() {
    return problemsOf(this.#bench.schema, this.#bench.reading, this.#task.proposals);
  }

  #showProblems() {
    const { problems } = this;
    const words = problems.length === 0 ? "Complete" : `${problems.length} ${problems.length === 1 ? "answer is" : "answers are"} missing`;
    this.#byId("completeness").textContent = this.#bench.isLocked ? "" : words;
    if (this.#hasTried) this.#tellProblems(problems);
  }

  #tellProblems(problems) {
    this.form.showProblems(problems);
    const list = this.#byId("missing");
    list.hidden = problems.length === 0;
    list.replaceChildren(
      ...problems.map((problem) => {
        const button = make("button", { type: "button", class: "an-link", text: problem.words });
        button.addEventListener("click", () => this.goTo(problem));
        return make("li", {}, button);
      }),
    );
  }

  /** Say what is missing and go to the first of it. True when nothing is. */
  check() {
    const { problems } = this;
    this.#hasTried = problems.length > 0;
    this.#tellProblems(problems);
    if (problems.length > 0) this.goTo(problems[0]);
    return problems.length === 0;
  }

  goTo(problem) {
    if (problem.label) this.form.focus(problem.label);
    else if (problem.item) {
      this.#desk.jump(problem.item).then(() => {
        this.showFindings();
        this.findings.askValue(problem.item);
      });
    } else if (problem.place === "proposals") this.pickProposal(this.#task.proposals.findIndex((one) => !this.#bench.reading.verdicts[one.id]));
    else this.#byId(this.#bench.schema.drawn.length > 0 ? "nothing" : "questions").focus();
  }
}

/** What is proposed for a question; for a drawing the image says it. */
function proposedWords(label, { value }) {
  if (value === true || value === null) return "";
  return [value].flat().map((one) => label?.value.choices.find(({ id }) => id === one)?.name ?? String(one)).join(", ");
}
