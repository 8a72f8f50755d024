// Reading the DICOM JSON Model (PS3.18 Annex F): an absent or empty attribute is `undefined`, never an exception.

export function values(dataset, tag) {
  const element = dataset?.[tag];
  return Array.isArray(element?.Value) ? element.Value.filter((value) => value !== null) : [];
}

export function first(dataset, tag) {
  return values(dataset, tag)[0];
}

export function text(dataset, tag) {
  const value = first(dataset, tag);
  if (value === undefined) return "";
  return typeof value === "object" ? String(value.Alphabetic ?? "") : String(value);
}

export function number(dataset, tag) {
  const value = Number(first(dataset, tag) ?? NaN);
  return Number.isFinite(value) ? value : undefined;
}

export function numbers(dataset, tag) {
  return values(dataset, tag).map(Number).filter(Number.isFinite);
}

export function item(dataset, tag) {
  const value = first(dataset, tag);
  return typeof value === "object" ? value : undefined;
}

export function bytes(dataset, tag) {
  const inline = dataset?.[tag]?.InlineBinary;
  if (typeof inline !== "string") return undefined;
  return Uint8Array.from(atob(inline), (character) => character.charCodeAt(0));
}
