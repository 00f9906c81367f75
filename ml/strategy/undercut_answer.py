"""Does a stop now gain the place of the car ahead, or staying out while he stops? The answer as plain values."""

from typing import Any

from ml.strategy import undercut
from ml.strategy.asking import (
    ESTIMATED,
    MEASURED,
    check_stop_lap,
    entry_moment,
    find_row,
    load,
    warnings_of,
    was_measured,
)
from ml.strategy.storing import Strategy
from ml.strategy.timeline import Timeline
from ml.strategy.undercut import OVERCUT, UNDERCUT


def answer_undercut(*, session_id: int, driver_number: int, lap: int) -> dict[str, Any]:
    """The probability that a car gains the place of the one directly ahead by stopping at the end of a lap (undercut), or by
    staying out while that one does (overcut). None, and why, where it would be no attempt. CannotAnswer, and the errors of
    `load`; ValueError for a model without odds.
    """
    strategy, race = load(session_id)
    if strategy.odds is None:
        raise ValueError("The promoted strategy model knows no undercuts: strategy_exam --store trains one that does.")
    row = find_row(race, driver_number)
    check_stop_lap(race, row, lap)
    leader = undercut.next_at_line(race, row, lap, -1)
    warnings = warnings_of(race, strategy)
    kinds: dict[str, dict[str, Any] | None] = dict.fromkeys(undercut.KINDS)
    gap = None
    if leader is None:
        warnings.append(f"Nobody is ahead of car {driver_number} on lap {lap}: there is no place to gain.")
    else:
        gap = round(float(race.crossing[row, lap - 1] - race.crossing[leader, lap - 1]), 1)
        for kind, first in ((UNDERCUT, row), (OVERCUT, leader)):
            kinds[kind], said = answer_kind(race, strategy, kind=kind, chaser=row, leader=leader, first=first, lap=lap)
            warnings += [one for one in said if one not in warnings]
    return {
        "session_id": session_id,
        "driver_number": driver_number,
        "lap": lap,
        "rival": None if leader is None else {"driver_number": race.cars[leader], "gap": gap},
        **kinds,
        "assumptions": [
            f"Both cars stop within {undercut.ANSWER_LAPS} laps of each other and not twice, on slicks and on a free track: "
            "known afterwards only.",
            "The place is gained if the car is ahead at the end of the out-lap of the one that stops last.",
            "Neither stop is slow; `recorded` says what came of attempts with a slow one.",
        ],
        "warnings": warnings,
    }


def answer_kind(
    race: Timeline, strategy: Strategy, *, kind: str, chaser: int, leader: int, first: int, lap: int
) -> tuple[dict[str, Any] | None, list[str]]:
    """(the answer about an undercut or overcut whose first stop is that of the car `first`, what has to be said of it)"""
    assert strategy.odds is not None
    moment = entry_moment(race, first, lap, strategy)
    known = race.as_of(moment)
    state = known.state_at(moment)[0]
    reason = f"there is a {state}, and attempts are on a free track" if state else undercut.why_not(known, chaser, leader, lap)
    if reason:
        return None, [f"Lap {lap} is no attempt: {reason}."]
    odds = strategy.odds[kind]
    figures = {
        name: strategy.figures[key]
        for name in ("attempts", "brier", "base_rate_brier", "better_low", "better_high")
        if (key := f"{kind}_{name}") in strategy.figures
    }
    better = figures["better_low"] > 0 if figures else None
    answer = {
        "probability": round(undercut.win_probability(odds, undercut.features(known, chaser, leader, lap)), 4),
        "base_rate": round(odds.base_rate, 4),
        "recorded": [{"stops": stops, "attempts": count, "won": won} for stops, (count, won) in odds.recorded.items()],
        "better_than_base_rate": better,
        "exam": {name: round(value, 4) for name, value in figures.items()} or None,
        "asked_at": MEASURED if was_measured(race, first, lap) else ESTIMATED,
    }
    return answer, [] if better else [doubt(kind, figures)]


def doubt(kind: str, figures: dict[str, float]) -> str:
    """What is said of odds that are not certainly better than the base rate."""
    if not figures:
        return f"How good the probability of an {kind} is has not been measured: the races of the exam had no attempt."
    return (
        f"The probability of an {kind} is not certainly better than the base rate: Brier score {figures['brier']:.3f} against "
        f"{figures['base_rate_brier']:.3f} in {figures['attempts']:.0f} recorded attempts (95 % of the difference: "
        f"{figures['better_low']:+.3f} to {figures['better_high']:+.3f})."
    )
