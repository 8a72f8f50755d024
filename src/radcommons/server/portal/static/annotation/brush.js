// Painting into a mask: round stamps along a stroke, within the image, and when wanted only where the values lie in a range.

/** Which values the threshold brush paints, in the units of the image (HU on CT). */
export function isWithin(frame, image, { low, high }) {
  const { slope, intercept } = image;
  return (at) => {
    const value = frame.values[at] * slope + intercept;
    return value >= low && value <= high;
  };
}

/**
 * Set the pixels whose centres lie within `radius` of the line from one point to another.
 *
 * `aspect` is the height of a pixel by its width, so that the brush is round in millimetres. `accepts` may leave pixels
 * out. Returns the rectangle touched ({left, top, right, bottom}, ends excluded), or undefined when nothing changed.
 */
export function paintStroke(pixels, size, { from, to, radius, aspect = 1, value = 1, accepts = undefined }) {
  const { rows, columns } = size;
  const [reachX, reachY] = [radius, radius / aspect];
  const left = Math.max(0, Math.floor(Math.min(from.x, to.x) - reachX));
  const right = Math.min(columns, Math.ceil(Math.max(from.x, to.x) + reachX) + 1);
  const top = Math.max(0, Math.floor(Math.min(from.y, to.y) - reachY));
  const bottom = Math.min(rows, Math.ceil(Math.max(from.y, to.y) + reachY) + 1);
  const [dx, dy] = [to.x - from.x, (to.y - from.y) * aspect];
  const length = dx * dx + dy * dy;
  const reach = radius * radius;
  let hasChanged = false;
  for (let row = top; row < bottom; row++) {
    const y = (row + 0.5 - from.y) * aspect;
    for (let column = left; column < right; column++) {
      const x = column + 0.5 - from.x;
      const along = length === 0 ? 0 : Math.min(1, Math.max(0, (x * dx + y * dy) / length));
      if ((x - along * dx) ** 2 + (y - along * dy) ** 2 > reach) continue;
      const at = row * columns + column;
      if (pixels[at] === value || (accepts && !accepts(at))) continue;
      pixels[at] = value;
      hasChanged = true;
    }
  }
  return hasChanged ? { left, top, right, bottom } : undefined;
}
