"""The finishing order from a lap on, as distributions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ml.strategy import circuits, hazard, next_lap, pitloss, rejoin, simulation, stints
from ml.strategy.pitloss import PastStops
from ml.strategy.simulation import Circuit, Plan, Start
from ml.strategy.stints import WET, StopTables

if TYPE_CHECKING:
    import numpy as np

    from ml.strategy.timeline import Timeline

MEMORY = 12.0  # clean laps over which what a lap says of a car's pace fades
PACE_PRIOR = 4.0  # laps of a pace like the field's
CLOSE_WEIGHT = 0.5  # of a lap that began close behind another car
# The share of "the order stays" where nobody gets past, and where cars do: probability of getting past within a lap.
FROZEN_SHARES = (0.9, 0.3)
PASSING = (0.03, 0.1)
FROZEN_PLACES = 2.0  # mean distance of the places around it, before the first lap
# Of the shortest range of places that holds four of five finishes: places are whole, and mixed probabilities are wide.
MIXED_RANGE, SIMULATED_RANGE = 0.65, 0.8
BALANCING_SWEEPS = 20  # until the probabilities of a place sum to 1 but for a thousandth
TEMPO_PRIOR = 5.0  # stops, of the tables' expectation in a race
PACE_SPREAD = (0.05, 0.25)  # seconds: of a pace, however many laps show it, and of what a single lap shows


class RaceModel(NamedTuple):
    """What the simulation has learnt of past races."""

    past: PastStops
    tables: StopTables
    passing: dict[str, float]
    passing_mean: float
    safety_cars: float  # per lap
    retirements: float  # per car and lap


class Running(NamedTuple):
    """The cars that are running, by row of the timeline, and the state of the race."""

    rows: "np.ndarray"
    start: Start


def fit(races: "Sequence[Timeline]") -> RaceModel:
    """ValueError where the races have no stops to learn from."""
    import numpy as np

    passing, mean = circuits.passing_rates(races)
    laps = sum(race.race_laps for race in races)
    ended = sum(int((race.last_lap < race.race_laps - 3).sum()) for race in races)
    driven = sum(int(np.isfinite(race.crossing[:, 1:]).sum()) for race in races)
    return RaceModel(
        past=pitloss.gather_past((race.circuit, pitloss.measure_stops(race)) for race in races),
        tables=stints.fit_tables(races),
        passing=passing,
        passing_mean=mean,
        safety_cars=(sum(map(circuits.count_safety_cars, races)) + 1) / max(laps, 1),
        retirements=(ended + 1) / max(driven, 1),
    )


def running_at(known: "Timeline", lap: int, model: RaceModel) -> Running:
    """The race when the leader ends a lap; `known` is the race as of that moment."""
    import numpy as np

    moment = float(np.nanmin(known.crossing[:, lap]))
    state = known.state_at(moment)[0]
    loss = pitloss.estimate_loss(pitloss.measure_stops(known), model.past, known.circuit)
    paces = next_lap.expected_paces(known, state, loss, moment)
    last = known.last_lap
    seen = known.crossing[np.arange(len(last)), last]
    rows = np.flatnonzero((moment - seen <= rejoin.RETIRED_LAPS * paces + loss.total) & np.isfinite(seen))
    share = model.past.neutralised.get(state, 1.0)
    ends = seen + paces  # gaps as they were before a neutralisation: the simulation closes the field up itself
    projected = [
        rejoin.project_rival(known, int(row), max(lap, int(last[row])), end=ends[row], lap=paces[row], loss=loss, share=share)
        for row in rows
    ]
    seconds = np.array([one.seconds for one in projected]) - paces[rows] * np.maximum(last[rows] - lap, 0)
    seconds += [owed(known, int(row), lap, loss.out_lap * share) for row in rows]
    now = np.minimum(last[rows] + 1, known.compound.shape[1] - 1)
    changing = np.isfinite(known.entry[rows, last[rows]])
    compound = stints.dry(known.compound[rows, np.where(changing, now, np.maximum(last[rows], 1))])
    used = np.array([[(known.compound[row, 1:] == place).any() for place in range(WET)] for row in rows])
    pace, spread = relative_pace(known, rows)
    start = Start(
        lap=lap,
        race_laps=known.race_laps,
        seconds=seconds,
        pace=pace,
        pace_spread=spread,
        compound=compound,
        age=np.nan_to_num(known.age[rows, now], nan=0),
        stops=known.stop[rows].sum(axis=1),
        used=used,
        safety_car_laps=2 if state == circuits.SAFETY_CAR else 0,
        wet=bool((known.compound[rows] >= WET).any()),
    )
    return Running(rows, start)


def owed(known: "Timeline", row: int, lap: int, out_lap: float) -> float:
    """Seconds that a car which has just come in still loses on its out-lap."""
    import numpy as np

    return out_lap if known.last_lap[row] == lap and np.isfinite(known.entry[row, lap]) else 0.0


def relative_pace(known: "Timeline", rows: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    """Each car's pace beside the field's in seconds, on tyres of the same age, and its spread."""
    import numpy as np

    clean = known.clean & np.isfinite(known.duration)
    compound = stints.dry(known.compound)
    tyres = (
        np.array(simulation.FORM.degradation)[compound] * np.nan_to_num(known.age) + np.array(simulation.FORM.offset)[compound]
    )
    bare = np.where(clean, known.duration - tyres, np.nan)
    enough = clean.sum(axis=0) >= 4
    beside = np.where(enough, bare - np.nanmedian(np.where(enough, bare, 0.0), axis=0), np.nan)
    beside = np.clip(beside, -3, 3)
    gaps = gaps_ahead(known)
    pace, spread = np.zeros(len(rows)), np.zeros(len(rows))
    for place, row in enumerate(rows):
        laps = np.flatnonzero(np.isfinite(beside[row]))
        weights = np.exp(-(np.arange(len(laps))[::-1]) / MEMORY) * np.where(gaps[row, laps] < circuits.CLOSE, CLOSE_WEIGHT, 1.0)
        total = float(weights.sum())
        pace[place] = float(weights @ beside[row, laps]) / (total + PACE_PRIOR)
        spread[place] = np.hypot(PACE_SPREAD[0], PACE_SPREAD[1] / np.sqrt(total + PACE_PRIOR))
    return pace, spread


def gaps_ahead(known: "Timeline") -> "np.ndarray":
    """(car, lap): seconds behind the car ahead when the lap began; infinite for the leader and where it is not known."""
    import numpy as np

    gaps = np.full(known.crossing.shape, np.inf)
    for lap in range(1, known.crossing.shape[1]):
        begun = known.crossing[:, lap - 1]
        rows = np.flatnonzero(np.isfinite(begun))
        order = rows[np.argsort(begun[rows])]
        gaps[order[1:], lap] = np.diff(begun[order])
    return gaps


def stop_tempo(known: "Timeline", tables: StopTables) -> float:
    """What to add to the log odds of stops: how many there have been in this race beside how many the tables expect.

    Where everybody got new tyres under a red flag, or a stop costs many places, cars stay out longer: never above 0.
    """
    import numpy as np

    rows, laps, moments, stopped = hazard.car_laps(known)
    if not len(rows):
        return 0.0
    expected = float(stints.chances(known, tables, rows=rows, laps=laps, moments=moments).sum())
    return min(float(np.log((stopped.sum() + TEMPO_PRIOR) / (expected + TEMPO_PRIOR))), 0.0)


def place_range(chances: "np.ndarray", *, given_stops: bool) -> tuple[int, int]:
    """The shortest range of places with the probability at which four of five finishes lie in it."""
    import numpy as np

    covered = SIMULATED_RANGE if given_stops else MIXED_RANGE
    cumulated = np.concatenate([[0.0], np.cumsum(chances)])
    ranges = [
        (high - low, -(cumulated[high] - cumulated[low]), low + 1, high)
        for low in range(len(chances))
        for high in range(low + 1, len(chances) + 1)
        if cumulated[high] - cumulated[low] >= covered - 1e-9
    ]
    _, _, first, last = min(ranges)
    return first, last


def circuit_of(known: "Timeline", model: RaceModel, loss: float) -> Circuit:
    return Circuit(
        loss=loss,
        safety_car_share=model.past.neutralised[circuits.SAFETY_CAR],
        passing=model.passing.get(known.circuit, model.passing_mean),
        safety_cars=model.safety_cars,
        retirements=model.retirements,
    )


def actual_plan(race: "Timeline", running: Running) -> Plan:
    """The stops that the cars have made in the whole race: what only hindsight knows."""
    import numpy as np

    following = np.roll(stints.dry(race.compound), -1, axis=1)
    return Plan(
        race.stop[running.rows], np.where(following == WET, -1, following)[running.rows], np.ones(len(running.rows), dtype=bool)
    )


def simulate_from(
    known: "Timeline", lap: int, model: RaceModel, *, plan: Plan | None = None, races: int = simulation.RACES, seed: int = 0
) -> "tuple[Running, np.ndarray]":
    """(the cars that are running, (race, car): their finishing places) from the moment when the leader ended a lap."""
    running = running_at(known, lap, model)
    loss = pitloss.estimate_loss(pitloss.measure_stops(known), model.past, known.circuit).total
    tables = model.tables._replace(constant=model.tables.constant + stop_tempo(known, model.tables))
    places = simulation.simulate(running.start, circuit_of(known, model, loss), tables, plan=plan, races=races, seed=seed)
    return running, places


def forecast(
    known: "Timeline", lap: int, model: RaceModel, *, plan: Plan | None = None, races: int = simulation.RACES
) -> "tuple[Running, np.ndarray]":
    """(the cars that are running, (car, place): the probability of each finishing place)

    The simulation is mixed with "the order stays": everywhere, for an error of its assumptions is in all of its races, and more
    the harder it is to overtake, for teams do not stop there as they do elsewhere. Not where the stops are given: the mixture
    would hide what another stop changes.
    """
    import numpy as np

    running, places = simulate_from(known, lap, model, plan=plan, races=races)
    count = places.shape[1]
    simulated = np.stack([(places == place).mean(axis=0) for place in range(1, count + 1)], axis=1)
    passing = model.passing.get(known.circuit, model.passing_mean)
    share = float(np.interp(passing, PASSING, FROZEN_SHARES)) if plan is None else 0.0
    stays = around(frozen_order(known, running.rows), FROZEN_PLACES * (1 - lap / known.race_laps) + 0.2)
    return running, (1 - share) * simulated + share * stays


def around(order: "np.ndarray", spread: float) -> "np.ndarray":
    """(car, place): probabilities that fall with the distance from the car's place; every car's, and every place's, sum to 1."""
    import numpy as np

    chances = np.exp(-np.abs(np.arange(1, len(order) + 1) - order[:, None]) / spread)
    for _ in range(BALANCING_SWEEPS):
        chances /= chances.sum(axis=0)
        chances /= chances.sum(axis=1, keepdims=True)
    return np.asarray(chances)


def frozen_order(known: "Timeline", rows: "np.ndarray") -> "np.ndarray":
    """The place of each of these cars among them at its last crossing of the line."""
    return finishing_order(known, rows)


def finishing_order(race: "Timeline", rows: "np.ndarray") -> "np.ndarray":
    """The true place of each of these cars among them: by laps, then by time."""
    import numpy as np

    last = race.last_lap[rows]
    order = np.lexsort((race.crossing[rows, last], -last))
    places = np.empty(len(rows), dtype=int)
    places[order] = np.arange(1, len(rows) + 1)
    return places
