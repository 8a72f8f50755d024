// The panel of a read in OHIF: paints the labels of the schema that are masks, and saves them as the reading page does.

import { ActiveClock } from "/static/annotation/clock.js";

import { Keeper, openedTask } from "./keeper.js";
import { asShapes, fill, masksOf, sameMasks } from "./labelmaps.js";

const AUTOSAVE_MS = 3000;
const LABELMAP = "Labelmap";
const SHEET = `
  :host { display: block; padding: 12px; color: #fff; font: 14px/1.45 system-ui, sans-serif; }
  h2 { margin: 0 0 8px; font-size: 16px; } p { margin: 0 0 10px; color: #c9d3e0; } ul { margin: 0 0 12px; padding: 0; list-style: none; }
  li { display: flex; gap: 8px; align-items: center; padding: 6px 0; border-top: 1px solid #33445c; } li span { flex: 1; }
  button, a { min-height: 32px; padding: 4px 12px; border: 1px solid #7fb0ff; border-radius: 6px; background: none; color: #cfe2ff; font: inherit; }
  button:hover, a:hover { background: #1d3557; } :focus-visible { outline: 3px solid #ffd166; outline-offset: 2px; }
  [role=group] { display: flex; gap: 8px; }
  a { display: inline-block; text-decoration: none; } [hidden] { display: none; } [role=alert] { color: #ffb4a8; }`;

const PAINTED = new Set(["mask", "freehand", "polygon"]);
const TOOLS = { Brush: "CircularBrush", Ball: "SphereBrush", Eraser: "CircularEraser" };
const TOOL_GROUPS = ["default", "mpr"];

let services;
let commands;

/** What OHIF gives an extension: its services, and its commands by name. */
export function connect(found, manager) {
  [services, commands] = [found, manager];
}

