// Masks of a read as labelmaps of OHIF and back, pixel by pixel: a labelmap has one image for each image of its series.

import { pixelsOfRuns, pixelsOfShapes, runsOfPixels } from "/static/annotation/raster.js";

const FRAME = /\/instances\/([0-9.]+)\/frames\/(\d+)/;

/** Which frame an image of OHIF shows, as our shapes name it. */
export function frameOf(imageId) {
  const [, uid, number] = FRAME.exec(imageId) ?? [];
  return uid && { sop_instance_uid: uid, frame_number: Number(number) };
}

const keyOf = (frame) => `${frame.sop_instance_uid}/${frame.frame_number}`;

function imagesOf(labelmap) {
  return labelmap.referencedImageIds.map((referenced, index) => {
    const image = window.cornerstone.cache.getImage(labelmap.imageIds[index]);
    return { frame: frameOf(referenced), image, voxels: image.voxelManager.getScalarData() };
  });
}

/** Write findings into an empty labelmap, the first as segment 1. */
export function fill(labelmap, items) {
  for (const { frame, image, voxels } of imagesOf(labelmap)) {
    items.forEach((item, index) => {
      const shapes = item.shapes.filter((shape) => keyOf(shape.frame) === keyOf(frame));
      if (shapes.length === 0) return;
      const pixels = pixelsOfShapes(shapes, image.rows, image.columns);
      for (let at = 0; at < pixels.length; at++) if (pixels[at]) voxels[at] = index + 1;
    });
  }
}

/** The masks of a labelmap: by number of the segment its shapes, one for each image on which it has a pixel. */
export function masksOf(labelmap) {
  const found = new Map();
  for (const { frame, image, voxels } of imagesOf(labelmap)) {
    for (const segment of new Set(voxels)) {
      if (segment === 0) continue;
      const pixels = Uint8Array.from(voxels, (value) => Number(value === segment));
      const shape = { geometry: "mask", frame, rows: image.rows, columns: image.columns, runs: runsOfPixels(pixels) };
      found.set(segment, [...(found.get(segment) ?? []), shape]);
    }
  }
  return found;
}

/** Whether two lists of masks cover the same pixels, in whatever order. */
export function sameMasks(one, other) {
  const words = (shapes) => shapes.map((shape) => `${keyOf(shape.frame)} ${shape.runs}`).sort().join("\n");
  return words(one) === words(other);
}

/** The loops around pixels, along their edges: by the rule of pixel centres they cover exactly these pixels again. */
export function loopsOfPixels(pixels, rows, columns) {
  const inside = (x, y) => x >= 0 && y >= 0 && x < columns && y < rows && pixels[y * columns + x] !== 0;
  const width = columns + 1;
  const ends = new Map();
  const add = (x0, y0, x1, y1) => {
    const start = y0 * width + x0;
    const known = ends.get(start);
    if (known) known.push(y1 * width + x1);
    else ends.set(start, [y1 * width + x1]);
  };
  for (let at = pixels.indexOf(1); at >= 0; at = pixels.indexOf(1, at + 1)) {
    const [x, y] = [at % columns, Math.floor(at / columns)];
    if (!inside(x, y - 1)) add(x, y, x + 1, y);
    if (!inside(x + 1, y)) add(x + 1, y, x + 1, y + 1);
    if (!inside(x, y + 1)) add(x + 1, y + 1, x, y + 1);
    if (!inside(x - 1, y)) add(x, y + 1, x, y);
  }
  const loops = [];
  for (const [start, next] of ends) {
    while (next.length > 0) {
      const points = [];
      for (let at = start; ; ) {
        points.push([at % width, Math.floor(at / width)]);
        at = ends.get(at).pop();
        if (at === start) break;
      }
      loops.push(points);
    }
  }
  return loops.map((points) => ({ points: corners(points), area: signedArea(points) })).sort((a, b) => Math.abs(b.area) - Math.abs(a.area));
}

function signedArea(points) {
  return points.reduce((sum, [x, y], at) => {
    const [nextX, nextY] = points[(at + 1) % points.length];
    return sum + (x * nextY - nextX * y) / 2;
  }, 0);
}

/** Without the points in the middle of straight edges. */
function corners(points) {
  return points.filter(([x, y], at) => {
    const [before, after] = [points.at(at - 1), points[(at + 1) % points.length]];
    return (x - before[0]) * (after[1] - y) !== (y - before[1]) * (after[0] - x);
  });
}

/** Masks as the shapes of a label: themselves, or outlines along the edges of their pixels, holes after what they lie in. */
export function asShapes(geometry, masks) {
  if (geometry === "mask") return masks;
  return masks.flatMap(({ frame, rows, columns, runs }) =>
    loopsOfPixels(pixelsOfRuns(runs, rows, columns), rows, columns).map(({ points, area }) => ({ geometry, points, frame, is_hole: area < 0, is_interpolated: false })),
  );
}
