// Evenly spaced images of a series, in reading order; each leads to its place on the reading page.

import { fetchMetadata } from "../reading/dicomweb.js";
import { imagesOf } from "../reading/images.js";
import { CT_PRESETS } from "../reading/windowing.js";

const sheet = document.getElementById("sheet");
const count = document.getElementById("count");
const choice = document.getElementById("window");
const words = document.getElementById("sheet-words");
const { root, viewRoot, study, series } = sheet.dataset;
let images = [];

/** `wanted` places of `total`, the first and the last among them. */
export function evenly(total, wanted) {
  const number = Math.min(total, wanted);
  if (number < 2) return total > 0 ? [Math.floor((total - 1) / 2)] : [];
  return Array.from({ length: number }, (_, index) => Math.round((index * (total - 1)) / (number - 1)));
}

function windowOf(id) {
  return CT_PRESETS.find((preset) => preset.id === id);
}

function pictureUrl(image) {
  const frame = `${root}/studies/${study}/series/${series}/instances/${image.sopInstanceUid}/frames/${image.frameNumber}`;
  const window = windowOf(choice.value);
  return window ? `${frame}/rendered?viewport=256,256&window=${window.center},${window.width},linear` : `${frame}/thumbnail`;
}

function tile(place) {
  const image = images[place];
  const window = windowOf(choice.value);
  const link = document.createElement("a");
  link.href = `${viewRoot}/${study}/${series}/?slice=${place + 1}${window ? `&ww=${window.width}&wl=${window.center}` : ""}`;
  const picture = new Image(256, 256);
  picture.alt = "";
  picture.loading = "lazy";
  picture.decoding = "async";
  // The portal says in its place why a picture of this class did not come.
  picture.className = "rc-thumb-image";
  picture.src = pictureUrl(image);
  const number = document.createElement("span");
  number.textContent = String(place + 1);
  number.setAttribute("aria-label", `Image ${place + 1} of ${images.length}`);
  number.setAttribute("role", "img");
  link.append(picture, number);
  const entry = document.createElement("li");
  entry.append(link);
  return entry;
}

function show() {
  const places = evenly(images.length, count.value === "all" ? images.length : Number(count.value));
  sheet.replaceChildren(...places.map(tile));
  const every = places.length === images.length ? "All" : `${places.length} evenly spaced of`;
  words.textContent = images.length === 1 ? "The only image. Enter opens it." : `${every} ${images.length} images. Arrow keys move from one to the next, Enter opens it.`;
}

function move(event) {
  const links = [...sheet.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  if (at < 0) return;
  const top = links[0].offsetTop;
  const across = Math.max(1, links.filter((link) => link.offsetTop === top).length);
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across, Home: -at, End: links.length - 1 - at }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  links[Math.min(links.length - 1, Math.max(0, at + step))].focus();
}

async function start() {
  try {
    images = imagesOf(await fetchMetadata({ root, study, series }));
    if (images.length === 0) throw new Error("This series holds no pictures.");
    const isHounsfield = images[0].units === "HU";
    choice.append(new Option("as stored", ""), ...(isHounsfield ? CT_PRESETS.map(({ id, name }) => new Option(name, id)) : []));
    show();
    for (const control of [count, choice]) control.addEventListener("change", show);
    sheet.addEventListener("keydown", move);
    sheet.dataset.state = "shown";
  } catch (error) {
    words.textContent = error.message;
    sheet.dataset.state = "failed";
  }
}

start();
