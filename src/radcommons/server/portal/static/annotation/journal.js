// What is not yet on the server is on this computer: one entry a task in IndexedDB, gone once the server has it.

const NAME = "radcommons-reads";
const STORE = "drafts";

function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

let database;

async function inStore(mode, work) {
  database ??= opened();
  const transaction = (await database).transaction(STORE, mode);
  const request = work(transaction.objectStore(STORE));
  // Committed at once, it is done even if the page goes before it hears so.
  transaction.commit?.();
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

/** Keeps drafts by task and window. Where the browser has no storage (a private window of some), it says so and goes on. */
export class Journal {
  isWorking = true;
  #task;

  constructor(task) {
    this.#task = task;
  }

  /** What windows have kept of the task, the latest first. */
  async entries() {
    const range = IDBKeyRange.bound(`${this.#task}/`, `${this.#task}/\uffff`);
    const found = (await this.#attempt(() => inStore("readonly", (store) => store.getAll(range)))) ?? [];
    return found.sort((a, b) => b.at - a.at);
  }

  async write(entry) {
    return this.#attempt(() => inStore("readwrite", (store) => store.put(entry, `${this.#task}/${entry.window}`)));
  }

  async clear(window) {
    return this.#attempt(() => inStore("readwrite", (store) => store.delete(`${this.#task}/${window}`)));
  }

  async #attempt(work) {
    try {
      const result = await work();
      this.isWorking = true;
      return result;
    } catch {
      this.isWorking = false;
      return undefined;
    }
  }
}

/**
 * The name of this window at one task, and its count of what it sent. Both outlive a crash: a window that takes the place
 * of a dead one goes on under its name, so lease and draft are its own. Locks tell the living from the dead; they need a
 * secure context, and without them every load is a new window.
 */
export class WindowName {
  #key;
  #count;

  /** The first of some names whose window is dead, the last one used here, or a new one. */
  static async of(task, names = []) {
    const root = `radcommons-window:${task}`;
    for (const name of [...names, localStorage.getItem(root)]) {
      if (name && (await isFree(`${root}:${name}`))) return new WindowName(root, name);
    }
    const bytes = crypto.getRandomValues(new Uint8Array(9));
    const made = new WindowName(root, Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""));
    await isFree(made.#key);
    return made;
  }

  constructor(root, name) {
    this.name = name;
    this.#key = `${root}:${name}`;
    this.#count = Number(localStorage.getItem(this.#key)) || 0;
    localStorage.setItem(root, name);
  }

  /** The number of what is sent next; never given twice. */
  next() {
    this.#count += 1;
    localStorage.setItem(this.#key, String(this.#count));
    return this.#count;
  }

  forget() {
    localStorage.removeItem(this.#key);
  }
}

/** Take a lock for as long as this page lives. */
function isFree(name) {
  if (!navigator.locks) return Promise.resolve(false);
  return new Promise((resolve) => {
    navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock === null ? undefined : new Promise(() => {});
    });
  });
}
