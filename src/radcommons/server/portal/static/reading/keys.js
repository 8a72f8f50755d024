// The keyboard. The same table drives the keys and the help, so that neither can forget the other.

import { listenToSpace, spaceBar } from "./space.js";

export const KEYS = [
  { keys: ["ArrowDown", "PageDown"], shown: "↓ or Page Down", does: "next slice", run: (actions) => actions.step(1) },
  { keys: ["ArrowUp", "PageUp"], shown: "↑ or Page Up", does: "previous slice", run: (actions) => actions.step(-1) },
  { keys: ["ArrowRight"], shown: "→", does: "ten slices forward", run: (actions) => actions.step(10) },
  { keys: ["ArrowLeft"], shown: "←", does: "ten slices back", run: (actions) => actions.step(-10) },
  { keys: ["Home"], shown: "Home", does: "first slice", run: (actions) => actions.step(-Infinity) },
  { keys: ["End"], shown: "End", does: "last slice", run: (actions) => actions.step(Infinity) },
  { keys: ["c"], shown: "Space or C", does: "play or stop", run: (actions) => actions.toggleCine() },
  { keys: ["1"], shown: "1", does: "lung window", run: (actions) => actions.preset("lung") },
  { keys: ["2"], shown: "2", does: "mediastinum window", run: (actions) => actions.preset("mediastinum") },
  { keys: ["3"], shown: "3", does: "bone window", run: (actions) => actions.preset("bone") },
  { keys: ["4"], shown: "4", does: "soft tissue window", run: (actions) => actions.preset("soft-tissue") },
  { keys: ["5"], shown: "5", does: "automatic window", run: (actions) => actions.preset("auto") },
  { keys: ["0"], shown: "0", does: "window as stored", run: (actions) => actions.preset("stored") },
  { keys: ["["], shown: "[", does: "narrower window", run: (actions) => actions.adjustWindow(0, 1 / 1.1) },
  { keys: ["]"], shown: "]", does: "wider window", run: (actions) => actions.adjustWindow(0, 1.1) },
  { keys: [","], shown: ",", does: "lower level", run: (actions) => actions.adjustWindow(-0.05, 1) },
  { keys: ["."], shown: ".", does: "higher level", run: (actions) => actions.adjustWindow(0.05, 1) },
  { keys: ["+", "="], shown: "+", does: "zoom in", run: (actions) => actions.zoom(1.25) },
  { keys: ["-"], shown: "−", does: "zoom out", run: (actions) => actions.zoom(0.8) },
  { keys: ["i"], shown: "I", does: "invert", run: (actions) => actions.invert() },
  { keys: ["r"], shown: "R", does: "reset window, zoom and position", run: (actions) => actions.reset() },
  { keys: ["w"], shown: "W", does: "window tool", run: (actions) => actions.tool("window") },
  { keys: ["s"], shown: "S", does: "scroll tool", run: (actions) => actions.tool("scroll") },
  { keys: ["z"], shown: "Z", does: "zoom tool", run: (actions) => actions.tool("zoom") },
  { keys: ["p"], shown: "P", does: "pan tool", run: (actions) => actions.tool("pan") },
  { keys: ["m"], shown: "M", does: "measure tool: drag, or arrows and Enter", run: (actions) => actions.tool("measure") },
  { keys: ["Delete", "Backspace"], shown: "Delete", does: "remove the last length", run: (actions) => actions.removeLength() },
  { keys: ["v"], shown: "V", does: "segments or contours on or off", run: (actions) => actions.toggleOverlay?.() },
  { keys: ["n"], shown: "N", does: "next slice with segments or contours", run: (actions) => actions.nextOverlaid?.() },
  { keys: ["?"], shown: "?", does: "this help", run: (actions) => actions.help() },
];

const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const PAN_STEP = 40;

function belongsToControl(event) {
  const control = event.target.closest("button, input, select, a, dialog");
  if (!control) return false;
  if (control.matches("dialog, select") || control.closest("dialog")) return true;
  if (control.matches("input")) return event.key.startsWith("Arrow") || ["Home", "End", "PageUp", "PageDown"].includes(event.key);
  return event.key === " " || event.key === "Enter";
}

function arrow(event, view, actions) {
  const [x, y] = ARROWS[event.key];
  if (view.tool === "measure") actions.moveCursor(x * (event.shiftKey ? 10 : 1), y * (event.shiftKey ? 10 : 1));
  else if (event.shiftKey || view.tool === "pan") actions.pan(-x * PAN_STEP, -y * PAN_STEP);
  else return false;
  return true;
}

export function listenToKeys(view, actions) {
  listenToSpace(() => actions.toggleCine());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || belongsToControl(event)) return;
    let isDone = event.key in ARROWS && arrow(event, view, actions);
    if (!isDone && event.key === "Enter" && view.tool === "measure") isDone = actions.placePoint();
    if (!isDone && event.key === "Escape") isDone = actions.cancel();
    if (event.key === " ") {
      spaceBar.press();
      isDone = true;
    }
    if (!isDone) {
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const entry = KEYS.find(({ keys }) => keys.includes(key));
      entry?.run(actions);
      isDone = entry !== undefined;
    }
    if (isDone) event.preventDefault();
  });
}

/** Fill the help dialog's table. */
export function listKeys(body) {
  for (const { shown, does } of KEYS) {
    const row = body.insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    const key = document.createElement("kbd");
    key.textContent = shown;
    head.append(key);
    row.append(head);
    row.insertCell().textContent = does;
  }
}
