"use strict";
(() => {
  const { element, number, interval } = symbench;
  const data = symbench.data("pair-data");
  const form = document.getElementById("pair");
  const table = document.getElementById("pair-table");
  const verdict = document.getElementById("verdict");
  const errors = data.models.map(() => new Map());
  for (const [model, task, value, low, high, group] of data.rows) {
    errors[model].set(task, { value, low, high, group });
  }
  for (const name of ["a", "b"]) {
    form.elements[name].append(...data.models.map(([, text, prior], value) =>
      element("option", { value, textContent: prior ? `${text} (${prior})` : text })));
  }
  const place = (id) => data.models.findIndex(([one]) => one === id);
  const [first, second] = location.hash.slice(1).split(",").map(place);
  const most = errors.map((one, i) => [one.size, i]).sort((x, y) => y[0] - x[0]).map(([, i]) => i);
  const usual = ["emlp", "scalars"].map(place);
  const start = first >= 0 || usual.some((i) => i < 0) ? [first, second] : usual;
  form.elements.a.value = start[0] >= 0 ? start[0] : (most[0] ?? 0);
  const a0 = errors[Number(form.elements.a.value)] ?? new Map();
  const shared = (i) => [...errors[i].keys()].filter((task) => a0.has(task)).length;
  const others = most.filter((i) => errors[i] !== a0).map((i) => [shared(i), i]).sort((x, y) => y[0] - x[0]);
  form.elements.b.value = start[1] >= 0 ? start[1] : (others[0]?.[1] ?? 0);

  let points = [];
  const sentence = (a, b) => {
    const [x, y] = [data.models[a][1], data.models[b][1]];
    const wins = points.filter((p) => p.a.value < p.b.value).length;
    const counted = `${points.length} shared tasks; ${x} has the smaller median on ${wins}, ${y} on ${points.filter((p) => p.b.value < p.a.value).length}.`;
    const separate = (p) => p.a.group && p.b.group && ![...p.a.group].some((letter) => p.b.group.includes(letter));
    return `${counted} On ${points.filter(separate).length} of them the seeds distinguish the two. For a test over all of them: symbench compare ${x} ${y}.`;
  };
  // The points farthest from the diagonal, at most five, whose names do not cover one another.
  const farthest = (some, [low, high]) => {
    const apart = (p, q, name, share) =>
      Math.abs(Math.log(p[name].value / q[name].value)) > share * Math.log(high / low);
    const named = [];
    for (const p of [...some].sort((one, other) => distance(other) - distance(one))) {
      if (named.length < 5 && named.every((q) => apart(p, q, "a", 0.4) || apart(p, q, "b", 0.05))) named.push(p);
    }
    return named;
  };
  const distance = (p) => Math.abs(Math.log(p.a.value / p.b.value));
  const box = document.getElementById("pair-chart");
  const chart = symbench.chart(box, (width) => {
    const some = points.filter((p) => p.a.value > 0 && p.b.value > 0);
    const side = Math.min(width, 520);
    const values = some.flatMap((p) => [p.a.value, p.b.value]);
    const domain = values.length ? [Math.min(...values) / 1.3, Math.max(...values) * 1.3] : [0.1, 1];
    const ticks = symbench.logarithmic(domain, 5);
    const [a, b] = ["a", "b"].map((name) => data.models[form.elements[name].value]?.[1] ?? "");
    return symbench.plot(side, {
      height: side * 0.86,
      ariaLabel: "Errors of both models; each dot is a task",
      x: { type: "log", label: `error of ${a}`, domain, ...ticks, grid: true },
      y: { type: "log", label: `error of ${b}`, domain, ...ticks, grid: true },
      marks: [
        Plot.link([0], { x1: domain[0], y1: domain[0], x2: domain[1], y2: domain[1], strokeOpacity: 0.5, strokeDasharray: "4 3" }),
        Plot.dot(some, { x: (p) => p.a.value, y: (p) => p.b.value, fill: "currentColor", r: 4.5 }),
        Plot.text(farthest(some, domain), { x: (p) => p.a.value, y: (p) => p.b.value, text: (p) => p.task, dy: -9, fill: "currentColor" }),
        Plot.tip(some, Plot.pointer({
          x: (p) => p.a.value, y: (p) => p.b.value,
          title: (p) => `${p.task}\n${a} ${number(p.a.value)}\n${b} ${number(p.b.value)}`,
        })),
      ],
    });
  });
  const refresh = () => {
    const [a, b] = ["a", "b"].map((name) => Number(form.elements[name].value));
    if (!data.models[a] || !data.models[b]) return;
    points = [...errors[a]].filter(([task]) => errors[b].has(task))
      .map(([task, one]) => ({ id: task, task: data.tasks[task], a: one, b: errors[b].get(task) }));
    const headings = [...table.tHead.rows[0].cells].map((cell) => cell.querySelector("button") ?? cell);
    const [x, y] = [data.models[a][1], data.models[b][1]];
    [headings[1].textContent, headings[2].textContent, headings[3].textContent] = [x, y, `${y} ÷ ${x}`];
    table.tBodies[0].replaceChildren(...points.map((p) => element("tr", {},
      element("td", {}, element("a", { href: `tasks/${p.id}.html`, className: "name", textContent: p.task })),
      ...[p.a, p.b].map((one) => element("td", { className: "num" }, interval(one.value, one.low, one.high))),
      element("td", { className: "num" }, p.a.value > 0 ? number(p.b.value / p.a.value) : ""),
      element("td", {}, [p.a.group, p.b.group].map((letters) => letters || "–").join(" / ")))));
    verdict.textContent = a === b ? "Choose two different models." : sentence(a, b);
    history.replaceState(null, "", `#${data.models[a][0]},${data.models[b][0]}`);
    box.hidden = points.length === 0;
    chart();
  };
  form.addEventListener("input", refresh);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("swap").addEventListener("click", () => {
    const { a, b } = form.elements;
    [a.value, b.value] = [b.value, a.value];
    refresh();
  });
  refresh();
})();
