// The keyboard. One table drives the keys, the help and the titles of the buttons, so that none can forget the others.

import { listenToSpace, spaceBar } from "../reading/space.js";

export const KEYS = [
  { group: "Slices", keys: ["PageDown"], shown: "Page Down, ↓", does: "next slice", run: (page) => page.step(1) },
  { group: "Slices", keys: ["PageUp"], shown: "Page Up, ↑", does: "previous slice", run: (page) => page.step(-1) },
  { group: "Slices", keys: ["Home"], shown: "Home", does: "first slice", run: (page) => page.step(-Infinity) },
  { group: "Slices", keys: ["End"], shown: "End", does: "last slice", run: (page) => page.step(Infinity) },
  { group: "Slices", shown: "Space", does: "play or stop; held while dragging: move the image" },
  { group: "Slices", keys: ["`"], shown: "`", does: "other pane", run: (page) => page.otherPane() },
  { group: "Look", shown: "Shift + 1 … 9", does: "window presets" },
  { group: "Look", keys: ["w"], shown: "W", does: "drag to change the window", run: (page) => page.tool("window") },
  { group: "Look", keys: ["s"], shown: "S", does: "drag to leaf through the slices", run: (page) => page.tool("scroll") },
  { group: "Look", keys: ["z"], shown: "Z", does: "drag to zoom", run: (page) => page.tool("zoom") },
  { group: "Look", keys: ["p"], shown: "P", does: "drag to move the image", run: (page) => page.tool("pan") },
  { group: "Look", keys: ["r"], shown: "R", does: "ruler, not kept; Delete takes the last one away", run: (page) => page.tool("ruler") },
  { group: "Look", keys: ["+", "="], shown: "+", does: "zoom in", run: (page) => page.zoom(1.25) },
  { group: "Look", keys: ["-"], shown: "−", does: "zoom out", run: (page) => page.zoom(0.8) },
  { group: "Look", keys: ["i"], shown: "I", does: "invert grey", run: (page) => page.invert() },
  { group: "Look", keys: ["0"], shown: "0", does: "reset window, zoom and position", run: (page) => page.resetView() },
  { group: "Look", keys: ["h"], shown: "H", does: "hide or show what is drawn", run: (page) => page.toggleHidden() },
  { group: "Draw", shown: "1 … 9", does: "pick a label and its tool" },
  { group: "Draw", keys: ["d"], shown: "D", does: "draw with the picked label", run: (page) => page.tool("draw") },
  { group: "Draw", keys: ["e"], shown: "E", does: "eraser (masks)", run: (page) => page.tool("erase") },
  { group: "Draw", keys: ["t"], shown: "T", does: "threshold brush (masks)", run: (page) => page.tool("threshold") },
  { group: "Draw", keys: ["v"], shown: "V", does: "select and edit", run: (page) => page.tool("select") },
  { group: "Draw", shown: "Arrows", does: "move the point, the vertex or the shape; with Shift ten times as far" },
  { group: "Draw", shown: "Enter", does: "set a point; twice at one place closes the outline; pen down or up for masks" },
  { group: "Draw", keys: ["["], shown: "[", does: "smaller brush; previous vertex", run: (page) => page.bracket(-1) },
  { group: "Draw", keys: ["]"], shown: "]", does: "larger brush; next vertex", run: (page) => page.bracket(1) },
  { group: "Draw", keys: ["a", "Insert"], shown: "A", does: "add a vertex after the chosen one", run: (page) => page.addVertex() },
  { group: "Draw", keys: ["Backspace"], shown: "Backspace", does: "take back the last point, or the chosen vertex", run: (page) => page.backspace() },
  { group: "Draw", keys: ["Delete"], shown: "Delete", does: "remove the picked drawing; with Shift the whole finding", run: (page, event) => page.remove(event.shiftKey) },
  { group: "Draw", keys: ["n"], shown: "N", does: "begin a new finding", run: (page) => page.startNew() },
  { group: "Draw", keys: ["o"], shown: "O", does: "cut a hole into the picked finding, on or off", run: (page) => page.toggleCutting() },
  { group: "Draw", keys: ["c"], shown: "C", does: "copy to the next slice; with Shift to the previous one", run: (page, event) => page.copy(event.shiftKey ? -1 : 1) },
  { group: "Draw", keys: ["u"], shown: "U", does: "fill the slices between two drawings", run: (page) => page.interpolate() },
  { group: "Draw", keys: ["j"], shown: "J", does: "next finding", run: (page) => page.stepFinding(1) },
  { group: "Draw", keys: ["k"], shown: "K", does: "previous finding", run: (page) => page.stepFinding(-1) },
  { group: "Answer", keys: ["q"], shown: "Q", does: "next question; with Shift the previous one", run: (page, event) => page.question(event.shiftKey ? -1 : 1) },
  { group: "Answer", shown: "1 … 9, A …", does: "choose that answer of the question in focus" },
  { group: "Answer", keys: ["f"], shown: "F", does: "nothing found, on or off", run: (page) => page.toggleNothing() },
  { group: "Answer", keys: ["y"], shown: "Y", does: "accept the proposed finding", run: (page) => page.verdict("accept") },
  { group: "Answer", keys: ["x"], shown: "X", does: "reject the proposed finding", run: (page) => page.verdict("reject") },
  { group: "Answer", keys: ["m"], shown: "M", does: "note on the case", run: (page) => page.note() },
  { group: "Answer", shown: "Escape", does: "back to the image; cancel what is being drawn" },
  { group: "All", shown: "Ctrl + Z", does: "undo; with Shift redo" },
  { group: "All", shown: "Ctrl + S", does: "save now" },
  { group: "All", shown: "Ctrl + Enter", does: "submit and go to the next case" },
  { group: "All", keys: ["?"], shown: "?", does: "this list", run: (page) => page.help() },
];

