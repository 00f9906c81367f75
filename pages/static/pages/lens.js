/* Laps over the distance and on the map: one cursor for all strips, the read-out and the place on the track. */

import { data, onKeys, setState, signed, toggleHelp } from "./shell.js";

const lap = data.data;
const labels = lap.laps.map((each) => each.label);
const distance = lap.distance;
const full = [0, lap.length];
const DRS_OPEN = [10, 12, 14];
const strips = document.getElementById("strips");
const cursor = document.getElementById("cursor");
const here = document.getElementById("here");
const map = document.getElementById("map");
const rows = [...document.querySelectorAll("#readout tbody tr")];
const [left, bottom] = [strips.dataset.left, strips.dataset.bottom].map(Number);
const RIGHT = 10;
let window_ = lap.zoom ?? full;
let width = 0;
let at = null; // the index of the distance that is read out
const places = map?.dataset.places && JSON.parse(map.dataset.places); // on the map, one per distance

const column = (name, number) => {
  const values = lap[`${name}_${labels[number]}`];
  return name === "drs" ? values.map((value) => (value == null ? null : Number(DRS_OPEN.includes(value)))) : values;
};
const x = (metres) => left + ((metres - window_[0]) / (window_[1] - window_[0])) * (width - left - RIGHT);
const metresAt = (pixel) => window_[0] + ((pixel - left) / (width - left - RIGHT)) * (window_[1] - window_[0]);
const nearest = (metres) => {
  let low = 0, high = distance.length - 1;
  while (high - low > 1) { const middle = (low + high) >> 1; if (distance[middle] > metres) high = middle; else low = middle; }
  return metres - distance[low] < distance[high] - metres ? low : high;
};

/* The part of the columns that is shown, with a value more on each side. */
function shown() {
  const first = Math.max(0, nearest(window_[0]) - 1), last = Math.min(distance.length - 1, nearest(window_[1]) + 1);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function path(points, stepped) {
  let text = "", pen = false;
  for (const [px, py] of points) {
    if (py == null) { pen = false; continue; }
    text += !pen ? `M${px.toFixed(1)} ${py.toFixed(1)}` : stepped ? `H${px.toFixed(1)}V${py.toFixed(1)}` : `L${px.toFixed(1)} ${py.toFixed(1)}`;
    pen = true;
  }
  return text;
}

/* Everything is laid out again for the width of the page and the part of the lap: the server drew it for one of each. */
function layOut() {
  width = Math.max(strips.parentElement.clientWidth, 280);
  const height = strips.viewBox.baseVal.height;
  strips.setAttribute("viewBox", `0 0 ${width} ${height}`);
  strips.classList.add("fitted");
  const plot = strips.querySelector("[data-plot]");
  plot.setAttribute("width", Math.max(width - left - RIGHT, 1));
  for (const line of strips.querySelectorAll("[data-across]")) line.setAttribute("x2", width - RIGHT);
  const indices = shown();
  for (const strip of strips.querySelectorAll("[data-strip]")) drawStrip(strip, indices);
  let free = -Infinity;
  for (const mark of strips.querySelectorAll("[data-d]")) {
    const metres = Number(mark.dataset.d), place = x(metres);
    const visible = metres >= window_[0] && metres <= window_[1];
    mark.setAttribute("visibility", visible ? "visible" : "hidden");
    for (const part of mark.children) for (const name of part.tagName === "line" ? ["x1", "x2"] : ["x"]) part.setAttribute(name, place);
    const text = mark.querySelector("text[text-anchor]");
    if (!text || !visible) continue;
    text.setAttribute("visibility", place - free < 14 ? "hidden" : "visible");
    if (place - free >= 14) free = place;
  }
  drawTicks();
  moveCursor();
}

function drawStrip(strip, indices) {
  const { strip: name, top, bottom: foot, low, high } = strip.dataset;
  const y = (value) => Number(foot) - ((value - low) / (high - low)) * (foot - top);
  for (const line of strip.querySelectorAll("path[data-lap]")) {
    const values = column(name, Number(line.dataset.lap));
    const band = line.dataset.band && lap[`${line.dataset.band}_${labels[line.dataset.lap]}`];
    const points = (sign) => indices.map((index) => [x(distance[index]), values[index] == null ? null : y(values[index] + sign * (band ? band[index] : 0))]);
    const text = path(points(1), "stepped" in strip.dataset);
    line.setAttribute("d", band ? `${text}${path(points(-1).reverse(), false).replace("M", "L")}Z` : text);
  }
}

function drawTicks() {
  const group = strips.querySelector("[data-ticks]");
  const rough = (window_[1] - window_[0]) / Math.max(3, (width - left) / 110);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough);
  group.replaceChildren();
  for (let value = Math.ceil(window_[0] / step) * step; value <= window_[1]; value += step) {
    const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
    for (const [key, given] of Object.entries({ class: "tick", x: x(value), y: bottom, dy: 17, "text-anchor": value + step > window_[1] && x(value) > width - 60 ? "end" : "middle" })) text.setAttribute(key, given);
    text.textContent = value + step > window_[1] ? `${Math.round(value)} m` : Math.round(value);
    group.append(text);
  }
}

