// The reading page: opens one case after the other, says how it is kept, and asks when two windows disagree.

import { call, wordsOf } from "./api.js";
import { Case } from "./case.js";
import { ActiveClock } from "./clock.js";
import { Desk } from "./desk.js";
import { early } from "./early.js";
import { listKeys, listenToKeys } from "./keys.js";
import { plainText, readingOf } from "./reading.js";
import { readAhead } from "./stack.js";

const AHEAD_MS = 1500;
const SAVE_WORDS = {
  saved: "Saved",
  unsaved: "Saving…",
  saving: "Saving…",
  offline: "No connection. Everything is kept on this computer and sent later.",
  server: "The server does not answer. Everything is kept on this computer and sent later.",
  "signed-out": "Signed out. Sign in again in another tab: nothing is lost.",
};
const byId = (id) => document.getElementById(id);

class Page {
  byId = byId;
  clock = new ActiveClock(0);
  case = undefined;
  #ahead = undefined;
  #live = 0;
  #isSubmitting = false;

  constructor() {
    this.desk = new Desk(byId("panes"), byId("pane-template"), (words) => this.say(words), {
      moved: () => this.#moved(),
      shown: () => this.#shown(),
    });
    listKeys(byId("help-keys"));
    listenToKeys(new Proxy({}, { get: (_, verb) => (...values) => this.case?.isReady && this.case[verb](...values) }));
    this.#wire();
  }

