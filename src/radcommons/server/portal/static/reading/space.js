// The space bar: held while dragging it moves the image; let go without a drag it plays or stops.

class SpaceBar {
  isHeld = false;
  #wasUsed = false;

  press() {
    if (!this.isHeld) this.#wasUsed = false;
    this.isHeld = true;
  }

  use() {
    this.#wasUsed = true;
  }

  /** Let go; true when it was pressed for its own sake. */
  release() {
    const isMeant = this.isHeld && !this.#wasUsed;
    this.isHeld = false;
    return isMeant;
  }
}

export const spaceBar = new SpaceBar();

/** Hear when it is let go, and forget it when the window loses the keyboard. */
export function listenToSpace(play) {
  document.addEventListener("keyup", (event) => {
    if (event.key === " " && spaceBar.release()) play();
  });
  addEventListener("blur", () => spaceBar.release());
}
