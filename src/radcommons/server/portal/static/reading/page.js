// The reading page: joins what the reader does (keys, pointer, tool bar) with what is shown (image, words, address).

import { readAddress, writeAddress } from "./address.js";
import { Cine } from "./cine.js";
import { LoadError, fetchMetadata } from "./dicomweb.js";
import { FrameStore } from "./frames.js";
import { lengthBetween } from "./geometry.js";
import { imagesOf, seriesFactsOf } from "./images.js";
import { listKeys, listenToKeys } from "./keys.js";
import { Overlay, isOverlay, namesOf, sourceSeriesOf } from "./overlay.js";
import { Picture } from "./picture.js";
import { PointerTools } from "./pointer.js";
import { firstWithPictures, loadSeries, showSeries } from "./series.js";
import { View, valueAt } from "./view.js";
import { Words } from "./words.js";

const body = document.body;
const place = {
  root: body.dataset.dicomwebRoot,
  viewRoot: body.dataset.viewRoot,
  study: body.dataset.study,
  series: body.dataset.series,
};
const byId = (id) => document.getElementById(id);
const words = new Words(byId);
const picture = new Picture(byId("canvas"));
const frames = new FrameStore((index) => arrived(index));
let view;
let cine;
let pendingDraw = 0;
let preview;
let overlay;

function frameShown() {
  return frames.frame(view.index);
}

function draw() {
  cancelAnimationFrame(pendingDraw);
  pendingDraw = requestAnimationFrame(() => {
    const { image } = view;
    const frame = frameShown();
    const lengths = preview ? [...view.lengths(), preview] : view.lengths();
    picture.resize();
    const over = (context, placement) => overlay?.draw(context, image, placement);
    picture.draw(image, frame, view, { lengths, over, cursor: view.tool === "measure" ? view.cursor : undefined });
    words.show(view, frame, frames, picture.placement);
    if (frame) markFirstImage();
  });
}

function markFirstImage() {
  if (performance.getEntriesByName("first-image").length === 0) performance.mark("first-image");
  byId("stage").dataset.state = "shown";
}

function arrived(index) {
  if (index === view.index) draw();
  else words.progress(frames, view.count);
}

function show() {
  frames.focus(view.index, view.direction);
  writeAddress(view);
  draw();
}

function windowChanged() {
  frames.renderWith(view.renderedWindow(), view.index);
  words.window(view, view.windowOf(view.image, frameShown()));
  writeAddress(view);
  draw();
}

const actions = {
  step(count) {
    const target = Number.isFinite(count) ? view.index + count : count < 0 ? 0 : view.count - 1;
    if (view.moveTo(target)) show();
  },
  currentWindow: () => view.windowOf(view.image, frameShown()),
  preset(id) {
    if (view.choosePreset(id)) windowChanged();
  },
  adjustWindow(levels, factor) {
    const { center, width } = actions.currentWindow();
    view.setWindow(center + levels * width, width * factor);
    windowChanged();
  },
  dragWindow(start, x, y) {
    const pace = Math.max(start.width, 50) / 400;
    view.setWindow(start.center + y * pace, start.width + x * pace);
    draw();
  },
  settle: () => windowChanged(),
  zoom(factor, point) {
    view.zoomBy(factor, point);
    draw();
  },
  pan(x, y) {
    view.pan(x, y);
    draw();
  },
  fit() {
    Object.assign(view, { zoom: 1, panX: 0, panY: 0 });
    draw();
  },
  invert() {
    view.isInverted = !view.isInverted;
    words.inverted(view.isInverted);
    draw();
  },
  reset() {
    view.reset();
    words.inverted(false);
    windowChanged();
  },
  tool(name) {
    view.tool = name;
    words.tool(name);
    draw();
  },
  hover(point) {
    words.value(point ? valueAt(view.image, frameShown(), point) : undefined, view.image, point);
  },
  previewLength(from, to) {
    preview = { from, to };
    draw();
  },
  finishLength(hasMoved) {
    if (preview && hasMoved) keepLength(preview);
    preview = undefined;
    draw();
  },
  moveCursor(x, y) {
    const { rows, columns } = view.image.format;
    const from = view.cursor ?? { x: columns / 2, y: rows / 2 };
    view.cursor = { x: Math.min(columns, Math.max(0, from.x + x)), y: Math.min(rows, Math.max(0, from.y + y)) };
    if (preview) preview = { from: preview.from, to: view.cursor };
    actions.hover(view.cursor);
    draw();
  },
  placePoint() {
    if (!view.cursor) actions.moveCursor(0, 0);
    if (preview) {
      keepLength(preview);
      preview = undefined;
    } else {
      preview = { from: view.cursor, to: view.cursor };
      words.say("First point set. Move with the arrows and press Enter for the second.");
    }
    draw();
    return true;
  },
  removeLength() {
    view.removeLength();
    draw();
  },
  cancel() {
    if (!preview && !view.cursor) return false;
    preview = undefined;
    view.cursor = undefined;
    draw();
    return true;
  },
  toggleCine: () => cine.toggle(),
  toggleOverlay() {
    if (overlay) words.say(overlay.toggle() ? "Overlay shown" : "Overlay hidden");
  },
  nextOverlaid() {
    const places = Array.from({ length: view.count }, (_, step) => (view.index + 1 + step) % view.count);
    const place = overlay ? places.find((index) => overlay.has(view.imageAt(index))) : undefined;
    if (place !== undefined && view.moveTo(place)) show();
  },
  help: () => byId("help").showModal(),
};

