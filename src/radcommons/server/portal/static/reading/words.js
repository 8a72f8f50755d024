// Everything the page says in words: overlays, tool bar, progress, problems, and the live region.

import { edgesOf } from "./geometry.js";

const ANNOUNCE_AFTER_MS = 400;

function rounded(value) {
  return Math.abs(value) >= 10 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1);
}

/** What images that lie somewhere in the patient are called, and others: frames of a film, photographs, projections. */
function nounOf(image) {
  return image.position ? "Slice" : "Image";
}

function lengthWords(mm) {
  return mm < 0.1 ? `${rounded(mm * 1000)} µm` : `${rounded(mm)} mm`;
}

function locationOf(image) {
  if (!image.position || !image.orientation) return "";
  const [right, down] = [image.orientation.slice(0, 3), image.orientation.slice(3)];
  const normal = [0, 1, 2].map((axis) => Math.abs(right[(axis + 1) % 3] * down[(axis + 2) % 3] - right[(axis + 2) % 3] * down[(axis + 1) % 3]));
  const axis = normal.indexOf(Math.max(...normal));
  const value = image.position[axis];
  const letter = [["R", "L"], ["A", "P"], ["F", "H"]][axis][value > 0 ? 1 : 0];
  return `${letter} ${Math.abs(value).toFixed(1)} mm`;
}

export class Words {
  #byId;
  #said = "";
  #timer = 0;
  #presetId = "";
  #number = "";

  constructor(byId) {
    this.#byId = byId;
  }

  #text(id, words) {
    const element = this.#byId(id);
    if (element.textContent !== words) element.textContent = words;
  }

  /** Speak through the live region once the reader pauses, so that scrolling does not flood it. */
  say(words) {
    if (words === this.#said) return;
    this.#said = words;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#text("live", words), ANNOUNCE_AFTER_MS);
  }

  series({ subject, description, modality }) {
    const title = description || `${modality || "Image"} series`;
    this.#text("title", title);
    this.#text("subject", subject ? `Subject ${subject}` : "");
    document.title = `${title}${subject ? ` · ${subject}` : ""}`;
  }

  begin(view) {
    const select = this.#byId("preset");
    const options = view.presets().map(({ id, name, hint }) => new Option(hint ? `${name}  ${hint}` : name, id));
    select.replaceChildren(...options);
    // Colours have no window.
    select.closest("label").hidden = options.length === 0;
    const tool = document.querySelector("[data-action=tool][data-value=window]");
    if (tool) tool.hidden = options.length === 0;
    const slice = this.#byId("slice");
    slice.max = String(view.count);
    slice.disabled = view.count === 1;
    this.#byId("slices").hidden = view.count === 1;
    this.#byId("slices").querySelector("label > span").textContent = nounOf(view.image);
    this.#byId("cine").disabled = view.count === 1;
    this.#byId("stage").setAttribute("aria-busy", "true");
  }

  show(view, frame, frames, placement) {
    const { image } = view;
    const number = view.count > 1 ? `${nounOf(image)} ${view.index + 1} of ${view.count}` : "One image";
    const slice = this.#byId("slice");
    slice.value = String(view.index + 1);
    slice.setAttribute("aria-valuetext", number);
    this.#text("number", number);
    this.#text("location", locationOf(image));
    const { thickness, sliceSpacing } = image;
    const depth = [
      thickness ? `${lengthWords(thickness)} thick` : "",
      sliceSpacing ? `every ${lengthWords(sliceSpacing)}` : "",
    ];
    this.#text("depth", depth.filter(Boolean).join(", "));
    this.#text("zoom", placement ? `Zoom ${Math.round(view.zoom * 100)} %` : "");
    this.#edges(image);
    if (frame) this.window(view, view.windowOf(image, frame), frame);
    this.#state(view, frame, frames.failure(view.index));
    this.progress(frames, view.count);
    if (number !== this.#number) this.say(number);
    this.#number = number;
  }

  window(view, window, frame) {
    const isGrey = view.image.format.samples === 1 && !view.image.format.palette;
    const isKnown = frame?.kind !== "rendered" || view.renderedWindow();
    this.#text("window", isGrey && isKnown ? `Window ${rounded(window.width)}, level ${rounded(window.center)}` : "");
    if (this.#presetId === view.preset) return;
    this.#presetId = view.preset;
    const select = this.#byId("preset");
    let custom = select.querySelector("[value=custom]");
    if (view.preset === "custom" && !custom) {
      custom = new Option("Adjusted", "custom");
      select.append(custom);
    } else if (view.preset !== "custom") custom?.remove();
    select.value = view.preset;
  }

  #edges(image) {
    const edges = edgesOf(image);
    for (const edge of ["top", "right", "bottom", "left"]) this.#text(`edge-${edge}`, edges[edge]);
  }

  #state(view, frame, failure) {
    const stage = this.#byId("stage");
    stage.setAttribute("aria-busy", String(!frame && !failure));
    this.#byId("waiting").hidden = Boolean(frame || failure);
    this.#byId("problem").hidden = !failure || Boolean(frame);
    if (failure && !frame) {
      stage.dataset.state = "failed";
      this.#text("problem-title", view.count > 1 ? `${nounOf(view.image)} ${view.index + 1} cannot be shown` : "This image cannot be shown");
      this.#text("problem-words", failure.message);
      this.#byId("retry").hidden = failure.kind === "unsupported" || failure.kind === "missing";
      this.#byId("sign-in").hidden = failure.kind !== "sign-in";
    }
  }

  progress(frames, count) {
    const bar = this.#byId("progress");
    const most = Math.min(count, frames.capacity);
    bar.max = most;
    bar.value = Math.min(frames.loadedCount, most);
    bar.hidden = frames.loadedCount >= most;
    this.#byId("stage").dataset.loaded = String(frames.loadedCount);
  }

  value(value, image, point) {
    if (value === undefined) {
      this.#text("value", "");
      return;
    }
    const spot = `${Math.floor(point.x)}, ${Math.floor(point.y)}`;
    this.#text("value", `${rounded(value)} ${image.units || "stored value"} at ${spot}`);
  }

  tool(name) {
    for (const button of document.querySelectorAll("[data-action=tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.value === name));
    }
    this.#byId("stage").dataset.tool = name;
  }

  inverted(isInverted) {
    this.#byId("invert").setAttribute("aria-pressed", String(isInverted));
  }

  playing(isPlaying) {
    const button = this.#byId("cine");
    button.setAttribute("aria-pressed", String(isPlaying));
    button.textContent = isPlaying ? "Stop" : "Play";
  }

  /** The series as a whole cannot be shown. */
  problem(error) {
    this.#byId("waiting").hidden = true;
    this.#byId("progress").hidden = true;
    this.#byId("problem").hidden = false;
    this.#byId("stage").dataset.state = "failed";
    this.#byId("stage").setAttribute("aria-busy", "false");
    this.#text("problem-title", "These images cannot be shown");
    this.#text("problem-words", error.kind ? error.message : "The description of this series cannot be read. Tell the operator which series it is.");
    this.#byId("retry").hidden = true;
    this.#byId("reload").hidden = error.kind !== "offline" && error.kind !== "server";
    this.#byId("sign-in").hidden = error.kind !== "sign-in";
    for (const control of document.querySelectorAll(".tools button, .tools select")) control.disabled = true;
    this.say("These images cannot be shown");
  }
}
