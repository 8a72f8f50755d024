// Keeping a read from OHIF: the same requests as the reading page makes, under a lease of this window.

const ROOT = "/api/v1/annotation/tasks";
const LEASE_MS = 45_000;

/** The task with its read, and the token that writing needs: both lie in the reading page. */
export async function openedTask(name) {
  const answer = await fetch(`/annotation/tasks/${name}/`, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) throw new Error("This case is not open to you. Sign in again, or go back to your list.");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return { task: JSON.parse(page.getElementById("task").textContent), token: page.body.dataset.csrf };
}

export class Keeper {
  #task;
  #token;
  #window = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  #sent = 0;
  #base;

  constructor(task, token) {
    [this.#task, this.#token, this.#base] = [task, token, task.read?.revision ?? 0];
    addEventListener("pagehide", () => this.#call("DELETE", `lease/${this.#window}`, undefined, { keepalive: true }).catch(() => undefined));
    setInterval(() => this.take().catch(() => undefined), LEASE_MS);
  }

  /** Hold the case in this window; refused with `annotation.lease-held` while another one has it. */
  take({ isTakingOver = false } = {}) {
    return this.#call("POST", "lease", { window: this.#window, is_taking_over: isTakingOver });
  }

  async save(draft) {
    this.#sent += 1;
    const body = { ...draft, window: this.#window, client_revision: this.#sent, base_revision: this.#base };
    const answer = await this.#call("PUT", "read", body);
    this.#base = answer.revision;
  }

  async #call(method, path, body, options = {}) {
    const headers = { "X-CSRFToken": this.#token, ...(body ? { "Content-Type": "application/json" } : {}) };
    const request = { method, headers, credentials: "same-origin", body: body && JSON.stringify(body), ...options };
    const response = await fetch(`${ROOT}/${this.#task.task}/${path}`, request);
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    throw Object.assign(new Error(answer.message || "The server refused to save."), { code: answer.code });
  }
}
