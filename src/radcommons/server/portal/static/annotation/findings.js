// The side panel's two lists: what can be drawn, and what was drawn, with a way to each place.

import { make } from "./form.js";
import { plainText } from "./reading.js";
import { keyOf } from "./shapes.js";
import { optionKeys } from "./schema.js";
import { areasByFrame, regionStatistics, statisticsWords } from "./statistics.js";

export const SHAPE_WORDS = { box: "box", polygon: "polygon", freehand: "contour", mask: "mask", line: "length", point: "point", angle: "angle", ellipse: "ellipse" };

function swatch(label, text) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("class", "an-swatch");
  drawing.setAttribute("viewBox", "0 0 10 10");
  drawing.setAttribute("aria-hidden", "true");
  const square = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ width: 10, height: 10, rx: 2, fill: label.colour })) square.setAttribute(name, value);
  drawing.append(square);
  return make("span", { class: "an-mark" }, drawing, make("span", { text }));
}

/** The labels that can be drawn: one is picked, and its tool with it. */
export class LabelList {
  #buttons = new Map();

  constructor(root, schema, pick) {
    const groups = schema.groups.map((group) => group.labels.filter((label) => label.scope === "region"));
    root.replaceChildren(
      ...groups.flat().map((label) => {
        const words = make("span", { class: "an-label-words" }, make("span", { text: label.name }), make("small", { text: SHAPE_WORDS[label.geometry] }));
        const count = make("span", { class: "an-count" });
        const key = label.key ? make("kbd", { "aria-hidden": "true", text: label.key }) : undefined;
        const button = make("button", { type: "button", class: "an-label", "aria-pressed": "false", "aria-keyshortcuts": label.key || undefined, title: label.help || undefined }, swatch(label, label.mark), words, count, key);
        button.addEventListener("click", () => pick(label));
        this.#buttons.set(label.id, { button, count });
        return make("li", {}, button);
      }),
    );
  }

  show(bench) {
    const numbers = new Map();
    for (const { label } of bench.findings) numbers.set(label.id, (numbers.get(label.id) ?? 0) + 1);
    for (const [id, { button, count }] of this.#buttons) {
      button.setAttribute("aria-pressed", String(bench.label?.id === id));
      button.disabled = bench.isLocked;
      const number = numbers.get(id) ?? 0;
      count.textContent = number > 0 ? `${number} drawn` : "";
    }
  }
}

/** What was drawn. The picked finding opens: value, statistics, note. */
export class FindingList {
  #root;
  #bench;
  #on;
  #rows = new Map();

