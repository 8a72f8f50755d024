// VOI windows (PS3.3 C.11.2.1.2) and the table that turns stored values into grey.

export const CT_PRESETS = [
  { id: "lung", name: "Lung", center: -600, width: 1500, key: "1" },
  { id: "mediastinum", name: "Mediastinum", center: 50, width: 350, key: "2" },
  { id: "bone", name: "Bone", center: 400, width: 1800, key: "3" },
  { id: "soft-tissue", name: "Soft tissue", center: 40, width: 400, key: "4" },
];

// Stored values have at most 16 bits; a table has a place for each of them, whatever their sign.
const VALUES = 65536;
const SAMPLE = 3;

/** 1st and 99th percentile of the stored values of a frame, padding (PS3.3 C.7.5.1.1.2) left out. */
function percentilesOf(values, { padding, paddingLimit = padding }) {
  const offset = values instanceof Int16Array ? VALUES / 2 : 0;
  const counts = new Uint32Array(VALUES);
  for (let index = 0; index < values.length; index += SAMPLE) counts[values[index] + offset]++;
  if (padding !== undefined) {
    const [low, high] = padding < paddingLimit ? [padding, paddingLimit] : [paddingLimit, padding];
    counts.fill(0, Math.max(0, low + offset), Math.max(0, high + offset + 1));
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  const at = (share) => {
    let sum = 0;
    const bin = counts.findIndex((count) => (sum += count) > 0 && sum >= share * total);
    return bin < 0 ? 0 : bin - offset;
  };
  return [at(0.01), at(0.99)];
}

/** The window that shows the middle 98 % of the values of a frame. */
export function automaticWindow(frame, image) {
  const [a, b] = percentilesOf(frame.values, image).map((value) => value * image.slope + image.intercept);
  const width = Math.max(Math.abs(b - a), Math.abs(image.slope));
  return { center: (a + b) / 2, width };
}

function shapeOf(voiFunction, { center, width }) {
  if (voiFunction === "SIGMOID") return (value) => 255 / (1 + Math.exp((-4 * (value - center)) / width));
  if (voiFunction === "LINEAR_EXACT") return (value) => ((value - center) / width + 0.5) * 255;
  const span = Math.max(width - 1, 1e-6);
  return (value) => ((value - (center - 0.5)) / span + 0.5) * 255;
}

/** The RGBA word of every stored value there can be, at the place of its lowest 16 bits. */
export function greyTable(image, window, { isSigned, isInverted }) {
  const words = new Uint32Array(VALUES);
  const bytes = new Uint8ClampedArray(words.buffer);
  const shape = shapeOf(image.voiFunction, window);
  const isFlipped = (image.format.photometric === "MONOCHROME1") !== isInverted;
  for (let place = 0; place < VALUES; place++) {
    const stored = isSigned && place >= VALUES / 2 ? place - VALUES : place;
    const grey = shape(stored * image.slope + image.intercept);
    const at = 4 * place;
    bytes[at] = bytes[at + 1] = bytes[at + 2] = isFlipped ? 255 - grey : grey;
    bytes[at + 3] = 255;
  }
  return words;
}

/** Fill RGBA words with a windowed frame. */
export function paintGrey(values, table, words) {
  for (let index = 0; index < values.length; index++) words[index] = table[values[index] & 0xffff];
}
