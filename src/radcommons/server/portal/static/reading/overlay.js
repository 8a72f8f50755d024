// What lies over the images: segments or contours, their legend, and how strongly they are seen.

import { item, text, values } from "./dicomjson.js";
import { Contours, isStructureSet } from "./contours.js";
import { Segments, isSegmentation } from "./segments.js";

const OPACITY = 0.5;

export function isOverlay(instance) {
  return isSegmentation(instance) || isStructureSet(instance);
}

/** The series on which an overlay was drawn, as it names it; "" when it does not. */
export function sourceSeriesOf(instance) {
  if (isStructureSet(instance)) {
    const study = item(item(instance, "30060010"), "30060012");
    return text(item(study, "30060014"), "0020000E");
  }
  return text(item(instance, "00081115"), "0020000E");
}

/** The names of what structure sets outline, each once. */
export function namesOf(instances) {
  return [...new Set(instances.flatMap((instance) => values(instance, "30060020").map((region) => text(region, "30060026"))).filter(Boolean))];
}

/** All series of a study that an object names, for those that do not say on which they were drawn. */
export function referencedSeries(instances) {
  return new Set(instances.flatMap((instance) => [sourceSeriesOf(instance), ...values(instance, "00081115").map((series) => text(series, "0020000E"))]).filter(Boolean));
}

export class Overlay {
  #parts;
  #panel;
  #redraw;
  #isShown = true;
  #opacity = OPACITY;

  constructor(instances, base, { panel, redraw }) {
    this.#panel = panel;
    this.#redraw = redraw;
    this.#parts = instances
      .filter(isOverlay)
      .map((instance) => (isSegmentation(instance) ? new Segments(instance, base, redraw) : new Contours(instance, redraw)));
    this.#fillPanel();
  }

  get layers() {
    return this.#parts.flatMap((part) => part.layers);
  }

  /** Draw over an image that lies at `placement` on the canvas. */
  draw(context, image, placement) {
    if (!this.#isShown || !placement) return;
    context.save();
    context.globalAlpha = this.#opacity;
    context.translate(placement.left, placement.top);
    context.scale(placement.scale, placement.scale * placement.aspect);
    for (const part of this.#parts) {
      context.globalAlpha = this.#opacity;
      part.draw(context, image, placement.scale);
    }
    context.restore();
  }

  has(image) {
    return this.#parts.some((part) => part.has(image));
  }

  toggle() {
    this.#isShown = !this.#isShown;
    this.#panel.querySelector("[data-overlay=all]").checked = this.#isShown;
    this.#redraw();
    return this.#isShown;
  }

  #changed() {
    for (const part of this.#parts) part.changed();
    this.#redraw();
  }

  #fillPanel() {
    this.#panel.hidden = false;
    const title = document.createElement("h2");
    title.textContent = this.#parts[0]?.title ?? "Overlay";
    const all = this.#choice({ name: "Show all (V)", colour: undefined, detail: "" }, (isOn) => {
      this.#isShown = isOn;
      this.#redraw();
    });
    all.querySelector("input").dataset.overlay = "all";
    const list = document.createElement("ul");
    list.append(all, ...this.layers.map((layer) => this.#choice(layer, (isOn) => {
      layer.isOn = isOn;
      this.#changed();
    })));
    this.#panel.replaceChildren(title, list, this.#slider());
  }

  #choice({ name, colour, detail }, change) {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    box.addEventListener("change", () => change(box.checked));
    label.append(box);
    if (colour) {
      const swatch = document.createElement("i");
      swatch.style.background = colour;
      label.append(swatch);
    }
    const words = document.createElement("span");
    words.textContent = name;
    if (detail && detail !== name) words.append(Object.assign(document.createElement("small"), { textContent: detail }));
    label.append(words);
    const entry = document.createElement("li");
    entry.append(label);
    return entry;
  }

  #slider() {
    const label = document.createElement("label");
    const range = Object.assign(document.createElement("input"), { type: "range", min: "10", max: "100", step: "10", value: String(100 * OPACITY) });
    range.addEventListener("input", () => {
      this.#opacity = Number(range.value) / 100;
      this.#redraw();
    });
    label.className = "opacity";
    label.append("Strength ", range);
    return label;
  }
}
