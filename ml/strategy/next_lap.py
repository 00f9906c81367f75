"""How fast the cars of a race are expected to be on their next lap, and when they end it."""

from typing import TYPE_CHECKING

from ml.cleaning import MIXED_CONDITIONS_SHARE
from ml.strategy.pitloss import GREEN, STATES, PitLoss
from telemetry.lap_rules import SLICK_COMPOUNDS

if TYPE_CHECKING:
    import numpy as np

    from ml.strategy.timeline import Timeline

NEUTRALISED_PACE = {STATES[1]: 1.35, STATES[2]: 1.4}  # times the usual lap, before a lap of the neutralisation has ended
AT_ONCE = 5.0  # seconds between a neutralisation and the next one that make them one
FIRST_LAP = 1  # the lap from the grid
WET_LAPS = 2
NEW_TYRE_LAPS = 2  # clean laps on a set after which its pace is known


def expected_paces(known: "Timeline", state: str, loss: PitLoss, moment: float) -> "np.ndarray":
    """Seconds of each car's next lap without a stop, on the tyres that it has now. Behind a safety car the same for all."""
    import numpy as np

    paces = racing_paces(known, loss.new_tyres)
    if state == GREEN:
        return paces
    begin = max((w.start for w in known.windows if w.start <= moment < w.end), default=moment)
    last = known.last_lap
    rows = np.arange(len(last))
    began = known.crossing[rows, np.maximum(last - 1, 0)]
    behind = known.duration[rows, last][(began >= begin) & ~np.isfinite(known.entry[rows, last])]
    behind = behind[np.isfinite(behind)]
    pace = np.median(behind) if len(behind) > 2 else np.median(paces) * NEUTRALISED_PACE.get(state, 1.4)
    return np.full(len(paces), pace)


def racing_paces(known: "Timeline", new_tyres: float) -> "np.ndarray":
    """Seconds of each car's next lap on a free track; of a car that nothing is known of, the field's. `new_tyres`: what they
    give, in seconds."""
    import numpy as np

    wet = is_wet(known)
    paces = np.array([recent_pace(known, row) if wet else pace_on_tyres(known, row, new_tyres) for row in range(len(known.cars))])
    field_pace = np.nanmedian(paces if np.isfinite(paces).any() else known.duration)
    return np.where(np.isnan(paces), field_pace, paces)


def wet_tyres(known: "Timeline") -> "np.ndarray":
    """Whether each car is on wet tyres."""
    import numpy as np

    present = np.minimum(known.last_lap + 1, known.compound.shape[1] - 1)
    return np.asarray(known.compound[np.arange(len(present)), present] >= len(SLICK_COMPOUNDS))


def is_wet(known: "Timeline") -> bool:
    """Whether a share of the cars is on wet tyres."""
    return bool(wet_tyres(known).mean() >= MIXED_CONDITIONS_SHARE)


def recent_pace(known: "Timeline", row: int) -> float:
    """The median of the car's last WET_LAPS laps at racing speed: on a wet track none counts as clean, and it changes from lap
    to lap. NaN without any."""
    import numpy as np

    visited = np.isfinite(known.entry[row])
    racing = ~(visited | np.roll(visited, 1) | known.neutralised[row])
    racing[: FIRST_LAP + 1] = False
    times = known.duration[row, racing & np.isfinite(known.duration[row])]
    return float(np.median(times[-WET_LAPS:])) if len(times) else float("nan")


def pace_on_tyres(known: "Timeline", row: int, new_tyres: float) -> float:
    """The car's pace; after a stop the pace before it and what new tyres give, until laps on them show it."""
    import numpy as np

    stops = np.flatnonzero(np.isfinite(known.entry[row]))
    if not len(stops):
        return known.level(row)
    since = known.duration[row, stops[-1] + 2 :][known.clean[row, stops[-1] + 2 :]]
    if len(since) >= NEW_TYRE_LAPS:
        return float(np.median(since[-5:]))
    return known.level(row, until=int(stops[-1])) + new_tyres


def usual_pace(known: "Timeline", row: int, paces: "np.ndarray") -> float:
    """The pace that the cost of a stop is measured beside: the median of the last clean laps."""
    import numpy as np

    level = known.level(row)
    return float(paces[row]) if is_wet(known) or np.isnan(level) else level


def lap_ends(known: "Timeline", begun: "np.ndarray", paces: "np.ndarray", moment: float) -> "np.ndarray":
    """When each car ends a lap that it began at a time, if it does not come in; seconds since 1970.

    `paces` are those of a whole lap in the state that the track is in at the moment. Where the lap began before a neutralisation,
    the car was faster until then: distances stay what they are, and a gap in seconds becomes longer.
    """
    import numpy as np

    since = neutralised_since(known, moment)
    if since is None:
        return begun + paces
    usual = racing_paces(known, 0.0)
    done = np.clip((since - begun) / usual, 0, 1)
    return np.asarray(begun + done * usual + (1 - done) * paces)


def neutralised_since(known: "Timeline", moment: float) -> float | None:
    """When the neutralisation of a moment began, with those that it followed at once; None on a free track."""
    if not known.state_at(moment)[0]:
        return None
    since = moment
    for window in sorted(known.windows, key=lambda window: window.start, reverse=True):
        if window.start <= since <= window.end + AT_ONCE:
            since = window.start
    return since
