// From the metadata of a whole-slide series to the levels of a pyramid of tiles (PS3.3 C.8.12.4, C.7.6.17.3). Pure.

import { item, number, numbers, text, values } from "../reading/dicomjson.js";

const TILED_FULL = "TILED_FULL";
const JPEG_BASELINE = "1.2.840.10008.1.2.4.50";
// Label and overview pictures show what is written on the glass.
const SHOWN = new Set(["VOLUME", "THUMBNAIL"]);

export function isShown(instance) {
  const kinds = values(instance, "00080008").map(String);
  return SHOWN.has(kinds[2]) && !kinds.includes("LABEL") && !kinds.includes("OVERVIEW") && text(instance, "00480010") !== "YES";
}

function pathsOf(instance) {
  return values(instance, "00480105").map((path, index) => ({
    id: text(path, "00480106") || String(index + 1),
    name: text(path, "00480107") || text(item(path, "0022001A"), "00080104") || text(path, "00480106") || `Path ${index + 1}`,
  }));
}

function spacingOf(instance) {
  const [row] = numbers(item(item(instance, "52009229"), "00289110"), "00280030");
  if (row > 0) return row;
  const width = number(instance, "00480001");
  const columns = number(instance, "00480006");
  return width > 0 && columns > 0 ? width / columns : undefined;
}

function sparseFrames(instance, tile) {
  const shared = item(instance, "52009229");
  return values(instance, "52009230").map((frame, index) => {
    const position = item(frame, "0048021A") ?? item(shared, "0048021A");
    const path = text(item(frame, "00480207") ?? item(shared, "00480207"), "00480106");
    const column = Math.floor(((number(position, "0048021E") ?? 1) - 1) / tile.width);
    const row = Math.floor(((number(position, "0048021F") ?? 1) - 1) / tile.height);
    return { key: `${path}/${column}/${row}`, frameNumber: index + 1 };
  });
}

/** One instance as tiles: `frameOf(path, column, row)` gives a frame from 1, or undefined where there is no tile. */
function tilesOf(instance) {
  const tile = { width: number(instance, "00280011") ?? 0, height: number(instance, "00280010") ?? 0 };
  const columns = number(instance, "00480006") ?? tile.width;
  const rows = number(instance, "00480007") ?? tile.height;
  const [across, down] = [Math.ceil(columns / tile.width), Math.ceil(rows / tile.height)];
  const frames = number(instance, "00280008") ?? 1;
  const offset = number(instance, "00209228") ?? 0;
  const planes = number(instance, "00480303") ?? 1;
  const paths = pathsOf(instance);
  const made = { sopInstanceUid: text(instance, "00080018"), tile, columns, rows, across, down, paths, spacing: spacingOf(instance) };
  const photometric = text(instance, "00280004");
  made.isJpeg = text(instance, "00083002") === JPEG_BASELINE && (photometric.startsWith("YBR") || photometric === "MONOCHROME2");
  if (text(instance, "00209311") === TILED_FULL || values(instance, "52009230").length === 0) {
    made.frameOf = (path, column, row) => {
      const order = Math.max(0, paths.findIndex(({ id }) => id === path));
      const index = (order * planes * down + row) * across + column - offset;
      return index >= 0 && index < frames ? index + 1 : undefined;
    };
    return made;
  }
  const byPlace = new Map(sparseFrames(instance, tile).map(({ key, frameNumber }) => [key, frameNumber]));
  made.frameOf = (path, column, row) => byPlace.get(`${path}/${column}/${row}`) ?? byPlace.get(`/${column}/${row}`);
  return made;
}

/** The levels of a slide, the smallest first, each with the instances whose frames fill it; the optical paths; the size. */
export function pyramidOf(instances) {
  const bySize = new Map();
  for (const instance of instances.filter(isShown)) {
    const tiles = tilesOf(instance);
    if (!(tiles.tile.width > 0 && tiles.tile.height > 0 && tiles.columns > 0 && tiles.rows > 0)) continue;
    const key = `${tiles.columns}x${tiles.rows}`;
    if (!bySize.has(key)) bySize.set(key, { ...tiles, parts: [] });
    bySize.get(key).parts.push(tiles);
  }
  const levels = [...bySize.values()].sort((a, b) => a.columns - b.columns);
  const largest = levels[levels.length - 1];
  const paths = new Map(levels.flatMap(({ parts }) => parts).flatMap((part) => part.paths).map((path) => [path.id, path]));
  return { levels, largest, paths: [...paths.values()], hidden: instances.length - instances.filter(isShown).length };
}

/** The frame that fills a place of a level, as `{sopInstanceUid, frameNumber, isJpeg}`, or undefined. */
export function tileAt(level, path, column, row) {
  for (const part of level.parts) {
    const holdsPath = part.paths.length === 0 || path === "" || part.paths.some(({ id }) => id === path);
    const frameNumber = holdsPath ? part.frameOf(path, column, row) : undefined;
    if (frameNumber !== undefined) return { sopInstanceUid: part.sopInstanceUid, frameNumber, isJpeg: part.isJpeg };
  }
  return undefined;
}

/** A slide in words: size in pixels and millimetres, levels, microns per pixel. */
export function wordsOf({ levels, largest, hidden }) {
  const mm = (pixels) => (pixels * largest.spacing >= 1 ? (pixels * largest.spacing).toFixed(1) : (pixels * largest.spacing).toPrecision(2));
  const parts = [
    `${largest.columns.toLocaleString("en")} × ${largest.rows.toLocaleString("en")} pixels`,
    largest.spacing ? `${mm(largest.columns)} × ${mm(largest.rows)} mm` : "",
    `${levels.length} ${levels.length === 1 ? "level" : "levels"}`,
    largest.spacing ? `${(largest.spacing * 1000).toPrecision(3)} µm a pixel` : "",
    hidden > 0 ? `${hidden} label or overview ${hidden === 1 ? "picture" : "pictures"} not shown` : "",
  ];
  return `${parts.filter(Boolean).join(", ")}.`;
}
