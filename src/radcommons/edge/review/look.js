// The looking page: one series, one question. Every change is kept at once; the address says what is shown.

import { Editor, isInFrame, isSame, make, shape } from "./editor.js";
import { ask, digests, made, noteActs } from "./talk.js";
import { WORDS, area, by, giveReason, historyItems, node, overlap, reading, sheetItems, staying, unseen, writingIn } from "./views.js";

const VIEWS = ["both", "original", "result"];
const QUIET_MS = 350;
const MADE_MS = 1500;
const NAME = "radcommons-review-by";

let series = null;
let picture = null;
let frame = 0;
let brightest = false;
let pending = null;
let awaiting = 0;
let busy = Promise.resolve();
const seen = new Set();

const editor = new Editor(by("original"), { changed: keepSoon, picked: tellPicked });

function say(text, isBad = false) {
  by("said").textContent = text;
  by("said").classList.toggle("bad", isBad);
}

// --- talking to the server, one request after the other

function act(verb, values, { quiet = false } = {}) {
  const name = by("by").value.trim();
  if (!name) {
    say("Write your name first: it stands with every decision.", true);
    by("by").focus();
    return Promise.resolve(null);
  }
  const work = async () => {
    try {
      const value = await ask(`/api/series/${series.series}`, { verb, by: name, ...values });
      remember(value.act, verb);
      take(value.series);
      if (!quiet) say(value.said);
      return value;
    } catch (error) {
      say(error.message, true);
      return null;
    }
  };
  busy = busy.then(work);
  return busy;
}

function remember(actId, verb) {
  if (verb === "undo") return;
  noteActs([...made(), { act: actId, series: series.series }]);
}

// --- keeping what is drawn

function keepSoon(boxes) {
  const kept = picture;
  kept.boxes = boxes;
  kept.is_edited = true;
  if (pending) clearTimeout(pending.timer);
  pending = { kept, timer: setTimeout(keepNow, QUIET_MS) };
  drawResult();
  by("boxes").replaceChildren(...writingIn(picture));
}

function keepNow() {
  if (!pending) return busy;
  const { kept, timer } = pending;
  clearTimeout(timer);
  pending = null;
  return act("edit", { pictures: digests([kept]), boxes: { [kept.key]: kept.boxes } }, { quiet: true });
}

addEventListener("pagehide", keepNow);

// --- showing

function take(value) {
  const waitsForKeeping = pending?.kept;
  series = value;
  if (waitsForKeeping) {
    const fresh = series.pictures.find((each) => each.key === waitsForKeeping.key);
    if (fresh) fresh.boxes = waitsForKeeping.boxes;
    pending.kept = fresh ?? waitsForKeeping;
  }
  picture = series.pictures.find((each) => each.key === picture?.key) ?? series.pictures[0];
  render();
  awaitMade();
}

// What was decided is made in the background: the page tells when it is there.
function awaitMade() {
  clearTimeout(awaiting);
  if (!series.pictures.some((each) => !each.is_made && ["approved", "released"].includes(each.state))) return;
  awaiting = setTimeout(async () => {
    const value = await ask(`/api/series/${series.series}`).catch(() => null);
    if (value && !pending) take(value);
    else awaitMade();
  }, MADE_MS);
}

function address(side, small = false) {
  const place = brightest && picture.frames > 1 ? "all" : frame + 1;
  const version = side === "result" ? `&v=${encodeURIComponent(JSON.stringify(picture.boxes)).length}-${series.history.length}` : "";
  return `/frames/${picture.key}/${place}?side=${side}${small ? "&small=1" : ""}${version}`;
}

function render() {
  const number = series.pictures.indexOf(picture) + 1;
  frame = Math.min(frame, picture.frames - 1);
  seen.add(picture.key);
  by("number").textContent = `Picture ${number} of ${series.pictures.length}`;
  by("place").textContent = series.place.position;
  by("waiting").textContent = series.place.waiting;
  drawOriginal();
  drawResult();
  drawFrames();
  by("boxes").replaceChildren(...writingIn(picture));
  by("sheet").replaceChildren(...sheetItems(series, picture, goTo));
  by("history").replaceChildren(...historyItems(series));
  drawFace();
  drawActs();
  const where = new URL(location);
  where.searchParams.set("instance", picture.key);
  where.searchParams.set("frame", brightest ? "all" : frame + 1);
  history.replaceState(null, "", where);
}

