// Directions in the patient (LPS) and the map between image pixels and the screen.

export function cross([ax, ay, az], [bx, by, bz]) {
  return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
}

export function dot([ax, ay, az], [bx, by, bz]) {
  return ax * bx + ay * by + az * bz;
}

const LETTERS = [
  ["L", "R"],
  ["P", "A"],
  ["H", "F"],
];
const OPPOSITE = { L: "R", R: "L", P: "A", A: "P", H: "F", F: "H" };

/** Letters of the direction a vector points to, the strongest first; components under 0.2 are not named. */
export function lettersOf(vector) {
  return vector
    .map((component, axis) => ({ size: Math.abs(component), letter: LETTERS[axis][component > 0 ? 0 : 1] }))
    .filter(({ size }) => size > 0.2)
    .sort((a, b) => b.size - a.size)
    .map(({ letter }) => letter)
    .join("");
}

function opposite(letters) {
  return [...letters].map((letter) => OPPOSITE[letter] ?? "").join("");
}

/** What lies at the right, bottom, left and top edge of an image, or empty strings when the header does not say. */
export function edgesOf(image) {
  let right = "";
  let bottom = "";
  if (image.orientation) {
    right = lettersOf(image.orientation.slice(0, 3));
    bottom = lettersOf(image.orientation.slice(3));
  } else if (image.patientOrientation.length === 2) {
    [right, bottom] = image.patientOrientation.map((letters) => letters.toUpperCase().replace(/[^LRPAHF]/g, ""));
  }
  return { right, bottom, left: opposite(right), top: opposite(bottom) };
}

/**
 * Where an image lies on a canvas. `zoom` 1 fits it; `panX`, `panY` are canvas pixels. Non-square pixels are stretched
 * vertically, so that a millimetre is as long in both directions.
 */
export class Placement {
  constructor(image, canvas, view) {
    this.aspect = image.spacing.row / image.spacing.column;
    const { rows, columns } = image.format;
    const height = rows * this.aspect;
    this.fit = Math.min(canvas.width / columns, canvas.height / height);
    this.scale = this.fit * view.zoom;
    this.width = columns * this.scale;
    this.height = height * this.scale;
    this.left = (canvas.width - this.width) / 2 + view.panX;
    this.top = (canvas.height - this.height) / 2 + view.panY;
  }

  toImage({ x, y }) {
    return { x: (x - this.left) / this.scale, y: (y - this.top) / (this.scale * this.aspect) };
  }

  toCanvas({ x, y }) {
    return { x: this.left + x * this.scale, y: this.top + y * this.scale * this.aspect };
  }
}

/** Length between two points of an image: mm when the header gives a spacing, else pixels. */
export function lengthBetween(image, a, b) {
  const { row, column, kind } = image.spacing;
  const value = Math.hypot((a.x - b.x) * column, (a.y - b.y) * row);
  return { value, unit: kind ? "mm" : "px", kind };
}

/** The largest round length (1, 2 or 5 times a power of ten) that is not longer than `most`. */
export function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [5, 2, 1].find((candidate) => candidate * power <= most) ?? 1;
  return step * power;
}
