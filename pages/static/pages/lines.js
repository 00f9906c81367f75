/* Lines over laps: trace, positions, laps. The values come from the server; here they are only drawn. */

import { CarList, colour, data, ink, narrow, onKeys, onTheme, setState, signed, toggleHelp } from "./shell.js";

const box = document.getElementById("chart");
const cars = new Map(data.cars.map((car) => [car.number, car]));
const lines = data.lines.map((line) => ({ marks: [], letters: [], ...line, info: cars.get(line.car) }));
const listed = lines.map((line) => line.info);
const ratio = () => devicePixelRatio;
const BANDS = { "safety car": "--safety-car", "virtual safety car": "--safety-car", "red flag": "--red-flag", rain: "--rain" };
const extra = data.data ?? {};
const isDelta = data.view === "trace" || Boolean(extra.delta); // values are differences, not times
const overTime = Boolean(extra.joined);
/* Points of one run are joined across the values of other cars that lie between them: uPlot passes over `undefined`. */
for (const line of lines) {
  for (const [from, to] of extra.joined?.[line.car] ?? []) {
    for (let at = from; at < to; at += 1) if (line.y[at] === null) line.y[at] = undefined;
  }
}
let highlighted = null;
let pinned = null; // the index that the arrow keys have chosen

const list = new CarList(document.getElementById("cars"), listed, narrow.matches ? data.shown.slice(0, 6) : data.shown, (shown) => {
  plot.batch(() => lines.forEach((line, at) => plot.setSeries(at + 1, { show: shown.has(line.car) })));
});

/* Bands meet each car at another place of its lap: they are drawn for the highlighted car, else the first shown. */
function drawBands(u) {
  const first = highlighted ?? lines.find((line) => list.shown.has(line.car))?.car;
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  let free = bbox.left; // where the next name may begin
  const spans = (data.bands ?? []).map((band) => [band, band.cars[first] ?? Object.values(band.cars)[0]]);
  for (const [band, span] of spans.sort((a, b) => a[1][0] - b[1][0])) {
    const [from, to] = span.map((lap) => u.valToPos(lap, "x", true));
    ctx.fillStyle = ink(BANDS[band.kind]);
    ctx.fillRect(from, bbox.top, Math.max(to - from, 2 * ratio()), bbox.height);
    ctx.fillStyle = ink("--soft");
    ctx.font = `${11 * ratio()}px system-ui, sans-serif`;
    ctx.textBaseline = "top";
    const name = { "safety car": "SC", "virtual safety car": "VSC", "red flag": "red flag", rain: "rain" }[band.kind];
    const at = Math.max(from, free) + 4 * ratio();
    if (to < bbox.left || from > bbox.left + bbox.width || at > to + 30 * ratio()) continue;
    ctx.fillText(name, at, bbox.top + 3 * ratio());
    free = at + ctx.measureText(name).width;
  }
  ctx.restore();
}

const valueAt = (line, lap) => line.y[data.x.indexOf(lap)];

function drawMarks(u) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left - 6 * ratio(), bbox.top - 6 * ratio(), bbox.width + 12 * ratio(), bbox.height + 12 * ratio());
  ctx.clip();
  for (const line of lines) {
    if (!list.shown.has(line.car)) continue;
    ctx.setLineDash([]);
    ctx.strokeStyle = colour(line.info);
    ctx.lineWidth = 1.8 * ratio();
    for (const mark of line.marks) {
      const value = valueAt(line, mark.x);
      if (value == null) continue;
      const x = u.valToPos(mark.x, "x", true), y = u.valToPos(value, "y", true), r = 3.6 * ratio();
      ctx.beginPath();
      if (mark.kind === "stop" || mark.kind === "visit") {
        ctx.arc(x, y, r, 0, 7);
        ctx.fillStyle = ink("--paper");
        ctx.fill();
      } else if (mark.kind === "change") {
        ctx.rect(x - r, y - r, 2 * r, 2 * r);
        ctx.fillStyle = ink("--paper");
        ctx.fill();
      } else {
        ctx.moveTo(x - r, y - r); ctx.lineTo(x + r, y + r); ctx.moveTo(x - r, y + r); ctx.lineTo(x + r, y - r);
      }
      ctx.stroke();
    }
    drawLetters(u, line);
  }
  ctx.restore();
}

