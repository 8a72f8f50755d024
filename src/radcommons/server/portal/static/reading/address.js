// The state worth sharing lives in the address: slice (from 1), window width and level.

export function readAddress(view) {
  const query = new URLSearchParams(location.search);
  const slice = Number.parseInt(query.get("slice") ?? "", 10);
  if (Number.isFinite(slice)) view.moveTo(slice - 1);
  else if (query.has("instance")) {
    // Links from reports name the object and its frame.
    const place = view.placeOf(query.get("instance"), Number.parseInt(query.get("frame") ?? "0", 10) || 0);
    if (place >= 0) view.moveTo(place);
  }
  const width = Number.parseFloat(query.get("ww") ?? "");
  const center = Number.parseFloat(query.get("wl") ?? "");
  if (Number.isFinite(width) && Number.isFinite(center) && width > 0) view.setWindow(center, width);
}

let timer = 0;

export function writeAddress(view) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const query = new URLSearchParams(location.search);
    query.set("slice", String(view.index + 1));
    for (const name of ["instance", "frame", "play"]) query.delete(name);
    const isShared = view.window && view.preset !== "auto";
    for (const [name, value] of [
      ["ww", view.window?.width],
      ["wl", view.window?.center],
    ]) {
      if (isShared) query.set(name, String(Math.round(value * 10) / 10));
      else query.delete(name);
    }
    history.replaceState(null, "", `?${query}`);
  }, 250);
}
