// Draws the charts that the server describes in `data-plot`. Labels, values, ticks and tips come from it; here are
// pixels and the colours of the theme. Beside each chart is a table, which is all there is where no script runs.
import { init, use } from "echarts/core";
import { BarChart, CustomChart, HeatmapChart, LineChart } from "echarts/charts";
import { GridSimpleComponent, TooltipComponent } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";

use([BarChart, LineChart, HeatmapChart, CustomChart, GridSimpleComponent, TooltipComponent, CanvasRenderer]);

const PHONE = matchMedia("(max-width: 719px)"), FEW = 12; // on a phone, time charts show the last of it
const drawn = new Map();

function theme() {
  const style = getComputedStyle(document.documentElement), read = (name) => style.getPropertyValue("--" + name).trim();
  const names = ["c0", "c1", "c2", "c3", "c4", "cx", "ink", "ink2", "ink3", "surface", "sunken", "line", "line2", "grid"];
  return { ...Object.fromEntries(names.map((name) => [name, read(name)])), font: getComputedStyle(document.body).fontFamily };
}

const bytes = (hex) => (hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit) : hex.slice(1).match(/../g))
  .map((pair) => parseInt(pair, 16));
const mix = (from, to, share) => {
  const end = bytes(to);
  return "#" + bytes(from).map((value, at) => Math.round(value + (end[at] - value) * share).toString(16).padStart(2, "0")).join("");
};

const light = (color) => bytes(color).map((value) => ((value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
  .reduce((sum, value, at) => sum + value * [0.2126, 0.7152, 0.0722][at], 0);
// Of two inks the one that can be read better on a ground.
const readable = (ground, ...inks) => {
  const contrast = (ink) => { const [low, high] = [light(ground), light(ink)].sort((a, b) => a - b); return (high + 0.05) / (low + 0.05); };
  return inks.sort((a, b) => contrast(b) - contrast(a))[0];
};

const text = (look, more) => ({ color: look.ink3, fontFamily: look.font, fontSize: 12, ...more });
// About how wide words are: Han letters are twice as wide as figures.
const wide = (words) => [...words].reduce((sum, letter) => sum + (letter > "\u2e80" ? 12 : /[.,\s]/.test(letter) ? 3.5 : 7.2), 0);
const tooltip = (look, tips) => ({
  renderMode: "richText", confine: true, transitionDuration: 0, padding: [8, 11], borderWidth: 1, borderRadius: 7,
  backgroundColor: look.surface, borderColor: look.line2, textStyle: text(look, { color: look.ink, lineHeight: 19 }),
  formatter: (found) => tips[(Array.isArray(found) ? found[0] : found).dataIndex] ?? "",
});

function timed(plot, look) {
  const from = PHONE.matches ? Math.max(0, plot.labels.length - FEW) : 0, cut = (values) => values.slice(from);
  const labels = cut(plot.labels), room = (words) => Math.max(...words.map(wide)) + 12;
  const option = {
    animation: false,
    grid: { left: room(plot.ticks), right: plot.last ? room([plot.last]) : 8, top: 12, bottom: 26 },
    tooltip: { ...tooltip(look, cut(plot.tips)), trigger: "axis", axisPointer: plot.kind === "line"
      ? { type: "line", lineStyle: { color: look.line2, type: "solid" } } : { type: "shadow", shadowStyle: { color: look.ink3, opacity: 0.08 } } },
    xAxis: { type: "category", data: labels, boundaryGap: plot.kind === "bars", axisTick: { show: false },
      axisLine: { onZero: false, show: false }, axisLabel: text(look, { hideOverlap: true, margin: 10 }) },
    yAxis: { type: "value", min: plot.bottom, max: plot.top, interval: plot.step, axisLabel: text(look, {
      formatter: (value) => plot.ticks[Math.round((value - plot.bottom) / plot.step)] }),
      splitLine: { lineStyle: { color: look.grid } } },
  };
  const zero = { type: "line", data: labels.map(() => 0), symbol: "none", silent: true, z: 3, lineStyle: { color: look.line2, width: 1 } };
  if (plot.kind === "line") {
    const values = cut(plot.values), end = values.length - 1;
    option.series = [{ type: "line", data: values.map((value, at) => at === end
      ? { value, symbol: "circle", symbolSize: 7, label: { show: true, position: "right", distance: 6, formatter: plot.last, ...text(look, { color: look.ink, fontWeight: 600 }) } } : { value, symbol: "none" }),
    showAllSymbol: true, lineStyle: { color: look.c1, width: 2 }, itemStyle: { color: look.c1 }, areaStyle: { color: look.c1, opacity: 0.08 } }];
    return option;
  }
  option.series = plot.series.map((each) => ({ type: "bar", stack: "all", data: cut(each.values), barCategoryGap: "36%",
    itemStyle: { color: look[each.tone] }, emphasis: { disabled: true } }));
  if (plot.bottom < 0) option.series.push(zero);
  if (plot.net.length) option.series.push(across(cut(plot.net), look));
  return option;
}

// A mark across each bar: what its parts add up to.
const across = (values, look) => ({
  type: "custom", data: values.map((value, at) => [at, value]), z: 4, silent: true,
  renderItem(_, api) {
    const [x, y] = api.coord([api.value(0), api.value(1)]), half = api.size([1, 0])[0] * 0.4;
    return { type: "rect", shape: { x: x - half, y: y - 1.5, width: 2 * half, height: 3, r: 1 }, style: { fill: look.ink } };
  },
});

function heat(plot, look, width) {
  const words = width / (plot.columns.length + 1) > 34, room = Math.max(...plot.rows.map(wide), 30) + 14;
  return {
    animation: false,
    grid: { left: room, right: 2, top: 24, bottom: 2 },
    tooltip: tooltip(look, plot.tips),
    xAxis: { type: "category", position: "top", data: plot.columns, axisTick: { show: false }, axisLine: { show: false },
      axisLabel: text(look, { interval: words ? 0 : "auto", margin: 8 }) },
    yAxis: { type: "category", inverse: true, data: plot.rows, axisTick: { show: false }, axisLine: { show: false },
      axisLabel: text(look, { interval: 0, margin: 10 }) },
    series: [{ type: "heatmap", emphasis: { disabled: true }, data: plot.cells.map(([column, row, shade, said]) => {
      const color = mix(look.surface, look.c1, 0.08 + 0.82 * shade);
      return { value: [column, row, shade], itemStyle: { color, borderColor: look.surface, borderWidth: 2, borderRadius: 3 },
        label: { show: words, formatter: said, ...text(look, { fontSize: 11, color: readable(color, look.surface, look.ink) }) } };
    }) }],
  };
}

function draw(box) {
  const plot = JSON.parse(box.dataset.plot), width = box.clientWidth;
  if (!width) return;
  if (!drawn.has(box)) drawn.set(box, init(box, null, { renderer: "canvas" }));
  drawn.get(box).setOption((plot.kind === "heat" ? heat : timed)(plot, theme(), width), true);
}

const resized = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    drawn.get(target)?.resize();
    draw(target);
  }
});

function look() {
  for (const [box, chart] of drawn) if (!box.isConnected) {
    resized.unobserve(box);
    chart.dispose();
    drawn.delete(box);
  }
  for (const box of document.querySelectorAll("[data-plot]")) if (!drawn.has(box)) resized.observe(box);
}

const again = () => drawn.forEach((_, box) => draw(box));
for (const media of [PHONE, matchMedia("(prefers-color-scheme: dark)")]) media.addEventListener("change", again);
document.addEventListener("htmx:after:swap", look);
look();
