// Colours of segments and contours (PS3.3 C.10.7.1.1: CIELab values scaled to 16 bits, D50 white).

const SPARE = ["#ff6b6b", "#4dc9ff", "#ffd84d", "#7ee787", "#d2a8ff", "#ffa657", "#ff9bce", "#79e0d0"];

/** A colour for things that name none, different for each of the first eight. */
export function spareColour(index) {
  return SPARE[index % SPARE.length];
}

function fromLinear(value) {
  const encoded = value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055;
  return Math.round(255 * Math.min(1, Math.max(0, encoded)));
}

export function hex(red, green, blue) {
  return `#${[red, green, blue].map((value) => Math.min(255, Math.max(0, value)).toString(16).padStart(2, "0")).join("")}`;
}

/** Three scaled CIELab numbers as #rrggbb, or undefined when they are not three. */
export function colourOfLab(scaled) {
  if (scaled.length !== 3) return undefined;
  const lightness = (scaled[0] * 100) / 65535;
  const [a, b] = scaled.slice(1).map((value) => (value * 255) / 65535 - 128);
  const fy = (lightness + 16) / 116;
  const cube = (value) => (value ** 3 > 216 / 24389 ? value ** 3 : (116 * value - 16) / (24389 / 27));
  // D50 white; the matrix goes to linear sRGB and adapts to D65 (Bradford).
  const [x, y, z] = [0.96422 * cube(fy + a / 500), lightness > 8 ? fy ** 3 : lightness / (24389 / 27), 0.82521 * cube(fy - b / 200)];
  return hex(
    fromLinear(3.1338561 * x - 1.6168667 * y - 0.4906146 * z),
    fromLinear(-0.9787684 * x + 1.9161415 * y + 0.033454 * z),
    fromLinear(0.0719453 * x - 0.2289914 * y + 1.4052427 * z),
  );
}