/* Compound letters: where the compound changes and now and then; the other laps are dots, hollow ones where they are no clean laps. */
function drawLetters(u, line) {
  if (!line.letters.length) return;
  const { ctx } = u;
  let last = "", written = -Infinity; // the compound, and where it was last written
  ctx.font = `700 ${10 * ratio()}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  line.letters.forEach((letter, at) => {
    if (!letter || line.y[at] == null) return;
    const x = u.valToPos(data.x[at], "x", true), y = u.valToPos(line.y[at], "y", true);
    const spelled = letter.toUpperCase() !== last || x - written > 150 * ratio();
    if (spelled) written = x;
    last = letter.toUpperCase();
    ctx.beginPath();
    if (!spelled) {
      ctx.arc(x, y, 2.2 * ratio(), 0, 7);
      ctx.fillStyle = letter === letter.toUpperCase() ? colour(line.info) : ink("--paper");
      ctx.fill();
      ctx.lineWidth = ratio();
      ctx.stroke();
      return;
    }
    ctx.arc(x, y, 6.5 * ratio(), 0, 7);
    ctx.fillStyle = ink("--paper");
    ctx.fill();
    ctx.lineWidth = ratio();
    ctx.stroke();
    ctx.fillStyle = colour(line.info);
    ctx.fillText(letter, x, y + 0.5 * ratio());
  });
}

/* Acronyms at the ends of the lines, moved apart where they would touch. */
function drawEnds(u) {
  const { ctx, bbox } = u;
  const ends = lines.filter((line) => list.shown.has(line.car)).map((line) => {
    let at = line.y.length - 1;
    while (at >= 0 && (line.y[at] == null || data.x[at] > u.scales.x.max)) at -= 1;
    return at < 0 || data.x[at] < u.scales.x.min ? null : { line, x: u.valToPos(data.x[at], "x", true), y: u.valToPos(line.y[at], "y", true) };
  }).filter((end) => end && end.y >= bbox.top - 1 && end.y <= bbox.top + bbox.height + 1);
  const gap = 12.5 * ratio();
  const right = ends.filter((end) => end.x > bbox.left + bbox.width - 40 * ratio()).sort((a, b) => a.y - b.y);
  for (let pass = 0; pass < 40; pass += 1) {
    for (let at = 1; at < right.length; at += 1) {
      const lack = gap - (right[at].y - right[at - 1].y);
      if (lack > 0) { right[at - 1].y -= lack / 2; right[at].y += lack / 2; }
    }
    if (right.length && right[0].y < bbox.top + gap / 2) right[0].y = bbox.top + gap / 2;
    const last = right.at(-1);
    if (last && last.y > bbox.top + bbox.height - gap / 2) last.y = bbox.top + bbox.height - gap / 2;
  }
  ctx.save();
  ctx.font = `600 ${11 * ratio()}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const { line, x, y } of ends) {
    ctx.fillStyle = colour(line.info);
    ctx.fillText(line.info.acronym, x + (line.letters.length ? 9 : 7) * ratio(), y);
  }
  ctx.restore();
}