function moveCursor() {
  const visible = at !== null && distance[at] >= window_[0] && distance[at] <= window_[1];
  cursor.setAttribute("visibility", visible ? "visible" : "hidden");
  if (visible) for (const name of ["x1", "x2"]) cursor.setAttribute(name, x(distance[at]));
  here?.setAttribute("visibility", at === null || !places ? "hidden" : "visible");
  if (at === null) return;
  if (here && places) { here.setAttribute("cx", places[at][0]); here.setAttribute("cy", places[at][1]); }
  const corner = lap.corners.find((each) => distance[at] >= each.from && distance[at] <= each.to);
  document.getElementById("at").textContent = `${Math.round(distance[at])} m${corner ? `, corner ${corner.label}` : ""}`;
  rows.forEach((row, number) => {
    const [speed, gear, delta] = row.querySelectorAll("td");
    speed.textContent = Math.round(column("speed", number)[at]);
    gear.textContent = column("gear", number)[at] ?? "";
    delta.textContent = number ? `${signed(lap[`delta_${labels[number]}`][at], 3)} ± ${lap[`delta_band_${labels[number]}`][at].toFixed(3)}` : "";
  });
  strips.dataset.at = distance[at];
}

const pointAt = (index) => { at = Math.min(Math.max(index, 0), distance.length - 1); moveCursor(); };

function zoomTo(from, to) {
  const begin = Math.max(full[0], from), end = Math.min(full[1], to);
  if (end - begin < 40) return;
  window_ = [begin, end];
  if (data.view === "telemetry") setState({ zoom: begin <= full[0] && end >= full[1] ? null : `${Math.floor(begin)}-${Math.ceil(end)}` });
  layOut();
}
const reset = () => zoomTo(...full);
function zoom(factor) {
  const middle = at === null ? (window_[0] + window_[1]) / 2 : distance[at];
  const half = ((window_[1] - window_[0]) / 2) * factor;
  zoomTo(middle - half, middle + half);
}

const pixel = (event) => { const box = strips.getBoundingClientRect(); return ((event.clientX - box.left) / box.width) * width; };
let pressed = null;
strips.addEventListener("pointerdown", (event) => { pressed = pixel(event); });
strips.addEventListener("pointermove", (event) => pointAt(nearest(metresAt(pixel(event)))));
strips.addEventListener("pointerup", (event) => {
  if (pressed !== null && Math.abs(pixel(event) - pressed) > 12 && event.pointerType === "mouse") {
    const [from, to] = [pressed, pixel(event)].map(metresAt).sort((one, other) => one - other);
    zoomTo(from, to);
  }
  pressed = null;
});
strips.addEventListener("dblclick", reset);

/* On the map the nearest place of the lap is read out. */
map?.addEventListener("pointermove", (event) => {
  if (!places) return;
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.getScreenCTM().inverse());
  let best = 0, least = Infinity;
  places.forEach(([px, py], index) => {
    const gap = (px - point.x) ** 2 + (py - point.y) ** 2;
    if (gap < least) { least = gap; best = index; }
  });
  pointAt(best);
});

document.querySelectorAll("#help-button").forEach((button) => { button.hidden = false; });
onKeys({
  ArrowLeft: () => pointAt((at ?? distance.length) - 1),
  ArrowRight: () => pointAt((at ?? -1) + 1),
  "+": () => zoom(0.5),
  "=": () => zoom(0.5),
  "-": () => zoom(2),
  r: reset,
  "?": toggleHelp,
});

const started = performance.now();
layOut();
strips.dataset.drawn = (performance.now() - started).toFixed(1);
new ResizeObserver(() => { if (strips.parentElement.clientWidth !== width) layOut(); }).observe(strips.parentElement);
