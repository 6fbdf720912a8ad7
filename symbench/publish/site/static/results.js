"use strict";
(() => {
  const { element, number, interval } = symbench;
  const slice = 100;
  const idle = new Set(["declined", "not run"]);
  const data = symbench.data("cell-data");
  const form = document.getElementById("filters");
  const table = document.getElementById("cell-table");
  const more = document.getElementById("more");
  const count = document.getElementById("count");

  const rows = data.rows.map(([t, m, s, r, low, high, letters, params, scores]) => {
    const [task, taskName, family, group] = data.tasks[t];
    const [model, modelName, prior] = data.models[m];
    return {
      task, taskName, family, group, model, modelName, prior, status: data.statuses[s],
      reason: data.reasons[r], low, high, letters, params,
      scores: new Map(scores.map(([name, ...figure]) => [data.scores[name], figure])),
      text: `${taskName} ${modelName}`.toLowerCase(),
    };
  });

  const options = (name, values) => form.elements[name].append(
    ...[...new Set(values)].filter(Boolean).sort().map((value) => element("option", { value, textContent: value })));
  options("family", data.tasks.map(([, , family]) => family));
  options("group", data.tasks.map(([, , , group]) => group));
  options("prior", data.models.map(([, , prior]) => prior));
  const statuses = new Set(data.statuses);
  form.elements.status.append(...[...statuses].sort().map((value) =>
    element("option", { value: `is ${value}`, textContent: value })));
  form.elements.score.append(...[...data.scores].sort((a, b) => (b === "error") - (a === "error") || a.localeCompare(b))
    .map((value) => element("option", { value, textContent: value })));

  const defaults = Object.fromEntries([...form.elements].filter(({ name }) => name).map(({ name, value }) => [name, value]));
  const chosen = () => form.elements.score.value;
  const place = (row) => {
    if (row.low) return `${row.low === row.high ? row.low : `${row.low}–${row.high}`} ${row.letters}`.trim();
    return row.status === "ok" && row.scores.has("error") ? "*" : "";
  };
  const score = (row) => {
    const figure = row.scores.get(chosen());
    if (!figure) return "";
    const [value, low, high, flags = 0] = figure;
    const sign = flags & 1 ? "> " : flags & 2 ? "≤ " : "";
    const text = `${sign}${interval(value, low, high)}${flags & 8 ? "‡" : ""}`;
    return flags & 4 ? `(${text})` : text;
  };
  const compared = (row) => { // a score shown pale is sorted last, like a missing one
    const [value, , , flags = 0] = row.scores.get(chosen()) ?? [];
    return flags & 4 ? null : value;
  };
  const link = (kind, id, name) =>
    element("a", { href: `${kind}/${id}.html`, className: "name", textContent: name });
  const status = (row) => {
    const style = row.status === "ok" ? "good" : idle.has(row.status) ? "pale" : "bad";
    return element("span", { className: `status ${style}`, textContent: row.status });
  };
  const columns = [
    ["Task", (row) => row.taskName, (row) => link("tasks", row.task, row.taskName)],
    ["Model", (row) => row.modelName, (row) => link("models", row.model, row.modelName)],
    ["Prior", (row) => row.prior],
    ["Place", (row) => row.low || null, place],
    ["Score", compared, score, "num"],
    ["Status", (row) => row.status, status],
    ["Family", (row) => row.family],
    ["Group", (row) => row.group],
    ["Parameters", (row) => row.params, (row) => (row.params === null ? "" : String(row.params)), "num"],
    ["Reason", (row) => row.reason, null, "prose"],
  ];
  let shown = rows;
  let drawn = 0;
  let order = null;

  const line = (row) => element("tr", {}, ...columns.map(([, key, show, className = ""]) =>
    element("td", { className }, (show ?? key)(row))));
  const extend = () => {
    table.tBodies[0].append(...shown.slice(drawn, drawn + slice).map(line));
    drawn = Math.min(shown.length, drawn + slice);
    more.hidden = drawn >= shown.length;
    more.textContent = `Show ${Math.min(slice, shown.length - drawn)} more`;
    count.textContent = `${shown.length} of ${rows.length} cells${drawn < shown.length ? `, the first ${drawn} shown` : ""}`;
  };
  const fields = ["text", "family", "prior", "group", "status", "score"];
  const remember = () => { // what is filtered is in the address, so that it can be shared
    const chosen = new URLSearchParams(fields
      .map((name) => [name, form.elements[name].value])
      .filter(([name, value]) => value !== defaults[name]));
    history.replaceState(null, "", `#${chosen}`);
  };
  const recall = () => {
    const chosen = new URLSearchParams(location.hash.slice(1));
    for (const name of fields) {
      form.elements[name].value = chosen.get(name) ?? defaults[name];
      if (form.elements[name].selectedIndex === -1) form.elements[name].value = defaults[name];
    }
  };
  const refresh = () => {
    const want = Object.fromEntries(["text", "family", "prior", "group", "status"].map((name) => [name, form.elements[name].value]));
    const words = want.text.toLowerCase().split(/\s+/);
    shown = rows.filter((row) => words.every((word) => row.text.includes(word))
      && ["family", "prior", "group"].every((name) => !want[name] || row[name] === want[name])
      && (!want.status || (want.status === "shown" ? !idle.has(row.status) : `is ${row.status}` === want.status))
      && (chosen() === "error" || !chosen() || row.scores.has(chosen())));
    if (order) {
      const keyed = shown.map((row) => [order.key(row), row]);
      shown = keyed.sort((a, b) => symbench.compare(a[0], b[0], order.sign)).map(([, row]) => row);
    }
    table.tBodies[0].replaceChildren();
    drawn = 0;
    extend();
  };

  for (const [name, key, , className = ""] of columns) {
    const cell = element("th", { scope: "col", className }, name);
    table.tHead.rows[0].append(cell);
    symbench.heading(cell, (sign) => { order = { key, sign }; refresh(); });
  }
  const scoreHeading = [...table.tHead.rows[0].cells].find((cell) => cell.textContent === "Score").firstChild;
  const show = () => { scoreHeading.textContent = chosen() || "Score"; refresh(); };
  form.addEventListener("input", () => { show(); remember(); });
  form.addEventListener("reset", () => setTimeout(() => { show(); remember(); }));
  addEventListener("hashchange", () => { recall(); show(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", extend);
  recall();
  show();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();
