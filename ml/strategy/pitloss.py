"""What a stop costs: seconds on the in-lap, on the out-lap, and what new tyres give back on the laps after."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from races.models import Neutralisation
from telemetry.lap_rules import SLICK_COMPOUNDS

if TYPE_CHECKING:
    import numpy as np

    from ml.strategy.timeline import Timeline

GREEN = ""
STATES = (GREEN, Neutralisation.State.VIRTUAL_SAFETY_CAR.value, Neutralisation.State.SAFETY_CAR.value)
PARTS = ("in_lap", "loss", "new_tyres", "before_line", "from_exit")
GEOMETRY = ("in_lap", "before_line", "from_exit")
# The weight of what is known beforehand, in stops: of a circuit's own past, and of all circuits where that is unknown.
CIRCUIT_WEIGHT, TRAINING_WEIGHT = 4.0, 2.0
GEOMETRY_WEIGHT = 1.0  # at an unknown circuit: where the lane lies beside the line is seen with the first stops
MIN_CIRCUIT_STOPS = 5  # from which on a circuit's own past is the prior
NEARBY = 60.0  # seconds between a car that stops behind a safety car and the cars it is compared with
MIN_OTHERS = 3
MIN_COMPOUND_STOPS = 10
COMPOUND_WEIGHT = 20.0  # stops without a difference, when what a compound costs is shrunk
MAX_LOSS = 60.0  # seconds; a stop that costs more was a repair


class Stop(NamedTuple):
    """A finished stop in seconds beside the pace without it; NaN where a part cannot be measured."""

    car: int
    lap: int
    state: str  # of the track when the car came in
    in_lap: float
    out_lap: float
    new_tyres: float  # the lap after the out-lap beside the pace before the stop
    from_entry: float  # from the pit entry to the end of the out-lap, less a lap
    before_line: float  # from the pit entry to the line
    from_exit: float  # from the pit exit to the end of the out-lap, less a lap

    @property
    def loss(self) -> float:
        return self.in_lap + self.out_lap


def measure_stops(race: "Timeline") -> list[Stop]:
    """The stops of a race that say what a stop costs: on slicks, without a red flag, and not a repair. Of a car that
    has not ended its out-lap yet, only the in-lap is known.

    On a free track beside the car's own clean laps before, otherwise beside the same laps of the cars nearby that stayed out.
    """
    import numpy as np

    result = []
    for row, lap in zip(*np.nonzero(race.stop), strict=True):
        if lap < 2 or lap + 1 >= race.crossing.shape[1]:
            continue
        if max(race.compound[row, lap : lap + 2]) >= len(SLICK_COMPOUNDS):
            continue
        stop = measure_stop(race, int(row), int(lap))
        if stop is not None and (np.isnan(stop.loss) or abs(stop.loss) < MAX_LOSS):
            result.append(stop)
    return result


def measure_stop(race: "Timeline", row: int, lap: int) -> Stop | None:
    """The parts of one stop; None under a red flag, or where the track was free for a part of it only."""
    import numpy as np

    state, _ = race.state_at(float(race.entry[row, lap]))
    in_lap, out_lap = race.duration[row, lap : lap + 2]
    new_tyres = from_entry = from_exit = before_line = float("nan")
    if state == GREEN:
        pace = race.level(row, until=lap - 1)
        if race.neutralised[row, lap] or race.neutralised[row, lap + 1] or np.isnan(pace):
            return None
        parts = in_lap - pace, out_lap - pace
        if lap + 2 < race.crossing.shape[1] and race.clean[row, lap + 2]:
            new_tyres = race.duration[row, lap + 2] - pace
    elif state in STATES:
        others = stayed_out(race, row, lap)
        if len(others) < MIN_OTHERS:
            return None
        parts = in_lap - np.median(race.duration[others, lap]), out_lap - np.median(race.duration[others, lap + 1])
    else:
        return None
    if np.isnan(parts[0]) or (np.isnan(parts[1]) and state != GREEN):
        return None
    if np.isfinite(race.exit[row, lap]):
        before_line = race.crossing[row, lap] - race.entry[row, lap]
        if state == GREEN:
            from_entry = race.crossing[row, lap + 1] - race.entry[row, lap] - pace
            from_exit = race.crossing[row, lap + 1] - race.exit[row, lap] - pace
    numbers = map(float, (*parts, new_tyres, from_entry, before_line, from_exit))
    return Stop(race.cars[row], lap, state, *numbers)


def stayed_out(race: "Timeline", row: int, lap: int) -> "np.ndarray":
    """Rows of the cars that began the lap within NEARBY seconds of this one and stayed out on it and on the next."""
    import numpy as np

    near = np.abs(race.crossing[:, lap - 1] - race.crossing[row, lap - 1]) <= NEARBY
    timed = np.isfinite(race.duration[:, lap]) & np.isfinite(race.duration[:, lap + 1])
    visited = np.isfinite(race.entry[:, lap - 1 : lap + 2]).any(axis=1)
    return np.flatnonzero(near & timed & ~visited)


class PastStops(NamedTuple):
    """The stops of races before, as far as they are needed as priors: {circuit: {part: values}}, and those of all circuits."""

    by_circuit: dict[str, dict[str, list[float]]]
    everywhere: dict[str, float]  # the median of each part over circuits
    neutralised: dict[str, float]  # the share of the green loss that a stop costs, by state

    def prior(self, circuit: str, part: str) -> tuple[float, float]:
        """(value in seconds, weight in stops)"""
        import numpy as np

        values = self.by_circuit.get(circuit, {}).get(part, [])
        if len(values) >= MIN_CIRCUIT_STOPS:
            return float(np.median(values)), CIRCUIT_WEIGHT
        return self.everywhere[part], TRAINING_WEIGHT


def gather_past(races: Iterable[tuple[str, Sequence[Stop]]]) -> PastStops:
    """races: (circuit, its stops) of the races before; ValueError without any green stop."""
    import numpy as np

    by_circuit: dict[str, dict[str, list[float]]] = {}
    ratios: dict[str, list[float]] = {state: [] for state in STATES[1:]}
    for circuit, stops in races:
        green = [stop for stop in stops if stop.state == GREEN]
        parts = by_circuit.setdefault(circuit, {name: [] for name in PARTS})
        for name in PARTS:
            parts[name] += [value for stop in green if not np.isnan(value := getattr(stop, name))]
        if parts["loss"]:
            usual = float(np.median(parts["loss"]))
            for stop in stops:
                if stop.state in ratios:
                    ratios[stop.state].append(stop.loss / usual)
    medians = {
        name: [float(np.median(parts[name])) for parts in by_circuit.values() if len(parts[name]) >= MIN_CIRCUIT_STOPS]
        for name in PARTS
    }
    if not all(medians.values()):
        raise ValueError(f"No circuit has {MIN_CIRCUIT_STOPS} stops on a free track that could be measured: sync more races.")
    everywhere = {name: float(np.median(values)) for name, values in medians.items()}
    return PastStops(by_circuit, everywhere, {state: shrunk_ratio(values, state) for state, values in ratios.items()})


def shrunk_ratio(values: Sequence[float], state: str) -> float:
    """The median share, shrunk towards 0.7 (virtual safety car) or 0.6 with the weight of ten stops."""
    import numpy as np

    prior = 0.6 if state == STATES[2] else 0.7
    return float((len(values) * np.median(values) + 10 * prior) / (len(values) + 10)) if values else prior


class CompoundCost(NamedTuple):
    """By how many seconds a stop for a compound costs more than the median stop of its race; the interval is that of 95 %."""

    seconds: float  # shrunk towards 0
    low: float
    high: float
    n: int  # stops that say so


def compound_costs(races: "Iterable[tuple[Timeline, Sequence[Stop]]]") -> dict[str, CompoundCost]:
    """{compound: what a stop for it costs beside the other stops of its race}, on a free track. races: (race, its stops)

    Compounds that fewer than MIN_COMPOUND_STOPS stops were made for are left out.
    """
    import numpy as np

    beside: dict[str, list[float]] = {}
    for race, stops in races:
        green = [stop for stop in stops if stop.state == GREEN and not np.isnan(stop.loss)]
        usual = float(np.median([stop.loss for stop in green])) if green else 0.0
        for stop in green:
            taken = race.compound[race.row[stop.car], stop.lap + 1]
            if taken >= 0:
                beside.setdefault(SLICK_COMPOUNDS[taken], []).append(stop.loss - usual)
    random = np.random.default_rng(0)
    result = {}
    for compound, values in sorted(beside.items()):
        if len(values) >= MIN_COMPOUND_STOPS:
            drawn = np.median(random.choice(values, (1000, len(values))), axis=1)
            low, high = map(float, np.quantile(drawn, [0.025, 0.975]))
            seconds = float(np.median(values)) * len(values) / (len(values) + COMPOUND_WEIGHT)
            result[compound] = CompoundCost(seconds, low, high, len(values))
    return result


class PitLoss(NamedTuple):
    """What a stop costs in a race at a moment, in seconds; `n` stops of this race say so."""

    in_lap: float
    out_lap: float
    new_tyres: float
    from_entry: float
    before_line: float
    from_exit: float
    n: int

    @property
    def total(self) -> float:
        return self.in_lap + self.out_lap


def estimate_loss(stops: Iterable[Stop], past: PastStops, circuit: str) -> PitLoss:
    """On a free track: the median of the race's finished stops, shrunk to the circuit's past."""
    import numpy as np

    green = [stop for stop in stops if stop.state == GREEN]

    def shrunk(part: str) -> float:
        prior, weight = past.prior(circuit, part)
        if weight == TRAINING_WEIGHT and part in GEOMETRY:
            weight = GEOMETRY_WEIGHT
        return shrink([getattr(stop, part) for stop in green], prior, weight)

    in_lap, before_line = shrunk("in_lap"), shrunk("before_line")
    total = shrunk("loss")
    beyond = shrink([s.from_entry - s.loss - s.before_line + s.in_lap for s in green], 0.0, TRAINING_WEIGHT)
    return PitLoss(
        in_lap=in_lap,
        out_lap=total - in_lap,
        new_tyres=shrunk("new_tyres"),
        from_entry=total - in_lap + before_line + beyond,
        before_line=before_line,
        from_exit=shrunk("from_exit"),
        n=sum(not np.isnan(stop.loss) for stop in green),
    )


def shrink(values: Iterable[float], prior: float, weight: float) -> float:
    """The median of the values, shrunk towards the prior with a weight in values; NaN values do not count."""
    import numpy as np

    known = [value for value in values if not np.isnan(value)]
    return (len(known) * float(np.median(known)) + weight * prior) / (len(known) + weight) if known else prior