  constructor(root, bench, on) {
    [this.#root, this.#bench, this.#on] = [root, bench, on];
  }

  show(pane) {
    const { findings } = this.#bench;
    const known = this.#rows;
    this.#rows = new Map();
    const rows = findings.map((finding) => {
      const row = known.get(finding.item.id) ?? this.#row(finding);
      this.#rows.set(finding.item.id, row);
      this.#fill(row, finding, pane);
      return row.root;
    });
    const isSame = rows.length === this.#root.children.length && rows.every((row, index) => row === this.#root.children[index]);
    if (!isSame) this.#root.replaceChildren(...rows);
  }

  #row({ item, label, tag }) {
    const place = make("small");
    const button = make("button", { type: "button", class: "an-finding-head", "aria-expanded": "false" }, swatch(label, tag), make("span", { class: "an-label-words" }, make("span", { text: label.title }), place));
    button.addEventListener("click", () => this.#on.jump(item.id));
    const remove = make("button", { type: "button", class: "an-remove", "aria-label": `Remove ${label.name} ${tag}`, title: "Remove (Shift+Delete)" }, make("span", { "aria-hidden": "true", text: "×" }));
    remove.addEventListener("click", () => this.#bench.removeItem(item.id));
    const statistics = make("p", { class: "an-statistics" });
    const value = this.#valueOf(item.id, label);
    const note = make("input", { type: "text", maxLength: 1000, "aria-label": `Note on ${label.name} ${tag}`, placeholder: "Note on this finding" });
    note.addEventListener("input", () => this.#bench.setItem(item.id, { note: plainText(note.value) }));
    const body = make("div", { class: "an-finding-body", hidden: true }, value?.root, statistics, note);
    const root = make("li", { class: "an-finding" }, make("div", { class: "an-finding-line" }, button, remove), body);
    return { root, button, place, remove, statistics, value, note, body, mark: button.querySelector(".an-mark > span") };
  }

  #valueOf(id, label) {
    const { kind, choices } = label.value;
    if (kind === "flag") return undefined;
    const set = (value) => this.#bench.setItem(id, { value });
    if (kind === "one_of") {
      const keys = optionKeys(choices);
      const options = [new Option("Choose…", ""), ...choices.map((choice, index) => new Option(`${keys[index]}  ${choice.name}`, choice.id))];
      const select = make("select", { "aria-label": label.name }, ...options);
      select.addEventListener("change", () => set(select.value || null));
      return { root: select, show: (value) => (select.value = value ?? ""), field: select };
    }
    if (kind === "many_of") {
      const boxes = choices.map((choice) => make("input", { type: "checkbox", value: choice.id }));
      for (const box of boxes) box.addEventListener("change", () => set(boxes.filter(({ checked }) => checked).map((one) => one.value)));
      const root = make("div", { class: "an-options" }, ...choices.map((choice, index) => make("label", { class: "an-option" }, boxes[index], make("span", { text: choice.name }))));
      return { root, show: (value) => boxes.forEach((box) => (box.checked = (value ?? []).includes(box.value))), field: boxes[0] };
    }
    const input = make("input", { type: kind === "text" ? "text" : "number", step: kind === "integer" ? "1" : "any", "aria-label": label.name, placeholder: label.name });
    input.addEventListener("input", () => set(input.value === "" ? null : kind === "text" ? input.value : Number(input.value)));
    const show = (value) => document.activeElement !== input && (input.value = value ?? "");
    return { root: input, show, field: input };
  }

  #fill(row, { item, tag, label }, pane) {
    const isPicked = this.#bench.itemId === item.id;
    row.root.classList.toggle("is-picked", isPicked);
    row.button.setAttribute("aria-expanded", String(isPicked));
    row.body.hidden = !isPicked;
    row.mark.textContent = tag;
    row.place.textContent = placeWords(item, pane);
    row.value?.show(item.value);
    if (document.activeElement !== row.note) row.note.value = item.note;
    row.remove.disabled = row.note.disabled = this.#bench.isLocked;
    const needsValue = label.value.kind !== "flag" && (item.value === null || item.value === undefined);
    row.root.classList.toggle("needs-value", needsValue);
    if (isPicked) row.statistics.textContent = statisticsOf(item, pane);
    row.statistics.hidden = row.statistics.textContent === "";
  }

  /** Put the focus where the value of a finding is entered; false when it has none. */
  askValue(id) {
    const field = this.#rows.get(id)?.value?.field;
    field?.focus();
    return field !== undefined;
  }
}

function placeWords(item, pane) {
  const slices = [...new Set(item.shapes.map((shape) => pane.indexOfKey(keyOf(shape))))].filter((index) => index !== undefined).sort((a, b) => a - b);
  if (slices.length === 0) return "in another series";
  if (pane.images.length === 1) return "";
  if (slices.length === 1) return `slice ${slices[0] + 1}`;
  return `slices ${slices[0] + 1}–${slices.at(-1) + 1} · drawn on ${slices.length}`;
}

function statisticsOf(item, pane) {
  const areas = areasByFrame(item.shapes);
  if (areas.size === 0) return "";
  const key = pane.image?.key;
  const here = areas.has(key) ? regionStatistics(new Map([[key, areas.get(key)]]), (one) => pane.imageOfKey(one), (one) => pane.frameOfKey(one)) : undefined;
  const words = [];
  if (here) words.push(areas.size > 1 ? `This slice: ${statisticsWords(here)}` : statisticsWords(here));
  if (areas.size > 1) {
    const all = regionStatistics(areas, (one) => pane.imageOfKey(one), (one) => pane.frameOfKey(one));
    words.push(`All slices: ${statisticsWords(all)}${all.isPartial ? " (values of slices still loading are left out)" : ""}`);
  }
  return words.join("\n");
}
