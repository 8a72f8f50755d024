// Draws each chart from the table beside it; whoever cannot see the chart reads the table.

const reduced = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
const charts = [];

function colour(name) {
  // light-dark() is resolved by the browser only in a real property.
  const probe = document.createElement("span");
  probe.className = `rc-colour-${name}`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function rowsOf(figure) {
  return [...figure.querySelectorAll("tbody tr")].map((row) => ({
    label: row.cells[0].textContent.trim(),
    value: row.cells[1].dataset.value === undefined ? null : Number(row.cells[1].dataset.value),
  }));
}

function options(figure) {
  const rows = rowsOf(figure);
  const isTrend = figure.dataset.chart === "month" || figure.dataset.chart === "age";
  const ink = colour("ink");
  const quiet = colour("quiet");
  const line = colour("line");
  const names = { type: "category", data: rows.map((row) => row.label), axisLabel: { color: ink, width: Number(figure.dataset.names ?? 130), overflow: "truncate" }, axisTick: { show: false }, axisLine: { lineStyle: { color: line } }, inverse: !isTrend };
  // Agreement is seen against what would be complete.
  const isAgreement = ["agreement", "overview"].includes(figure.dataset.chart);
  const numbers = { type: "value", max: isAgreement ? 1 : undefined, minInterval: figure.dataset.scale === "fraction" ? 0 : 1, axisLabel: { color: quiet, hideOverlap: true }, splitLine: { lineStyle: { color: line } } };
  return {
    animation: !reduced,
    animationDuration: 250,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 8, right: 36, top: 12, bottom: 8, containLabel: true },
    xAxis: isTrend ? names : numbers,
    yAxis: isTrend ? numbers : names,
    tooltip: { trigger: "axis", axisPointer: { type: "none" }, renderMode: "richText" },
    series: [{
      type: "bar",
      name: figure.querySelector("thead th:nth-child(2)").textContent,
      barMaxWidth: 28,
      data: rows.map((row) => row.value),
      itemStyle: { color: colour("accent"), borderRadius: 2 },
      label: { show: rows.length <= 16, position: isTrend ? "top" : "right", color: ink },
    }],
  };
}

function begin(figure) {
  const place = figure.querySelector(".rc-chart-canvas");
  const height = Math.max(14, Math.min(28, rowsOf(figure).length * 2.2 + 3));
  place.style.height = `${height}rem`;
  const chart = window.echarts.init(place, null, { renderer: "svg" });
  chart.setOption(options(figure));
  charts.push([figure, chart]);
}

for (const figure of document.querySelectorAll("[data-chart]")) {
  // What is folded has no size to draw in before it is opened.
  const fold = figure.closest("details:not([open])");
  if (fold) fold.addEventListener("toggle", () => begin(figure), { once: true });
  else begin(figure);
}

window.addEventListener("resize", () => charts.forEach(([, chart]) => chart.resize()));
document.addEventListener("radcommons:theme", () => charts.forEach(([figure, chart]) => chart.setOption(options(figure))));
