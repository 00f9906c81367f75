/* The race as a film: the file is fetched once, everything else happens here. */

import { Film, countUntil } from "./film.js";
import { drawNames } from "./names.js";
import { colour, data, ink, narrow, onKeys, onTheme, setState, toggleHelp } from "./shell.js";

const byId = (id) => document.getElementById(id);
const stage = byId("replay"), canvas = document.querySelector("#chart canvas"), strip = byId("strip");
const context = canvas.getContext("2d");
const start = data.data;
const SPEEDS = [1, 2, 5, 10, 20, 50];
const LISTED = ["flag", "stop", "out"];
const ZOOM = 4; // of the map while a driver is followed
const BOARD_MS = 200; // the leader board changes at most so often
const ADDRESS_MS = 2000; // and the address, while the film plays
const TYRES = { S: "SOFT", M: "MEDIUM", H: "HARD", I: "INTERMEDIATE", W: "WET" };
let film = null, playing = false, t = start.t, speed = start.speed, follow = start.follow ?? null;
let last = 0, boardAt = 0, addressAt = 0, base = null, view = null, camera = null, lines = new Map();

const clock = (seconds) => `${Math.floor(seconds / 3600)}:${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}:${String(Math.floor(seconds) % 60).padStart(2, "0")}`;

/* The map: the long side lies across, and the track is drawn once for each size and theme. */
function fit() {
  const box = byId("chart").getBoundingClientRect(), ratio = devicePixelRatio;
  if (!box.width || !box.height) return; // not laid out yet
  canvas.width = Math.round(box.width * ratio);
  canvas.height = Math.round(box.height * ratio);
  const points = film.header.outline;
  const wide = extent(points, 0) >= extent(points, 1);
  const turned = wide === (box.width >= box.height) ? ([x, y]) => [x, -y] : ([x, y]) => [y, x];
  const corners = points.map(turned);
  const [left, top] = [0, 1].map((axis) => Math.min(...corners.map((corner) => corner[axis])));
  const margin = 34 * ratio;
  const scale = Math.min((canvas.width - 2 * margin) / (extent(corners, 0) || 1), (canvas.height - 2 * margin) / (extent(corners, 1) || 1));
  const shift = [(canvas.width - extent(corners, 0) * scale) / 2, (canvas.height - extent(corners, 1) * scale) / 2];
  view = { ratio, at: (point) => turned(point).map((value, axis) => (value - [left, top][axis]) * scale + shift[axis]) };
  base = document.createElement("canvas");
  base.width = canvas.width;
  base.height = canvas.height;
  drawTrack(base.getContext("2d"), corners.map((corner) => corner.map((value, axis) => (value - [left, top][axis]) * scale + shift[axis])), ratio);
  drawStrip();
  draw();
}

const extent = (points, axis) => Math.max(...points.map((point) => point[axis])) - Math.min(...points.map((point) => point[axis]));

function drawTrack(ctx, corners, scale) {
  ctx.lineJoin = "round";
  for (const [width, name] of [[9, "--line"], [5.5, "--card"]]) {
    ctx.beginPath();
    corners.forEach((corner, at) => (at ? ctx.lineTo(...corner) : ctx.moveTo(...corner)));
    ctx.closePath();
    ctx.lineWidth = width * scale;
    ctx.strokeStyle = ink(name);
    ctx.stroke();
  }
  const [[x, y], [nextX, nextY]] = corners;
  const length = Math.hypot(nextX - x, nextY - y) || 1;
  const side = [(-(nextY - y) / length) * 9 * scale, ((nextX - x) / length) * 9 * scale];
  ctx.beginPath();
  ctx.moveTo(x - side[0], y - side[1]);
  ctx.lineTo(x + side[0], y + side[1]);
  ctx.lineWidth = 2.5 * scale;
  ctx.strokeStyle = ink("--ink");
  ctx.stroke();
}

const FLAGS = { "safety car": "--warn", "virtual safety car": "--warn", "red flag": "--bad" };

/* Below the slider: flags as bars, stops as ticks. */
function drawStrip() {
  strip.width = Math.round(strip.getBoundingClientRect().width * devicePixelRatio);
  const ctx = strip.getContext("2d"), across = (second) => (second / film.seconds) * strip.width;
  ctx.clearRect(0, 0, strip.width, strip.height);
  ctx.fillStyle = ink("--soft");
  for (const event of film.header.story.events) if (event.kind === "stop") ctx.fillRect(across(event.t), 5, 1, 5);
  for (const [kind, begin, end] of film.header.story.flags) {
    ctx.fillStyle = ink(FLAGS[kind]);
    ctx.fillRect(across(begin), 0, Math.max(across(end) - across(begin), 2), 4);
  }
}

