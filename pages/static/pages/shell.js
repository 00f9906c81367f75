/* What every view shares: its data, its state in the address, its list of cars, keys, pictures. */

export const data = JSON.parse(document.getElementById("chart-data").textContent);
export const narrow = matchMedia("(max-width: 640px)");
const dark = matchMedia("(prefers-color-scheme: dark)");

export const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const colour = (car) => (dark.matches ? car.dark : car.light);
export const onTheme = (redraw) => dark.addEventListener("change", redraw);
export const signed = (value, digits = 1) => (value >= 0 ? "+" : "−") + Math.abs(value).toFixed(digits);

/* The state is the query string and nothing else: a link is the picture. */
export function setState(changes) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  url.search = url.search.replaceAll("%2C", ",");
  history.replaceState(null, "", url);
  for (const link of document.querySelectorAll("a[data-format]")) {
    const target = new URL(url);
    target.searchParams.set("format", link.dataset.format);
    link.href = target;
  }
}

/* Choices reload the page: the server makes the data of every view. */
for (const select of document.querySelectorAll("form.tools select, form.tools input")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
const form = document.querySelector("form.tools");
form?.addEventListener("submit", () => {
  for (const field of form.elements) if (field.name && (!field.value || field.dataset.default === field.value)) field.disabled = true;
});
addEventListener("pageshow", () => { for (const field of form?.elements ?? []) field.disabled = false; });
document.querySelectorAll("[data-script-only]").forEach((node) => { node.hidden = false; });
document.querySelectorAll("details[data-collapse]").forEach((node) => { node.open = false; });

/* The list of cars: legend, read-out and switches in one. `values(car)` gives [number for sorting, text]. */
export class CarList {
  constructor(root, cars, shown, onToggle) {
    Object.assign(this, { root, cars, shown: new Set(shown), onToggle, items: new Map() });
    for (const car of cars) {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const swatch = document.createElement("i");
      swatch.className = car.dashed ? "swatch dashed" : "swatch";
      const name = document.createElement("b");
      name.textContent = car.acronym;
      const value = document.createElement("span");
      button.type = "button";
      button.title = car.team ? `${car.name}, ${car.team}` : car.name;
      button.append(swatch, name, value);
      button.addEventListener("click", () => this.toggle(car.number));
      item.append(button);
      this.items.set(car.number, { item, button, swatch, value });
    }
    this.paint();
    this.show(() => [null, ""]);
  }

  paint() {
    for (const car of this.cars) {
      const { item, button, swatch } = this.items.get(car.number);
      swatch.style.setProperty("--colour", colour(car));
      item.classList.toggle("off", !this.shown.has(car.number));
      button.setAttribute("aria-pressed", this.shown.has(car.number));
    }
  }

  show(values) {
    const rows = this.cars.map((car, at) => [car, values(car), at]);
    rows.sort((a, b) => (a[1][0] ?? Infinity) - (b[1][0] ?? Infinity) || a[2] - b[2]);
    const focused = document.activeElement;
    rows.forEach(([car, [, text]], at) => {
      const { item, value } = this.items.get(car.number);
      value.textContent = text;
      if (this.root.children[at] !== item) this.root.insertBefore(item, this.root.children[at] ?? null);
    });
    if (this.root.contains(focused) && document.activeElement !== focused) focused.focus();
  }

  toggle(number) {
    if (!this.shown.delete(number)) this.shown.add(number);
    this.changed();
  }

  set(numbers) {
    this.shown = new Set(numbers);
    this.changed();
  }

  changed() {
    this.paint();
    const chosen = this.cars.filter((car) => this.shown.has(car.number));
    setState({ drivers: chosen.length ? chosen.map((car) => car.acronym).join(",") : null });
    this.onToggle(this.shown);
  }

  /* Both cars of every team that has one of them shown; a second press leaves the first of each. */
  teamMates() {
    const teams = new Set(this.cars.filter((car) => this.shown.has(car.number)).map((car) => car.team));
    const all = this.cars.filter((car) => teams.has(car.team));
    const complete = all.every((car) => this.shown.has(car.number));
    this.set((complete ? all.filter((car) => !car.dashed) : all).map((car) => car.number));
  }
}

/* Keys work wherever the focus is, but not while somebody types. */
export function onKeys(handlers) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const handler = handlers[event.key] ?? (/^[0-9]$/.test(event.key) ? handlers.digit : undefined);
    if (!handler) return;
    event.preventDefault();
    handler(event.key);
  });
}

export function toggleHelp() {
  const help = document.getElementById("help");
  if (help.open) help.close();
  else help.showModal();
}
document.getElementById("help-button")?.addEventListener("click", toggleHelp);

const announce = (text) => { document.getElementById("status").textContent = text; };

document.getElementById("copy-link")?.addEventListener("click", async (event) => {
  event.preventDefault();
  try {
    await navigator.clipboard.writeText(location.href);
    announce("The link is in the clipboard.");
  } catch {
    announce(`Copy this address: ${location.href}`);
  }
});

/* A picture of what is seen: the canvas on the paper's colour, or an SVG with the style sheet's values written into it. */
const pictured = () => document.querySelector(".chart canvas") ?? [...document.querySelectorAll("svg.chart")].find((svg) => svg.getClientRects().length);
if (!document.querySelector(".chart")) document.getElementById("png")?.remove();
document.getElementById("png")?.addEventListener("click", async (event) => {
  event.preventDefault();
  const source = pictured();
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  const picture = source instanceof SVGElement ? await rasterised(source) : source;
  const margin = 16 * devicePixelRatio, heading = 34 * devicePixelRatio;
  canvas.width = picture.width + 2 * margin;
  canvas.height = picture.height + 2 * margin + heading;
  context.fillStyle = ink("--paper");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = ink("--ink");
  context.font = `600 ${15 * devicePixelRatio}px system-ui, sans-serif`;
  context.fillText(document.title, margin, margin + 14 * devicePixelRatio);
  context.drawImage(picture, margin, margin + heading);
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${document.body.dataset.file}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
});

const DRAWN = ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "stroke-linejoin", "paint-order", "visibility", "opacity", "font-family", "font-size", "font-weight", "text-anchor", "dominant-baseline"];

async function rasterised(svg) {
  const box = svg.getBoundingClientRect();
  const copy = svg.cloneNode(true);
  const originals = svg.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((node, at) => {
    const style = getComputedStyle(originals[at]);
    for (const name of DRAWN) node.style.setProperty(name, style.getPropertyValue(name));
  });
  copy.setAttribute("width", box.width * devicePixelRatio);
  copy.setAttribute("height", box.height * devicePixelRatio);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  return image;
}
