// A read that ended before it was submitted: what this computer still has of it is sent, to be kept as a late draft.

import { ApiError, call } from "./api.js";
import { Journal, WindowName } from "./journal.js";
import { Schema } from "./schema.js";
import { draftOf } from "./saver.js";

const { task, schema: definition } = JSON.parse(document.getElementById("task").textContent);
const schema = new Schema(definition);
const journal = new Journal(task);

/** Whether the server has an entry now. */
async function isSent({ window, reading, seconds, base }) {
  const number = new WindowName(`radcommons-window:${task}`, window).next();
  const draft = draftOf(reading, schema, {}, seconds ?? 0, new Map());
  try {
    await call("PUT", `/tasks/${task}/read`, { window, client_revision: number, base_revision: base, ...draft });
    return true;
  } catch (error) {
    if (error instanceof ApiError) return error.isKept;
    throw error;
  }
}

const entries = await journal.entries();
const words = [];
for (const entry of entries.reverse()) {
  const isKept = await isSent(entry);
  if (isKept) await journal.clear(entry.window);
  words.push(isKept ? "What this computer still had of it was sent just now and is kept as a late draft." : "This computer still has a draft of it that could not be sent; it stays here.");
}
document.getElementById("kept-here").textContent = [...new Set(words)].join(" ");
document.body.dataset.state = "ready";
