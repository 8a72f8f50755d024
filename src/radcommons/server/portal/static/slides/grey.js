// One window for all tiles of a grey slide that states none: each drawn over its own range, they would not fit together.

import { EXPLICIT_LITTLE_ENDIAN, UnsupportedPixels, decodeFrame, isGrey } from "../reading/decode.js";
import { firstPart, request } from "../reading/dicomweb.js";
import { text } from "../reading/dicomjson.js";
import { imagesOf } from "../reading/images.js";
import { automaticWindow } from "../reading/windowing.js";
import { tileAt } from "./pyramid.js";

const LOOKED_AT = 9;
const ACCEPT = `multipart/related; type="application/octet-stream"; transfer-syntax=${EXPLICIT_LITTLE_ENDIAN}`;

function tilesOf(level, path) {
  const tiles = [];
  for (let row = 0; row < level.down; row++) {
    for (let column = 0; column < level.across; column++) tiles.push(tileAt(level, path, column, row));
  }
  const found = tiles.filter(Boolean);
  const step = Math.max(1, found.length / LOOKED_AT);
  return found.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
}

/** The window of a slide's smallest level in one optical path; undefined where the object states its own, or has colours. */
export async function windowOf(instances, level, path, urlOf) {
  const tiles = tilesOf(level, path);
  const [first] = tiles;
  const images = imagesOf(instances.filter((instance) => text(instance, "00080018") === first?.sopInstanceUid));
  const image = images.find(({ frameNumber }) => frameNumber === first.frameNumber);
  if (!image || first.isJpeg || !isGrey(image.format) || image.windows.length > 0) return undefined;
  try {
    const frames = await Promise.all(
      tiles.map(async (tile) => decodeFrame((await firstPart(await request(urlOf(tile), ACCEPT))).bytes, image.format, EXPLICIT_LITTLE_ENDIAN)),
    );
    const values = new frames[0].values.constructor(frames.reduce((sum, frame) => sum + frame.values.length, 0));
    let at = 0;
    for (const frame of frames) {
      values.set(frame.values, at);
      at += frame.values.length;
    }
    return automaticWindow({ values }, image);
  } catch (error) {
    // Values that cannot be read here are drawn by the server as it thinks best.
    if (error instanceof UnsupportedPixels || error.kind === "unsupported") return undefined;
    throw error;
  }
}
