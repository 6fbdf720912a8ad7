// Loaded before the page is painted: the reader's choice of colours.
"use strict";
(() => {
  const choices = ["auto", "light", "dark"];
  const root = document.documentElement;
  const stored = () => {
    try { return localStorage.getItem("symbench-theme"); } catch { return null; }
  };
  const apply = (choice) => {
    if (choice === "auto") delete root.dataset.theme;
    else root.dataset.theme = choice;
  };
  let choice = choices.includes(stored()) ? stored() : "auto";
  apply(choice);
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = () => { button.textContent = `Theme: ${choice}`; };
    button.hidden = false;
    label();
    button.addEventListener("click", () => {
      choice = choices[(choices.indexOf(choice) + 1) % choices.length];
      apply(choice);
      label();
      try { localStorage.setItem("symbench-theme", choice); } catch { /* private window */ }
    });
  });
})();
