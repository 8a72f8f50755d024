// How long a case was worked on: only while the window has the focus and somebody touched it within the last minute.

const IDLE_MS = 60_000;
const TICK_MS = 1000;

export class ActiveClock {
  #seconds;
  #input = 0;
  #last = 0;
  #timer;

  constructor(seconds) {
    this.#seconds = seconds;
    for (const name of ["pointerdown", "pointermove", "wheel", "keydown"]) {
      addEventListener(name, () => (this.#input = performance.now()), { passive: true, capture: true });
    }
    this.#input = this.#last = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  #tick() {
    const now = performance.now();
    const passed = now - this.#last;
    this.#last = now;
    // A tick that comes much too late means that the machine slept.
    const isAwake = passed < 3 * TICK_MS;
    if (isAwake && document.hasFocus() && !document.hidden && now - this.#input < IDLE_MS) this.#seconds += passed / 1000;
  }

  get seconds() {
    this.#tick();
    return Math.round(this.#seconds * 10) / 10;
  }

  /** Start on another case. */
  restart(seconds) {
    this.#tick();
    this.#seconds = seconds;
  }

  stop() {
    clearInterval(this.#timer);
  }
}
