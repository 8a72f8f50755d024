// The page of a whole slide: OpenSeadragon draws the tiles, this says which frame each is and takes the keys.

import { text } from "../reading/dicomjson.js";
import { fetchMetadata, request } from "../reading/dicomweb.js";
import { roundLength } from "../reading/geometry.js";
import { windowOf } from "./grey.js";
import { pyramidOf, tileAt, wordsOf } from "./pyramid.js";

const { OpenSeadragon } = window;
const stage = document.getElementById("slide");
const words = document.getElementById("slide-words");
const { root, study, series } = stage.dataset;
const PAN = 0.15;
let viewer;
let pyramid;
let instances;
const UNDRAWN = "The tiles of this slide cannot be drawn here: nothing on this server decodes them. They are kept as they were sent, and can be downloaded.";
const UNANSWERED = "The server could not send the tiles. Load the page again in a moment; if it goes on, tell the operator.";
const REFUSED = 406;

function storedUrl({ sopInstanceUid, frameNumber }) {
  return `${root}/studies/${study}/series/${series}/instances/${sopInstanceUid}/frames/${frameNumber}`;
}

function tileUrl(tile, window) {
  if (tile.isJpeg) return storedUrl(tile);
  return `${storedUrl(tile)}/rendered${window ? `?window=${window.center},${window.width},linear-exact` : ""}`;
}

/** The pyramid as a source of OpenSeadragon. Tiles at the right and lower edge are whole frames: they are clipped. */
function sourceOf(path, window) {
  const { levels, largest } = pyramid;
  const source = new OpenSeadragon.TileSource({ width: largest.columns, height: largest.rows, minLevel: 0, maxLevel: levels.length - 1, tileWidth: largest.tile.width, tileHeight: largest.tile.height });
  source.getLevelScale = (level) => levels[level].columns / largest.columns;
  source.getNumTiles = (level) => new OpenSeadragon.Point(levels[level].across, levels[level].down);
  source.getTileWidth = (level) => levels[level].tile.width;
  source.getTileHeight = (level) => levels[level].tile.height;
  source.tileExists = (level, x, y) => level in levels && x >= 0 && y >= 0 && x < levels[level].across && y < levels[level].down && tileAt(levels[level], path, x, y) !== undefined;
  source.getTileUrl = (level, x, y) => tileUrl(tileAt(levels[level], path, x, y), window);
  source.getTileAjaxHeaders = (level, x, y) => ({ Accept: tileAt(levels[level], path, x, y).isJpeg ? "image/jpeg" : "image/jpeg, image/png" });
  source.getTileBounds = (level, x, y, isSource) => {
    const { tile, columns } = levels[level];
    if (isSource) return new OpenSeadragon.Rect(0, 0, tile.width, tile.height);
    return new OpenSeadragon.Rect((x * tile.width) / columns, (y * tile.height) / columns, tile.width / columns, tile.height / columns);
  };
  return source;
}

async function open(path) {
  const { largest, levels } = pyramid;
  const window = await windowOf(instances, levels[0], path, storedUrl);
  viewer.world.removeAll();
  viewer.addTiledImage({
    tileSource: sourceOf(path, window),
    clip: new OpenSeadragon.Rect(0, 0, largest.columns, largest.rows),
    success: () => viewer.viewport.goHome(true),
  });
}

function showScale() {
  const bar = document.getElementById("scale");
  const { largest } = pyramid;
  const zoom = viewer.world.getItemCount() > 0 ? viewer.world.getItemAt(0).viewportToImageZoom(viewer.viewport.getZoom(true)) : 0;
  if (!(zoom > 0)) return;
  stage.dataset.zoom = zoom.toPrecision(3);
  if (!largest.spacing) return;
  const pixelsPerMm = zoom / largest.spacing;
  const length = roundLength(140 / pixelsPerMm);
  bar.style.width = `${length * pixelsPerMm}px`;
  bar.textContent = length >= 1 ? `${length} mm` : `${Math.round(length * 1000)} µm`;
}

