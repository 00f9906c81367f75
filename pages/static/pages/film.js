/* The file of a replay: where every car was each second, and the leader board at any moment (as pages/replay/board.py). */

export class Film {
  constructor(buffer) {
    const view = new DataView(buffer);
    const length = view.getUint32(4, true);
    this.header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
    this.seconds = this.header.seconds;
    const { on_track: cars, story } = this.header;
    this.places = unpack(new Uint8Array(buffer, 8 + length), 2 * cars.length, this.seconds);
    this.row = new Map(cars.map((car, at) => [car, at]));
    this.car = new Map(this.header.cars.map((car) => [car.number, car]));
    this.leading = leaderLaps(story.laps);
  }

  /* Metres, between the seconds on a straight line; null where the car is not shown any more. */
  placeOf(car, t) {
    const at = Math.min(Math.floor(t), this.seconds - 1);
    if (at > this.header.until[car]) return null;
    const next = Math.min(at + 1, this.seconds - 1), share = t - at;
    const row = this.row.get(car), x = this.places[row], y = this.places[row + this.row.size];
    return [x[at] + (x[next] - x[at]) * share, y[at] + (y[next] - y[at]) * share];
  }

  lapAt(t) {
    return Math.min(countUntil(this.leading, t) + 1, this.leading.length);
  }

  startOfLap(lap) {
    return lap <= 1 ? 0 : this.leading[Math.min(lap, this.leading.length) - 2];
  }

  board(t) {
    const { story, on_track: cars, until } = this.header;
    const places = new Map();
    const { t: times, car, place } = story.places;
    const known = countUntil(times, t);
    for (let at = 0; at < known; at += 1) places.set(car[at], place[at]);
    const key = (number) => [Number(t > until[number]), places.get(number) ?? 99, this.row.get(number)];
    const order = cars.map((number) => [number, key(number)]);
    order.sort(([, a], [, b]) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    const leader = order[0][0];
    return order.map(([number, [out]]) => this.line(number, leader, t, out));
  }

  line(car, leader, t, out) {
    const { story } = this.header;
    const own = completed(story.laps[car], t), first = completed(story.laps[leader], t);
    let gap = null, down = 0;
    if (own && car !== leader) {
      const at = story.laps[car][own - 1], ahead = story.laps[leader];
      down = ahead.slice(own).filter((end) => end !== null && end <= at).length;
      const reached = own <= first ? ahead[own - 1] : null;
      if (!down && reached !== null) gap = Math.max(0, at - reached);
    }
    const tyres = (story.tyres[car] ?? []).filter((set) => set.lap <= own + 1).at(-1) ?? null;
    const stops = (story.stops[car] ?? []).filter(([begin]) => begin <= t);
    const inLane = stops.length && stops.at(-1)[0] + stops.at(-1)[1] > t;
    const age = tyres && tyres.age !== null ? tyres.age + Math.max(0, own + 1 - tyres.lap) : null;
    return { car, laps: own, gap, down, letter: tyres?.letter ?? "", age, stops: stops.length, state: out ? "out" : inLane ? "pit" : "" };
  }

  weather(t) {
    const { weather } = this.header.story;
    const at = countUntil(weather.t, t) - 1;
    return at < 0 ? null : Object.fromEntries(Object.entries(weather).map(([name, values]) => [name, values[at]]));
  }

  flag(t) {
    return this.header.story.flags.find(([, begin, end]) => begin <= t && t < end)?.[0] ?? "";
  }
}

/* How many values of an ascending list are not above a limit. */
export function countUntil(values, limit) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function completed(laps, t) {
  for (let at = laps.length; at > 0; at -= 1) if (laps[at - 1] !== null && laps[at - 1] <= t) return at;
  return 0;
}

function leaderLaps(laps) {
  const first = [];
  for (const own of Object.values(laps)) {
    own.forEach((end, at) => { if (end !== null && !(first[at] <= end)) first[at] = end; });
  }
  return first.filter((end) => end !== undefined);
}

/* Zigzag numbers of 16 bits, low bytes first, that are the changes of changes. */
function unpack(bytes, rows, seconds) {
  const half = rows * seconds;
  return Array.from({ length: rows }, (_, row) => {
    const values = new Int32Array(seconds);
    let value = 0, change = 0;
    for (let at = 0; at < seconds; at += 1) {
      const code = bytes[row * seconds + at] | (bytes[half + row * seconds + at] << 8);
      change += (code >> 1) ^ -(code & 1);
      value += change;
      values[at] = value;
    }
    return values;
  });
}
