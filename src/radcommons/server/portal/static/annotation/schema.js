// A label schema as the page uses it: marks, colours and keys of what is drawn, questions, what is required, what follows.

// Okabe and Ito's colours, which people with any colour vision tell apart, in an order that keeps neighbours far apart.
const COLOURS = ["#56b4e9", "#e69f00", "#2fc39a", "#f0e442", "#e58fc0", "#ff7a3d", "#8fb8ff", "#f2f2f2"];
const DIGITS = "123456789";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const UNREADABLE = new Set(["cannot_read", "wrong_body_part"]);
export const EMPTY_READING = Object.freeze({ items: [], isNothingFound: false, flags: [], note: "", verdicts: {} });

/** Keys of the options of a question: the digits that they are called by, where they are grades or numbers, otherwise 1 to 9, then letters, in order. */
export function optionKeys(choices) {
  for (const own of [choices.map(({ score }) => String(score)), choices.map(({ id }) => id)]) {
    if (own.every((key) => /^[0-9]$/.test(key)) && new Set(own).size === own.length) return own;
  }
  return choices.map((_, index) => (index < 9 ? DIGITS[index] : (LETTERS[index - 9] ?? "").toLowerCase()));
}

/** The schema with the page's own additions: `mark`, `colour` and `key` of drawn labels, `key` of questions. */
export class Schema {
  constructor(definition) {
    this.title = definition.title;
    this.groups = definition.groups.map((group) => ({ ...group, labels: group.labels.map((label) => withDefaults(label)) }));
    this.labels = this.groups.flatMap((group) => group.labels);
    this.byId = new Map(this.labels.map((label) => [label.id, label]));
    this.drawn = this.labels.filter((label) => label.scope === "region");
    this.questions = this.labels.filter((label) => label.scope !== "region");
    const isShared = ({ name }) => this.labels.filter((label) => label.name === name).length > 1;
    for (const group of this.groups) {
      // Outside its group a label whose name another one has is called with its group's name.
      for (const label of group.labels) label.title = isShared(label) ? `${group.name}: ${label.name}` : label.name;
    }
    const taken = new Set(this.drawn.map((label) => label.shortcut).filter((key) => DIGITS.includes(key)));
    const free = [...DIGITS].filter((key) => !taken.has(key));
    const used = new Set();
    this.drawn.forEach((label, index) => {
      label.mark = LETTERS[index % LETTERS.length];
      label.colour = label.color || COLOURS[index % COLOURS.length];
      const isOwn = label.shortcut && DIGITS.includes(label.shortcut) && !used.has(label.shortcut);
      // Letters belong to the tools; a label whose shortcut is one gets the next free number.
      label.key = isOwn ? label.shortcut : (free.shift() ?? "");
      used.add(label.key);
    });
  }

  label(id) {
    return this.byId.get(id);
  }
}

function withDefaults(label) {
  return {
    geometry: "none",
    parent: "",
    help: "",
    examples: [],
    is_required: false,
    required_if: [],
    sum_of_products: [],
    color: "",
    shortcut: "",
    ...label,
    value: { choices: [], minimum: null, maximum: null, unit: null, ...label.value },
  };
}

export function isComputed(label) {
  return label.sum_of_products.length > 0;
}

function holds(condition, reading) {
  const values = condition.values ?? [];
  return reading.items
    .filter((item) => item.label_id === condition.label_id)
    .some((item) => values.length === 0 || [item.value].flat().some((value) => values.includes(value)));
}

/** Whether a reading must answer a question, by itself or because of another answer. */
export function isRequired(label, reading) {
  return label.is_required || label.required_if.some((condition) => holds(condition, reading));
}

function scoreOf(schema, labelId, reading) {
  const items = reading.items.filter((item) => item.label_id === labelId);
  if (items.length !== 1) return undefined;
  const { value } = items[0];
  if (typeof value === "string") return schema.label(labelId)?.value.choices.find((choice) => choice.id === value)?.score ?? undefined;
  return typeof value === "number" ? Math.trunc(value) : undefined;
}

/** The value of a computed label, or undefined while a part is lacking. */
export function computedValue(schema, label, reading) {
  let total = 0;
  for (const term of label.sum_of_products) {
    const scores = term.map((factor) => scoreOf(schema, factor, reading));
    if (scores.includes(undefined)) return undefined;
    total += scores.reduce((product, score) => product * score, 1);
  }
  return total;
}

/** What is wrong with an answer, as a sentence; "" when nothing is. */
export function valueProblem(label, value) {
  const { kind, choices, minimum, maximum } = label.value;
  if (kind === "flag") return value === true ? "" : "set it or leave it out";
  if (kind === "one_of") return choices.some((choice) => choice.id === value) ? "" : "choose an answer";
  if (kind === "many_of") return Array.isArray(value) ? "" : "choose answers";
  if (kind === "text") return typeof value === "string" && value.trim() ? "" : "write an answer";
  if (typeof value !== "number" || !Number.isFinite(value)) return "enter a number";
  if (kind === "integer" && !Number.isInteger(value)) return "enter a whole number";
  if (minimum !== null && value < minimum) return `enter at least ${minimum}`;
  if (maximum !== null && value > maximum) return `enter at most ${maximum}`;
  return "";
}

export function isUnreadable(reading) {
  return reading.flags.some((flag) => UNREADABLE.has(flag));
}

/**
 * What keeps a reading from being submitted: `{words, label?, item?, place?}` each, in the order of the page.
 * The server checks the same and more; this says it before anything is sent.
 */
export function problemsOf(schema, reading, proposals = []) {
  const problems = [];
  const drawn = reading.items.filter((item) => schema.label(item.label_id)?.scope === "region");
  for (const item of drawn) {
    const label = schema.label(item.label_id);
    const problem = valueProblem(label, item.value);
    if (problem) problems.push({ words: `${label.title}: ${problem}`, item: item.id });
  }
  if (reading.isNothingFound && drawn.length > 0) {
    problems.push({ words: "Findings are drawn and “nothing found” is set: take one of them back", place: "nothing" });
  }
  const open = proposals.filter((proposal) => !reading.verdicts[proposal.id]).length;
  if (open > 0) problems.push({ words: `Accept or reject ${open === 1 ? "one more proposed finding" : `${open} more proposed findings`}`, place: "proposals" });
  if (isUnreadable(reading)) return problems;
  const isSilent = schema.drawn.length > 0 && drawn.length === 0 && !reading.isNothingFound && proposals.length === 0;
  if (isSilent || (reading.items.length === 0 && !reading.isNothingFound && proposals.length === 0)) {
    problems.push({ words: schema.drawn.length > 0 ? "Nothing is drawn: say “nothing found” or draw what there is" : "Nothing is answered yet", place: "nothing" });
  }
  // What was accepted is an answer like the reader's own.
  const accepted = proposals.filter((proposal) => reading.verdicts[proposal.id] === "accept");
  const whole = { ...reading, items: [...reading.items, ...accepted] };
  for (const label of schema.questions) {
    if (isComputed(label)) continue;
    const items = whole.items.filter((item) => item.label_id === label.id);
    const wrong = items.map((item) => valueProblem(label, item.value)).find(Boolean);
    if (wrong) problems.push({ words: `${label.title}: ${wrong}`, label: label.id });
    else if (items.length === 0 && isRequired(label, whole)) problems.push({ words: `${label.title}: ${missingWords(label)}`, label: label.id });
  }
  return problems;
}

function missingWords(label) {
  return { one_of: "choose an answer", many_of: "choose answers", text: "write an answer", flag: "needs to be set" }[label.value.kind] ?? "enter a number";
}
