// The page of a waveform: fetches the samples, draws the curves, says in words and numbers what is drawn.

import { firstPart, request } from "../reading/dicomweb.js";
import { values } from "../reading/dicomjson.js";
import { draw, quarters } from "./curves.js";
import { annotationsOf, groupOf, withValues } from "./samples.js";

const place = document.getElementById("curves");
const controls = ["speed", "gain", "layout", "size"].map((id) => document.getElementById(id));
let groups = [];

function element(name, words = "", className = "") {
  const made = document.createElement(name);
  if (words) made.textContent = words;
  if (className) made.className = className;
  return made;
}

async function load(group) {
  if (group.problem) return group;
  if (group.inline) return withValues(group, group.inline);
  if (!group.uri) return { ...group, problem: "it holds no samples" };
  // The address is this server's, under whatever name the browser reached it.
  const { pathname } = new URL(group.uri, location.href);
  const response = await request(pathname, 'multipart/related; type="application/octet-stream"');
  return withValues(group, (await firstPart(response)).bytes);
}

function table(group) {
  const shown = element("details");
  shown.append(element("summary", "The curves in numbers"));
  const made = element("table", "", "rc-table");
  made.append(element("caption", "Lowest and highest value of each curve"));
  const head = made.createTHead().insertRow();
  for (const words of ["Curve", "Unit", "Lowest", "Highest"]) {
    const cell = element("th", words);
    cell.scope = "col";
    head.append(cell);
  }
  const body = made.createTBody();
  for (const channel of group.channels) {
    const row = body.insertRow();
    const name = element("th", channel.name);
    name.scope = "row";
    row.append(name);
    for (const words of [channel.unitName || channel.unit || "not stated", channel.low.toPrecision(4), channel.high.toPrecision(4)]) {
      row.insertCell().textContent = words;
    }
  }
  const scroll = element("div", "", "rc-scroll");
  scroll.append(made);
  shown.append(scroll);
  return shown;
}

function show() {
  const [speed, gain, layout, size] = controls.map((control) => control.value);
  const shown = groups.map((group, index) => {
    const section = element("section");
    const title = group.label || (groups.length > 1 ? `Group ${index + 1}` : "Curves");
    section.append(element("h2", title));
    if (group.problem) {
      section.append(element("p", `These curves are not drawn: ${group.problem}.`));
      return section;
    }
    section.append(element("p", `${group.channels.length} curves, ${group.seconds.toFixed(1)} s at ${group.rate} samples per second.`, "rc-quiet"));
    const frame = element("div", "", "rv-curves");
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", `${title}: scroll sideways for later seconds`);
    frame.append(draw(group, { speed: Number(speed), gain: Number(gain), size: Number(size), layout, id: `paper-${index}` }));
    section.append(frame, table(group));
    return section;
  });
  place.replaceChildren(...shown);
}

function listAnnotations(dataset) {
  const found = annotationsOf(dataset);
  if (found.length === 0) return;
  const list = element("ul");
  list.append(...found.map((words) => element("li", words)));
  place.after(element("h2", "Written beside the curves"), list);
}

async function start() {
  try {
    const response = await request(`${place.dataset.metadata}/metadata`, "application/dicom+json");
    const [dataset] = await response.json();
    groups = await Promise.all(values(dataset, "54000100").map(groupOf).map(load));
    if (groups.length === 0) throw new Error("The object holds no curves.");
    const isTwelve = groups.some((group) => !group.problem && quarters(group, 10));
    document.querySelector("#layout option[value='4x3']").disabled = !isTwelve;
    show();
    listAnnotations(dataset);
    for (const control of controls) control.addEventListener("change", show);
    place.dataset.state = "shown";
  } catch (error) {
    place.replaceChildren(element("p", error.message));
    place.dataset.state = "failed";
  }
  place.setAttribute("aria-busy", "false");
}

start();
