// Keeping a read: every change goes to this computer at once and to the server every few seconds; submitting waits for both.

import { ApiError, call, renewToken } from "./api.js";
import { Journal, WindowName } from "./journal.js";
import { valueProblem } from "./schema.js";

const AUTOSAVE_MS = 3000;
const RETRY_MS = [2000, 4000, 8000, 15000, 30000];
const MOST_LAST_BYTES = 60_000;
const ENDED = "annotation.read-ended";
const PAUSED = "annotation.project-paused";

/**
 * A reading as the server takes it; what it would refuse for now travels in `viewer_state`, and shapes that the server has
 * go by their names.
 */
export function draftOf(reading, schema, viewerState, seconds, names) {
  const nameOf = (shape) => (names.has(shape) ? { sha256: names.get(shape) } : shape);
  const isWhole = (item) => !valueProblem(schema.label(item.label_id), item.value);
  return {
    items: reading.items.filter(isWhole).map((item) => ({ ...item, shapes: item.shapes.map(nameOf) })),
    is_nothing_found: reading.isNothingFound,
    flags: reading.flags,
    note: reading.note,
    verdicts: reading.verdicts,
    viewer_state: { ...viewerState, unfinished: reading.items.filter((item) => !isWhole(item)) },
    active_seconds: seconds,
  };
}

export class Saver {
  #task;
  #schema;
  #source;
  #tell;
  #journal;
  #window;
  #base = 0;
  #version = 0;
  #saved = 0;
  #sending = undefined;
  #flight = undefined;
  #timers = { save: 0, lease: 0 };
  #failures = 0;
  #block = "";
  #hasRestored = false;
  /** Shapes never change, so the server's name for one is good for ever. */
  #names = new WeakMap();

  /** `source` gives `{reading, viewerState, seconds}` at any time; `tell(state, facts)` hears how it stands. */
  constructor(task, schema, source, tell) {
    this.#task = task;
    this.#schema = schema;
    this.#source = source;
    this.#tell = tell;
    this.#journal = new Journal(task.task);
    this.#base = task.read?.revision ?? 0;
    this.onOnline = () => this.#block || this.save();
    this.onHide = () => this.#leave();
    addEventListener("online", this.onOnline);
    addEventListener("pagehide", this.onHide);
  }

  /** Take the lease and see what this computer still has. Resolves to the reading to go on with, or undefined. */
  async open() {
    const entries = await this.#journal.entries();
    this.#window = await WindowName.of(this.#task.task, entries.map(({ window }) => window));
    await this.#lease();
    // Without locks the living cannot be told from the dead, and what was kept last is taken for the dead one's.
    const entry = entries.find(({ window }) => window === this.#window.name) ?? (navigator.locks ? undefined : entries[0]);
    if (!entry) return undefined;
    const restored = { reading: entry.reading, seconds: entry.seconds, at: entry.at };
    if (entry.base === this.#base || this.#isOwn(this.#task.read, entry.window)) {
      this.#version = 1;
      this.#hasRestored = true;
      this.#schedule();
      if (entry.window !== this.#window.name) await this.#journal.clear(entry.window);
      return restored;
    }
    this.#block = "diverged";
    this.#tell("diverged", { restored });
    return undefined;
  }

  /** Whether a saved read was sent by a window of that name: what it kept here is never older. */
  #isOwn(read, window = this.#window.name) {
    return read?.viewer_state?.sent_as?.startsWith(`${window}/`) ?? false;
  }

  get isSaved() {
    return this.#saved === this.#version;
  }

  /** Whether a submission is on its way, or may have arrived without its answer. */
  get #isSubmitting() {
    return this.#flight?.verb === "submit" && this.#flight.version === this.#version;
  }

  get isBlocked() {
    return this.#block !== "";
  }

