// The labels of a case under adjudication, what each reader said, and the decision: pick, merge, or a new answer.

import { ApiError } from "./api.js";
import { Form, make } from "./form.js";
import { styleOf } from "./columns.js";
import { plainText, withAnswer } from "./reading.js";
import { EMPTY_READING, Schema, isComputed } from "./schema.js";
import { areasByFrame, regionStatistics, statisticsWords } from "./statistics.js";
import { keyOf } from "./shapes.js";

const WHOLE_CASE = "*";
const STATE_WORDS = { unanimous: "All agree", majority: "Majority", agreed: "Within limits", disputed: "Needs you", decided: "Decided" };
const STATE_SIGNS = { unanimous: "✓", majority: "✓", agreed: "✓", disputed: "!", decided: "●" };
const POLICY_WORDS = {
  unanimous: "all readers must say the same",
  majority: "more than half must say the same",
  median: "answers may lie one grade apart",
  limits: "numbers must lie within the limit",
  masks: "Dice of every pair at least 0.70 and volumes within a factor of 1.5, unless the project says otherwise",
  boxes: "every box needs an overlap (IoU) of 0.4 and two supporters, unless the project says otherwise",
  points: "every drawing needs its like close by",
  free: "texts are collected, never compared",
};
const MERGEABLE = new Set(["box", "polygon", "freehand", "mask", "ellipse"]);

export class Rulings {
  #byId;
  #page;
  #told;
  #schema;
  #rows = new Map();
  #form;
  #answer = EMPTY_READING;
  #isDeciding = false;
  choice = "";
  current = undefined;

  constructor(byId, page, told) {
    [this.#byId, this.#page, this.#told] = [byId, page, told];
    this.#schema = page.schema;
    this.outcomes = new Map(told.outcomes.map((one) => [one.label, one]));
    byId("override-part").hidden = !told.is_own_read;
    byId("decide").addEventListener("click", () => this.decide());
    this.#list();
  }

  get #labels() {
    const whole = this.outcomes.has(WHOLE_CASE) ? [{ id: WHOLE_CASE, title: "Can the case be read?", scope: "study", geometry: "none", value: { kind: "whole" } }] : [];
    const known = this.#schema.labels.filter((label) => !isComputed(label) && (this.outcomes.has(label.id) || this.#said(label)));
    const isOpen = (label) => this.outcomes.get(label.id)?.state === "disputed";
    return [...whole, ...known].sort((a, b) => Number(isOpen(b)) - Number(isOpen(a)));
  }

