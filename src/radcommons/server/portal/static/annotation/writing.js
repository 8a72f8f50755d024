// Further labels in the form of a schema, as many as one likes before it is saved.

const button = document.querySelector("[data-add-label]");
const total = document.querySelector("[name=label-TOTAL_FORMS]");
const pattern = document.querySelector("template[data-new-label]");

button.hidden = false;
button.addEventListener("click", () => {
  const made = document.createElement("div");
  made.innerHTML = pattern.innerHTML.replaceAll("__prefix__", total.value);
  total.value = Number(total.value) + 1;
  button.closest("form").querySelector(".rc-form > details:last-of-type").after(...made.children);
  document.querySelector(`[name=label-${total.value - 1}-group]`).focus();
});
