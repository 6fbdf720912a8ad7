// The chart of two models, whose choice is the reader's: SVG by Observable Plot, and a file.
"use strict";
(() => {
  const symbench = globalThis.symbench ?? (globalThis.symbench = {});
  const save = (svg, name) => {
    const copy = svg.cloneNode(true);
    copy.querySelectorAll("[aria-label=tip]").forEach((tip) => tip.remove());
    copy.removeAttribute("aria-hidden");
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("color", "#111");
    copy.style.background = "#fff";
    const address = URL.createObjectURL(new Blob([copy.outerHTML], { type: "image/svg+xml" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = `${name}.svg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };

  // Draws now, and again when the width changes; returns the function that draws.
  symbench.chart = (box, draw) => {
    const canvas = document.createElement("div");
    canvas.className = "canvas";
    const tools = document.createElement("div");
    tools.className = "tools";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Save SVG";
    button.addEventListener("click", () => {
      const svg = canvas.querySelector("svg");
      if (svg) save(svg, box.dataset.name);
    });
    tools.append(button);
    box.append(canvas, tools);
    let width = 0;
    const redraw = () => {
      width = Math.max(280, canvas.clientWidth);
      const svg = draw(width);
      // Plot labels its groups, which have no role: a screen reader gets one image with one label.
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", svg.getAttribute("aria-label") ?? "Chart");
      svg.setAttribute("aria-hidden", "true");
      canvas.replaceChildren(svg);
    };
    redraw();
    new ResizeObserver(() => {
      if (Math.abs(Math.max(280, canvas.clientWidth) - width) > 8) redraw();
    }).observe(canvas);
    return redraw;
  };

  // Ticks at powers of ten, with 2 and 5 times them where there are few; no more than fit.
  symbench.logarithmic = (values, most) => {
    const found = values.filter((value) => value > 0);
    if (!found.length) return {};
    const [low, high] = [Math.min(...found), Math.max(...found)];
    const powers = d3.range(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)) + 1);
    const inside = (steps) => powers.flatMap((power) => steps.map((step) => Number(`${step}e${power}`)))
      .filter((value) => value >= low * 0.999 && value <= high * 1.001);
    const ticks = [[1], [1, 2, 5], d3.range(1, 10)].map(inside).find((some) => some.length > 2) ?? inside(d3.range(1, 10));
    const every = Math.max(1, Math.ceil(ticks.length / Math.max(2, most)));
    return {
      ticks: ticks.filter((_, place) => place % every === 0),
      tickFormat: (value) => (value < 1e-3 || value >= 1e5 ? value.toExponential().replace("e+", "e") : String(value)),
    };
  };

  symbench.plot = (width, options) => Plot.plot({
    className: "chart", width, marginLeft: 58, marginBottom: 40, style: undefined, ...options,
  });
})();