  /** Something has changed. */
  touch() {
    this.#version += 1;
    this.#write();
    if (this.#failures === 0 && !this.#block) this.#tell("unsaved", {});
    this.#schedule();
  }

  #schedule(delay = AUTOSAVE_MS) {
    if (this.#timers.save || this.#block) return;
    this.#timers.save = setTimeout(() => this.save(), delay);
  }

  async #write() {
    if (this.isSaved || !this.#window) return;
    const { reading, seconds } = this.#source();
    await this.#journal.write({ window: this.#window.name, reading, seconds, base: this.#base, at: Date.now() });
  }

  /** Send what is not yet sent. True when the server has everything. */
  async save() {
    clearTimeout(this.#timers.save);
    this.#timers.save = 0;
    if (this.#sending) return this.#sending;
    if (this.isSaved || this.#block || this.#isSubmitting) return this.isSaved;
    this.#sending = this.#send("PUT", "read").finally(() => (this.#sending = undefined));
    const isDone = await this.#sending;
    if (isDone && !this.isSaved) this.#schedule();
    return isDone && this.isSaved;
  }

  /** Declare the read finished; resolves to the server's answer, or undefined when it could not be taken now. */
  async submit() {
    clearTimeout(this.#timers.save);
    this.#timers.save = 0;
    if (this.#sending) await this.#sending;
    if (this.#flight?.verb === "read" && !(await this.#send("PUT", "read"))) return undefined;
    if (this.#block) return undefined;
    if (!this.#isSubmitting) this.#version += 1;
    return this.#send("POST", "submit");
  }

  #draft(verb) {
    const { reading, viewerState, seconds } = this.#source();
    const number = this.#window.next();
    const state = { ...viewerState, sent_as: `${this.#window.name}/${number}` };
    const draft = draftOf(reading, this.#schema, state, seconds, this.#names);
    return { verb, version: this.#version, client_revision: number, base_revision: this.#base, draft, items: reading.items };
  }

  #body() {
    const { client_revision, base_revision, draft } = this.#flight;
    return { window: this.#window.name, client_revision, base_revision, ...draft };
  }

  async #send(method, verb) {
    const isAgain = this.#flight?.verb === verb && (verb === "read" || this.#flight.version === this.#version);
    if (!isAgain) {
      this.#flight = this.#draft(verb);
      await this.#write();
    }
    this.#tell("saving", {});
    try {
      return await this.#landed(await call(method, `/tasks/${this.#task.task}/${verb}`, this.#body()), verb);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "annotation.revision-conflict" && (await this.#adopted())) return this.#send(method, verb);
      this.#failed(error, verb);
      return undefined;
    }
  }

  /** Go on from a revision that this very window had sent before it was reloaded. */
  async #adopted() {
    const { read } = await call("GET", `/tasks/${this.#task.task}`).catch(() => ({}));
    // Without what this computer had kept, this window does not know what it had sent: a person chooses.
    if (!this.#hasRestored || !this.#isOwn(read) || read.revision <= this.#base) return false;
    this.#base = read.revision;
    this.#flight = undefined;
    return true;
  }

  async #landed(answer, verb) {
    this.#base = answer.revision;
    this.#saved = Math.max(this.#saved, this.#flight.version);
    this.#remember(this.#flight.items, answer.shapes ?? {});
    this.#flight = undefined;
    this.#failures = 0;
    if (verb === "submit") {
      this.#saved = this.#version;
      this.#window.forget();
    }
    if (this.isSaved) await this.#journal.clear(this.#window.name);
    this.#tell(this.isSaved ? "saved" : "unsaved", {});
    return verb === "submit" ? answer : true;
  }

  #remember(items, names) {
    for (const { id, shapes } of items) {
      if (names[id]?.length === shapes.length) shapes.forEach((shape, index) => this.#names.set(shape, names[id][index]));
    }
  }

  #failed(error, verb) {
    if (error.kind === "offline" || error.kind === "server" || error.kind === "signed-out") {
      // The same draft under the same number goes again: whether the first one landed does not matter.
      const delay = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)];
      this.#failures += 1;
      this.#tell(error.kind, { isKept: this.#journal.isWorking });
      if (error.kind === "signed-out") renewToken();
      if (verb !== "submit") this.#schedule(delay);
      return;
    }
    this.#flight = undefined;
    this.#names = new WeakMap();
    if (error.code === PAUSED) {
      // Drafts go on: only submitting waits.
      this.touch();
      this.#tell(PAUSED, { message: error.message });
      return;
    }
    if (error.code === ENDED) {
      this.#ended(error);
      return;
    }
    if (error.kind === "conflict" || error.kind === "missing") this.#block = error.code || error.kind;
    this.#tell(error.kind === "invalid" ? "refused" : (error.code || error.kind), { message: error.message, findings: error.findings });
  }

  /** The read ended before it was submitted: what was kept there need not wait here. */
  #ended({ message, isKept }) {
    this.#block = ENDED;
    if (isKept) this.discard();
    this.#tell(ENDED, { message, isKept: isKept || this.isSaved });
  }

  async #lease(isTakingOver = false) {
    clearTimeout(this.#timers.lease);
    try {
      const body = { window: this.#window.name, is_taking_over: isTakingOver };
      const answer = await call("POST", `/tasks/${this.#task.task}/lease`, body);
      this.#timers.lease = setTimeout(() => this.#renew(), (answer.lease_seconds * 1000) / 3);
      return answer;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.kind === "offline" || error.kind === "server") this.#timers.lease = setTimeout(() => this.#renew(), RETRY_MS[3]);
      if (error.code === ENDED) {
        if (this.isSaved) this.#ended(error);
        else this.save();
      } else if (error.kind === "conflict" || error.kind === "missing") {
        this.#block = error.code || error.kind;
        this.#tell(this.#block, { message: error.message });
      }
      return undefined;
    }
  }

  #renew() {
    // A window that nobody looks at lets its lease run out.
    if (!this.#block && !document.hidden) this.#lease();
    else this.#timers.lease = setTimeout(() => this.#renew(), RETRY_MS[4]);
  }

  /** Push the other window aside. Resolves to true when nothing was saved there since; otherwise load the page again. */
  async takeOver() {
    this.#block = "";
    const answer = await this.#lease(true);
    if (!answer) return false;
    const isSame = answer.revision === this.#base;
    if (isSame) this.#tell(this.isSaved ? "saved" : "unsaved", {});
    if (isSame) this.#schedule();
    return isSame;
  }

  /** After another window has saved: keep what is here, on top of what was saved there. */
  async keepMine(revision) {
    this.#base = revision;
    this.#block = "";
    this.#flight = undefined;
    this.#version += 1;
    await this.#lease(true);
    return this.save();
  }

  /** Forget what is only here. */
  async discard() {
    this.#saved = this.#version;
    await this.#journal.clear(this.#window.name);
  }

  /** The page goes: what fits is sent without waiting for an answer, all of it stays on this computer. */
  #leave() {
    if (!this.#window || this.#block) return;
    if (!this.isSaved && !this.#flight) this.#flight = this.#draft("read");
    this.#write();
    const path = `/tasks/${this.#task.task}`;
    const body = this.#flight && this.#body();
    if (body && this.#flight.verb === "read" && JSON.stringify(body).length < MOST_LAST_BYTES) {
      call("PUT", `${path}/read`, body, { isLast: true }).catch(() => {});
    }
    call("DELETE", `${path}/lease/${this.#window.name}`, undefined, { isLast: true }).catch(() => {});
  }

  close() {
    removeEventListener("online", this.onOnline);
    removeEventListener("pagehide", this.onHide);
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
  }
}
