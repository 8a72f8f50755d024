// Plays the slices in order, never faster than they arrive.

const DEFAULT_RATE = 12;

export class Cine {
  #view;
  #frames;
  #show;
  #words;
  #timer = 0;

  constructor(view, frames, show, words) {
    this.#view = view;
    this.#frames = frames;
    this.#show = show;
    this.#words = words;
  }

  get #rate() {
    const { frameRate, frameTime } = this.#view.image;
    const stored = frameRate ?? (frameTime > 0 ? 1000 / frameTime : DEFAULT_RATE);
    return Math.min(30, Math.max(1, stored));
  }

  toggle() {
    if (this.#timer) this.stop();
    else if (this.#view.count > 1) {
      this.#timer = setInterval(() => this.#next(), 1000 / this.#rate);
      this.#words.playing(true);
    }
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#words.playing(false);
  }

  #next() {
    const isMissing = !this.#frames.frame(this.#view.index) && !this.#frames.failure(this.#view.index);
    if (isMissing || document.hidden) return;
    this.#view.moveTo((this.#view.index + 1) % this.#view.count);
    this.#view.direction = 1;
    this.#show();
  }
}
