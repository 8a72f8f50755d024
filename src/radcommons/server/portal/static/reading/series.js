// The list of the study's series: a picture and a few words each, and plain links, so that each opens in its own tab too.

import { fetchSeriesList, thumbnailUrl } from "./dicomweb.js";
import { number, text } from "./dicomjson.js";

// Modalities whose objects hold no picture of their own.
const WITHOUT_PICTURES = new Set(["SR", "KO", "PR", "DOC", "RTSTRUCT", "RTPLAN", "RTRECORD", "PLAN", "REG", "RWV", "FID", "ECG", "HD", "AU", "ANN"]);
// Modalities that have pictures and another view than this page's stacks, or lie over one.
const OF_OTHER_VIEWS = new Set(["SEG", "SM"]);

function thumbnailOf(place, uid, figure) {
  const picture = new Image(64, 64);
  picture.alt = "";
  picture.decoding = "async";
  picture.addEventListener("load", () => figure.replaceChildren(picture));
  // A missing picture leaves the modality's letters in its place.
  picture.src = thumbnailUrl(place, uid);
}

function entryOf(dataset, place) {
  const uid = text(dataset, "0020000E");
  const count = number(dataset, "00201209");
  const modality = text(dataset, "00080060");
  const link = document.createElement("a");
  link.href = `${place.viewRoot}/${place.study}/${uid}/`;
  if (uid === place.series) link.setAttribute("aria-current", "page");
  const figure = document.createElement("span");
  figure.className = "thumbnail";
  figure.textContent = modality;
  if (!WITHOUT_PICTURES.has(modality)) thumbnailOf(place, uid, figure);
  const words = document.createElement("span");
  words.className = "words";
  const title = document.createElement("strong");
  title.textContent = text(dataset, "0008103E") || "No description";
  const detail = document.createElement("span");
  detail.textContent = [modality, count === undefined ? "" : `${count} ${count === 1 ? "object" : "objects"}`].filter(Boolean).join(" · ");
  words.append(title, detail);
  link.append(figure, words);
  const entry = document.createElement("li");
  entry.append(link);
  return entry;
}

function sorted(datasets) {
  return [...datasets].sort((a, b) => (number(a, "00200011") ?? 0) - (number(b, "00200011") ?? 0));
}

/** The series of the study in order of their number; `place.series` may still be empty. */
export async function loadSeries(place) {
  return sorted(await fetchSeriesList(place));
}

/** The series to open when the address names none: the one with most objects among those that hold pictures. */
export function firstWithPictures(datasets) {
  const modalityOf = (dataset) => text(dataset, "00080060");
  const pictures = datasets.filter((dataset) => !WITHOUT_PICTURES.has(modalityOf(dataset)) && !OF_OTHER_VIEWS.has(modalityOf(dataset)));
  const candidates = pictures.length > 0 ? pictures : datasets;
  const largest = [...candidates].sort((a, b) => (number(b, "00201209") ?? 0) - (number(a, "00201209") ?? 0))[0];
  return largest ? text(largest, "0020000E") : "";
}

export function showSeries(list, datasets, place) {
  list.replaceChildren(...datasets.map((dataset) => entryOf(dataset, place)));
}
