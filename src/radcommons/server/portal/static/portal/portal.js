// Small improvements of every page. Nothing here is needed to use the portal.

const root = document.documentElement;

function labelThemeButton(button) {
  const isDark = root.dataset.bsTheme === "dark";
  button.textContent = isDark ? "Light" : "Dark";
  button.setAttribute("aria-label", isDark ? "Use light colours" : "Use dark colours");
  button.hidden = false;
}

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  labelThemeButton(button);
  button.addEventListener("click", () => {
    root.dataset.bsTheme = root.dataset.bsTheme === "dark" ? "light" : "dark";
    try {
      window.localStorage.setItem("radcommons-theme", root.dataset.bsTheme);
    } catch {
      // Without storage the choice lasts for this page only.
    }
    labelThemeButton(button);
    document.dispatchEvent(new CustomEvent("radcommons:theme"));
  });
}

// Menus and filters are <details>: wide screens show them open, narrow ones closed; Escape closes them there.
const wide = window.matchMedia("(min-width: 70rem)");

function prepareMenus(scope) {
  for (const menu of scope.querySelectorAll("[data-menu]:not([data-ready])")) {
    menu.open = wide.matches;
    menu.dataset.ready = "";
    menu.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !wide.matches) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    });
  }
}

prepareMenus(document);
wide.addEventListener("change", () => {
  for (const menu of document.querySelectorAll("[data-menu]")) menu.open = wide.matches;
});

// A thumbnail that cannot be drawn says why instead of showing a broken image.
const REASONS = {
  "archive.no-pixels": "No picture inside",
  "dicom.no-pixels": "No picture inside",
  "archive.slide": "Slide: open it to see the tissue",
  "dicom.pixels-undecodable": "No decoder for this syntax",
  "dicom.pixel-data-short": "Its pixels are cut short",
  "isolation.crashed": "The decoder fails on it",
  "isolation.timeout": "Takes too long to decode",
  "dicom.too-many-pixels": "Too large for a small picture",
};

async function explain(source, note) {
  const response = await fetch(source, { headers: { Accept: "image/jpeg, application/json" } }).catch(() => undefined);
  const words = { 401: "Sign in to see it", 404: "Not here any more", 410: "Withdrawn", 503: "Busy: try again" };
  const isSaid = response && response.headers.get("Content-Type")?.startsWith("application/json");
  const problem = isSaid ? await response.json().catch(() => ({})) : {};
  note.textContent = REASONS[problem.reason ?? problem.facts?.reason] ?? words[response?.status] ?? "No preview";
}

document.addEventListener("error", (event) => {
  const image = event.target;
  if (image instanceof HTMLImageElement && image.classList.contains("rc-thumb-image")) {
    const note = document.createElement("span");
    note.className = "rc-thumb-missing";
    note.textContent = "No preview";
    image.replaceWith(note);
    explain(image.src, note);
  }
}, true);

// Forms marked so submit themselves when a choice changes; the button stays for everybody else.
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form[data-submit-on-change]");
  if (form) form.requestSubmit();
});

for (const link of document.querySelectorAll("[data-print]")) {
  link.hidden = false;
  link.addEventListener("click", () => window.print());
}

// "Copy" buttons beside commands and identifiers.
function prepareCopying(scope) {
  for (const button of navigator.clipboard ? scope.querySelectorAll("[data-copy][hidden]") : []) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      button.textContent = "Copied";
    });
  }
}

prepareCopying(document);
document.addEventListener("htmx:after:swap", () => prepareCopying(document));
