// Tables that sort by their headings. Text from the data enters the page only as text nodes.
"use strict";
const symbench = globalThis.symbench ?? (globalThis.symbench = {});

symbench.data = (id) => JSON.parse(document.getElementById(id).textContent);

symbench.number = (value) => {
  if (value === null || value === undefined) return "";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e5) return value.toExponential(1).replace("e+", "e");
  return value.toPrecision(size >= 1 ? Math.max(3, Math.floor(Math.log10(size)) + 1) : 2);
};

symbench.interval = (value, low, high) =>
  low === null || low === undefined || high === null || high === undefined
    ? symbench.number(value)
    : `${symbench.number(value)} [${symbench.number(low)}, ${symbench.number(high)}]`;

symbench.element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

// Missing values are last in both directions.
symbench.compare = (a, b, sign) => {
  const missing = (one) => one === null || one === undefined || one === "";
  if (missing(a) || missing(b)) return missing(a) - missing(b);
  return sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
};

symbench.heading = (cell, sort) => {
  const button = symbench.element("button", { type: "button" });
  button.append(...cell.childNodes);
  cell.append(button);
  button.addEventListener("click", () => {
    const sign = cell.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of cell.parentElement.children) other.removeAttribute("aria-sort");
    cell.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    sort(sign);
  });
};

symbench.sortable = (table) => {
  const value = (row, place) => {
    const cell = row.children[place];
    const text = (cell?.dataset.v ?? cell?.textContent ?? "").trim();
    const number = /^[(>≥≤<~ ]*(-?\d[\d.]*(?:e[+-]?\d+)?)([kM]?)/i.exec(text);
    if (!number) return text;
    return Number(number[1]) * ({ k: 1e3, M: 1e6 }[number[2]] ?? 1);
  };
  [...table.tHead.rows[0].cells].forEach((cell, place) => symbench.heading(cell, (sign) => {
    const body = table.tBodies[0];
    const numeric = cell.classList.contains("num");
    const keyed = [...body.rows].map((row) => {
      const found = value(row, place);
      return [numeric && typeof found === "string" ? "" : found, row];
    });
    body.append(...keyed.sort((a, b) => symbench.compare(a[0], b[0], sign)).map(([, row]) => row));
  }));
};

document.querySelectorAll("table.sortable").forEach(symbench.sortable);

// Tables whose further columns are shown on request.
document.querySelectorAll("table.parted").forEach((table) => {
  if (!table.querySelector("th.more")) return;
  const button = symbench.element("button", { type: "button", className: "columns" });
  const show = (narrow) => {
    table.classList.toggle("narrow", narrow);
    button.textContent = narrow ? "Show all columns" : "Show fewer columns";
    button.setAttribute("aria-expanded", String(!narrow));
  };
  button.addEventListener("click", () => show(!table.classList.contains("narrow")));
  table.parentElement.before(button);
  show(true);
});
