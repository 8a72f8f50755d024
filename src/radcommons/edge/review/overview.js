// The overview pages by keyboard. Every page works without this file: it presses the buttons and follows the links that are
// there, and when a form was sent it takes the new page's content without losing the place and the pictures drawn before.

const NAME = "radcommons-review-by";
const ITEMS = ".groups > li > article, table.texts tbody tr";
const SIGNED = "#decide, form.texts";
const main = document.getElementById("main");

const items = () => [...main.querySelectorAll(ITEMS)];
const here = () => document.activeElement?.closest(ITEMS);
// What was in hand last, also while the name is written.
let hand = null;
const backToHand = () => ((hand?.isConnected ? hand : items()[0]) ?? main).focus();
const press = (selector, within = main) => within?.querySelector(selector)?.click();

function say(text) {
  const said = document.getElementById("said");
  if (said) said.textContent = text;
}

function goTo(place) {
  const all = items();
  const next = all[Math.min(Math.max(place, 0), all.length - 1)];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}

function go(step) {
  const at = items().indexOf(here());
  goTo(at < 0 ? 0 : at + step);
}

// Groups stand side by side: up and down go by a row of them.
function rowLength() {
  const all = items();
  if (all[0]?.tagName !== "ARTICLE") return 1;
  const top = all[0].getBoundingClientRect().top;
  return all.filter((each) => each.getBoundingClientRect().top === top).length || 1;
}

// --- sending

function nameField() {
  return main.querySelector("input[name=by]");
}

function keepName() {
  if (nameField()?.value.trim()) sessionStorage.setItem(NAME, nameField().value.trim());
}

function fillName() {
  for (const field of main.querySelectorAll("input[name=by]")) field.value ||= sessionStorage.getItem(NAME) ?? "";
}

async function send(form, button) {
  const fields = new URLSearchParams(new FormData(form, button));
  const at = items().indexOf(here());
  main.setAttribute("aria-busy", "true");
  try {
    const address = button?.hasAttribute("formaction") ? button.formAction : form.action;
    const answer = await fetch(address, { method: "POST", body: fields });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok) take(page, answer.url, at);
    else say(page.querySelector("[role=alert]")?.textContent ?? "It was refused. Load the page again.");
  } catch {
    say("The review server does not answer. Is `radcommons edge review --serve` still running? Nothing that was recorded is lost.");
  } finally {
    main.removeAttribute("aria-busy");
  }
}

// The new page, with the pictures of groups that are still there, so that none is drawn twice.
function take(page, address, at) {
  const fresh = page.getElementById("main");
  for (const group of fresh.querySelectorAll("article[id]")) {
    const drawn = document.getElementById(group.id)?.querySelector(".thumbs");
    const same = (each) => [...each.querySelectorAll("img")].map((image) => image.getAttribute("src")).join();
    const thumbs = group.querySelector(".thumbs");
    if (drawn && thumbs && same(drawn) === same(thumbs)) thumbs.replaceWith(drawn);
  }
  const said = fresh.querySelector("#said")?.textContent ?? "";
  main.replaceChildren(...fresh.childNodes);
  document.title = page.title;
  document.body.dataset.page = page.body.dataset.page;
  history.replaceState(null, "", address);
  begin();
  // A region that is live speaks of changes only.
  say("");
  requestAnimationFrame(() => say(said));
  if (at >= 0 && items().length) goTo(at);
  else (main.querySelector(".end a") ?? main).focus();
}

main.addEventListener("submit", (event) => {
  const form = event.target;
  keepName();
  if (form.method !== "post") return;
  event.preventDefault();
  send(form, event.submitter);
});

// --- keys

function confirmHere() {
  const item = here();
  const button = item?.querySelector("[data-do=confirm]");
  button?.click();
  if (item && !button) say(item.querySelector(".hint")?.textContent ?? "It cannot be confirmed here.");
  return Boolean(item);
}

function keepOut() {
  const details = here()?.querySelector("details[data-key=r]");
  if (!details) return;
  details.open = true;
  details.querySelector("input").focus();
}

function choose(place) {
  const radio = here()?.querySelectorAll("input[type=radio]")[place];
  if (!radio) return;
  radio.checked = true;
  if (radio.value === "replace") here().querySelector("fieldset > input").focus();
  else go(1);
}

const KEYS = {
  a: () => press("[data-do=all]"), u: () => press("[data-do=undo]"),
  o: () => press("[data-key=o]", here()), l: () => press("[data-key=l]", here()), r: keepOut,
  n: () => press("[rel=next]"), p: () => press("[rel=first]"), b: () => press("[rel=up]"),
  1: () => choose(0), 2: () => choose(1), 3: () => choose(2),
  "?": () => document.getElementById("help").showModal(), "/": () => document.getElementById("search")?.focus(),
};

function step(event) {
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: rowLength(), ArrowUp: -rowLength() };
  const found = steps[event.key];
  if (found) go(found);
  return Boolean(found);
}

function enter(event) {
  if (event.target.closest("a, button, summary, input:not([type=radio])")) return false;
  if (document.body.dataset.page === "texts") press("[data-do=record]");
  else if (document.body.dataset.page === "start") press(".go");
  else if (document.body.dataset.page === "pictures" && !confirmHere()) press(".end .go");
  return true;
}

// Enter in the field of a reason presses the button beside it, not the first of the form.
function enterInReason(event) {
  const button = event.target.closest("details[data-key=r]")?.querySelector("button");
  if (button) button.click();
  return Boolean(button);
}

// Enter after the name goes back to what was in hand: another Enter decides it.
function enterInName(event) {
  const isSigning = event.target.name === "by" && Boolean(event.target.closest(SIGNED));
  if (isSigning && event.target.reportValidity()) {
    keepName();
    backToHand();
  }
  return isSigning;
}

// The way back leads to what was opened.
main.addEventListener("click", (event) => {
  const item = event.target.closest("a") && event.target.closest(ITEMS);
  if (item?.id) history.replaceState(null, "", `#${item.id}`);
});

addEventListener("focusin", (event) => { hand = event.target.closest(ITEMS) ?? hand; });

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("dialog")) return;
  const field = event.target.closest("input:not([type=radio]), select, textarea");
  let done = false;
  if (event.key === "Escape") {
    here()?.querySelector("details")?.removeAttribute("open");
    backToHand();
    done = true;
  } else if (field) done = event.key === "Enter" && (enterInReason(event) || enterInName(event));
  else if (event.key === "Enter") done = enter(event);
  else if (KEYS[event.key.toLowerCase()]) {
    KEYS[event.key.toLowerCase()]();
    done = true;
  } else done = step(event);
  if (done) event.preventDefault();
});

document.getElementById("help-button").addEventListener("click", KEYS["?"]);

function begin() {
  fillName();
  main.querySelector("select")?.form?.addEventListener("change", (event) => event.target.matches("select") && event.target.form.requestSubmit());
}

begin();
if (!here() && document.body.dataset.page !== "start") (document.getElementById(location.hash.slice(1)) ?? items()[0])?.focus({ preventScroll: true });
document.body.dataset.ready = "yes";
