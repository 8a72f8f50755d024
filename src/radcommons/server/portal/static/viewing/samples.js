// Waveforms from DICOM JSON (PS3.3 C.10.9): groups of channels with values in their units. Pure, but for the fetching of bytes.

import { bytes, item, number, text, values } from "../reading/dicomjson.js";

const READERS = {
  8: { SB: (view, at) => view.getInt8(at), UB: (view, at) => view.getUint8(at) },
  16: { SS: (view, at) => view.getInt16(at, true), US: (view, at) => view.getUint16(at, true) },
  32: { SL: (view, at) => view.getInt32(at, true), UL: (view, at) => view.getUint32(at, true) },
};
// How many millivolts one unit is.
const MILLIVOLTS = { uV: 0.001, mV: 1, V: 1000 };
const MAX_SAMPLES = 50_000_000;

function nameOf(definition, index) {
  const source = item(definition, "003A0208");
  return text(definition, "003A0203") || text(source, "00080104") || `Channel ${index + 1}`;
}

function channelOf(definition, index) {
  const units = item(definition, "003A0211");
  const unit = text(units, "00080100");
  return {
    name: nameOf(definition, index).replace(/^Lead\s+/i, "").replace(/\s*\(.*\)$/, ""),
    unit: unit && unit !== "1" ? unit : "",
    unitName: text(units, "00080104"),
    millivolts: MILLIVOLTS[unit],
    scale: (number(definition, "003A0210") ?? 1) * (number(definition, "003A0212") ?? 1),
    baseline: number(definition, "003A0213") ?? 0,
  };
}

/** One multiplex group without its values; `problem` says why it cannot be drawn. */
export function groupOf(dataset) {
  const definitions = values(dataset, "003A0200");
  const count = number(dataset, "003A0005") ?? definitions.length;
  const bits = number(dataset, "54001004");
  const interpretation = text(dataset, "54001006");
  const read = READERS[bits]?.[interpretation];
  const samples = number(dataset, "003A0010") ?? 0;
  const rate = number(dataset, "003A001A") ?? 0;
  const isSane = count > 0 && count <= 512 && samples > 0 && rate > 0 && count * samples <= MAX_SAMPLES;
  return {
    label: text(dataset, "003A0020"),
    rate,
    samples,
    seconds: rate > 0 ? samples / rate : 0,
    bytesPerSample: (bits ?? 16) / 8,
    read,
    channels: Array.from({ length: isSane ? count : 0 }, (_, index) => channelOf(definitions[index], index)),
    inline: bytes(dataset, "54001010"),
    uri: dataset?.["54001010"]?.BulkDataURI,
    problem: !isSane ? "its header does not say how many samples there are" : !read ? `its samples are stored in a way that is not drawn here (${interpretation || "unknown"}, ${bits ?? "?"} bits)` : "",
  };
}

/** Fill in the values of every channel, in its unit. Samples are interleaved by channel (PS3.3 C.10.9.1.5). */
export function withValues(group, data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const width = group.channels.length;
  const complete = Math.min(group.samples, Math.floor(data.byteLength / group.bytesPerSample / width));
  group.channels.forEach((channel, index) => {
    const found = new Float32Array(complete);
    for (let sample = 0; sample < complete; sample++) {
      found[sample] = group.read(view, (sample * width + index) * group.bytesPerSample) * channel.scale + channel.baseline;
    }
    channel.values = found;
    channel.low = found.reduce((low, value) => Math.min(low, value), Infinity);
    channel.high = found.reduce((high, value) => Math.max(high, value), -Infinity);
  });
  return { ...group, samples: complete, seconds: complete / group.rate };
}

/** What was written beside the curves: texts and measurements (PS3.3 C.10.8); marks that only name a moment are counted. */
export function annotationsOf(dataset) {
  const found = values(dataset, "0040B020").map((annotation) => {
    const name = text(item(annotation, "0040A043"), "00080104");
    const coded = text(item(annotation, "0040A168"), "00080104");
    const unit = text(item(annotation, "004008EA"), "00080100");
    const amount = text(annotation, "0040A30A");
    const said = text(annotation, "00700006") || coded || [amount, unit === "1" ? "" : unit].filter(Boolean).join(" ");
    return name && said ? `${name}: ${said}` : said;
  });
  const said = found.filter(Boolean);
  const marks = found.length - said.length;
  return marks > 0 ? [...said, `${marks} ${marks === 1 ? "mark" : "marks"} of moments, not drawn`] : said;
}
