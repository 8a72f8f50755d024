// The questions of a schema as a form: built once, filled from the reading whenever it changes.

import { answerTo, plainText } from "./reading.js";
import { computedValue, isComputed, isRequired, optionKeys, valueProblem } from "./schema.js";

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

const UNIT_WORDS = { 1: "", "{score}": "" };

/** One question on the page. */
class Question {
  constructor(label, answer) {
    this.label = label;
    this.answer = answer;
    this.problem = make("p", { class: "an-problem", id: `problem-${label.id}`, hidden: true });
    this.required = make("span", { class: "an-required", hidden: true, text: "required" });
    const titleOf = (tag) => make(tag, { class: "an-question-name" }, make("span", { text: label.name }), this.required);
    const isList = ["one_of", "many_of", "flag"].includes(label.value.kind);
    this.root = make(isList ? "fieldset" : "div", { class: "an-question", "data-question": label.id });
    if (label.parent) this.root.dataset.parent = label.parent;
    const help = [
      label.help ? make("p", { class: "an-help", text: label.help }) : undefined,
      ...label.examples.map((example) => exampleOf(example)),
    ].filter(Boolean);
    const about = label.scope === "study" ? undefined : make("p", { class: "an-help an-scope", text: label.scope === "series" ? "For the series shown" : "For the image shown" });
    if (isList) this.root.append(titleOf("legend"), ...help, about ?? "", this.#options(), this.problem);
    else this.root.append(make("label", { for: `answer-${label.id}`, class: "an-question-label" }, titleOf("span")), ...help, about ?? "", this.#field(), this.problem);
  }

  #options() {
    const { label } = this;
    const { kind } = label.value;
    const choices = kind === "flag" ? [{ id: "yes", name: "Yes", help: "" }] : label.value.choices;
    const keys = optionKeys(choices);
    this.inputs = choices.map((choice, index) => {
      const type = kind === "one_of" ? "radio" : "checkbox";
      const key = keys[index];
      const input = make("input", { type, name: `answer-${label.id}`, value: choice.id, "aria-describedby": this.problem.id, "aria-keyshortcuts": key });
      input.addEventListener("change", () => this.answer(this.#chosen()));
      input.dataset.key = key;
      return input;
    });
    return make("div", { class: "an-options" }, ...choices.map((choice, index) => this.#option(choice, this.inputs[index])));
  }

  #option(choice, input) {
    const score = choice.score === null || choice.score === undefined || String(choice.score) === choice.name ? "" : ` (${choice.score})`;
    const words = make("span", { class: "an-option-words" }, make("span", { text: `${choice.name}${score}` }), choice.help ? make("small", { text: choice.help }) : undefined);
    return make("label", { class: "an-option" }, make("kbd", { "aria-hidden": "true", text: input.dataset.key.toUpperCase() }), input, words);
  }

  #chosen() {
    const chosen = this.inputs.filter((input) => input.checked).map((input) => input.value);
    if (this.label.value.kind === "flag") return chosen.length > 0 ? true : undefined;
    return this.label.value.kind === "one_of" ? chosen[0] : chosen;
  }

  #field() {
    const { label } = this;
    const { kind, minimum, maximum, unit } = label.value;
    if (isComputed(label)) {
      this.output = make("output", { id: `answer-${label.id}`, class: "an-computed", text: "–" });
      return make("div", { class: "an-field" }, this.output, make("small", { text: "follows from the answers above" }));
    }
    const attributes = { id: `answer-${label.id}`, "aria-describedby": this.problem.id, autocomplete: "off" };
    if (kind === "text") {
      this.input = make("textarea", { ...attributes, rows: 2, maxLength: 10_000 });
      this.input.addEventListener("input", () => this.answer(this.input.value.trim() ? plainText(this.input.value) : undefined, { isTyping: true }));
      return this.input;
    }
    const step = kind === "integer" ? "1" : "any";
    this.input = make("input", { ...attributes, type: "number", inputmode: kind === "integer" ? "numeric" : "decimal", step, min: minimum ?? undefined, max: maximum ?? undefined });
    for (const [name, limit] of [["min", minimum], ["max", maximum]]) if (limit !== null) this.input.setAttribute(name, String(limit));
    this.input.addEventListener("input", () => this.answer(this.input.value === "" ? undefined : Number(this.input.value), { isTyping: true }));
    const range = minimum !== null && maximum !== null ? `${minimum} to ${maximum}` : "";
    const unitWords = unit ? (UNIT_WORDS[unit.value] ?? unit.meaning ?? unit.value) : "";
    return make("div", { class: "an-field" }, this.input, make("small", { text: [unitWords, range].filter(Boolean).join(" · ") }));
  }

  show(value, isNeeded) {
    this.required.hidden = !isNeeded;
    this.root.classList.toggle("is-answered", value !== undefined);
    if (this.inputs) {
      const chosen = new Set([value].flat());
      for (const input of this.inputs) input.checked = this.label.value.kind === "flag" ? value === true : chosen.has(input.value);
    } else if (this.input && document.activeElement !== this.input) this.input.value = value ?? "";
    if (value !== undefined && !valueProblem(this.label, value)) this.say("");
  }

  say(words) {
    this.problem.textContent = words;
    this.problem.hidden = words === "";
    this.root.classList.toggle("has-problem", words !== "");
    for (const input of this.inputs ?? [this.input]) input?.toggleAttribute("aria-invalid", words !== "");
  }

  focus() {
    const target = this.inputs?.find((input) => input.checked) ?? this.inputs?.[0] ?? this.input;
    target?.focus();
    this.root.scrollIntoView({ block: "nearest" });
  }

  /** Choose an option by its key. */
  press(key) {
    const input = this.inputs?.find((one) => one.dataset.key === key);
    if (!input || input.disabled) return false;
    input.focus();
    input.click();
    return true;
  }

  lock(isLocked) {
    for (const input of this.inputs ?? [this.input]) if (input) input.disabled = isLocked;
  }
}

function exampleOf({ sha256, caption }) {
  const picture = make("img", { src: `/api/v1/annotation/examples/${sha256}`, alt: caption, loading: "lazy" });
  return make("figure", { class: "an-example" }, picture, make("figcaption", { text: caption }));
}

export class Form {
  #schema;
  #questions = [];
  #targetOf;

  /** `answer(label, target, value, options)` is told every answer; `targetOf(label)` says what it is about now. */
  constructor(root, schema, { answer, targetOf }) {
    this.#schema = schema;
    this.#targetOf = targetOf;
    const sections = schema.groups.flatMap((group) => {
      const labels = group.labels.filter((label) => label.scope !== "region");
      if (labels.length === 0) return [];
      const questions = labels.map((label) => new Question(label, (value, options) => answer(label, targetOf(label), value, options)));
      this.#questions.push(...questions);
      const head = make("h2", { text: group.name });
      return [make("section", { class: "an-group" }, head, group.help ? make("p", { class: "an-help", text: group.help }) : undefined, ...questions.map(({ root: one }) => one))];
    });
    root.replaceChildren(...sections);
  }

  show(reading) {
    for (const question of this.#questions) {
      const { label } = question;
      if (isComputed(label)) {
        question.output.textContent = computedValue(this.#schema, label, reading) ?? "–";
        continue;
      }
      const item = answerTo(reading, label.id, this.#targetOf(label));
      question.show(item?.value, isRequired(label, reading));
    }
  }

  /** Show what is missing beside its question; returns the first question that has a problem. */
  showProblems(problems) {
    let first;
    for (const question of this.#questions) {
      const found = problems.find((problem) => problem.label === question.label.id);
      question.say(found ? found.words.slice(question.label.title.length + 2) : "");
      if (found) first ??= question;
    }
    return first;
  }

  /** The question that has the focus. */
  get current() {
    const at = document.activeElement?.closest?.("[data-question]");
    return this.#questions.find(({ root }) => root === at);
  }

  /** Go to the next or previous question from the one that has the focus; false at the end. */
  step(count, reading) {
    const open = this.#questions.filter(({ label }) => !isComputed(label));
    const at = open.indexOf(this.current);
    const from = at < 0 ? open.findIndex(({ label }) => !answerTo(reading, label.id, this.#targetOf(label))) : at + count;
    const next = open[at < 0 && from < 0 ? 0 : from];
    next?.focus();
    return next !== undefined;
  }

  focus(labelId) {
    this.#questions.find(({ label }) => label.id === labelId)?.focus();
  }

  lock(isLocked) {
    for (const question of this.#questions) question.lock(isLocked);
  }
}