function readOut(index) {
  const now = index ?? pinned ?? data.x.length - 1;
  const label = data.x[now] === 0 && data.reverse ? "0 (grid)" : overTime ? data.x[now].toFixed(1) : data.x[now];
  document.getElementById("at").textContent = [`${data.x_label} ${label}`, extra.names?.[now]].filter(Boolean).join(", ");
  list.show((car) => {
    const line = lines.find((one) => one.car === car.number);
    const ended = line.y.findLastIndex((y) => y != null);
    const over = now > ended && ended >= 0 && data.view !== "laps"; // its race was over by then
    if (over && line.marks.some((mark) => mark.kind === "out")) return [null, `out, lap ${data.x[ended]}`];
    const at = over ? ended : now;
    const value = overTime ? line.y.slice(0, at + 1).findLast((y) => y != null) : line.y[at];
    if (value == null) return [null, ""];
    const lap = narrow.matches ? ` L${data.x[at]}` : `, lap ${data.x[at]}`;
    if (over) return [data.reverse ? value : -value, `${data.reverse ? `P${value}` : signed(value)}${lap}`];
    if (data.view === "season") return [-value, String(value)];
    if (data.reverse) return [value, extra.gaps?.[car.number]?.[at] == null ? `P${value}` : `P${value}  +${extra.gaps[car.number][at].toFixed(1)}`];
    const delta = data.view === "trace";
    return [delta ? -value : value, isDelta ? signed(value, delta ? 1 : 3) : minutes(value, 3)];
  });
}

