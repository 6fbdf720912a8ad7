// Checkboxes that show and hide the models of a drawn chart; without them all are shown.
"use strict";
(() => {
  const { element } = globalThis.symbench;
  for (const figure of document.querySelectorAll("figure.toggled")) {
    const marks = [...figure.querySelectorAll("g[data-model]")];
    const names = [...new Set(marks.map((one) => one.dataset.model))];
    if (names.length < 2) continue;
    const list = element("fieldset", { className: "legend" });
    list.setAttribute("aria-label", "Models shown");
    for (const name of names) {
      const tick = element("input", { type: "checkbox", checked: true });
      tick.addEventListener("change", () => marks
        .filter((one) => one.dataset.model === name)
        .forEach((one) => one.toggleAttribute("hidden", !tick.checked)));
      list.append(element("label", {}, tick, name));
    }
    const box = element("details", {}, element("summary", { textContent: "Choose models" }), list);
    figure.append(box);
  }
})();
