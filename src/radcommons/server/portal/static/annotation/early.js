// Asks for the images of the case as soon as the page names it: this and what it needs is here long before the rest of the page.

import { readAhead } from "./stack.js";

const task = JSON.parse(document.getElementById("task").textContent);
const ready = readAhead(task);
// Whoever shows the images tells of a failure.
ready.catch(() => {});

export const early = { task, ready };