const axis = () => ({ stroke: () => ink("--soft"), grid: { stroke: () => ink("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" });
/* Lap times as minutes and seconds; differences as they are. */
const minutes = (value, digits) => `${Math.floor(value / 60)}:${(value % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0")}`;
const written = (tick) => (data.view === "laps" && !isDelta && tick >= 60 ? minutes(tick, Number.isInteger(tick) ? 0 : Number.isInteger(Math.round(tick * 1e4) / 1e3) ? 1 : 2) : String(Math.round(tick * 1e6) / 1e6).replace("-", "−"));
/* What lies far off, as a lap under a red flag does, leaves the chart instead of squeezing the rest. */
function within(u, low, high) {
  const spans = lines.filter((line) => list.shown.has(line.car)).map((line) => extra.limits_of?.[line.car]).filter(Boolean);
  const [least, most] = extra.limits ?? (spans.length ? [Math.min(...spans.map((span) => span[0])), Math.max(...spans.map((span) => span[1]))] : [-Infinity, Infinity]);
  return low == null ? [0, 1] : uPlot.rangeNum(Math.max(low, least), Math.max(Math.min(high, most), Math.max(low, least) + 0.1), 0.1, true);
}
/* Every place, or where there is no room for that the first, the fifth, the tenth. */
const places = (u, axis, low, high) => {
  const all = Array.from({ length: Math.floor(high) }, (_, at) => at + 1);
  return u.bbox.height / ratio() / all.length >= 14 ? all : all.filter((place) => place === 1 || place % 5 === 0);
};
const whole = (u, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? String(tick) : ""));
const options = () => ({
  width: box.clientWidth,
  height: box.clientHeight,
  padding: [12, 38, 0, 0],
  legend: { show: false },
  cursor: { drag: { x: true, y: false, uni: 20 }, points: { show: false }, focus: { prox: 24 } },
  focus: { alpha: 0.35 },
  scales: {
    x: { time: false, range: (u, low, high) => (low === high ? [low - 1, high + 1] : [low, high]) },
    y: data.reverse ? { dir: -1, range: () => [data.bands?.length ? -0.2 : 0.3, Math.max(2, ...lines.flatMap((line) => line.y.filter((y) => y != null))) + 0.7] } : { range: within },
  },
  axes: [
    { ...axis(), values: whole, incrs: [1, 2, 5, 10, 20, 50], size: 30, gap: 4, label: data.x_label, labelSize: 20, labelGap: 0, labelFont: "12px system-ui, sans-serif" },
    { ...axis(), size: narrow.matches ? 46 : 54, ...(data.reverse ? { splits: places } : {}), values: (u, ticks) => ticks.map((tick) => (data.reverse ? tick : isDelta && tick > 0 ? `+${tick}` : written(tick))) },
  ],
  series: [{}, ...lines.map((line) => ({ label: line.info.acronym, stroke: () => colour(line.info), width: 1.9, dash: line.info.dashed ? [6, 4] : undefined, points: { show: false }, show: list.shown.has(line.car), spanGaps: false }))],
  hooks: {
    drawClear: [drawBands],
    draw: [drawMarks, drawEnds],
    setCursor: [(u) => readOut(u.cursor.idx)],
    setSeries: [(u, index, change) => { if (change.focus !== undefined) highlighted = index == null ? null : lines[index - 1]?.car; }],
    setScale: [(u, key) => { if (key === "x" && u.status) rememberZoom(u); }],
  },
});

const full = [data.x[0], data.x.at(-1)];
function rememberZoom(u) {
  const { min, max } = u.scales.x;
  const [from, to] = [Math.ceil(min), Math.floor(max)];
  box.dataset.from = from;
  box.dataset.to = to;
  if (data.x_label === "Lap" && to > from) setState({ laps: min <= full[0] && max >= full[1] ? null : `${from}-${to}` });
}

const started = performance.now();
const plot = new uPlot(options(), [data.x, ...lines.map((line) => line.y)], box);
box.dataset.drawn = (performance.now() - started).toFixed(1);
readOut(null);

const zoomTo = (from, to) => plot.setScale("x", { min: Math.max(full[0], from), max: Math.min(full[1], to) });
const reset = () => zoomTo(...full);
if (extra.window) zoomTo(...extra.window);
function zoom(factor) {
  const { min, max } = plot.scales.x;
  const middle = pinned == null ? (min + max) / 2 : data.x[pinned];
  const half = Math.max(1, ((max - min) / 2) * factor);
  zoomTo(middle - half, middle + half);
}
function step(by) {
  const inUse = (at) => lines.some((line) => list.shown.has(line.car) && line.y[at] != null);
  let at = (pinned ?? (by > 0 ? -1 : data.x.length)) + by;
  while (at >= 0 && at < data.x.length && !inUse(at)) at += by;
  pinned = Math.min(Math.max(at, 0), data.x.length - 1);
  plot.setCursor({ left: plot.valToPos(data.x[pinned], "x"), top: plot.over.clientHeight / 2 });
  readOut(pinned);
}

document.querySelectorAll("#help-button").forEach((button) => { button.hidden = false; });
onKeys({
  digit: (key) => { const car = listed[(Number(key) + 9) % 10]; if (car) list.toggle(car.number); },
  t: () => list.teamMates(),
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  "+": () => zoom(0.5),
  "=": () => zoom(0.5),
  "-": () => zoom(2),
  r: () => { pinned = null; reset(); },
  "?": toggleHelp,
});
document.getElementById("all-cars")?.addEventListener("click", () => list.set(list.shown.size === listed.length ? listed.slice(0, 2).map((car) => car.number) : listed.map((car) => car.number)));
plot.over.addEventListener("dblclick", reset);
plot.over.addEventListener("mouseleave", () => readOut(null));

/* Two fingers zoom: uPlot itself knows only the mouse. */
let pinch = null;
plot.over.addEventListener("touchstart", (event) => {
  if (event.touches.length !== 2) return;
  event.preventDefault();
  const left = plot.over.getBoundingClientRect().left;
  const ends = [...event.touches].map((touch) => plot.posToVal(touch.clientX - left, "x"));
  pinch = { low: Math.min(...ends), high: Math.max(...ends) };
}, { passive: false });
plot.over.addEventListener("touchmove", (event) => {
  if (!pinch || event.touches.length !== 2) return;
  event.preventDefault();
  const { left, width } = plot.over.getBoundingClientRect();
  const [a, b] = [...event.touches].map((touch) => (touch.clientX - left) / width).sort((one, other) => one - other);
  if (b - a < 0.05) return;
  const span = (pinch.high - pinch.low) / (b - a);
  zoomTo(pinch.low - a * span, pinch.low - a * span + span);
}, { passive: false });
plot.over.addEventListener("touchend", () => { pinch = null; });

new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: box.clientHeight })).observe(box);
onTheme(() => { list.paint(); plot.redraw(); });
