"use strict";
(() => {
  const data = symbench.data("curve-data");
  const box = document.getElementById("curve-chart");
  const names = data.series.map((one) => one.model);
  const points = data.series.flatMap((one) =>
    one.points.map(([n, error, low, high]) => ({ model: one.model, n, error, low, high })));
  const sizes = [...new Set(points.map((p) => p.n))].sort((a, b) => a - b);
  let redraw = () => {};
  const shown = symbench.legend(box, names, () => redraw());
  redraw = symbench.chart(box, (width) => {
    const visible = points.filter((p) => shown.has(p.model));
    const extent = [...visible.flatMap((p) => [p.low, p.high]), data.threshold];
    const colour = (p) => symbench.colour(names.indexOf(p.model));
    return symbench.plot(width, {
      height: Math.min(440, Math.max(300, width * 0.5)),
      ariaLabel: "Learning curves: error by number of training examples",
      x: { type: "log", label: "training examples", ticks: sizes, tickFormat: "~s", inset: 14 },
      y: { type: "log", label: "error", grid: true, ...symbench.logarithmic(extent, 8) },
      marks: [
        ...names.filter((name) => shown.has(name)).map((name) =>
          Plot.areaY(visible.filter((p) => p.model === name), {
            x: "n", y1: "low", y2: "high", fill: symbench.colour(names.indexOf(name)), fillOpacity: 0.14,
          })),
        data.threshold ? Plot.ruleY([data.threshold], { strokeDasharray: "5 4" }) : null,
        Plot.ruleX(visible, { x: "n", y1: "low", y2: "high", stroke: colour, strokeOpacity: 0.6 }),
        ...symbench.lines(visible, names, { x: "n", y: "error" }),
        Plot.dot(visible, { x: "n", y: "error", fill: colour, r: 3.5 }),
        Plot.tip(visible, Plot.pointer({
          x: "n", y: "error",
          title: (p) => `${p.model}\n${p.n} examples\nerror ${symbench.interval(p.error, p.low, p.high)}`,
        })),
      ],
    });
  });
})();