/* Cars and names, the leader drawn last; a followed driver stays in the middle of a larger map. */
function draw() {
  if (!view) return;
  const { ratio } = view;
  const followed = follow === null ? null : film.placeOf(follow, t);
  camera = followed ? { zoom: ZOOM, at: view.at(followed) } : null;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (camera) context.setTransform(ZOOM, 0, 0, ZOOM, canvas.width / 2 - camera.at[0] * ZOOM, canvas.height / 2 - camera.at[1] * ZOOM);
  context.drawImage(base, 0, 0);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.font = `600 ${(narrow.matches ? 9 : 11) * ratio}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const dots = order.map(drawnAt).filter(Boolean);
  for (const dot of [...dots].reverse()) drawDot(dot);
  const isFollowed = (dot) => dot.car.number === follow;
  drawNames(context, [...dots.filter(isFollowed), ...dots.filter((dot) => !isFollowed(dot))], { text, ground, ratio });
}

/* Where a car is on the canvas; nothing where that is not known. */
function drawnAt(number) {
  const place = film.placeOf(number, t);
  if (!place) return null;
  const { ratio } = view, car = film.car.get(number), radius = (number === follow ? 8 : narrow.matches ? 4.5 : 5.5) * ratio;
  let [x, y] = view.at(place);
  if (camera) [x, y] = [(x - camera.at[0]) * ZOOM + canvas.width / 2, (y - camera.at[1]) * ZOOM + canvas.height / 2];
  return { car, x, y, radius };
}

function drawDot({ car, x, y, radius }) {
  const { ratio } = view;
  context.beginPath();
  context.arc(x, y, radius, 0, 7);
  context.fillStyle = context.strokeStyle = colour(car);
  if (car.dashed) {
    context.fillStyle = ground;
    context.lineWidth = 3 * ratio;
  } else context.lineWidth = ratio;
  context.fill();
  context.stroke();
}

let order = [], ground = ink("--paper"), text = ink("--ink");

function gapText(line, at) {
  if (line.state === "out") return "out";
  if (line.state === "pit") return "in pit";
  if (!at) return "leader";
  if (line.down) return `+${line.down} lap${line.down > 1 ? "s" : ""}`;
  return line.gap === null ? "" : `+${line.gap.toFixed(3)}`;
}

function drawBoard() {
  const board = film.board(t);
  order = board.map((line) => line.car);
  const root = byId("board");
  board.forEach((line, at) => {
    const row = lines.get(line.car) ?? boardLine(line.car);
    const texts = [String(at + 1), gapText(line, at), line.letter, line.age === null ? "" : String(line.age), line.stops ? `${line.stops}×` : ""];
    row.cells.forEach((cell, index) => { if (cell.textContent !== texts[index]) cell.textContent = texts[index]; });
    row.cells[2].className = `tyre ${TYRES[line.letter] ?? "UNKNOWN"}`;
    row.button.title = `${film.car.get(line.car).name}: ${line.laps} lap${line.laps === 1 ? "" : "s"}, ${gapText(line, at)}${line.letter ? `, ${TYRES[line.letter]?.toLowerCase() ?? "unknown"} tyres, ${line.age ?? "?"} lap${line.age === 1 ? "" : "s"} old` : ""}, stops: ${line.stops}`;
    row.item.classList.toggle("off", line.state === "out");
    row.button.setAttribute("aria-pressed", line.car === follow);
    if (root.children[at] !== row.item) root.insertBefore(row.item, root.children[at] ?? null);
  });
  const lap = film.lapAt(t), flag = film.flag(t), sky = film.weather(t);
  byId("at").textContent = `Lap ${lap} of ${film.leading.length}`;
  byId("clock").textContent = clock(t);
  if (document.activeElement !== byId("seek")) byId("seek").value = t;
  if (document.activeElement !== byId("lap")) byId("lap").value = lap;
  byId("seek").setAttribute("aria-valuetext", `${clock(t)}, lap ${lap}`);
  const said = sky ? [sky.air !== null && `air ${sky.air} °C`, sky.track !== null && `track ${sky.track} °C`, sky.wind !== null && `wind ${sky.wind} m/s`, sky.rain ? "rain" : "dry"] : [];
  byId("sky").textContent = [flag && flag.toUpperCase(), ...said].filter(Boolean).join(" · ");
  byId("sky").dataset.flag = flag;
  markMoment();
}

function boardLine(number) {
  const car = film.car.get(number);
  const item = document.createElement("li"), button = document.createElement("button"), name = document.createElement("b"), swatch = document.createElement("i");
  const cells = Array.from({ length: 5 }, () => document.createElement("span"));
  button.type = "button";
  name.textContent = car.acronym;
  swatch.className = car.dashed ? "swatch dashed" : "swatch";
  swatch.style.setProperty("--colour", car.light);
  swatch.style.setProperty("--dark", car.dark);
  button.append(cells[0], swatch, name, ...cells.slice(1));
  button.addEventListener("click", () => setFollow(follow === number ? null : number));
  item.append(button);
  lines.set(number, { item, button, cells });
  return lines.get(number);
}

function setFollow(number) {
  follow = number;
  byId("unfollow").hidden = follow === null;
  setState({ follow: follow === null ? null : film.car.get(follow).acronym });
  show();
}

function show() {
  drawBoard();
  draw();
}

function seek(second) {
  t = Math.max(0, Math.min(second, film.seconds - 1));
  setState({ t: t >= 1 ? String(Math.floor(t)) : null });
  show();
}

function setPlaying(on) {
  playing = on;
  byId("play").setAttribute("aria-label", on ? "Pause" : "Play");
  byId("play").querySelector("path").setAttribute("d", on ? "M3 1.5h3.5v13H3zM9.5 1.5H13v13H9.5z" : "M3 1.5 14 8 3 14.5z");
  if (on) {
    if (t >= film.seconds - 1) t = 0;
    last = performance.now();
    requestAnimationFrame(frame);
  } else seek(t);
}

function frame(now) {
  if (!playing) return;
  t += ((now - last) / 1000) * speed;
  last = now;
  if (t >= film.seconds - 1) {
    t = film.seconds - 1;
    setPlaying(false);
    return;
  }
  if (now - boardAt > BOARD_MS) {
    boardAt = now;
    drawBoard();
  }
  if (now - addressAt > ADDRESS_MS) {
    addressAt = now;
    setState({ t: String(Math.floor(t)) });
  }
  draw();
  stage.dataset.frames = Number(stage.dataset.frames ?? 0) + 1;
  requestAnimationFrame(frame);
}

function setSpeed(value) {
  speed = value;
  byId("speed").value = value;
  setState({ speed: value === 10 ? null : String(value) });
}

/* Moments: chosen by kind, each leads to its second. */
let listed = [];
function listMoments(kind) {
  listed = film.header.story.events.filter((event) => (kind ? event.kind === kind : LISTED.includes(event.kind)));
  byId("moments").replaceChildren(...listed.map((event) => {
    const item = document.createElement("li"), link = document.createElement("a"), time = document.createElement("time"), lap = document.createElement("span");
    time.textContent = clock(event.t);
    lap.textContent = `lap ${event.lap}`;
    link.href = `?t=${event.t}`;
    link.append(time, " ", lap, ` ${event.text}`);
    link.addEventListener("click", (click) => {
      click.preventDefault();
      seek(event.t);
    });
    item.append(link);
    return item;
  }));
  marked = -1;
  markMoment();
}

let marked = -1;
function markMoment() {
  const at = countUntil(listed.map((event) => event.t), t) - 1;
  if (at === marked) return;
  const items = byId("moments").children;
  items[marked]?.removeAttribute("aria-current");
  items[at]?.setAttribute("aria-current", "true");
  if (items[at]) byId("moments").scrollTop = items[at].offsetTop - byId("moments").offsetTop - 60;
  marked = at;
}

function step(by) {
  const times = listed.map((event) => event.t);
  const target = by > 0 ? times.find((time) => time > t + 0.5) : times.findLast((time) => time < t - 0.5);
  if (target !== undefined) seek(target);
}

async function begin() {
  const answer = await fetch(stage.dataset.film);
  if (!answer.ok) {
    byId("sky").textContent = `The replay cannot be loaded (${answer.status}); try again later.`;
    return;
  }
  film = new Film(await answer.arrayBuffer());
  drawBoard();
  listMoments("");
  byId("unfollow").hidden = follow === null;
  new ResizeObserver(() => fit()).observe(byId("chart"));
  fit();
  onTheme(() => {
    [ground, text] = [ink("--paper"), ink("--ink")];
    fit();
  });
  byId("play").addEventListener("click", () => setPlaying(!playing));
  byId("seek").addEventListener("input", (event) => seek(Number(event.target.value)));
  byId("speed").addEventListener("change", (event) => setSpeed(Number(event.target.value)));
  byId("lap").addEventListener("change", (event) => seek(film.startOfLap(Number(event.target.value))));
  byId("kinds").addEventListener("change", (event) => listMoments(event.target.value));
  byId("unfollow").addEventListener("click", () => setFollow(null));
  const faster = (by) => setSpeed(SPEEDS[Math.max(0, Math.min(SPEEDS.indexOf(speed) + by, SPEEDS.length - 1))]);
  onKeys({
    " ": () => setPlaying(!playing),
    ArrowRight: () => seek(film.startOfLap(film.lapAt(t) + 1)),
    ArrowLeft: () => seek(film.startOfLap(film.lapAt(t) - (t - film.startOfLap(film.lapAt(t)) > 3 ? 0 : 1))),
    ",": () => seek(t - 5), ".": () => seek(t + 5),
    n: () => step(1), p: () => step(-1),
    "+": () => faster(1), "-": () => faster(-1),
    f: () => setFollow(order[(order.indexOf(follow) + 1) % order.length]),
    r: () => setFollow(null), "?": toggleHelp,
  });
  byId("help-button").hidden = false;
  stage.dataset.ready = String(Math.round(performance.now()));
}

begin();
