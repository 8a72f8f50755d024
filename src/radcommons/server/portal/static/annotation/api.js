// The requests this page makes of /api/v1/annotation. A refusal is an `ApiError` that says what kind it is.

const ROOT = "/api/v1/annotation";

/** `kind`: offline, signed-out, conflict, invalid, missing, server; `code` is the server's own. */
export class ApiError extends Error {
  constructor(kind, { code = "", message = "", findings = [], revision = undefined, is_kept: isKept = false } = {}) {
    super(message || "The server could not be reached.");
    Object.assign(this, { kind, code, findings, revision, isKept });
  }
}

/** What to tell somebody of an error: our own words, never those of a fault in this page. */
export function wordsOf(error) {
  return error.kind ? error.message : "This page could not be laid out. Nothing was changed. Load it again; if it goes on, tell the operator.";
}

const KINDS = { 401: "signed-out", 403: "signed-out", 404: "missing", 409: "conflict", 410: "missing", 400: "invalid", 422: "invalid" };
let token = document.querySelector("[data-csrf]")?.dataset.csrf;

/** After signing in again in another tab the protection token is another one; the page itself knows it. */
export async function renewToken() {
  try {
    const page = await (await fetch(location.href, { credentials: "same-origin" })).text();
    token = new DOMParser().parseFromString(page, "text/html").querySelector("[data-csrf]")?.dataset.csrf ?? token;
  } catch {
    // Still offline or signed out: the next attempt tries again.
  }
}

export async function call(method, path, body, { isLast = false } = {}) {
  const headers = { Accept: "application/json", "X-CSRFToken": token };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const options = { method, headers, credentials: "same-origin", keepalive: isLast };
  if (body !== undefined) options.body = JSON.stringify(body);
  let response;
  try {
    response = await fetch(`${ROOT}${path}`, options);
  } catch {
    throw new ApiError("offline");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new ApiError(KINDS[response.status] ?? "server", answer);
}
