// Draws what ended per minute, in the page's own colours, and again when it changes.
"use strict";

(() => {
  const HEIGHT = 132;
  const drawn = new WeakMap();

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function bars(colourName) {
    const fill = colour(colourName);
    return {
      fill,
      width: 0,
      paths: uPlot.paths.bars({ size: [0.7, 12], radius: 0.2 }),
      points: { show: false },
    };
  }

  function options(width) {
    const axis = {
      stroke: colour("--ink-3"),
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
      font: "11px system-ui",
    };
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      padding: [8, 4, 0, 0],
      scales: { x: { time: true, range: (_, from, to) => [from - 45, to + 45] }, y: { range: (_, __, most) => [0, Math.max(most, 4)] } },
      axes: [
        { ...axis, grid: { show: false }, size: 24, values: [
          [3600, "{HH}:{mm}", null, null, null, null, null, null, 1],
          [60, "{HH}:{mm}", null, null, null, null, null, null, 1],
        ] },
        { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7] },
      ],
      series: [{}, bars("--completed"), bars("--failed")],
    };
  }

  // The taller bar holds both, so that the failed part stands in front of it.
  function stacked([times, done, failed]) {
    const sum = done.map((count, at) => (count === null ? null : count + failed[at]));
    return [times, sum, failed];
  }

  function draw(area) {
    const width = Math.floor(area.clientWidth);
    const wanted = `${width} ${document.documentElement.dataset.theme} ${area.dataset.chart}`;
    const known = drawn.get(area);
    if (!width || known?.wanted === wanted) return;
    const data = stacked(JSON.parse(area.dataset.chart));
    const sameLook = known?.wanted.split(" ", 2).join() === wanted.split(" ", 2).join();
    if (known && sameLook) {
      known.plot.setData(data);
      drawn.set(area, { plot: known.plot, wanted });
      return;
    }
    known?.plot.destroy();
    drawn.set(area, { plot: new uPlot(options(width), data, area), wanted });
  }

  function drawAll() {
    document.querySelectorAll("[data-chart]").forEach(draw);
  }

  document.addEventListener("htmx:after:swap", drawAll);
  window.addEventListener("resize", drawAll);
  new MutationObserver(drawAll).observe(document.documentElement, {
    attributeFilter: ["data-theme"],
  });
  drawAll();
})();
