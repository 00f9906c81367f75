// Texts of the live page, as live/lines.py writes them.

const two = (value) => String(value).padStart(2, "0");

function lapTime(seconds) {
  if (seconds === undefined) return "–";
  const whole = Math.round(seconds * 1000), minutes = Math.floor(whole / 60000);
  const rest = ((whole - 60000 * minutes) / 1000).toFixed(3);
  return minutes ? `${minutes}:${rest.padStart(6, "0")}` : rest;
}

function duration(seconds) {
  const hours = Math.floor(seconds / 3600), minutes = Math.floor(seconds / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

export function clockText({ clock, session }) {
  if (clock.to_start) return `starts in ${duration(clock.to_start)}`;
  const about = clock.about ? "about " : "";
  if (session.kind === "race" && clock.lap) return `lap ${clock.lap}${clock.laps ? ` of ${about}${clock.laps}, ${about}${clock.to_go} to go` : ""}`;
  if (clock.remaining === undefined) return "";
  if (session.kind !== "qualifying") return `${duration(clock.remaining)} left`;
  return clock.remaining ? `${duration(clock.remaining)} to the scheduled end` : "past the scheduled end";
}

export function flagText({ text, sectors }) {
  return sectors.length ? `${text}, sector ${sectors.join(", ")}` : text;
}

export function skyText(sky) {
  if (!sky) return "";
  return `${sky.air?.toFixed(1) ?? "–"} °C, track ${sky.track?.toFixed(1) ?? "–"} °C${sky.rain ? ", rain" : ""}`;
}

function gapText(gap, leads) {
  if (typeof gap === "string") return gap.toLowerCase();
  return gap && !leads ? `+${gap.toFixed(3)}` : "–";
}

export function cellOf(car, key) { // [text, class]
  if (/^s[123]$/.test(key)) {
    const [seconds, colour] = car.sectors[key[1] - 1];
    return [seconds ? seconds.toFixed(3) : "–", colour];
  }
  if (key === "last" || key === "best") return [lapTime(car[key]), car[`${key}_colour`]];
  if (key === "gap" || key === "interval") return [gapText(car[key], car.place === 1), ""];
  if (key === "tyre") return [`${car.tyre ?? "–"}${car.age === undefined ? "" : ` ${car.age}`}`, car.compound ?? ""];
  return [String(car[key] ?? "–"), ""];
}

const RISKS = { gone: "knocked out", out: "below the cut", risk: "at risk" };

export function statusOf(car) {
  if (car.out) return "out";
  return [RISKS[car.risk], car.pit && car.risk !== "gone" ? "pit" : ""].filter(Boolean).join(", ");
}

function signed(seconds) {
  return `${seconds < 0 ? "-" : "+"}${Math.abs(seconds).toFixed(3)}`;
}

function placesText({ place, low, high }) {
  return `P${place}${low === high ? "" : ` (P${low} to P${high})`}`;
}

export function forecastCells(car, { next = [], was, rejoin, under_way: underWay }) {
  const [begun, ...later] = next, first = underWay ?? begun;
  return [
    `${lapTime(first?.seconds)}${first?.sectors ? ` after S${first.sectors}` : ""}`,
    first ? `${lapTime(first.low)} to ${lapTime(first.high)}` : "–",
    later.map((lap) => lapTime(lap.seconds)).join(", ") || "–",
    lapTime(car.last),
    lapTime(was?.seconds),
    was && car.last ? signed(car.last - was.seconds) : "–",
    rejoin ? placesText(rejoin) : "–",
  ];
}

export function stopText(stop) {
  const came = stop.came === undefined ? "on its out-lap" : `came out P${stop.came}`;
  return `${stop.acronym}, lap ${stop.lap}: forecast ${placesText(stop)}, ${came}`;
}
