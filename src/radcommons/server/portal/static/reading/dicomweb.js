// The requests this page makes of a scope's DICOMweb root (PS3.18), and refusals in words that help.

/** A refusal by the server or the network. `kind` is one of offline, sign-in, missing, unsupported, server. */
export class LoadError extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

const KINDS = { 401: "sign-in", 403: "missing", 404: "missing", 406: "unsupported", 410: "missing", 415: "unsupported", 501: "unsupported" };
const MESSAGES = {
  "sign-in": "Your session has ended. Sign in and open the images again.",
  missing: "These images are not in this collection, were withdrawn, or are not open to you.",
  unsupported: "It is kept as it was sent, and can be downloaded. Its pixels are damaged, or in a form that nothing here decodes.",
  server: "The server could not answer. Try again in a moment; if it goes on, tell the operator.",
  offline: "The server cannot be reached. Check the connection and try again.",
};

export async function request(url, accept, signal) {
  let response;
  try {
    response = await fetch(url, { headers: { Accept: accept }, credentials: "same-origin", signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new LoadError("offline", MESSAGES.offline);
  }
  if (!response.ok) {
    const kind = KINDS[response.status] ?? "server";
    throw new LoadError(kind, MESSAGES[kind]);
  }
  return response;
}

async function json(url) {
  const response = await request(url, "application/dicom+json");
  return response.status === 204 ? [] : response.json();
}

export function fetchMetadata(place) {
  return json(`${place.root}/studies/${place.study}/series/${place.series}/metadata`);
}

export function fetchSeriesList(place) {
  const fields = "00080060,0008103E,00200011,00201209";
  return json(`${place.root}/studies/${place.study}/series?includefield=${fields}`);
}

export function thumbnailUrl(place, series) {
  return `${place.root}/studies/${place.study}/series/${series}/thumbnail?viewport=128,128`;
}

function indexOf(bytes, pattern, from) {
  outer: for (let at = from; at <= bytes.length - pattern.length; at++) {
    for (let index = 0; index < pattern.length; index++) if (bytes[at + index] !== pattern[index]) continue outer;
    return at;
  }
  return -1;
}

function parameter(header, name) {
  return new RegExp(`${name}="?([^";,]+)"?`, "i").exec(header)?.[1] ?? "";
}

/** The first part of a multipart/related answer (PS3.18 8.6.1), or the whole body when it is a single part. */
export async function firstPart(response) {
  const type = response.headers.get("Content-Type") ?? "";
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (!type.toLowerCase().startsWith("multipart/")) {
    return { bytes, transferSyntaxUid: parameter(type, "transfer-syntax") };
  }
  const encoder = new TextEncoder();
  const headEnd = indexOf(bytes, encoder.encode("\r\n\r\n"), 0);
  if (headEnd < 0) throw new LoadError("server", MESSAGES.server);
  const head = new TextDecoder().decode(bytes.subarray(0, headEnd));
  const boundary = encoder.encode(`\r\n--${parameter(type, "boundary")}`);
  const length = Number(/content-length:\s*(\d+)/i.exec(head)?.[1] ?? NaN);
  const start = headEnd + 4;
  const tail = Math.max(start, bytes.length - boundary.length - 8);
  let end = Number.isFinite(length) ? start + length : indexOf(bytes, boundary, tail);
  if (end < 0) end = indexOf(bytes, boundary, start);
  return {
    bytes: bytes.subarray(start, end < 0 ? bytes.length : end),
    transferSyntaxUid: parameter(head, "transfer-syntax") || parameter(type, "transfer-syntax"),
  };
}
