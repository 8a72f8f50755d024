// Chooses light or dark before the first paint: the reader's own choice, otherwise the system's.
(() => {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return window.localStorage.getItem("radcommons-theme");
    } catch {
      return null;
    }
  };
  const apply = () => {
    document.documentElement.dataset.bsTheme = chosen() ?? (system.matches ? "dark" : "light");
  };
  apply();
  document.documentElement.dataset.scripted = "";
  system.addEventListener("change", () => {
    apply();
    document.dispatchEvent(new CustomEvent("radcommons:theme"));
  });
})();
