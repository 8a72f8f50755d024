// Parts of the looking page that only show: they get what to show and return elements.

export const by = (id) => document.getElementById(id);

export const WORDS = {
  approved: "confirmed", rejected: "kept out", released: "let go", refused: "cannot be cleaned", clean: "no writing found",
  redacted: "blackened", needs_person: "needs a person", not_checked: "not checked", not_applicable: "",
};

export function node(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

export function unseen(picture) {
  return node("div", {},
    node("p", {}, node("strong", { textContent: picture.kind || "An object of a private class" }), node("br"), "It holds no picture that could be shown and cleaned here. Open the original in a program that shows it."),
    node("ul", {}, ...picture.findings.map((each) => node("li", { textContent: each }))));
}

function isCovered(picture, box) {
  return picture.boxes.some((each) => each.left <= box.left && each.top <= box.top
    && each.left + each.width >= box.left + box.width && each.top + each.height >= box.top + box.height);
}

// What was read and stays, as long as no box covers it.
export function staying(picture) {
  return picture.candidates.filter((each) => (each.is_marker || each.is_doubtful) && !isCovered(picture, each.box));
}

export function reading(picture, box) {
  const inside = picture.candidates.filter((each) => overlap(each.box, box) > 0.5 * Math.min(area(each.box), area(box)));
  const texts = inside.map((each) => each.text).filter(Boolean);
  const kinds = { region: "outside the ultrasound image", device: "known place of the device", site: "rectangle of this hospital", shape: "looks like writing", text: "writing" };
  return texts.join(" ") || (inside.length ? kinds[inside[0].kind] : "drawn by a person");
}

export function area(box) {
  return box.width * box.height;
}

export function overlap(one, other) {
  const width = Math.min(one.left + one.width, other.left + other.width) - Math.max(one.left, other.left);
  const height = Math.min(one.top + one.height, other.top + other.height) - Math.max(one.top, other.top);
  return width > 0 && height > 0 ? width * height : 0;
}

// Why no program vouches for the picture, then what was read where.
export function writingIn(picture) {
  return [...picture.doubts.map((each) => node("p", { className: "doubt", textContent: each })), boxTable(picture)];
}

function boxTable(picture) {
  const rows = picture.boxes.map((box) => [reading(picture, box), box.frames ? `blackened in frame ${box.frames.map((each) => each + 1).join(", ")}` : "blackened"]);
  const stays = staying(picture).map((each) => [each.text, each.is_doubtful ? "in doubt: stays unless you blacken it" : "stays"]);
  const all = [...rows, ...stays];
  if (!all.length) {
    return node("p", { textContent: picture.is_image ? "None found, none drawn." : "None." });
  }
  const head = node("tr", {}, node("th", { scope: "col", textContent: "It reads" }), node("th", { scope: "col", textContent: "It is" }));
  const body = all.map(([text, what]) => node("tr", {}, node("td", { textContent: text }), node("td", { textContent: what })));
  return node("table", {}, node("thead", {}, head), node("tbody", {}, ...body));
}

export function sheetItems(series, picture, goTo) {
  return series.pictures.map((each, index) => {
    const link = node("a", { href: `?instance=${each.key}&frame=1` });
    const words = WORDS[each.state] ?? each.state;
    const mark = node("span", { className: `mark ${each.is_waiting ? "waiting" : each.state}`, textContent: each.is_waiting ? `waits: ${words}` : words });
    const drawing = each.is_image
      ? node("img", { src: `/frames/${each.key}/1?side=original&small=1`, alt: "", loading: "lazy" })
      : node("span", { className: "none", textContent: "no picture" });
    link.append(drawing, node("span", { textContent: `Picture ${index + 1}${each.frames > 1 ? `, ${each.frames} frames` : ""}` }), node("br"), mark);
    if (each === picture) link.setAttribute("aria-current", "true");
    link.addEventListener("click", (event) => {
      event.preventDefault();
      goTo(index);
    });
    return node("li", {}, link);
  });
}

export function historyItems(series) {
  const items = series.history.map((each) => {
    const words = `${each.verb}, ${each.by}, ${each.at.replace("T", " ").replace("+00:00", " UTC")}${each.reason ? `: ${each.reason}` : ""}`;
    return node("li", { className: each.undone ? "undone" : "", textContent: words });
  });
  return items.length ? items : [node("li", { className: "none", textContent: "None yet." })];
}

export function giveReason({ title, text, yes, scope = false, why = false, ready = false }) {
  by("reason-title").textContent = title;
  by("reason-text").textContent = text;
  by("reason-yes").textContent = yes;
  by("reason-scope").hidden = !scope;
  by("reason-why").hidden = !why;
  by("reason").value = "";
  if (ready) by("reason").setAttribute("list", "reasons");
  else by("reason").removeAttribute("list");
  const dialog = by("reason-dialog");
  dialog.returnValue = "";
  dialog.showModal();
  by("reason").focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const chosen = (name) => dialog.querySelector(`[name=${name}]:checked`).value;
      resolve(dialog.returnValue === "yes" ? { reason: by("reason").value.trim(), scope: chosen("scope"), why: chosen("why") } : null);
    }, { once: true });
  });
}
