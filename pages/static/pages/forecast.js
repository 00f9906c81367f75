/* A driver's laps as dots, and the forecast from the lap that the slider chooses, with its 80 % band. */

import { colour, data, ink, narrow, onKeys, onTheme, setState, toggleHelp } from "./shell.js";

const byId = (id) => document.getElementById(id);
const box = byId("chart"), slider = byId("from");
const { starts, forecasts } = data.data;
const car = data.cars[0], [line] = data.lines;
const clean = line.letters.map((letter) => letter !== "" && letter === letter.toUpperCase());
let at = Math.max(0, starts.indexOf(data.data.from));
let plot = null;

const time = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(3).padStart(6, "0")}`;

/* The rows of a forecast as columns over the laps of the chart. */
function series(start) {
  const columns = { seconds: [], low: [], high: [], hold: [] };
  for (const values of Object.values(columns)) values.length = data.x.length;
  for (const values of Object.values(columns)) values.fill(null);
  forecasts.start.forEach((from, row) => {
    const lap = data.x.indexOf(forecasts.lap[row]);
    if (from === start && lap >= 0) for (const name of Object.keys(columns)) columns[name][lap] = forecasts[name][row];
  });
  return columns;
}

const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);

function figures(start, { seconds, low, high, hold }) {
  const laps = data.x.map((_, lap) => lap).filter((lap) => seconds[lap] !== null && clean[lap] && line.y[lap] != null);
  const error = mean(laps.map((lap) => Math.abs(line.y[lap] - seconds[lap])));
  const holding = mean(laps.filter((lap) => hold[lap] !== null).map((lap) => Math.abs(line.y[lap] - hold[lap])));
  const inside = laps.filter((lap) => low[lap] <= line.y[lap] && line.y[lap] <= high[lap]).length;
  const before = forecasts.lap.map((lap, row) => [data.x.indexOf(lap), row]).filter(([lap, row]) => lap >= 0 && forecasts.lap[row] < start && forecasts.start[row] < start && clean[lap] && line.y[lap] != null);
  const held = before.filter(([lap, row]) => forecasts.low[row] <= line.y[lap] && line.y[lap] <= forecasts.high[row]).length;
  return [
    laps.length ? `${laps.length} clean laps came: error ${error.toFixed(3)} s${holding === null ? "" : `, holding the last lap ${holding.toFixed(3)} s`}` : "no clean lap came",
    laps.length ? `${inside} of ${laps.length} in the band` : "",
    before.length ? `before lap ${start}: ${Math.round((100 * held) / before.length)} % of ${before.length} in the band` : "",
  ].filter(Boolean);
}

function show() {
  const start = starts[at], columns = series(start);
  slider.value = at;
  slider.setAttribute("aria-valuetext", `lap ${start}`);
  byId("from-lap").textContent = `lap ${start}`;
  byId("figures").replaceChildren(...figures(start, columns).map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  const marked = (wanted) => line.y.map((value, lap) => (value != null && clean[lap] === wanted ? value : null));
  const values = [data.x, columns.high, columns.low, columns.seconds, marked(true), marked(false)];
  if (plot) plot.setData(values);
  else draw(values);
}

/* From the fastest to the slowest clean lap or band: laps through the pits would hide the rest. */
function range() {
  const shown = [...line.y.filter((value, lap) => value != null && clean[lap]), ...forecasts.low, ...forecasts.high];
  return [Math.min(...shown) - 0.3, Math.max(...shown) + 0.3];
}

function draw(values) {
  const axis = { stroke: () => ink("--soft"), grid: { stroke: () => ink("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  const points = (fill) => ({ show: true, size: 7, fill, stroke: () => colour(car), width: 1.4 });
  const tint = () => (matchMedia("(prefers-color-scheme: dark)").matches ? "rgba(255,107,115,.22)" : "rgba(200,16,46,.14)");
  const edge = { stroke: "transparent", width: 0, points: { show: false } };
  plot = new uPlot({
    width: box.clientWidth,
    height: box.clientHeight,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { show: false } },
    scales: { x: { time: false, range: [0.5, data.x.length + 0.5] }, y: { range } },
    axes: [{ ...axis, label: data.x_label, labelSize: 20, size: 34, incrs: [1, 2, 5, 10, 20] }, { ...axis, values: (_, ticks) => ticks.map((tick) => time(tick).slice(0, -2)), size: narrow.matches ? 52 : 60 }],
    bands: [{ series: [1, 2], fill: tint }],
    series: [{}, edge, edge, { stroke: () => ink("--accent"), width: 2, points: { show: false } }, { stroke: "transparent", width: 0, points: points(() => colour(car)) }, { stroke: "transparent", width: 0, points: points(() => ink("--paper")) }],
  }, values, box);
}

function choose(next) {
  at = Math.max(0, Math.min(next, starts.length - 1));
  setState({ from: String(starts[at]) });
  show();
}

show();
slider.addEventListener("input", () => choose(Number(slider.value)));
onKeys({ ArrowRight: () => choose(at + 1), ArrowLeft: () => choose(at - 1), r: () => choose(0), "?": toggleHelp });
byId("help-button").hidden = false;
onTheme(() => plot.redraw());
new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: box.clientHeight })).observe(box);
