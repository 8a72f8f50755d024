// From the metadata of a series to the list of its images in reading order: one entry per frame, with everything that
// decoding, windowing and measuring need, whether it stands at the top level or in functional groups (PS3.3 C.7.6.16).

import { bytes, first, item, number, numbers, text, values } from "./dicomjson.js";
import { cross, dot } from "./geometry.js";

const PIXEL_MEASURES = "00289110";
const PLANE_POSITION = "00209113";
const PLANE_ORIENTATION = "00209116";
const PIXEL_VALUE_TRANSFORMATION = "00289145";
const FRAME_VOI_LUT = "00289132";
const FRAME_CONTENT = "00209111";

function groupOf(instance, frameIndex, sequence, top = instance) {
  const perFrame = item({ at: { Value: [values(instance, "52009230")[frameIndex]].filter(Boolean) } }, "at");
  return item(perFrame, sequence) ?? item(item(instance, "52009229"), sequence) ?? top;
}

function spacingOf(instance, measures) {
  const kinds = [
    [measures, "00280030", "in the patient"],
    [instance, "00181164", "at the detector"],
    [instance, "00182010", "nominal"],
  ];
  for (const [dataset, tag, kind] of kinds) {
    const [row, column] = numbers(dataset, tag);
    if (row > 0 && column > 0) return { row, column, kind };
  }
  const [vertical, horizontal] = numbers(instance, "00280034");
  if (vertical > 0 && horizontal > 0) return { row: vertical / horizontal, column: 1, kind: "" };
  return { row: 1, column: 1, kind: "" };
}

function windowsOf(voi) {
  const widths = numbers(voi, "00281051");
  const names = values(voi, "00281055");
  return numbers(voi, "00281050")
    .map((center, index) => ({ center, width: widths[index], name: names[index] ?? "" }))
    .filter((window) => window.width > 0);
}

function paletteOf(instance) {
  const tables = ["1", "2", "3"].map((colour) => ({
    descriptor: numbers(instance, `0028110${colour}`),
    data: bytes(instance, `0028120${colour}`),
  }));
  return tables.every((table) => table.descriptor.length === 3 && table.data) ? tables : undefined;
}

function unitsOf(instance, transformation) {
  const type = text(transformation, "00281054");
  if (text(instance, "00080060") === "CT") return type === "" || type === "HU" ? "HU" : "";
  if (text(instance, "00080060") === "PT") return text(instance, "00541001");
  return type === "US" ? "" : type;
}

function pixelFormatOf(instance) {
  const bitsAllocated = number(instance, "00280100") ?? 0;
  const bitsStored = number(instance, "00280101") ?? bitsAllocated;
  return {
    rows: number(instance, "00280010") ?? 0,
    columns: number(instance, "00280011") ?? 0,
    samples: number(instance, "00280002") ?? 1,
    photometric: text(instance, "00280004").toUpperCase(),
    isPlanar: number(instance, "00280006") === 1,
    bitsAllocated,
    bitsStored,
    highBit: number(instance, "00280102") ?? bitsStored - 1,
    isSigned: number(instance, "00280103") === 1,
    transferSyntaxUid: text(instance, "00083002"),
    palette: paletteOf(instance),
  };
}

function imageOf(instance, frameIndex, format) {
  const transformation = groupOf(instance, frameIndex, PIXEL_VALUE_TRANSFORMATION);
  const voi = groupOf(instance, frameIndex, FRAME_VOI_LUT);
  const position = numbers(groupOf(instance, frameIndex, PLANE_POSITION), "00200032");
  const orientation = numbers(groupOf(instance, frameIndex, PLANE_ORIENTATION), "00200037");
  const measures = groupOf(instance, frameIndex, PIXEL_MEASURES);
  const sopInstanceUid = text(instance, "00080018");
  return {
    key: `${sopInstanceUid}/${frameIndex + 1}`,
    sopInstanceUid,
    frameNumber: frameIndex + 1,
    instanceNumber: number(instance, "00200013") ?? 0,
    stackPosition: number(groupOf(instance, frameIndex, FRAME_CONTENT), "00209057"),
    format,
    modality: text(instance, "00080060"),
    slope: number(transformation, "00281053") ?? 1,
    intercept: number(transformation, "00281052") ?? 0,
    units: unitsOf(instance, transformation),
    hasModalityTable: first(instance, "00283000") !== undefined,
    windows: windowsOf(voi),
    voiFunction: text(voi, "00281056") || "LINEAR",
    padding: number(instance, "00280120"),
    paddingLimit: number(instance, "00280121"),
    position: position.length === 3 ? position : undefined,
    orientation: orientation.length === 6 ? orientation : undefined,
    patientOrientation: values(instance, "00200020").map(String),
    spacing: spacingOf(instance, measures),
    thickness: number(measures, "00180050") ?? number(instance, "00180050"),
    frameTime: number(instance, "00181063") ?? 0,
    frameRate: number(instance, "00082144") ?? number(instance, "00180040"),
    isFloating: instance["7FE00008"] !== undefined || instance["7FE00009"] !== undefined,
  };
}

/** Signed distance of an image along the normal of its plane, in mm. */
function distance(image) {
  const normal = cross(image.orientation.slice(0, 3), image.orientation.slice(3));
  return dot(normal, image.position);
}

function isOneStack(images) {
  const [reference] = images;
  if (images.length < 2 || !images.every((image) => image.position && image.orientation)) return false;
  const isParallel = (image) =>
    image.orientation.every((cosine, index) => Math.abs(cosine - reference.orientation[index]) < 0.01);
  if (!images.every(isParallel)) return false;
  const places = new Set(images.map((image) => distance(image).toFixed(2)));
  return places.size === images.length;
}

/** Head before feet, front before back, right before left: the order in which radiologists leaf through a stack. */
function readingDirection(orientation) {
  const normal = cross(orientation.slice(0, 3), orientation.slice(3));
  const axis = normal.map(Math.abs).indexOf(Math.max(...normal.map(Math.abs)));
  const sign = normal[axis] < 0 ? -1 : 1;
  return axis === 2 ? -sign : sign;
}

function sliceSpacing(images) {
  const steps = images.slice(1).map((image, index) => Math.abs(image.location - images[index].location));
  const sorted = steps.toSorted ? steps.toSorted((a, b) => a - b) : [...steps].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Every image of a series in reading order. Instances without pixels give no image. */
export function imagesOf(instances) {
  const images = instances.flatMap((instance) => {
    const format = pixelFormatOf(instance);
    if (!format.rows || !format.columns || !format.bitsAllocated) return [];
    const frames = Math.max(1, number(instance, "00280008") ?? 1);
    return Array.from({ length: frames }, (_, frameIndex) => imageOf(instance, frameIndex, format));
  });
  if (isOneStack(images)) {
    const direction = readingDirection(images[0].orientation);
    for (const image of images) image.location = distance(image);
    images.sort((a, b) => direction * (a.location - b.location));
    const spacing = sliceSpacing(images);
    for (const image of images) image.sliceSpacing = spacing;
    return images;
  }
  return images.sort(
    (a, b) =>
      a.instanceNumber - b.instanceNumber ||
      a.sopInstanceUid.localeCompare(b.sopInstanceUid) ||
      a.frameNumber - b.frameNumber,
  );
}

/** The few words the page shows about a series; nothing else of the header reaches the screen. */
export function seriesFactsOf(instances) {
  const [instance] = instances;
  return {
    subject: text(instance, "00100020"),
    description: text(instance, "0008103E"),
    modality: text(instance, "00080060"),
  };
}