  #wire() {
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-verb]");
      if (button && this.case?.isReady) this.case[button.dataset.verb](...(button.dataset.value ? [button.dataset.value] : []));
    });
    for (const button of document.querySelectorAll("button[data-tool]")) {
      button.addEventListener("click", () => this.case?.isReady && this.case.tool(button.dataset.tool));
    }
    byId("cut").addEventListener("click", () => this.case.toggleCutting());
    byId("help-button").addEventListener("click", () => this.help());
    byId("submit").addEventListener("click", () => this.submit());
    byId("nothing").addEventListener("change", (event) => this.case.panel.setNothing(event.target.checked));
    byId("note").addEventListener("input", (event) => this.case.panel.setNote(plainText(event.target.value)));
    for (const box of document.querySelectorAll("[data-flag]")) {
      box.addEventListener("change", () => this.case.panel.setFlag(box.dataset.flag, box.checked));
    }
    for (const id of ["radius", "low", "high"]) {
      byId(id).addEventListener("input", (event) => this.#setBrush(id, event.target.valueAsNumber));
    }
    byId("range").addEventListener("change", (event) => {
      const [low, high] = event.target.value.split("/").map(Number);
      this.case.bench.set("brush", { ...this.case.bench.brush, low, high });
    });
    byId("theme").addEventListener("click", () => toggleTheme());
  }

  #setBrush(name, value) {
    const { bench } = this.case;
    if (Number.isFinite(value)) bench.set("brush", { ...bench.brush, [name]: name === "radius" ? Math.max(0.5, value) : value });
  }

  say(words) {
    clearTimeout(this.#live);
    byId("hint").textContent = words;
    this.#live = setTimeout(() => (byId("live").textContent = words), 100);
  }

  #moved() {
    if (this.#ahead?.of === this.case?.task.task) this.#ahead?.ready?.frames.rest();
    if (this.case?.isReady) this.case.panel.moved();
  }

  #shown() {
    if (performance.getEntriesByName("first-image").length === 0) performance.mark("first-image");
  }

  async open(task, ready = undefined) {
    this.case?.close();
    const opened = new Case(this, task);
    this.case = opened;
    byId("project").textContent = task.project.title;
    byId("case-words").textContent = caseWords(task);
    document.title = `${caseWords(task)} · ${task.project.title}`;
    byId("instructions").textContent = task.project.instructions;
    byId("instructions-part").hidden = !task.project.instructions;
    byId("ohif").href = `/viewer/s/tasks/${task.task}/reading?StudyInstanceUIDs=${task.study_instance_uid}`;
    byId("feedback").hidden = true;
    byId("hint").textContent = "";
    document.querySelector(".an-scroll").scrollTop = 0;
    this.#banner(task.return_reason ? `This read came back to you: ${task.return_reason}` : "");
    this.#state("saved");
    this.#showSubmit(task);
    await opened.open(ready);
    document.querySelector("[data-tool=scroll]").disabled = this.desk.panes.every(({ images }) => images.length === 1);
    if (task.feedback) this.#showFeedback(task.feedback, undefined);
    document.body.dataset.state = "ready";
    setTimeout(() => this.#readAhead(opened), AHEAD_MS);
  }

  #showSubmit(task) {
    const button = byId("submit");
    byId("submit-words").textContent = this.case.isWritable ? "Submit and next" : task.may_reopen ? "Read this case again" : "Next case";
    button.hidden = !this.case.isWritable && !task.may_reopen && task.state !== "submitted";
    if (!this.case.isWritable) this.#banner(task.state === "locked" ? "This case is closed; your read is shown as you submitted it." : "You have submitted this read.");
  }

  async #readAhead(current) {
    // What is looked at comes first.
    if (current !== this.case || this.#ahead?.of === current.task.task) return;
    if (!this.desk.panes.every((pane) => pane.isLoaded)) {
      setTimeout(() => this.#readAhead(current), AHEAD_MS);
      return;
    }
    this.#ahead = { of: current.task.task };
    try {
      const { next_task: next } = await call("GET", `/projects/${current.task.project.slug}/next?after=${current.task.task}`);
      if (!next || next === current.task.task) return;
      const task = await call("GET", `/tasks/${next}`);
      this.#ahead = { of: current.task.task, next, task, ready: await readAhead(task) };
      document.body.dataset.ahead = next;
    } catch {
      // Reading ahead is a courtesy; the case is loaded when its turn comes.
    }
  }

  async submit() {
    const { case: current } = this;
    if (this.#isSubmitting || !current?.isReady) return;
    if (!current.isWritable) {
      await this.#again(current);
      return;
    }
    if (byId("submit").dataset.next !== undefined) {
      await this.#next(byId("submit").dataset.next);
      return;
    }
    if (!current.panel.check() || current.saver.isBlocked) return;
    this.#isSubmitting = true;
    const answer = await current.saver.submit().finally(() => (this.#isSubmitting = false));
    if (!answer) return;
    if (answer.feedback) this.#showFeedback(answer.feedback, answer.next_task ?? "");
    else await this.#next(answer.next_task);
  }

  async #again(current) {
    if (!current.task.may_reopen) {
      await this.#next((await call("GET", `/projects/${current.task.project.slug}/next`)).next_task);
      return;
    }
    await call("POST", `/tasks/${current.task.task}/reopen`, { window: "reopening" });
    await call("DELETE", `/tasks/${current.task.task}/lease/reopening`);
    await this.open(await call("GET", `/tasks/${current.task.task}`));
  }

  async #next(key) {
    delete byId("submit").dataset.next;
    if (!key) {
      location.assign(document.body.dataset.worklist);
      return;
    }
    const ahead = this.#ahead?.next === key ? this.#ahead : undefined;
    if (this.#ahead?.ready && !ahead) this.#ahead.ready.frames.close();
    document.body.dataset.state = "opening";
    try {
      const task = ahead ? ahead.task : await call("GET", `/tasks/${key}`);
      history.pushState(null, "", document.body.dataset.taskUrl.replace("TASK", key));
      await this.open(task, ahead?.ready);
      this.desk.focus();
    } catch (error) {
      this.#banner(`The next case could not be opened: ${error.message}`);
    }
  }

  #showFeedback(feedback, next) {
    this.case.showFeedback(feedback);
    const rows = feedbackRows(this.case.schema, this.case.bench.reading, feedback.items);
    byId("feedback-rows").replaceChildren(...rows);
    byId("feedback").hidden = false;
    byId("submit").hidden = next === undefined;
    byId("submit-words").textContent = next ? "Next case" : "Back to the list";
    if (next !== undefined) byId("submit").dataset.next = next;
    byId("feedback").scrollIntoView({ block: "nearest" });
    byId("feedback-title").focus();
  }

  help() {
    byId("help").showModal();
  }

  #banner(words) {
    byId("banner-words").textContent = words;
    byId("banner").hidden = words === "";
  }

  #state(state, words = SAVE_WORDS[state]) {
    byId("saved").dataset.state = state;
    byId("saved-words").textContent = words;
  }

  /** What the saver tells. */
  told(state, facts) {
    if (SAVE_WORDS[state]) {
      const isLost = facts.isKept === false;
      this.#state(state, isLost ? "No connection, and this browser keeps nothing. Leave the window open." : SAVE_WORDS[state]);
      return;
    }
    if (state === "refused") {
      this.#state("refused", "Not saved");
      this.#banner([facts.message, ...(facts.findings ?? []).map(({ message }) => message)].join(" "));
      return;
    }
    if (state === "annotation.project-paused") {
      this.#banner(facts.message);
      return;
    }
    const ask = { "annotation.lease-held": "held", "annotation.revision-conflict": "conflict", diverged: "conflict" }[state];
    const isEnded = state === "annotation.read-ended";
    this.#state("blocked", isEnded && facts.isKept ? "Kept, not submitted" : "Not saved here");
    this.case.bench.isLocked = true;
    this.case.panel?.show();
    if (ask) this.#ask(ask, facts);
    else if (isEnded) this.#banner(`${facts.message} ${facts.isKept ? "Go back to your list." : "What you drew stays on this computer."}`);
    else this.#banner(`${facts.message ?? "This read cannot be changed now."} What you drew stays on this computer.`);
  }

  #ask(kind, facts) {
    const dialog = byId(kind);
    dialog.returnValue = "";
    dialog.showModal();
    dialog.addEventListener("close", () => this.#answered(kind, dialog.returnValue, facts), { once: true });
  }

  async #answered(kind, choice, { restored }) {
    const { case: current } = this;
    const unlock = () => {
      current.bench.isLocked = false;
      current.panel.show();
    };
    if (choice === "take") {
      if (await current.saver.takeOver()) unlock();
      else location.reload();
    } else if (choice === "theirs") {
      await current.saver.discard();
      location.reload();
    } else if (choice === "mine") {
      const { read } = await call("GET", `/tasks/${current.task.task}`);
      if (restored) current.bench.replace(restored.reading);
      unlock();
      await current.saver.keepMine(read?.revision ?? 0);
    } else this.#banner(kind === "held" ? "This case is open in another window of yours. Here it can only be looked at." : "Two windows disagree. Reload the page to choose.");
  }
}