function size() {
  return { columns: picture.columns || picture.seenColumns || 0, rows: picture.rows || picture.seenRows || 0 };
}

function drawOriginal() {
  if (!picture.is_image) {
    by("original").replaceChildren(unseen(picture));
    return;
  }
  const { columns, rows } = size();
  if (!columns) {
    measure(picture);
    return;
  }
  editor.show({
    address: address("original"), columns, rows, boxes: picture.boxes, staying: staying(picture),
    frame: brightest ? null : frame, label: `Original, ${picture.boxes.length} boxes`,
  });
  editor.image.onerror = () => tellUndrawn(address("original"));
}

async function tellUndrawn(place) {
  const shown = picture;
  const why = await ask(place).then(() => "", (error) => error.message);
  if (picture !== shown) return;
  by("original").replaceChildren(node("p", { textContent: `${why || "The picture cannot be drawn here."} Look at it in a viewer, or keep it out.` }));
}

// Where no program looked, the picture itself tells its size.
function measure(shown) {
  const image = new Image();
  image.onload = () => {
    [shown.seenColumns, shown.seenRows] = [image.naturalWidth, image.naturalHeight];
    if (picture === shown) render();
  };
  image.onerror = () => tellUndrawn(address("original"));
  image.src = address("original");
}

function drawResult() {
  const stage = by("result");
  const isMade = picture.is_made && !picture.is_edited;
  by("result-state").textContent = resultWords(isMade);
  if (picture.state === "rejected" || (picture.is_refused && picture.state !== "released")) {
    stage.replaceChildren(node("p", { textContent: picture.state === "rejected" ? "Nothing: it is kept out." : "Nothing, unless a person lets it go." }));
    return;
  }
  const { columns, rows } = size();
  if (!columns || !picture.is_image) {
    stage.replaceChildren(node("p", { textContent: "The object without its identifying attributes." }));
    return;
  }
  const covers = isMade ? [] : picture.boxes.filter((each) => isInFrame(each, brightest ? null : frame)).map((each) => make("rect", { ...shape(each), class: "cover" }));
  const image = make("image", { x: 0, y: 0, width: columns, height: rows, href: address(isMade ? "result" : "original") });
  stage.replaceChildren(make("svg", { viewBox: `0 0 ${columns} ${rows}`, role: "img", "aria-label": "The picture as it would leave" }, image, ...covers));
}

function resultWords(isMade) {
  if (picture.state === "released") return isMade ? "let go" : "let go; being made";
  if (picture.state === "approved") return isMade ? "confirmed" : "confirmed; being made";
  if (["rejected", "refused"].includes(picture.state)) return WORDS[picture.state];
  return isMade ? WORDS[picture.state] : "as drawn; made when you confirm";
}

function drawFrames() {
  by("frames").hidden = picture.frames < 2;
  by("frame").max = picture.frames;
  by("frame").value = frame + 1;
  by("frame").disabled = brightest;
  by("frame-number").textContent = `${frame + 1} of ${picture.frames}`;
  by("brightest").setAttribute("aria-pressed", brightest);
}

function drawFace() {
  const { face } = series;
  by("face").hidden = !face;
  if (!face) return;
  const found = face.verdict === "head" ? "A head is in this series: a face could be made of it." : "A head may be in this series: a face could be made of it.";
  const states = { held: "It waits for your decision.", kept: "A person lets it stay.", defaced: "The face was taken away." };
  by("face-words").textContent = `${found} ${states[face.state]} (${face.reasons.join(", ").replaceAll("-", " ")})${face.refusal ? ` ${face.refusal}` : ""}`;
  by("keep-face").hidden = face.state !== "held";
  by("deface").hidden = face.state !== "held" || !face.can_deface;
}

function drawActs() {
  const unlooked = toLookAt();
  by("acts").hidden = false;
  by("confirm-label").textContent = unlooked.length ? "Next picture that needs you" : "Confirm and next";
  by("confirm").disabled = series.face?.state === "held";
  by("release").hidden = !picture.is_refused || picture.state === "released";
  by("add").hidden = !picture.is_image;
  by("undo").disabled = !lastAct();
}

function tellPicked(index) {
  if (!picture?.boxes[index]) return;
  say(`Box ${index + 1}: ${reading(picture, picture.boxes[index])}. M it is harmless · Delete remove · S every picture · D every image of the device`);
}

// --- going about

