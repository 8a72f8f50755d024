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
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

/** Keeps drafts of one task. Where the browser has no storage (a private window of some), it says so and goes on. */
export class Journal {
  isWorking = true;
  #task;

  constructor(task) {
    this.#task = task;
  }

  async read() {
    return this.#attempt(() => inStore("readonly", (store) => store.get(this.#task)));
  }

  async write(entry) {
    return this.#attempt(() => inStore("readwrite", (store) => store.put(entry, this.#task)));
  }

  async clear() {
    return this.#attempt(() => inStore("readwrite", (store) => store.delete(this.#task)));
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
 * of a dead one goes on under its name, so the lease is its own. Locks tell the living from the dead; they need a secure
 * context, and without them every load is a new window.
 */
export class WindowName {
  #key;
  #count;

  static async of(task) {
    const key = `radcommons-window:${task}`;
    const [known, count] = (localStorage.getItem(key) ?? "").split("/");
    if (known && (await isFree(`${key}:${known}`))) return new WindowName(key, known, Number(count) || 0);
    const bytes = crypto.getRandomValues(new Uint8Array(9));
    const name = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    await isFree(`${key}:${name}`);
    return new WindowName(key, name, 0);
  }

  constructor(key, name, count) {
    this.#key = key;
    this.#count = count;
    this.name = name;
    this.#keep();
  }

  /** The number of what is sent next; never given twice. */
  next() {
    this.#count += 1;
    this.#keep();
    return this.#count;
  }

  forget() {
    localStorage.removeItem(this.#key);
  }

  #keep() {
    localStorage.setItem(this.#key, `${this.name}/${this.#count}`);
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