function caseWords(task) {
  if (task.is_training) return "Training case";
  return task.of ? `Case ${task.number} of ${task.of}` : "Case";
}

function toggleTheme() {
  const root = document.documentElement;
  const theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
  root.dataset.bsTheme = theme;
  localStorage.setItem("radcommons-theme", theme);
}

/** A training case: what the reader said beside the answer, label by label. */
function feedbackRows(schema, reading, reference) {
  const words = (items, label) => {
    const own = items.filter((item) => item.label_id === label.id);
    if (own.length === 0) return label.scope === "region" ? "none drawn" : "no answer";
    if (label.scope === "region") return `${own.length} drawn`;
    const name = (value) => (value === true ? "Yes" : (label.value.choices.find(({ id }) => id === value)?.name ?? String(value)));
    return own.flatMap(({ value }) => [value].flat().map(name)).join(", ");
  };
  return schema.labels.flatMap((label) => {
    const [mine, right] = [words(readingOf({ ...reading, items: reading.items, is_nothing_found: false, flags: [], note: "" }).items, label), words(reference, label)];
    if (mine === right && ["no answer", "none drawn"].includes(mine)) return [];
    const row = document.createElement("tr");
    row.className = mine === right ? "is-same" : "is-other";
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = label.title;
    row.append(head);
    for (const text of [mine, right, mine === right ? "✓ same" : "≠ differs"]) row.insertCell().textContent = text;
    return [row];
  });
}

const page = new Page();
page.open(early.task, early.ready).catch((error) => {
  document.body.dataset.state = "failed";
  byId("banner-words").textContent = wordsOf(error);
  byId("banner").hidden = false;
});
addEventListener("popstate", () => location.reload());
