// The live page: a board that server-sent events keep up to date, and a delay that holds back all of it. The server sends the
// board as it was `delay` seconds ago, so that no panel can be ahead of another.

import { cellOf, clockText, flagText, forecastCells, skyText, statusOf, stopText } from "./texts.js";

const get = (id) => document.getElementById(id);
const slider = get("delay");
let board = null;
let source = null;
let last; // the number of the newest event
let pause = 0; // milliseconds until the next attempt to connect

function merge(target, patch) { // RFC 7396
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const merged = target !== null && typeof target === "object" && !Array.isArray(target) ? target : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = merge(merged[name], value);
  }
  return merged;
}

// Drawing

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function shade(element, car) {
  element.style.setProperty("--colour", car.light);
  element.style.setProperty("--dark", car.dark);
}

function make(tag, text, properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text }, properties);
}

function rowOf(car) {
  const body = get("order").tBodies[0];
  const known = body.querySelector(`tr[data-car="${car.number}"]`);
  if (known) return known;
  const row = document.createElement("tr");
  row.dataset.car = car.number;
  const name = make("th", "", { scope: "row" });
  name.append(make("i", "", { className: "swatch" }), " ", make("abbr"), " ", make("small"));
  row.append(make("td", "", { className: "r" }), name);
  for (const head of document.querySelectorAll("#order thead th[data-key]")) {
    const cell = make("td", "", { className: head.className });
    cell.dataset.key = head.dataset.key;
    row.append(cell);
  }
  row.append(make("td", "", { className: "wide minis", ariaHidden: "true" }));
  body.append(row);
  return row;
}

function drawCar(car) {
  const row = rowOf(car);
  row.className = `${car.risk ?? ""}${car.out ? " retired" : ""}${car.place === board.cut ? " cut-line" : ""}`;
  write(row.cells[0], String(car.place));
  shade(row.querySelector(".swatch"), car);
  const name = row.querySelector("abbr");
  write(name, car.acronym);
  name.title = car.name;
  write(row.querySelector("small"), statusOf(car));
  for (const cell of row.querySelectorAll("td[data-key]")) {
    const [text, colour] = cellOf(car, cell.dataset.key);
    write(cell, text);
    cell.className = `r ${cell.classList.contains("wide") ? "wide " : ""}${colour}`;
  }
  const minis = row.querySelector(".minis"), shown = JSON.stringify(car.minis);
  if (minis.dataset.shown === shown) return;
  minis.dataset.shown = shown;
  minis.replaceChildren(...car.minis.map((sector) => {
    const span = document.createElement("span");
    span.append(...sector.map((colour) => make("i", "", { className: colour })));
    return span;
  }));
}

function drawOrder() {
  const body = get("order").tBodies[0];
  for (const number of board.order) drawCar(board.cars[number]);
  board.order.forEach((number, at) => {
    const row = body.querySelector(`tr[data-car="${number}"]`);
    if (body.rows[at] !== row) body.insertBefore(row, body.rows[at]);
  });
  while (body.rows.length > board.order.length) body.lastElementChild.remove();
}

const MARGIN = 60, LABEL = [92, 42], LABEL_PLACES = [[0, -31], [62, 0], [-62, 0]], DOT = [59, 34]; // as in live/lines.py

const isApart = ([x, y], others, by) => others.every(([ox, oy]) => Math.abs(x - ox) >= by[0] || Math.abs(y - oy) >= by[1]);

function drawMap() {
  const svg = get("map"), track = board.outline, points = [...track, ...Object.values(board.map)];
  svg.toggleAttribute("hidden", !points.length);
  get("no-map").hidden = points.length > 0;
  if (!points.length) return;
  const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
  const left = Math.min(...xs), top = Math.max(...ys), width = Math.max(...xs) - left, height = top - Math.min(...ys);
  const scale = (1000 - 2 * MARGIN) / Math.max(width, height, 1);
  const place = ([x, y]) => [MARGIN + (x - left) * scale, MARGIN + (top - y) * scale];
  const text = (point) => place(point).map((value) => value.toFixed(1));
  svg.setAttribute("viewBox", `0 0 1000 ${(2 * MARGIN + height * scale).toFixed(0)}`);
  get("outline").setAttribute("points", track.map((point) => text(point).join(",")).join(" "));
  const labelled = [], seen = board.order.filter((number) => board.map[number]);
  for (const number of seen) {
    const car = board.cars[number], point = board.map[number];
    let dot = svg.querySelector(`g[data-car="${number}"]`);
    if (!dot) {
      dot = document.createElementNS("http://www.w3.org/2000/svg", "g");
      dot.dataset.car = number;
      dot.innerHTML = '<circle r="13"/><text></text><title></title>';
      svg.append(dot);
    }
    shade(dot, car);
    const [x, y] = place(point);
    const others = seen.filter((other) => other !== number).map((other) => place(board.map[other]));
    const free = LABEL_PLACES.find(([aside, down]) => {
      const middle = [x + aside, y + down];
      const isWhole = !aside || (middle[0] >= LABEL[0] / 2 && middle[0] <= 1000 - LABEL[0] / 2);
      return isWhole && isApart(middle, labelled, LABEL) && isApart(middle, others, DOT);
    });
    const label = dot.querySelector("text");
    write(label, free ? car.acronym : "");
    if (free) {
      labelled.push([x + free[0], y + free[1]]);
      label.setAttribute("x", free[0]);
      label.setAttribute("y", free[1]);
    }
    write(dot.querySelector("title"), car.name);
    dot.setAttribute("transform", `translate(${text(point).join(" ")})`);
  }
}

