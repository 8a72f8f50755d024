// Where a plane lies in the patient, and how its pixels map to those of a parallel image. Pure.

import { item, number, numbers, values } from "./dicomjson.js";
import { cross, dot } from "./geometry.js";

const PARALLEL = 0.99;

/** A value of a frame: its own functional groups first, then the shared ones, then the top level. */
export function groupItem(instance, frameIndex, sequence) {
  const own = values(instance, "52009230")[frameIndex];
  return item(own, sequence) ?? item(item(instance, "52009229"), sequence) ?? instance;
}

/** Position, orientation, spacing and size of one frame; undefined where the header does not place it. */
export function planeOf(instance, frameIndex) {
  const position = numbers(groupItem(instance, frameIndex, "00209113"), "00200032");
  const orientation = numbers(groupItem(instance, frameIndex, "00209116"), "00200037");
  const [row, column] = numbers(groupItem(instance, frameIndex, "00289110"), "00280030");
  if (position.length !== 3 || orientation.length !== 6 || !(row > 0 && column > 0)) return undefined;
  return { position, orientation, row, column };
}

function planeOfImage(image) {
  if (!image.position || !image.orientation || !image.spacing.kind) return undefined;
  return { position: image.position, orientation: image.orientation, row: image.spacing.row, column: image.spacing.column };
}

function axesOf({ orientation }) {
  const [across, down] = [orientation.slice(0, 3), orientation.slice(3)];
  return { across, down, normal: cross(across, down) };
}

/** Distance in mm of a point from an image's plane, or undefined where the image is not placed. */
export function distanceFrom(image, point) {
  const plane = planeOfImage(image);
  if (!plane) return undefined;
  const { normal } = axesOf(plane);
  return dot(normal, point.map((value, axis) => value - plane.position[axis]));
}

/** The distance in mm between a plane and a parallel image; undefined when they are not parallel or not placed. */
export function gapBetween(image, plane) {
  const own = planeOfImage(image);
  if (!own || !plane) return undefined;
  const isParallel = Math.abs(dot(axesOf(own).normal, axesOf(plane).normal)) > PARALLEL;
  return isParallel ? Math.abs(distanceFrom(image, plane.position)) : undefined;
}

/** Column and row of an image, corners at whole numbers, at which a point of the patient lies. */
export function toPixels(image, point) {
  const plane = planeOfImage(image);
  const { across, down } = axesOf(plane);
  const offset = point.map((value, axis) => value - plane.position[axis]);
  return { x: dot(offset, across) / plane.column + 0.5, y: dot(offset, down) / plane.row + 0.5 };
}

/** The affine map [a, b, c, d, e, f] from a frame's pixel corners to those of an image; by size alone where neither is placed. */
export function mapOnto(image, plane, { rows, columns }) {
  if (!plane || !planeOfImage(image)) return [image.format.columns / columns, 0, 0, image.format.rows / rows, 0, 0];
  const { across, down } = axesOf(plane);
  const corner = (column, row) =>
    toPixels(image, plane.position.map((value, axis) => value + across[axis] * (column - 0.5) * plane.column + down[axis] * (row - 0.5) * plane.row));
  const [origin, right, below] = [corner(0, 0), corner(1, 0), corner(0, 1)];
  return [right.x - origin.x, right.y - origin.y, below.x - origin.x, below.y - origin.y, origin.x, origin.y];
}

/** How far from its plane something may lie and still belong to an image: half the way to the next slice. */
export function toleranceOf(image) {
  return Math.max(0.05, (image.sliceSpacing ?? number({ t: { Value: [image.thickness] } }, "t") ?? 1) / 2);
}
