"""What all answers about strategy share: the race, the checks of a question, and how distributions are written."""

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from drivers.race_lengths import scheduled_laps
from jobs.wording import plural
from mirror import versions
from ml.strategy import forecast, next_lap, pitloss, race_exam, rejoin
from ml.strategy.circuit_facts import with_circuit_facts
from ml.strategy.storing import Strategy, load_strategy
from ml.strategy.timeline import Timeline, load_timelines
from races.models import RACES, Session

if TYPE_CHECKING:
    import numpy as np

LEAST_SHOWN = 0.005  # probability of a place that is listed
NOT_VALIDATED = (
    "What another strategy would have brought cannot be validated: nobody has driven that race. What could be checked is how "
    "well the forecasts hold; see docs/strategy.md."
)
MEASURED, ESTIMATED = "pit entry, as measured", "pit entry, estimated"


class CannotAnswer(ValueError):
    """A parameter has a value that cannot be answered; `field` is the one that has to change."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@lru_cache(maxsize=8)
def race_of(session_id: int, version: versions.Version) -> Timeline:
    """A stored race; a change of its rows gives it another version, and so another entry of the cache."""
    session = Session.objects.filter(pk=session_id).first()
    if session is None:
        raise CannotAnswer("session_id", f"There is no session {session_id}.")
    if session.session_name not in RACES:
        raise CannotAnswer(
            "session_id", f"Session {session_id} is a {session.session_name}: only races and sprints have a strategy."
        )
    races = load_timelines([session_id])
    if not races:
        raise CannotAnswer(
            "session_id", f"No laps of session {session_id} are stored; sync_openf1 laps --session {session_id} brings some."
        )
    return races[0]


def get_race(session_id: int) -> Timeline:
    return race_of(session_id, versions.of_session(session_id))


def load(session_id: int, race_laps: int | None = None) -> tuple[Strategy, Timeline]:
    """(the promoted model with the facts about the circuit, the race); the errors of both. `race_laps`: as announced."""
    strategy, race = load_strategy(), get_race(session_id)
    race = replace(race, race_laps=max(race_laps or announced_laps(race), race.race_laps))
    return with_circuit_facts(strategy, race), race


def announced_laps(race: Timeline) -> int:
    """The laps that were driven; while the race is on, those of the last one at the circuit. CannotAnswer without any."""
    session = Session.objects.get(pk=race.session_id)
    if session.date_end is None or session.date_end < timezone.now():
        return race.race_laps
    laps = scheduled_laps(session)
    if laps is None:
        raise CannotAnswer(
            "session_id", "The race is on, and how many laps it has is not known: no earlier one at its circuit is stored."
        )
    return laps


def check_over(race: Timeline) -> None:
    """CannotAnswer while a race is on: the stops that the others will make are not known."""
    if race.race_laps >= race.crossing.shape[1]:
        raise CannotAnswer("session_id", "The race is on: which stops will have been made is known when it is over.")


def find_row(race: Timeline, driver_number: int) -> int:
    if driver_number not in race.row:
        raise CannotAnswer("driver_number", f"Car {driver_number} has no laps in this session.")
    return race.row[driver_number]


def warnings_of(race: Timeline, strategy: Strategy) -> list[str]:
    learnt = "The model has learnt from this very race: its errors here are smaller than they would be elsewhere."
    return [*([learnt] if race.session_id in strategy.sessions else []), *strategy.notes]


def check_stop_lap(race: Timeline, row: int, lap: int) -> None:
    """CannotAnswer where a car cannot stop at the end of a lap: it has not begun it, or the race is over then."""
    import numpy as np

    if lap < 2 or lap >= race.crossing.shape[1] + 1 or np.isnan(race.crossing[row, lap - 1]):
        car, last = race.cars[row], min(int(race.last_lap[row]) + 1, race.race_laps - 1)
        if last < 2:
            raise CannotAnswer("lap", f"lap {lap}: car {car} has ended no lap, so there is none at whose end it could come in.")
        raise CannotAnswer("lap", f"lap {lap}: car {car} can be asked about from lap 2 to {last}.")
    if lap >= race.race_laps:
        raise CannotAnswer("lap", f"lap {lap}: the race has {race.race_laps} laps, so nobody rejoins after it.")


def was_measured(race: Timeline, row: int, lap: int) -> bool:
    """Whether the car came in at the end of the lap, and upstream has a row of the visit."""
    import numpy as np

    return lap < race.exit.shape[1] and bool(np.isfinite(race.exit[row, lap]))


def entry_moment(race: Timeline, row: int, lap: int, strategy: Strategy) -> float:
    """When the car comes into the pit lane at the end of a lap, as measured or as expected when the lap begins. CannotAnswer."""
    if was_measured(race, row, lap):
        moment = float(race.entry[row, lap])
        known_pace(race, moment, lap)
        return moment
    begun = float(race.crossing[row, lap - 1])
    known = known_pace(race, begun, lap)
    state = known.state_at(begun)[0]
    loss = pitloss.estimate_loss(pitloss.measure_stops(known), strategy.rejoin.past, race.circuit)
    return begun + float(next_lap.expected_paces(known, state, loss, begun)[row]) - loss.before_line


def known_pace(race: Timeline, moment: float, lap: int) -> Timeline:
    """The race as of a moment. CannotAnswer where no lap had been timed by then: nothing says how fast anybody is."""
    import numpy as np

    known = race.as_of(moment)
    if not np.isfinite(known.duration).any():
        raise CannotAnswer("lap", f"lap {lap}: no lap has been timed yet, so nothing is known of anybody's pace.")
    return known


def begin_forecast(race: Timeline, lap: int) -> Timeline:
    """The race as of the moment when its leader ended a lap. CannotAnswer."""
    import numpy as np

    if not 1 <= lap < race.race_laps or lap >= race.crossing.shape[1] or not np.isfinite(race.crossing[:, lap]).any():
        driven = int(race.last_lap.max())
        raise CannotAnswer(
            "lap", f"lap {lap}: a forecast begins at the end of a lap from 1 to {min(driven, race.race_laps - 1)}."
        )
    return known_pace(race, float(np.nanmin(race.crossing[:, lap])), lap)


def listed(places: "np.ndarray", *, least: float = LEAST_SHOWN) -> list[dict[str, Any]]:
    """The places with their probabilities, which sum to 1; those below `least` are left out and shared among the others."""
    import numpy as np

    shown = np.where(places >= least, places, 0)
    shares = np.round(shown / shown.sum(), 4)
    shares[shares.argmax()] += 1 - shares.sum()
    return [{"place": place + 1, "probability": round(float(share), 4)} for place, share in enumerate(shares) if share > 0]


def best_of(places: list[dict[str, Any]], last: int) -> float:
    """The probability of the places up to one."""
    return round(sum(one["probability"] for one in places if one["place"] <= last), 4)


def describe(chances: "np.ndarray", car: int, *, given_stops: bool) -> dict[str, Any]:
    """A car's distribution of finishing places."""
    import numpy as np

    first, last = forecast.place_range(chances, given_stops=given_stops)
    places = listed(chances, least=0)  # all of them: what is left out would make the first one likelier than winning
    return {
        "driver_number": car,
        "likely": rejoin.median_place(chances),
        "expected": round(float(chances @ np.arange(1, len(chances) + 1)), 2),
        "low": first,
        "high": last,
        "win": best_of(places, 1),
        "podium": best_of(places, 3),
        "places": places,
    }


