// Contours of RT structure sets over their images (PS3.3 C.8.8.5, C.8.8.6): points in the patient, in mm.

import { hex, spareColour } from "./colour.js";
import { item, number, numbers, text, values } from "./dicomjson.js";
import { firstPart, request } from "./dicomweb.js";
import { distanceFrom, toPixels, toleranceOf } from "./planes.js";

const STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3";

export function isStructureSet(instance) {
  return text(instance, "00080016") === STRUCTURE_SET;
}

function layersOf(instance) {
  const drawn = new Map(values(instance, "30060039").map((contours) => [number(contours, "30060084"), contours]));
  return values(instance, "30060020").map((roi, index) => {
    const id = number(roi, "30060022") ?? index;
    const colour = numbers(drawn.get(id), "3006002A");
    return {
      id,
      name: text(roi, "30060026") || `Region ${id}`,
      detail: text(roi, "30060036").toLowerCase(),
      colour: colour.length === 3 ? hex(...colour) : spareColour(index),
      isOn: true,
      contours: values(drawn.get(id), "30060040"),
    };
  });
}

function pointsOf(flat) {
  const points = [];
  for (let at = 0; at + 2 < flat.length; at += 3) points.push([flat[at], flat[at + 1], flat[at + 2]]);
  return points;
}

/** The regions of one structure set over the images of its source series. */
export class Contours {
  title = "Regions";
  layers;
  #lines = [];
  #onArrival;
  #byImage = new Map();

  constructor(instance, onArrival) {
    this.#onArrival = onArrival;
    this.layers = layersOf(instance);
    for (const layer of this.layers) for (const contour of layer.contours) this.#add(layer, contour);
  }

  #add(layer, contour) {
    const line = {
      layer,
      isClosed: text(contour, "30060042").startsWith("CLOSED"),
      isPoint: text(contour, "30060042") === "POINT",
      source: text(item(contour, "30060016"), "00081155"),
      points: pointsOf(numbers(contour, "30060050")),
    };
    this.#lines.push(line);
    const uri = contour["30060050"]?.BulkDataURI;
    if (line.points.length === 0 && uri) this.#load(line, new URL(uri, location.href).pathname);
  }

  async #load(line, address) {
    const response = await request(address, 'multipart/related; type="application/octet-stream"');
    const { bytes } = await firstPart(response);
    line.points = pointsOf(new TextDecoder("ascii").decode(bytes).split("\\").map(Number));
    this.#byImage.clear();
    this.#onArrival();
  }

  #on(image) {
    if (!this.#byImage.has(image.key)) {
      const tolerance = toleranceOf(image);
      const isHere = ({ source, points }) =>
        source ? source === image.sopInstanceUid : points.length > 0 && Math.abs(distanceFrom(image, points[0]) ?? Infinity) <= tolerance;
      const isPlaced = image.position && image.orientation && image.spacing.kind;
      const lines = isPlaced ? this.#lines.filter(isHere) : [];
      this.#byImage.set(image.key, lines.map((line) => ({ ...line, pixels: line.points.map((point) => toPixels(image, point)) })));
    }
    return this.#byImage.get(image.key);
  }

  has(image) {
    return this.#on(image).some(({ layer }) => layer.isOn);
  }

  /** Draw onto a context whose unit is a pixel of the image; lines stay as thin at every zoom. */
  draw(context, image, scale) {
    for (const { layer, pixels, isClosed, isPoint } of this.#on(image)) {
      if (!layer.isOn || pixels.length === 0) continue;
      context.beginPath();
      if (isPoint) context.arc(pixels[0].x, pixels[0].y, 4 / scale, 0, 2 * Math.PI);
      else for (const { x, y } of pixels) context.lineTo(x, y);
      if (isClosed) {
        context.closePath();
        context.save();
        context.globalAlpha *= 0.35;
        context.fillStyle = layer.colour;
        context.fill();
        context.restore();
      }
      context.globalAlpha = 1;
      context.lineWidth = 2 / scale;
      context.strokeStyle = layer.colour;
      context.stroke();
    }
  }

  changed() {
    this.#onArrival();
  }
}