const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

function isTyping(target) {
  return target.matches("textarea, select, input:not([type=checkbox]):not([type=radio]):not([type=range])");
}

function isButton(target) {
  return target.closest("button, a, summary") !== null;
}

/** Chords work everywhere, also while typing. */
function chord(page, event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return false;
  const key = event.key.toLowerCase();
  if (key === "enter") page.submit();
  else if (key === "s") page.save();
  else if (isTyping(event.target)) return false;
  else if (key === "z") event.shiftKey ? page.redo() : page.undo();
  else if (key === "y") page.redo();
  else return false;
  return true;
}

function digitOf(event) {
  return /^(?:Digit|Numpad)([0-9])$/.exec(event.code)?.[1];
}

function press(page, event) {
  const { target } = event;
  if (event.key === "Escape") return page.escape();
  if (isTyping(target)) return false;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const isAnswering = target.closest("[data-question]") !== null;
  if (isAnswering && !event.shiftKey && (page.answerKey(key) || digitOf(event))) return true;
  // Radio buttons and sliders move by arrows and Space by themselves.
  if (target.matches("input") && (key in ARROWS || [" ", "Home", "End", "PageUp", "PageDown"].includes(key))) return false;
  if (isButton(target) && (key === " " || key === "Enter")) return false;
  if (key === " ") {
    spaceBar.press();
    return true;
  }
  if (key in ARROWS) return page.arrow(...ARROWS[key], event.shiftKey);
  if (key === "Enter") return page.enter();
  const digit = digitOf(event);
  if (digit && digit !== "0") return event.shiftKey ? page.preset(Number(digit) - 1) : page.label(digit);
  const entry = KEYS.find(({ keys }) => keys?.includes(key));
  if (!entry?.run) return false;
  entry.run(page, event);
  return true;
}

export function listenToKeys(page) {
  listenToSpace(() => page.cine());
  document.addEventListener("keydown", (event) => {
    if (!(event.target instanceof Element) || document.querySelector("dialog[open]") || event.isComposing || event.altKey) return;
    if (chord(page, event)) event.preventDefault();
    else if (!event.ctrlKey && !event.metaKey && press(page, event)) event.preventDefault();
  });
}

/** Fill the help with the table, group by group, or with some groups of it. */
export function listKeys(root, groups = new Set(KEYS.map((entry) => entry.group))) {
  for (const group of groups) {
    const table = document.createElement("table");
    const caption = table.createCaption();
    caption.textContent = group;
    const body = table.createTBody();
    for (const { shown, does } of KEYS.filter((entry) => entry.group === group)) {
      const row = body.insertRow();
      const head = document.createElement("th");
      head.scope = "row";
      const key = document.createElement("kbd");
      key.textContent = shown;
      head.append(key);
      row.append(head);
      row.insertCell().textContent = does;
    }
    root.append(table);
  }
}
