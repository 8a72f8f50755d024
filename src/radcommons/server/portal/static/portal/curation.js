// Keys of the curators' pages: move through the queue, open a study, open a decision's dialog.

const typing = (target) => target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");

const rows = [...document.querySelectorAll("[data-row]")];
let current = -1;

function moveTo(index) {
  if (!rows.length) return;
  rows[current]?.classList.remove("rc-current");
  current = Math.min(Math.max(index, 0), rows.length - 1);
  rows[current].classList.add("rc-current");
  rows[current].scrollIntoView({ block: "nearest" });
  rows[current].querySelector("[data-open]").focus({ preventScroll: true });
}

rows.forEach((row, index) => row.addEventListener("focusin", () => {
  if (index !== current) {
    rows[current]?.classList.remove("rc-current");
    current = index;
    row.classList.add("rc-current");
  }
}));

const dialogs = new Map([...document.querySelectorAll("dialog[data-key]")].map((dialog) => [dialog.dataset.key, dialog]));

function openDialog(dialog) {
  if (dialog.open) dialog.close();
  dialog.showModal();
  dialog.querySelector("textarea").focus();
}

for (const dialog of dialogs.values()) {
  // The server opens a dialog that must be answered again; make it modal like the others.
  if (dialog.open) openDialog(dialog);
  dialog.querySelector("[data-close]").addEventListener("click", (event) => {
    event.preventDefault();
    dialog.close();
  });
}

for (const link of document.querySelectorAll("[data-decide]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    openDialog(document.getElementById(`decide-${link.dataset.decide}`));
  });
}

const actions = {
  j: () => moveTo(current + 1),
  k: () => moveTo(current - 1),
  s: () => {
    const box = rows[current]?.querySelector("input[type=checkbox]");
    if (box) box.checked = !box.checked;
  },
  n: () => document.querySelector("[data-next]")?.click(),
  q: () => { if (!rows.length) window.location.assign("/curation/"); },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog:modal")) return;
  if (dialogs.has(event.key)) {
    event.preventDefault();
    openDialog(dialogs.get(event.key));
  } else if (actions[event.key]) {
    event.preventDefault();
    actions[event.key]();
  }
});
