// Curves on millimetre paper as SVG. One user unit is one millimetre. Pure: values in, elements out.

const NAMESPACE = "http://www.w3.org/2000/svg";
const MARGIN = 6;
const LABEL = 22;
const LEAST_ROW = 14;
const MOST_ROW = 60;
const PIXELS_PER_MM = 96 / 25.4;
const QUARTERS = [
  ["I", "aVR", "V1", "V4"],
  ["II", "aVL", "V2", "V5"],
  ["III", "aVF", "V3", "V6"],
];

export function make(name, attributes = {}, parent = undefined) {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  parent?.append(element);
  return element;
}

/** Millimetres per unit of a channel: by the gain where it is a voltage, else so that it fills its row. */
export function millimetresPerUnit(channel, gain) {
  if (channel.millivolts) return channel.millivolts * gain;
  const span = channel.high - channel.low;
  return span > 0 ? 16 / span : 1;
}

/** The path of samples `from` to `to`; where many fall on one step of paper their range is drawn. */
export function pathOf(values, from, to, { x, y, step, height, middle }) {
  const perColumn = Math.max(1, Math.floor(0.1 / step));
  const parts = [];
  const place = (index, value) => {
    parts.push(`${(x + (index - from) * step).toFixed(2)} ${(y - (value - middle) * height).toFixed(2)}`);
  };
  for (let index = from; index < to; index += perColumn) {
    if (perColumn < 3) place(index, values[index]);
    else {
      const piece = values.subarray(index, Math.min(to, index + perColumn));
      const [low, high] = [Math.min(...piece), Math.max(...piece)];
      place(index, piece[0] <= piece[piece.length - 1] ? low : high);
      place(index, piece[0] <= piece[piece.length - 1] ? high : low);
    }
  }
  return parts.length > 0 ? `M${parts.join("L")}` : "";
}

function paper(svg, width, height, id) {
  const defs = make("defs", {}, svg);
  const kinds = [
    ["small", 1],
    ["large", 5],
  ];
  for (const [name, size] of kinds) {
    const pattern = make("pattern", { id: `${id}-${name}`, width: size, height: size, patternUnits: "userSpaceOnUse" }, defs);
    make("path", { d: `M${size} 0H0V${size}`, class: `rv-grid-${name}` }, pattern);
  }
  for (const [name] of kinds) make("rect", { width, height, fill: `url(#${id}-${name})` }, svg);
}

/** The mark of 1 mV and 0.2 s that begins a row on paper. */
function calibration(svg, y, gain, speed) {
  const width = 0.2 * speed;
  make("path", { d: `M${MARGIN + LABEL - width - 4} ${y}h1v${-gain}h${width}v${gain}h1`, class: "rv-mark" }, svg);
}

function rowsOf(group, gain) {
  return group.channels.map((channel) => {
    const perUnit = millimetresPerUnit(channel, gain);
    const extent = (channel.high - channel.low) * perUnit + 4;
    const row = Math.min(MOST_ROW, Math.max(LEAST_ROW, Number.isFinite(extent) ? extent : LEAST_ROW));
    return { row, pieces: [{ channel, from: 0, to: group.samples }] };
  });
}

/** Three rows of four leads and lead II below; undefined when these are not twelve leads. */
export function quarters(group, gain) {
  const byName = new Map(group.channels.map((channel) => [channel.name.toLowerCase(), channel]));
  const leads = QUARTERS.map((names) => names.map((name) => byName.get(name.toLowerCase())));
  if (leads.flat().some((channel) => channel === undefined)) return undefined;
  const quarter = Math.floor(group.samples / 4);
  const rows = leads.map((channels) => channels.map((channel, column) => ({ channel, from: column * quarter, to: (column + 1) * quarter })));
  rows.push([{ channel: leads[1][0], from: 0, to: 4 * quarter }]);
  return rows.map((pieces) => {
    const extents = pieces.map(({ channel }) => (channel.high - channel.low) * millimetresPerUnit(channel, gain) + 4);
    return { row: Math.min(MOST_ROW, Math.max(LEAST_ROW, ...extents)), pieces };
  });
}

/** A group as SVG. `speed` in mm/s, `gain` in mm/mV, `size` as a factor of paper size. */
export function draw(group, { speed, gain, size, layout, id }) {
  const rows = (layout === "4x3" && quarters(group, gain)) || rowsOf(group, gain);
  const width = Math.ceil(LABEL + 2 * MARGIN + group.seconds * speed);
  const height = Math.ceil(rows.reduce((sum, { row }) => sum + row, 2 * MARGIN));
  const svg = make("svg", {
    viewBox: `0 0 ${width} ${height}`,
    width: width * PIXELS_PER_MM * size,
    height: height * PIXELS_PER_MM * size,
    role: "img",
    "aria-label": `${group.channels.length} curves of ${group.seconds.toFixed(1)} seconds`,
  });
  paper(svg, width, height, id);
  let top = MARGIN;
  for (const { row, pieces } of rows) {
    for (const { channel, from, to } of pieces) {
      const x = MARGIN + LABEL + (from / group.rate) * speed;
      const middle = (channel.high + channel.low) / 2;
      const place = { x, y: top + row / 2, step: speed / group.rate, height: millimetresPerUnit(channel, gain), middle };
      make("path", { d: pathOf(channel.values, from, to, place), class: "rv-curve" }, svg);
      make("text", { x: from === 0 ? MARGIN : x + 1, y: from === 0 ? top + row / 2 + 1 : top + 3.5, class: "rv-label" }, svg).textContent = channel.name;
    }
    if (pieces[0].channel.millivolts) calibration(svg, top + row / 2 + gain / 2, gain, speed);
    top += row;
  }
  return svg;
}