const actions = {
  zoomIn: () => viewer.viewport.zoomBy(1.5),
  zoomOut: () => viewer.viewport.zoomBy(1 / 1.5),
  home: () => viewer.viewport.goHome(),
  full: () => viewer.viewport.zoomTo(viewer.world.getItemAt(0).imageToViewportZoom(1)),
};
const KEYS = { "+": "zoomIn", "=": "zoomIn", "-": "zoomOut", 0: "home", Home: "home", 1: "full" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { width } = viewer.viewport.getBounds();
  if (event.key in ARROWS) {
    const [x, y] = ARROWS[event.key];
    viewer.viewport.panBy(new OpenSeadragon.Point(x * PAN * width, y * PAN * width));
  } else if (event.key in KEYS) actions[KEYS[event.key]]();
  else return;
  viewer.viewport.applyConstraints();
  event.preventDefault();
}

function offerPaths() {
  if (pyramid.paths.length < 2) return;
  const select = document.getElementById("paths");
  select.append(...pyramid.paths.map(({ id, name }) => new Option(name, id)));
  document.getElementById("paths-label").hidden = false;
  select.addEventListener("change", () => open(select.value).catch(fail));
}

/** OpenSeadragon adds a style sheet in the page, which this site's policy forbids; it leaves it where it finds this name. */
function standInForStyles() {
  const mark = document.createElementNS("urn:radcommons:none", "style");
  mark.setAttribute("data-openseadragon-mobile-css", "");
  document.head.append(mark);
}

function begin() {
  standInForStyles();
  viewer = OpenSeadragon({
    element: stage,
    drawer: "canvas",
    showNavigationControl: false,
    keyboardNavEnabled: false,
    loadTilesWithAjax: true,
    ajaxWithCredentials: false,
    crossOriginPolicy: false,
    animationTime: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 0.5,
    maxZoomPixelRatio: 4,
    minZoomImageRatio: 0.7,
    visibilityRatio: 0.4,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    imageLoaderLimit: 4,
  });
  viewer.addHandler("tile-loaded", () => {
    stage.dataset.tiles = String(Number(stage.dataset.tiles ?? 0) + 1);
    // A tile that failed before the first one came does not speak for the slide.
    if (stage.dataset.state === "failed") words.textContent = wordsOf(pyramid);
    stage.dataset.state = "shown";
    stage.setAttribute("aria-busy", "false");
  });
  viewer.addHandler("tile-load-failed", ({ tileRequest }) => {
    if (stage.dataset.state === "shown") return;
    stage.dataset.state = "failed";
    words.textContent = tileRequest?.status === REFUSED ? UNDRAWN : UNANSWERED;
    stage.setAttribute("aria-busy", "false");
  });
  viewer.addHandler("update-viewport", showScale);
  // The viewer's own canvas is one more stop on the way through the page; the stage takes the keys.
  for (const inner of stage.querySelectorAll("[tabindex]")) inner.tabIndex = -1;
  stage.addEventListener("keydown", onKey);
  for (const button of document.querySelectorAll("[data-slide]")) button.addEventListener("click", () => actions[button.dataset.slide]());
}

/** Metadata does not say how frames are encoded, a search does. Without it every tile is rendered by the server. */
async function withSyntaxes(found) {
  const response = await request(`${root}/studies/${study}/series/${series}/instances`, "application/dicom+json").catch(() => undefined);
  const listed = response?.status === 200 ? await response.json() : [];
  const syntaxes = new Map(listed.map((one) => [text(one, "00080018"), one["00083002"]]));
  return found.map((instance) => ({ ...instance, "00083002": syntaxes.get(text(instance, "00080018")) ?? instance["00083002"] }));
}

function fail(error) {
  words.textContent = error.message;
  stage.dataset.state = "failed";
  stage.setAttribute("aria-busy", "false");
}

async function start() {
  try {
    instances = await withSyntaxes(await fetchMetadata({ root, study, series }));
    pyramid = pyramidOf(instances);
    if (pyramid.levels.length === 0) throw new Error("This series holds no picture of the tissue: only labels or overviews, which are not shown.");
    begin();
    offerPaths();
    words.textContent = wordsOf(pyramid);
    await open(pyramid.paths[0]?.id ?? "");
  } catch (error) {
    fail(error);
  }
}

start();