  #said(label) {
    return this.#told.columns.some((column) => column.items.some((item) => item.label_id === label.id));
  }

  get open() {
    return this.#labels.filter((label) => this.outcomes.get(label.id)?.state === "disputed");
  }

  #list() {
    const isOpen = (label) => this.outcomes.get(label.id)?.state === "disputed";
    const rowOf = (label) => {
      const outcome = this.outcomes.get(label.id);
      const state = outcome?.state ?? "agreed";
      const words = outcome?.policy === "free" && state === "agreed" ? "Collected" : STATE_WORDS[state];
      const badge = make("span", { class: "an-badge", "data-outcome": state }, make("span", { "aria-hidden": "true", text: `${STATE_SIGNS[state]} ` }), words);
      const button = make("button", { type: "button", class: "an-label", "aria-pressed": "false" }, make("span", { class: "an-label-words" }, make("span", { text: label.title })), badge);
      button.addEventListener("click", () => this.pick(label));
      this.#rows.set(label.id, button);
      return make("li", {}, button);
    };
    this.#byId("outcomes").replaceChildren(...this.#labels.filter(isOpen).map(rowOf));
    const settled = this.#labels.filter((label) => !isOpen(label));
    this.#byId("settled").replaceChildren(...settled.map(rowOf));
    this.#byId("settled-part").hidden = settled.length === 0;
    this.#byId("settled-words").textContent = `${settled.length} ${settled.length === 1 ? "label" : "labels"} settled`;
    const { length } = this.open;
    if (length === 0) this.#byId("settled-part").open = true;
    this.#byId("completeness").textContent = length === 0 ? "Everything is settled" : `${length} ${length === 1 ? "label needs" : "labels need"} you`;
  }

  /** The next label that needs a person. */
  pickNext(count = 1) {
    const { open } = this;
    const list = open.length > 0 ? open : this.#labels;
    const at = list.findIndex((label) => label.id === this.current?.id);
    const next = list[(at + count + list.length) % list.length];
    if (next) this.pick(next);
  }

  pick(label) {
    this.current = label;
    this.choice = "";
    this.#answer = EMPTY_READING;
    for (const [id, button] of this.#rows) button.setAttribute("aria-pressed", String(id === label.id));
    this.#rows.get(label.id).scrollIntoView({ block: "nearest" });
    this.#page.showLabel(label);
    this.#showReason(label);
    this.#showValues(label);
    this.#showChoices(label);
    this.#byId("rationale").value = "";
    this.#byId("ruling-problem").textContent = "";
  }

  #showReason(label) {
    const outcome = this.outcomes.get(label.id);
    this.#byId("label-name").textContent = label.title;
    this.#byId("label-help").textContent = label.help ?? "";
    const dice = Object.entries(outcome?.dice ?? {}).map(([pair, value]) => `${pair} ${value === null ? "–" : value.toFixed(2)}`);
    const words = [
      outcome?.reason || (outcome?.state === "disputed" ? "The readers differ." : ""),
      dice.length > 0 ? `Dice: ${dice.join(", ")}.` : "",
      outcome?.policy ? `Policy “${outcome.policy}”: ${POLICY_WORDS[outcome.policy] ?? ""}.` : "",
    ];
    this.#byId("why").textContent = words.filter(Boolean).join(" ");
    const decided = this.#told.decisions.filter((one) => one.label === label.id).at(-1);
    this.#byId("decided").hidden = !decided;
    this.#byId("decided").textContent = decided ? `Decided (${decided.verdict}): ${decided.rationale}` : "";
  }

  #showValues(label) {
    const rows = this.#told.columns.map((column, index) => {
      const head = make("th", { scope: "row" }, make("span", { class: "an-column-mark", text: column.column }));
      head.style.setProperty("--reader", styleOf(index).colour);
      return make("tr", {}, head, make("td", { text: this.#words(label, column) }));
    });
    this.#byId("values").replaceChildren(...rows);
  }

  #words(label, column) {
    if (label.id === WHOLE_CASE) return column.flags.length > 0 ? column.flags.map((flag) => flag.replaceAll("_", " ")).join(", ") : "read it";
    const items = column.items.filter((item) => item.label_id === label.id);
    const notes = items.map(({ note }) => note).filter(Boolean).map((note) => `“${note}”`);
    if (label.scope === "region") return [this.#drawnWords(items, column), ...notes].join(" · ");
    if (items.length === 0) return label.value.kind === "flag" ? "no" : "no answer";
    const name = (value) => (value === true ? "yes" : (label.value.choices.find(({ id }) => id === value)?.name ?? String(value)));
    const unit = label.value.unit?.meaning && label.value.kind === "number" ? ` ${label.value.unit.meaning}` : "";
    return [items.flatMap(({ value }) => [value].flat().map(name)).join(", ") + unit, ...notes].join(" · ");
  }

  #drawnWords(items, column) {
    if (items.length === 0) return column.is_nothing_found ? "nothing found" : "nothing drawn";
    const { pane } = this.#page.desk;
    const slices = new Set(items.flatMap((item) => item.shapes.map((shape) => keyOf(shape)))).size;
    const words = [`${items.length} drawn`, pane.images.length > 1 ? `on ${slices} ${slices === 1 ? "slice" : "slices"}` : ""];
    const areas = areasByFrame(items.flatMap((item) => item.shapes));
    if (areas.size > 0) words.push(statisticsWords(regionStatistics(areas, (key) => pane.imageOfKey(key), () => undefined)));
    return words.filter(Boolean).join(" · ");
  }

  #showChoices(label) {
    const isDrawn = label.scope === "region";
    const { columns } = this.#told;
    const mayMerge = columns.length > 1 && (MERGEABLE.has(label.geometry) || ["many_of", "number"].includes(label.value.kind));
    const options = columns.map(({ column }, index) => ({ id: `pick:${column}`, key: String(index + 1), name: `Reader ${column} is right`, help: this.#words(label, columns[index]) }));
    if (mayMerge) options.push({ id: "merge", key: "8", name: "Merge what is shown", help: isDrawn ? "What more than half of the readers shown drew; the mean of boxes." : "The mean of numbers; choices that more than half took." });
    if (label.id !== WHOLE_CASE) options.push({ id: "new", key: "9", name: isDrawn ? "Draw it anew" : "Another answer", help: isDrawn ? "D draws. Nothing drawn says that there is nothing." : "" });
    this.#byId("choices").replaceChildren(
      ...options.map(({ id, key, name, help }) => {
        const input = make("input", { type: "radio", name: "choice", value: id, "aria-keyshortcuts": key });
        input.addEventListener("change", () => this.choose(id));
        return make("label", { class: "an-option" }, make("kbd", { "aria-hidden": "true", text: key }), input, make("span", { class: "an-option-words" }, make("span", { text: name }), help ? make("small", { text: help }) : undefined));
      }),
    );
    this.#byId("answer").replaceChildren();
    this.#form = undefined;
    if (isDrawn || label.id === WHOLE_CASE) return;
    const only = new Schema({ title: "", groups: [{ id: "one", name: "Another answer", help: "", labels: [{ ...label, is_required: false, required_if: [] }] }] });
    const target = this.#targetLike(label);
    this.#form = new Form(this.#byId("answer"), only, {
      answer: (one, at, value) => {
        this.#answer = withAnswer(this.#answer, one.id, at, value);
        this.#form.show(this.#answer);
      },
      targetOf: () => target,
    });
    this.#form.show(this.#answer);
    this.#byId("answer").hidden = true;
  }

  /** A new answer is about what the readers' answers are about. */
  #targetLike(label) {
    const items = this.#told.columns.flatMap((column) => column.items.filter((item) => item.label_id === label.id));
    return items[0]?.target ?? { study_instance_uid: this.#told.study_instance_uid };
  }

  choose(id) {
    this.choice = id;
    const input = this.#byId("choices").querySelector(`[value="${id}"]`);
    input.checked = true;
    this.#byId("answer").hidden = id !== "new";
    if (id === "new" && this.#form) this.#form.step(1, this.#answer);
    if (id === "new" && this.current.scope === "region") this.#page.tool("draw");
    this.#byId("ruling-problem").textContent = "";
  }

  pressDigit(key) {
    const input = this.#byId("choices").querySelector(`[aria-keyshortcuts="${key}"]`);
    if (!input) return false;
    this.choose(input.value);
    return true;
  }

  answerKey(key) {
    return this.#form?.current?.press(key) ?? false;
  }

  /** Drawing means answering anew. */
  startNewAnswer() {
    if (this.choice !== "new") {
      this.choice = "new";
      this.#byId("choices").querySelector('[value="new"]').checked = true;
    }
    return true;
  }

  drawn() {
    const { length } = this.#page.bench.findings;
    this.#byId("drawn").textContent = length > 0 ? `${length} drawn by you` : "";
  }

  get #body() {
    const label = this.current.id;
    const rationale = plainText(this.#byId("rationale").value);
    const override_reason = plainText(this.#byId("override").value);
    const base = { label, rationale, override_reason };
    if (this.choice.startsWith("pick:")) return { ...base, verdict: "pick", columns: [this.choice.slice(5)] };
    if (this.choice === "merge") return { ...base, verdict: "merge", columns: [...this.#page.columns.shown] };
    const items = this.current.scope === "region" ? this.#page.bench.reading.items : this.#answer.items;
    return { ...base, verdict: "new", items };
  }

  #problem() {
    if (!this.choice) return ["Choose who is right, merge, or answer anew.", this.#byId("choices").querySelector("input")];
    if (!this.#byId("rationale").value.trim()) return ["Say why: one sentence that a user of the labels understands.", this.#byId("rationale")];
    if (this.#told.is_own_read && !this.#byId("override").value.trim()) return ["You have read this case: say why you decide it all the same.", this.#byId("override")];
    return [];
  }

  async decide() {
    const problem = this.#byId("ruling-problem");
    if (this.open.length === 0 && !this.choice) {
      this.#page.leave(this.next);
      return;
    }
    const [words, field] = this.#problem();
    problem.textContent = words ?? "";
    if (words) {
      field?.focus();
      return;
    }
    if (this.#isDeciding) return;
    this.#isDeciding = true;
    try {
      this.#taken(await this.#page.decide(this.#body));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      problem.textContent = [error.message, ...error.findings.map(({ message }) => message)].join(" ");
    } finally {
      this.#isDeciding = false;
    }
  }

  #taken({ outcomes, next_case: next }) {
    const body = this.#body;
    this.#told.decisions.push({ label: body.label, verdict: body.verdict, rationale: body.rationale });
    this.outcomes = new Map(outcomes.map((one) => [one.label, one]));
    this.next = next;
    this.#list();
    this.#page.desk.focus();
    if (this.open.length > 0) this.pickNext();
    else {
      this.pick(this.current);
      this.#byId("decide-words").textContent = next ? "Next case" : "Back to the list";
      this.#page.say("Everything in this case is settled. Ctrl+Enter goes on.");
    }
  }
}