def beside_order_stays(
    strategy: Strategy, race: Timeline, lap: int, *, actual_stops: bool
) -> tuple[dict[str, Any] | None, list[str]]:
    """(how good such forecasts were in the exam beside "the order stays", at all circuits and at this one; what has to be said)

    From the share of the race, among those of the exam, that is nearest to the lap.
    """
    share = race_exam.nearest_share(lap, race.race_laps)
    scores = [one.score for one in strategy.race_scores if one.share == share and one.actual_stops == actual_stops]
    if not scores:
        return None, ['Whether such a forecast is better than "the order stays" has not been measured: the model has no exam.']
    parts = {"everywhere": scores, "here": [score for score in scores if score.circuit == race.circuit]}
    found = {name: race_exam.compare(part) for name, part in parts.items() if part}
    doubts = []
    everywhere, here = found["everywhere"], found.get("here")
    if everywhere.better_low <= 0:
        doubts.append(
            f'From about {100 * share:.0f} % of a race on the forecast is not certainly better than "the order stays": '
            f"{everywhere.error:.2f} places off against {everywhere.order_stays_error:.2f} in "
            f"{plural(everywhere.races, 'race')} of the exam (95 % of the difference: "
            f"{everywhere.better_low:+.2f} to {everywhere.better_high:+.2f})."
        )
    if here and here.error >= here.order_stays_error:
        doubts.append(
            f'At {race.circuit} it was not better than "the order stays" in the exam: {here.error:.2f} places off against '
            f"{here.order_stays_error:.2f}, races: {here.races}."
        )
    return {"share": share} | {
        name: {field: round(value, 3) for field, value in found[name]._asdict().items()} if name in found else None
        for name in parts
    }, doubts
