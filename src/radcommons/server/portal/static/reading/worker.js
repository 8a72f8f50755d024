// Fetches and decodes frames away from the page, so that scrolling never waits for either.

import { EXPLICIT_LITTLE_ENDIAN, UnsupportedPixels, decodeFrame, isDecodable, isGrey } from "./decode.js";
import { LoadError, firstPart, request } from "./dicomweb.js";

const running = new Map();

async function fetchFrame(task, transferSyntax, signal) {
  const accept = `multipart/related; type="application/octet-stream"; transfer-syntax=${transferSyntax}`;
  const response = await request(task.url, accept, signal);
  const part = await firstPart(response);
  const uid = part.transferSyntaxUid || (transferSyntax === "*" ? task.format.transferSyntaxUid : transferSyntax);
  return decodeFrame(part.bytes, task.format, uid);
}

async function fetchRendered(task, signal) {
  const query = task.window ? `?window=${task.window.center},${task.window.width},linear` : "";
  const response = await request(`${task.url}/rendered${query}`, "image/jpeg, image/png", signal);
  return { kind: "rendered", bitmap: await createImageBitmap(await response.blob()), window: task.window };
}

const WAYS = {
  stored: (task, signal) => fetchFrame(task, "*", signal),
  transcoded: (task, signal) => fetchFrame(task, EXPLICIT_LITTLE_ENDIAN, signal),
  rendered: fetchRendered,
};

/**
 * What to ask for, best first: the stored bytes when this page decodes them, bytes that the server transcodes, a picture
 * that it renders. `task.way` is what worked for the frame before.
 */
function waysFor(task) {
  if (task.mustRender || !isDecodable(task.format, "")) return ["rendered"];
  const isStoredUseful = isDecodable(task.format, task.format.transferSyntaxUid);
  // Colours that were compressed have no window to change, and their colour space is the server's business.
  const ways = [...(isStoredUseful ? ["stored"] : []), ...(isGrey(task.format) ? ["transcoded"] : []), "rendered"];
  return ways.slice(Math.max(0, ways.indexOf(task.way)));
}

async function load(task, signal) {
  let refusal;
  for (const way of waysFor(task)) {
    try {
      return { way, frame: await WAYS[way](task, signal) };
    } catch (error) {
      const isRefusal = error instanceof UnsupportedPixels || (error instanceof LoadError && error.kind === "unsupported");
      if (!isRefusal) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

function transferables(frame) {
  if (frame.kind === "grey") return [frame.values.buffer];
  return frame.kind === "colour" ? [frame.colours.buffer] : [frame.bitmap];
}

async function answer(id, task) {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const result = await load(task, controller.signal);
    self.postMessage({ id, ...result }, transferables(result.frame));
  } catch (error) {
    const kind = error.name === "AbortError" ? "aborted" : (error.kind ?? "unsupported");
    self.postMessage({ id, error: { kind, message: error.message } });
  } finally {
    running.delete(id);
  }
}

self.onmessage = ({ data }) => {
  if (data.abort) running.get(data.id)?.abort();
  else answer(data.id, data.task);
};