function goTo(index) {
  keepNow();
  picture = series.pictures[(index + series.pictures.length) % series.pictures.length];
  frame = 0;
  brightest = false;
  render();
}

function goToFrame(index) {
  brightest = false;
  frame = Math.min(Math.max(index, 0), picture.frames - 1);
  render();
}

function toLookAt() {
  const unsure = ["needs_person", "not_checked", "refused"];
  return series.pictures.filter((each) => each.is_waiting && !seen.has(each.key) && (unsure.includes(each.state) || each.is_edited));
}

async function leaveFor(uid) {
  await keepNow();
  location.assign(uid ? `/series/${uid}` : "/");
}

// --- deciding

async function confirm() {
  if (series.face?.state === "held") {
    say(`A face could be made of this series. Keep it with a reason (K)${series.face.can_deface ? ", take it away (T)" : ""} or keep the series out (R).`, true);
    return;
  }
  const [unlooked] = toLookAt();
  if (unlooked) {
    goTo(series.pictures.indexOf(unlooked));
    say("This one needs you.");
    return;
  }
  if (series.pictures.every((each) => each.is_refused)) {
    say("It cannot be cleaned. Let it go with a reason (L), or keep it out (R).", true);
    return;
  }
  await keepNow();
  const done = await act("confirm", { pictures: digests(series.pictures) });
  if (done) await leaveFor(done.next);
}

async function reject() {
  const answer = await giveReason({ title: "Keep out", text: "It stays in this hospital. The original is not touched.", yes: "Keep out", scope: series.pictures.length > 1, ready: true });
  if (!answer) return;
  const whole = answer.scope === "series" || series.pictures.length === 1;
  await keepNow();
  const done = await act("reject", { pictures: digests(whole ? series.pictures : [picture]), reason: answer.reason });
  if (done && whole) await leaveFor(done.next);
}

async function release() {
  if (!picture.is_refused || picture.state === "released") return;
  const answer = await giveReason({ title: "Let it go", text: "No program can clean this object. The centre is told when and why it was let go, in the words below; what you write stays here.", yes: "Let it go", why: true });
  if (answer) await act("release", { pictures: digests([picture]), reason: answer.reason, why: answer.why });
}

async function keepFace() {
  if (series.face?.state !== "held") return;
  const answer = await giveReason({ title: "Keep the face", text: "Who has these slices can draw the face of the patient. Say why that may be, or take it away.", yes: "Keep it" });
  if (!answer) return;
  const done = await act("keep-faces", { pictures: digests(series.pictures), reason: answer.reason });
  if (done && !series.pictures.some((each) => each.is_waiting && !each.face)) await leaveFor(done.next);
}

async function deface() {
  if (series.face?.state !== "held" || !series.face.can_deface) return;
  const done = await act("deface", { pictures: digests(series.pictures) });
  if (done) await leaveFor(done.next);
}

function lastAct() {
  const here = series.history.find((each) => !each.undone);
  const elsewhere = made().at(-1);
  if (elsewhere && elsewhere.act > (here?.act ?? 0)) return elsewhere;
  return here ? { act: here.act, series: series.series } : null;
}

async function undo() {
  await keepNow();
  const last = lastAct();
  if (!last) return;
  const done = await act("undo", { act: last.act });
  noteActs(made().filter((each) => each.act !== last.act));
  if (done && last.series !== series.series) await leaveFor(last.series);
  else if (done) drawActs();
}

function boxInHand() {
  const box = picture.boxes[editor.chosen];
  if (!box && editor.stayingChosen()) say("This stays as it is. A blackens it.");
  else if (!box) say(picture.boxes.length ? "Choose a box first: Tab goes to the next one." : "There is no box in this picture. A adds one.", true);
  return box;
}

async function harmless() {
  const box = boxInHand();
  if (!box) return;
  const seenThere = picture.candidates.find((each) => each.text && overlap(each.box, box) > 0.5 * area(each.box));
  if (!seenThere) {
    say("Nothing was read in this box; remove it with Delete if it covers nothing of a person.", true);
    return;
  }
  await keepNow();
  const done = await act("allow", { word: seenThere.text });
  if (done && picture.is_edited) editor.remove(picture.boxes.findIndex((each) => overlap(each, seenThere.box) > 0));
}

