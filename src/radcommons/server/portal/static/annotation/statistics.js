// What a region measures: area, volume, and the values under it.

import { pixelsOfShapes } from "./raster.js";
import { AREAS, keyOf } from "./shapes.js";

/** The areas of a finding by the key of their frame. */
export function areasByFrame(shapes) {
  const found = new Map();
  for (const shape of shapes) {
    if (!AREAS.has(shape.geometry)) continue;
    const key = keyOf(shape);
    found.set(key, [...(found.get(key) ?? []), shape]);
  }
  return found;
}

/**
 * Statistics of the areas of a finding: of one frame, or of all.
 *
 * `imageOf` and `valuesOf` give image and loaded frame by key. Frames not in memory count for area and volume, not for the
 * mean; `isPartial` then says so. Volume is area times the distance of the slices, so it needs a stack.
 */
export function regionStatistics(areas, imageOf, valuesOf) {
  const total = { pixels: 0, areaMm2: 0, volumeMm3: 0, measured: 0, sum: 0, squares: 0, minimum: Infinity, maximum: -Infinity };
  let [unit, spacing, isPartial] = ["", undefined, false];
  for (const [key, shapes] of areas) {
    const image = imageOf(key);
    if (!image) continue;
    const pixels = pixelsOfShapes(shapes, image.format.rows, image.format.columns);
    const count = pixels.reduce((sum, pixel) => sum + pixel, 0);
    const area = count * image.spacing.row * image.spacing.column;
    [unit, spacing] = [image.units, image.spacing.kind];
    total.pixels += count;
    total.areaMm2 += area;
    total.volumeMm3 += area * (image.sliceSpacing ?? NaN);
    const frame = valuesOf(key);
    if (frame?.kind === "grey") measure(total, pixels, frame, image);
    else isPartial = true;
  }
  const mean = total.sum / total.measured;
  return {
    frames: areas.size,
    pixels: total.pixels,
    areaMm2: spacing ? total.areaMm2 : undefined,
    volumeMl: spacing && Number.isFinite(total.volumeMm3) ? total.volumeMm3 / 1000 : undefined,
    mean: total.measured ? mean : undefined,
    deviation: total.measured > 1 ? Math.sqrt(Math.max(0, total.squares / total.measured - mean * mean)) : undefined,
    minimum: total.measured ? total.minimum : undefined,
    maximum: total.measured ? total.maximum : undefined,
    unit,
    isPartial,
  };
}

function measure(total, pixels, frame, image) {
  for (let at = pixels.indexOf(1); at >= 0; at = pixels.indexOf(1, at + 1)) {
    const value = frame.values[at] * image.slope + image.intercept;
    total.measured += 1;
    total.sum += value;
    total.squares += value * value;
    if (value < total.minimum) total.minimum = value;
    if (value > total.maximum) total.maximum = value;
  }
}

/** The statistics as a few words. */
export function statisticsWords(found) {
  const whole = (value) => Math.round(value).toLocaleString("en");
  const words = [];
  if (found.mean !== undefined) {
    const unit = found.unit ? ` ${found.unit}` : "";
    words.push(`mean ${whole(found.mean)}${found.deviation === undefined ? "" : ` ± ${whole(found.deviation)}`}${unit}`);
  }
  if (found.frames > 1 && found.volumeMl !== undefined) words.push(`${found.volumeMl.toFixed(1)} mL`);
  else words.push(found.areaMm2 === undefined ? `${whole(found.pixels)} pixels` : `${whole(found.areaMm2)} mm²`);
  return words.join(" · ");
}