const make = (tag, words, changes = {}) => Object.assign(document.createElement(tag), { textContent: words }, changes);
const newName = () => `i-${Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;

class ReadView {
  #task;
  #keeper;
  #items;
  #unfinished;
  /** By the id of a segmentation: its label, its series, the items of its segments and the masks they began with. */
  #painted = new Map();
  #timer = 0;
  #last = "";
  #saving = Promise.resolve();
  #clock;

  constructor() {
    this.root = make("div", "");
    const root = this.root.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(SHEET);
    root.adoptedStyleSheets = [sheet];
    this.words = make("p", "Opening your read …");
    this.words.setAttribute("role", "status");
    // What to do next; how saving stands is said above and does not wipe it out.
    this.hint = make("p", "", { hidden: true });
    this.hint.setAttribute("role", "note");
    this.list = make("ul", "");
    this.take = make("button", "Go on here", { type: "button", hidden: true, onclick: () => this.#begin(true) });
    const name = /\/s\/tasks\/([^/]+)\//.exec(location.pathname)[1];
    this.back = make("a", "Questions and submit", { href: `/annotation/tasks/${name}/` });
    this.back.addEventListener("click", (event) => this.#leave(event));
    this.tools = make("p", "");
    this.tools.setAttribute("role", "group");
    this.tools.setAttribute("aria-label", "Painting");
    root.append(make("h2", "Your read"), this.words, this.take, this.list, this.hint, this.tools, this.back);
    this.#open(name);
  }

  async #open(name) {
    try {
      const { task, token } = await openedTask(name);
      this.#task = task;
      this.#keeper = new Keeper(task, token);
      this.#clock = new ActiveClock(task.read?.active_seconds ?? 0);
      this.#unfinished = task.read?.viewer_state?.unfinished ?? [];
      const proposed = new Set(task.proposals.map((item) => item.id));
      const isOwn = (item) => !item.id.startsWith("computed.") && !proposed.has(item.id);
      this.#items = (task.read?.items ?? []).filter(isOwn);
    } catch (error) {
      this.#fail(error.message);
      return;
    }
    if (["submitted", "locked"].includes(this.#task.state)) this.#say("This read is submitted. Open it again on its page to change it.");
    else await this.#begin(false);
  }

  async #begin(isTakingOver) {
    try {
      await this.#keeper.take({ isTakingOver });
    } catch (error) {
      const isHeld = error.code === "annotation.lease-held";
      this.take.hidden = !isHeld;
      this.#fail(isHeld ? "You have this case open in another window. Going on here closes it there." : error.message);
      return;
    }
    this.take.hidden = true;
    this.#listLabels();
    const { segmentationService } = services;
    segmentationService.subscribe(segmentationService.EVENTS.SEGMENTATION_DATA_MODIFIED, ({ segmentationId }) => this.#changed(segmentationId));
    this.#last = JSON.stringify([...this.#items, ...this.#unfinished]);
    await this.#showDrawn();
    this.root.dataset.state = "ready";
    this.#say("What you paint is saved as you go. Questions and submitting are on the page of the case.");
  }

  get #labels() {
    return this.#task.schema.groups.flatMap((group) => group.labels).filter((label) => PAINTED.has(label.geometry));
  }

  #listLabels() {
    const lines = this.#labels.map((label) => {
      const line = make("li", "");
      const paint = make("button", "Paint", { type: "button", ariaLabel: `Paint ${label.name}`, onclick: () => this.#paint(label) });
      const add = make("button", "New", { type: "button", ariaLabel: `Another finding: ${label.name}`, onclick: () => this.#paint(label, { isAnother: true }) });
      line.append(make("span", label.name), paint, add);
      return line;
    });
    this.list.replaceChildren(...lines);
    const buttons = Object.entries(TOOLS).map(([words, tool]) => make("button", words, { type: "button", onclick: () => this.#take(tool) }));
    this.tools.replaceChildren(...(lines.length > 0 ? buttons : []));
    if (lines.length === 0) this.list.append(make("li", "This schema has nothing that is painted."));
  }

  /** Everything that was drawn before, on the series that the viewport shows. */
  async #showDrawn() {
    const display = await this.#displaySet();
    for (const label of display ? this.#labels : []) {
      if (this.#itemsOf(label, display).length > 0) await this.#labelmap(label, display);
    }
  }

  /** The images in the active viewport, once one is seen; they come a while after the panel. */
  async #displaySet() {
    const { viewportGridService, displaySetService, cornerstoneViewportService } = services;
    for (let tries = 0; tries < 240; tries++) {
      const { activeViewportId, viewports } = viewportGridService.getState();
      const uid = viewports.get(activeViewportId)?.displaySetInstanceUIDs?.[0];
      const display = uid && displaySetService.getDisplaySetByUID(uid);
      const isSeen = cornerstoneViewportService.getCornerstoneViewport(activeViewportId)?.getImageData?.();
      if (display?.imageIds?.length > 0 && isSeen) return display;
      await new Promise((done) => setTimeout(done, 250));
    }
    return undefined;
  }

  #itemsOf(label, display) {
    const items = [...this.#items, ...this.#unfinished];
    return items.filter((item) => item.label_id === label.id && item.target.series_instance_uid === display.SeriesInstanceUID && item.shapes.length > 0);
  }

  /** The labelmap of a label over a series, made and filled when first asked for. */
  async #labelmap(label, display) {
    const id = `${label.id}@${display.SeriesInstanceUID}`;
    if (!this.#painted.has(id)) {
      const { segmentationService, viewportGridService } = services;
      const items = this.#itemsOf(label, display);
      const count = Math.max(items.length, 1);
      const segments = Object.fromEntries(Array.from({ length: count }, (_, at) => [at + 1, { label: `${label.name} ${at + 1}`, active: at === 0 }]));
      await segmentationService.createLabelmapForDisplaySet(display, { segmentationId: id, label: label.name, segments });
      const { Labelmap: labelmap } = segmentationService.getSegmentation(id).representationData;
      fill(labelmap, items);
      this.#painted.set(id, { label, series: display.SeriesInstanceUID, items, begun: masksOf(labelmap) });
      const viewport = viewportGridService.getActiveViewportId();
      await segmentationService.addSegmentationRepresentation(viewport, { segmentationId: id, type: LABELMAP });
    }
    return id;
  }

  async #paint(label, { isAnother = false } = {}) {
    const display = await this.#displaySet();
    if (!display) return;
    const id = await this.#labelmap(label, display);
    const { segmentationService, viewportGridService } = services;
    segmentationService.setActiveSegmentation(viewportGridService.getActiveViewportId(), id);
    const known = Object.keys(segmentationService.getSegmentation(id).segments).map(Number);
    const last = Math.max(...known);
    if (isAnother) segmentationService.addSegment(id, { segmentIndex: last + 1, label: `${label.name} ${last + 1}` });
    segmentationService.setActiveSegment(id, isAnother ? last + 1 : last);
    this.#take(TOOLS.Brush);
    this.hint.textContent = `${label.name}: paint on the image; [ and ] change the size of the brush.`;
    this.hint.hidden = false;
  }

  #take(tool) {
    commands.run("setToolActiveToolbar", { toolName: tool, toolGroupIds: TOOL_GROUPS });
  }

  #changed(id) {
    if (!this.#painted.has(id)) return;
    this.#say("Not saved yet …");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#save(), AUTOSAVE_MS);
  }

  /** The findings of all labelmaps; one whose pixels are as they were stays as it was, to the letter. */
  #findings() {
    const { segmentationService } = services;
    const found = [];
    for (const [id, { label, series, items, begun }] of this.#painted) {
      const masks = masksOf(segmentationService.getSegmentation(id).representationData.Labelmap);
      for (const [segment, shapes] of masks) {
        const known = items[segment - 1];
        if (known && sameMasks(shapes, begun.get(segment) ?? [])) found.push(known);
        else if (known) found.push({ ...known, shapes: asShapes(label.geometry, shapes) });
        else {
          const target = { study_instance_uid: this.#task.study_instance_uid, series_instance_uid: series };
          const value = label.value.kind === "flag" ? true : null;
          items[segment - 1] = { id: newName(), label_id: label.id, target, value, shapes: asShapes(label.geometry, shapes), note: "" };
          found.push(items[segment - 1]);
        }
      }
    }
    return found;
  }

  #save() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#saving = this.#saving.then(() => this.#send());
    return this.#saving;
  }

  async #send() {
    const replaced = new Set([...this.#painted.values()].flatMap(({ items }) => items.map(({ id }) => id)));
    const found = this.#findings();
    const kept = [...this.#items, ...this.#unfinished].filter((item) => !replaced.has(item.id));
    const all = [...kept, ...found];
    const open = new Set(this.#unfinished.map(({ id }) => id));
    const isWhole = (item) => item.value !== null && !open.has(item.id);
    const words = JSON.stringify(all);
    if (words === this.#last) {
      this.#say("Saved.");
      return;
    }
    const { read } = this.#task;
    try {
      await this.#keeper.save({
        items: all.filter(isWhole),
        is_nothing_found: found.length === 0 && (read?.is_nothing_found ?? false),
        flags: read?.flags ?? [],
        note: read?.note ?? "",
        verdicts: read?.verdicts ?? {},
        viewer_state: { ...read?.viewer_state, unfinished: all.filter((item) => !isWhole(item)) },
        active_seconds: this.#clock.seconds,
      });
      [this.#items, this.#unfinished] = [all.filter(isWhole), all.filter((item) => !isWhole(item))];
      this.#last = words;
      this.root.dataset.state = "saved";
      this.#say("Saved.");
    } catch (error) {
      this.#fail(`Not saved: ${error.message}`);
      if (!error.code) this.#timer = setTimeout(() => this.#save(), AUTOSAVE_MS);
    }
  }

  async #leave(event) {
    if (!this.#timer) return;
    event.preventDefault();
    await this.#save();
    location.assign(this.back.href);
  }

  #say(words) {
    this.words.setAttribute("role", "status");
    this.words.textContent = words;
  }

  #fail(words) {
    this.root.dataset.state = "failed";
    this.words.setAttribute("role", "alert");
    this.words.textContent = words;
  }
}

let view;

/** OHIF makes and drops this element as the panel is opened and folded; the view and what it has not saved stay. */
class ReadPanel extends HTMLElement {
  connectedCallback() {
    view ??= new ReadView();
    this.append(view.root);
  }
}

if (!customElements.get("radcommons-read")) customElements.define("radcommons-read", ReadPanel);
