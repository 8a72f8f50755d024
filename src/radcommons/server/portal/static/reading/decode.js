// From the bytes of one frame to numbers or colours. Pure: no network, no canvas. Runs in a worker.

export const EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1";
const RLE_LOSSLESS = "1.2.840.10008.1.2.5";
const NATIVE = new Set(["1.2.840.10008.1.2", EXPLICIT_LITTLE_ENDIAN, "1.2.840.10008.1.2.1.99"]);
const GREY = new Set(["MONOCHROME1", "MONOCHROME2"]);
const COLOUR = new Set(["RGB", "YBR_FULL"]);

/** Bytes that this page cannot turn into an image itself; the server may be asked to render them. */
export class UnsupportedPixels extends Error {}

/** Whether a frame is one grey value per pixel, to be seen through a window. */
export function isGrey(format) {
  return format.samples === 1 && GREY.has(format.photometric);
}

/** Whether frames of this form are decoded here, given their transfer syntax ("" when the header did not name it). */
export function isDecodable(format, transferSyntaxUid) {
  if (transferSyntaxUid !== "" && transferSyntaxUid !== RLE_LOSSLESS && !NATIVE.has(transferSyntaxUid)) return false;
  if (format.bitsAllocated !== 8 && format.bitsAllocated !== 16) return false;
  if (isGrey(format)) return true;
  if (format.samples === 1 && format.photometric === "PALETTE COLOR") return format.palette !== undefined;
  return format.samples === 3 && format.bitsAllocated === 8 && COLOUR.has(format.photometric);
}

/** PackBits as of PS3.5 G.3.1, into `target` from `start` on, every `step`-th byte. */
function unpackSegment(source, target, start, step) {
  let read = 0;
  let write = start;
  while (read < source.length && write < target.length) {
    const control = source[read++];
    if (control < 128) {
      for (let count = control; count >= 0 && read < source.length; count--, write += step) target[write] = source[read++];
    } else if (control > 128) {
      const byte = source[read++];
      for (let count = 257 - control; count > 0; count--, write += step) target[write] = byte;
    }
  }
}

/** An RLE frame (PS3.5 Annex G) as the native little-endian bytes it stands for, samples interleaved. */
export function decodeRle(bytes, format) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bytesPerSample = format.bitsAllocated / 8;
  const expected = format.samples * bytesPerSample;
  if (bytes.length < 64 || view.getUint32(0, true) !== expected) {
    throw new UnsupportedPixels("the run-length header does not fit the image");
  }
  const target = new Uint8Array(format.rows * format.columns * expected);
  for (let segment = 0; segment < expected; segment++) {
    const begin = view.getUint32(4 + 4 * segment, true);
    const end = segment + 1 < expected ? view.getUint32(8 + 4 * segment, true) : bytes.length;
    const sample = Math.floor(segment / bytesPerSample);
    const byteIndex = bytesPerSample - 1 - (segment % bytesPerSample);
    unpackSegment(bytes.subarray(begin, end), target, sample * bytesPerSample + byteIndex, expected);
  }
  return target;
}

/** Stored values as 16-bit integers; unused high bits are cleared or carry the sign (PS3.5 8.1.1). */
function storedValues(bytes, format) {
  const { rows, columns, bitsAllocated, bitsStored, highBit, isSigned } = format;
  const count = rows * columns;
  const Kind = isSigned ? Int16Array : Uint16Array;
  if (bytes.length < (count * bitsAllocated) / 8) throw new UnsupportedPixels("the frame is shorter than its header says");
  // A copy of its own begins at a whole word, whatever stood before the pixels, and can be handed over to the page.
  const values = bitsAllocated === 16 ? new Kind(bytes.slice(0, count * 2).buffer) : Kind.from(bytes.subarray(0, count));
  if (bitsStored === 16) return values;
  const shift = Math.max(0, highBit + 1 - bitsStored);
  const left = 32 - bitsStored;
  for (let index = 0; index < count; index++) {
    const moved = (values[index] >>> shift) << left;
    values[index] = isSigned ? moved >> left : moved >>> left;
  }
  return values;
}

function paletteTable({ descriptor: [entries, firstMapped, bits], data }) {
  const count = entries || 65536;
  const isWide = data.length >= count * 2;
  const entry = (index) => {
    if (!isWide) return data[index];
    return bits > 8 ? data[index * 2 + 1] : data[index * 2];
  };
  return (value) => entry(Math.min(count - 1, Math.max(0, value - firstMapped)));
}

function paletteColours(values, palette) {
  const colours = new Uint8ClampedArray(values.length * 4);
  const [red, green, blue] = palette.map(paletteTable);
  for (let index = 0, at = 0; index < values.length; index++, at += 4) {
    colours[at] = red(values[index]);
    colours[at + 1] = green(values[index]);
    colours[at + 2] = blue(values[index]);
    colours[at + 3] = 255;
  }
  return colours;
}

function sampleColours(bytes, format, isPlanar) {
  const count = format.rows * format.columns;
  if (bytes.length < count * 3) throw new UnsupportedPixels("the frame is shorter than its header says");
  const colours = new Uint8ClampedArray(count * 4);
  const [step, plane] = isPlanar ? [1, count] : [3, 1];
  const isYbr = format.photometric === "YBR_FULL";
  for (let index = 0, at = 0, from = 0; index < count; index++, at += 4, from += step) {
    const a = bytes[from];
    const b = bytes[from + plane];
    const c = bytes[from + 2 * plane];
    colours[at] = isYbr ? a + 1.402 * (c - 128) : a;
    colours[at + 1] = isYbr ? a - 0.344136 * (b - 128) - 0.714136 * (c - 128) : b;
    colours[at + 2] = isYbr ? a + 1.772 * (b - 128) : c;
    colours[at + 3] = 255;
  }
  return colours;
}

/** One frame as `{kind: "grey", values}` (stored values) or `{kind: "colour", colours}` (RGBA). Throws `UnsupportedPixels`. */
export function decodeFrame(bytes, format, transferSyntaxUid) {
  if (!isDecodable(format, transferSyntaxUid)) throw new UnsupportedPixels("this form is not decoded in the browser");
  const isRle = transferSyntaxUid === RLE_LOSSLESS;
  const native = isRle ? decodeRle(bytes, format) : bytes;
  if (format.samples === 3) {
    return { kind: "colour", colours: sampleColours(native, format, format.isPlanar && !isRle) };
  }
  const values = storedValues(native, format);
  if (format.palette) return { kind: "colour", colours: paletteColours(values, format.palette) };
  return { kind: "grey", values };
}