function drawForecasts() {
  const table = get("forecasts"), { notes = [], cars = {}, stops = [] } = board.forecast ?? {};
  if (!table) return;
  write(get("forecast-notes"), notes.join(" "));
  const rows = board.order.filter((number) => cars[number]).map((number) => {
    const car = board.cars[number];
    return [car.acronym, ...forecastCells(car, cars[number])];
  });
  table.parentElement.hidden = !rows.length;
  replaceIfNew(table.tBodies[0], rows, ([name, ...cells]) => {
    const row = document.createElement("tr");
    const heads = table.tHead.rows[0].cells;
    row.append(make("th", name, { scope: "row" }));
    row.append(...cells.map((text, at) => make("td", text, { className: heads[at + 1].className })));
    return row;
  });
  replaceIfNew(get("stops"), stops.map(stopText), (text) => make("li", text));
}

function replaceIfNew(element, items, draw) {
  const shown = JSON.stringify(items);
  if (element.dataset.shown === shown) return;
  element.dataset.shown = shown;
  element.replaceChildren(...items.map(draw));
}

function drawList(id, items, contents) {
  replaceIfNew(get(id), items, (item) => {
    const line = make("li", "", { className: (item.flag ?? "").toLowerCase() });
    line.append(make("time", item.time), " ", ...contents(item));
    return line;
  });
}

function draw() {
  const flag = get("flag");
  flag.className = `flag ${board.track.flag}`;
  write(flag, flagText(board.track));
  write(get("phase"), board.clock.phase);
  write(get("clock"), clockText(board));
  write(get("now"), board.now.slice(11, 19));
  write(get("sky"), skyText(board.weather));
  drawOrder();
  drawMap();
  drawForecasts();
  drawList("messages", board.messages, (item) => [...(item.lap ? [make("span", `lap ${item.lap}`), " "] : []), item.text]);
  drawList("radio", board.radio, (item) => [make("a", item.name, { href: item.url, rel: "noreferrer" })]);
  drawList("alerts", board.alerts, (item) => [item.text]);
}

function say(text) {
  get("link").hidden = !text;
  write(get("link"), text);
}

// Connecting

function disconnect() {
  if (source) source.close();
  source = null;
}

function connect({ resume = false } = {}) {
  disconnect();
  source = new EventSource(`/live/events?delay=${slider.value}${resume && last ? `&after=${last}` : ""}`);
  source.addEventListener("initial", (event) => {
    const fresh = JSON.parse(event.data);
    if (board && fresh.session.id !== board.session.id) location.reload();
    board = fresh;
    shown(event);
  });
  source.addEventListener("update", (event) => {
    board = merge(board, JSON.parse(event.data));
    shown(event);
  });
  source.onopen = () => say("");
  source.addEventListener("waiting", () => say("nothing that old yet"));
  source.onerror = () => {
    disconnect();
    say("connection lost; trying again");
    pause = Math.min(10000, pause * 2 || 500);
    setTimeout(() => { if (!source && !document.hidden) connect({ resume: board !== null }); }, pause);
  };
}

function shown(event) {
  last = event.lastEventId;
  pause = 0;
  say("");
  draw();
}

function setDelay() {
  const url = new URL(location.href);
  if (slider.value === "0") url.searchParams.delete("delay");
  else url.searchParams.set("delay", slider.value);
  history.replaceState(null, "", url);
  connect();
}

if (slider) {
  slider.addEventListener("input", () => write(get("delay-text"), `${slider.value} s`));
  slider.addEventListener("change", setDelay);
  slider.form.addEventListener("submit", (event) => event.preventDefault());
  // A tab in the background costs nothing; it is brought up to date when it is looked at.
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  if (!document.hidden) connect();
} else {
  setTimeout(() => location.reload(), 20000);
}
