// Says, before anything is sent, that files are more than the server takes at once.

for (const input of document.querySelectorAll("[data-most-bytes]")) {
  input.addEventListener("change", () => {
    const bytes = [...input.files].reduce((sum, file) => sum + file.size, 0);
    input.setCustomValidity(bytes > Number(input.dataset.mostBytes) ? input.dataset.tooMuch : "");
    input.reportValidity();
  });
}