async function everyPicture() {
  const box = boxInHand();
  if (!box) return;
  const same = series.pictures.filter((each) => each.rows === picture.rows && each.columns === picture.columns && !each.is_refused);
  const drawn = same.map((each) => [each.key, each === picture || each.boxes.some((other) => isSame(other, box)) ? each.boxes : [...each.boxes, box]]);
  if (pending) clearTimeout(pending.timer);
  pending = null;
  await act("edit", { pictures: digests(same), boxes: Object.fromEntries(drawn) });
  say(`The box is in ${same.length} ${same.length === 1 ? "picture" : "pictures"} of this series.`);
}

async function everyDevice() {
  const box = boxInHand();
  if (!box) return;
  await keepNow();
  await act("spread", { pictures: digests([picture]), box });
}

function thisFrame() {
  const box = boxInHand();
  if (!box || picture.frames < 2 || brightest) return;
  const { frames, ...rest } = box;
  editor.replace(editor.chosen, frames ? rest : { ...rest, frames: [frame] });
}

function add() {
  if (!picture.is_image || !editor.columns) return;
  const staying = editor.stayingChosen();
  if (staying) editor.add(staying.box);
  else editor.addInTheMiddle();
}

function turnView() {
  const panes = by("panes");
  const narrow = matchMedia("(max-width: 46rem)").matches;
  const order = narrow ? ["both", "result"] : VIEWS;
  panes.dataset.show = order[(order.indexOf(panes.dataset.show) + 1) % order.length];
  say({ both: narrow ? "The original." : "Original and result.", original: "The original.", result: "What would leave." }[panes.dataset.show]);
}

function contrast() {
  const is = by("panes").classList.toggle("bright");
  by("bright").setAttribute("aria-pressed", is);
}

// --- keys and buttons

const KEYS = {
  a: add, b: turnView, c: contrast, d: everyDevice, f: thisFrame, k: keepFace, l: release, t: deface, m: harmless, r: reject, s: everyPicture, u: undo,
  n: () => leaveFor(series.place.next), p: () => leaveFor(series.place.previous), "?": () => by("help").showModal(),
};
const MOVES = {
  ArrowLeft: () => goTo(series.pictures.indexOf(picture) - 1), ArrowRight: () => goTo(series.pictures.indexOf(picture) + 1),
  ArrowUp: () => goToFrame(frame - 1), ArrowDown: () => goToFrame(frame + 1),
  PageUp: () => goToFrame(frame - 10), PageDown: () => goToFrame(frame + 10),
};

addEventListener("keydown", (event) => {
  const isElsewhere = event.target.closest("input, select, textarea, dialog");
  if (!series || isElsewhere || event.ctrlKey || event.metaKey) return;
  if (editor.key(event)) return event.preventDefault();
  const onControl = event.target.closest("button, a");
  if (event.key === "Enter" && !onControl) {
    event.preventDefault();
    return confirm();
  }
  if (["Delete", "Backspace"].includes(event.key) && editor.chosen >= 0) {
    event.preventDefault();
    return editor.remove(editor.chosen);
  }
  if (event.key === "Escape") return by("original").focus();
  const done = KEYS[event.key.toLowerCase()] ?? (!event.shiftKey && !event.altKey && MOVES[event.key]);
  if (!done) return;
  event.preventDefault();
  return done();
});

for (const [id, done] of Object.entries({ confirm, reject, release, add, undo, view: turnView, bright: contrast, deface, "keep-face": keepFace, "help-button": KEYS["?"] })) {
  by(id).addEventListener("click", done);
}
by("frame").addEventListener("input", () => goToFrame(Number(by("frame").value) - 1));
by("brightest").addEventListener("click", () => {
  brightest = !brightest;
  render();
});
by("by").addEventListener("change", () => sessionStorage.setItem(NAME, by("by").value.trim()));
by("by").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !by("by").value.trim()) return;
  event.preventDefault();
  say("");
  by("original").focus();
});

async function start() {
  by("by").value = sessionStorage.getItem(NAME) ?? by("by").value;
  const value = await ask(`/api/series/${document.body.dataset.series}`);
  const where = new URLSearchParams(location.search);
  picture = value.pictures.find((each) => each.key === where.get("instance")) ?? value.pictures.find((each) => each.is_waiting) ?? value.pictures[0];
  brightest = where.get("frame") === "all" && picture.frames > 1;
  frame = brightest ? 0 : Math.max(0, (Number(where.get("frame")) || 1) - 1);
  take(value);
  by("original").focus();
  document.body.dataset.ready = "yes";
}

start().catch((error) => say(error.message, true));
