"use strict";
(() => {
  const points = symbench.data("error-data")
    .map(([task, error, low, high, best]) => ({ task, error, low, high, best }));
  const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  symbench.chart(document.getElementById("error-chart"), (width) => {
    const most = width < 500 ? 14 : 30;
    return symbench.plot(width, {
      height: 70 + 24 * points.length,
      marginLeft: most * 7.2,
      ariaLabel: "Error on each task beside the smallest error of any model",
      x: { type: "log", label: "error", grid: true, ...symbench.logarithmic(points.flatMap((p) => [p.low, p.high, p.best]), (width - 180) / 70) },
      y: { label: null, domain: points.map((p) => p.task), tickFormat: (task) => short(task, most) },
      marks: [
        Plot.ruleY(points, { y: "task", x1: "low", x2: "high", stroke: symbench.colour(0), strokeWidth: 2 }),
        Plot.tickX(points, { x: "best", y: "task", strokeWidth: 2 }),
        Plot.dot(points, { x: "error", y: "task", fill: symbench.colour(0), r: 4.5 }),
        Plot.tip(points, Plot.pointer({
          x: "error", y: "task",
          title: (p) => `${p.task}\nerror ${symbench.interval(p.error, p.low, p.high)}\nbest of all models ${symbench.number(p.best)}`,
        })),
      ],
    });
  });
})();