function keepLength(length) {
  view.addLength(length);
  const { value, unit, kind } = lengthBetween(view.image, length.from, length.to);
  words.say(`Length ${value.toFixed(1)} ${unit}${kind ? `, calibrated ${kind}` : ", not calibrated"}`);
}

function wire() {
  new PointerTools(byId("stage"), picture, view, actions);
  listenToKeys(view, actions);
  for (const button of document.querySelectorAll("[data-action]")) {
    button.addEventListener("click", () => actions[button.dataset.action](button.dataset.value));
  }
  byId("preset").addEventListener("change", (event) => actions.preset(event.target.value));
  byId("slice").addEventListener("input", (event) => actions.step(Number(event.target.value) - 1 - view.index));
  byId("retry").addEventListener("click", () => {
    frames.retry(view.index);
    draw();
  });
  new ResizeObserver(() => draw()).observe(byId("stage"));
}

/** Show the images of `instances`; `drawn` is what was drawn over them, and `series` the one that holds the images. */
function open(instances, { drawn = [], series = place.series } = {}) {
  const images = imagesOf(instances);
  const facts = seriesFactsOf(drawn.length > 0 ? drawn : instances);
  words.series(facts);
  if (images.length === 0) {
    const message = `This series holds no pictures${facts.modality ? ` (${facts.modality})` : ""}. Choose another series of the study.`;
    throw new LoadError("missing", message);
  }
  view = new View(images);
  view.preset = images[0].windows.length > 0 ? "stored" : "auto";
  const hasWindow = view.presets().length > 0;
  if (!hasWindow || matchMedia("(pointer: coarse)").matches) view.tool = images.length > 1 ? "scroll" : "pan";
  const base = `${place.root}/studies/${place.study}/series`;
  if (drawn.length > 0) {
    overlay = new Overlay(drawn, `${base}/${place.series}`, { panel: byId("overlay"), redraw: draw });
    view.moveTo(Math.max(0, images.findIndex((image) => overlay.has(image))));
  }
  readAddress(view);
  cine = new Cine(view, frames, show, words);
  words.begin(view);
  words.tool(view.tool);
  frames.open(images, (image) => `${base}/${series}/instances/${image.sopInstanceUid}/frames/${image.frameNumber}`);
  frames.renderWith(view.renderedWindow(), view.index);
  wire();
  show();
  if (new URLSearchParams(location.search).get("play") === "1") cine.toggle();
}

/** Segments and contours are shown over the images they were drawn on, where this collection holds these. */
async function openOverSource(instances) {
  const series = sourceSeriesOf(instances[0]);
  let source = [];
  try {
    if (series) source = await fetchMetadata({ ...place, series });
  } catch (error) {
    if (error.kind !== "missing") throw error;
  }
  if (imagesOf(source).length > 0) {
    open(source, { drawn: instances, series });
  } else if (imagesOf(instances).length > 0) {
    open(instances);
    const note = "The images it was drawn on are not in this collection: its own frames are shown.";
    byId("overlay").replaceChildren(Object.assign(document.createElement("p"), { textContent: note }));
    byId("overlay").hidden = false;
    words.say(note);
  } else {
    words.series(seriesFactsOf(instances));
    const names = namesOf(instances);
    const drawn = names.length > 0 ? ` Drawn are: ${names.join(", ")}.` : "";
    throw new LoadError("missing", `The images on which these contours were drawn are not in this collection.${drawn}`);
  }
}

async function start() {
  listKeys(byId("help-keys"));
  const hasSeries = place.series !== "";
  const list = loadSeries(place);
  try {
    if (!hasSeries) place.series = firstWithPictures(await list);
    if (!place.series) throw new LoadError("missing", "This study holds no series that you may see here.");
    const instances = await fetchMetadata(place);
    if (instances.length > 0 && isOverlay(instances[0])) await openOverSource(instances);
    else open(instances);
  } catch (error) {
    words.problem(error);
  }
  try {
    showSeries(byId("series"), await list, place);
  } catch {
    byId("series").replaceChildren();
  }
}

const cameFrom = document.referrer ? new URL(document.referrer) : undefined;
if (cameFrom?.origin === location.origin && !cameFrom.pathname.startsWith("/view/")) {
  sessionStorage.setItem("reading.back", cameFrom.href);
}
byId("back").href = sessionStorage.getItem("reading.back") ?? byId("back").href;
start();
