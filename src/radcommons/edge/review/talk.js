// Talking to the server of this machine, and what this tab has decided so far.

const token = document.body.dataset.token;
const LONGEST_KEPT = 60_000;
const ACTS = "radcommons-review-acts";

export async function ask(path, request) {
  const body = JSON.stringify(request);
  const silent = () => { throw new Error("The review server does not answer. Is `radcommons edge review --serve` still running? Nothing that was recorded is lost."); };
  const answer = await fetch(path, request && {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Radcommons-Token": token },
    body,
    // What was drawn last is sent even while the page is left; browsers allow that for short requests only.
    keepalive: body.length < LONGEST_KEPT,
  }).catch(silent);
  const value = await answer.json().catch(silent);
  if (!answer.ok) throw new Error(value.message);
  return value;
}

export function made() {
  return JSON.parse(sessionStorage.getItem(ACTS) ?? "[]");
}

export function digests(pictures) {
  return Object.fromEntries(pictures.map((each) => [each.key, each.digest]));
}

export function noteActs(acts) {
  sessionStorage.setItem(ACTS, JSON.stringify(acts.slice(-200)));
}
