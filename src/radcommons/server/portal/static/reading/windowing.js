// VOI windows (PS3.3 C.11.2.1.2) and the table that turns stored values into grey.

export const CT_PRESETS = [
  { id: "lung", name: "Lung", center: -600, width: 1500, key: "1" },
  { id: "mediastinum", name: "Mediastinum", center: 50, width: 350, key: "2" },
  { id: "bone", name: "Bone", center: 400, width: 1800, key: "3" },
  { id: "soft-tissue", name: "Soft tissue", center: 40, width: 400, key: "4" },
];

/** The window that shows the middle 98 % of the values of a frame. */
export function automaticWindow(frame, image) {
  const a = frame.low * image.slope + image.intercept;
  const b = frame.high * image.slope + image.intercept;
  const width = Math.max(Math.abs(b - a), Math.abs(image.slope));
  return { center: (a + b) / 2, width };
}

function shapeOf(voiFunction, { center, width }) {
  if (voiFunction === "SIGMOID") return (value) => 255 / (1 + Math.exp((-4 * (value - center)) / width));
  if (voiFunction === "LINEAR_EXACT") return (value) => ((value - center) / width + 0.5) * 255;
  const span = Math.max(width - 1, 1e-6);
  return (value) => ((value - (center - 0.5)) / span + 0.5) * 255;
}

/** Grey (0 to 255) of every stored value from `minimum` to `maximum` of a frame. */
export function greyTable(frame, image, window, isInverted) {
  const table = new Uint8ClampedArray(frame.maximum - frame.minimum + 1);
  const shape = shapeOf(image.voiFunction, window);
  const isFlipped = (image.format.photometric === "MONOCHROME1") !== isInverted;
  for (let index = 0; index < table.length; index++) {
    const grey = Math.min(255, Math.max(0, shape((index + frame.minimum) * image.slope + image.intercept)));
    table[index] = isFlipped ? 255 - grey : grey;
  }
  return table;
}

/** Fill RGBA pixels with a windowed frame; values outside the table (padding) take its nearest end. */
export function paintGrey(frame, table, pixels) {
  const words = new Uint32Array(pixels.buffer);
  const { values, minimum } = frame;
  const last = table.length - 1;
  const colours = Uint32Array.from(table, (grey) => 0xff000000 | (grey << 16) | (grey << 8) | grey);
  for (let index = 0; index < values.length; index++) {
    const bin = values[index] - minimum;
    words[index] = colours[bin < 0 ? 0 : bin > last ? last : bin];
  }
}
