// Rows with boxes: select all, count, and the bar with what can be done to them.
"use strict";

(() => {
  let lastBox = null;

  function boxes(form) {
    return [...form.querySelectorAll("input[name=id]")];
  }

  function show(form) {
    const all = boxes(form);
    const chosen = all.filter((box) => box.checked);
    const bar = form.querySelector("[data-selection-bar]");
    if (!bar) return;
    bar.hidden = !chosen.length;
    bar.querySelector("[data-selection-count]").textContent = chosen.length;
    for (const box of all) box.closest("tr").classList.toggle("is-selected", box.checked);
    const every = form.querySelector("[data-select-all]");
    every.checked = chosen.length > 0 && chosen.length === all.length;
    every.indeterminate = chosen.length > 0 && chosen.length < all.length;
  }

  document.addEventListener("click", (event) => {
    const box = event.target.closest?.("[data-selection] input[name=id]");
    if (!box) return;
    const all = boxes(box.form);
    if (event.shiftKey && lastBox?.form === box.form) {
      const [from, to] = [all.indexOf(lastBox), all.indexOf(box)].sort((a, b) => a - b);
      for (const other of all.slice(from, to + 1)) other.checked = box.checked;
    }
    lastBox = box;
  });

  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-selection]");
    if (form) {
      if (event.target.matches("[data-select-all]")) {
        for (const box of boxes(form)) box.checked = event.target.checked;
      }
      show(form);
    }
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
    if (event.target.matches("[data-column]")) {
      const filters = event.target.form;
      const names = [...filters.querySelectorAll("[data-column]:checked")].map((box) => box.value);
      filters.elements.columns.value = names.join(".") || "none";
    }
  });

  // Empty fields would only make addresses long.
  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".filters")) return;
    for (const field of event.target.elements) {
      if (field.name && !field.value) field.disabled = true;
    }
  });

  document.addEventListener("htmx:after:swap", () => {
    document.querySelectorAll("[data-selection]").forEach(show);
  });
})();
