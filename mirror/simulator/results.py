"""The classification of a session."""

from mirror.simulator.timing import Lap, Result, SimulatedSession

POINTS = (25, 18, 15, 12, 10, 8, 6, 4, 2, 1)
SPRINT_POINTS = (8, 7, 6, 5, 4, 3, 2, 1)


def race_results(simulated: SimulatedSession, *, sprint: bool) -> list[Result]:
    """By laps, then by time; cars that stopped on track come last and are not classified."""
    points = SPRINT_POINTS if sprint else POINTS
    driven_laps = {car: len(laps) for car, laps in simulated.laps.items()}
    finished = [car for car, laps in simulated.laps.items() if laps[-1].duration]
    finished.sort(key=lambda car: (-driven_laps[car], simulated.laps[car][-1].end, car))
    winner = finished[0]
    winner_end = simulated.laps[winner][-1].end
    results = []
    for place, car in enumerate(finished, start=1):
        down, end = driven_laps[winner] - driven_laps[car], simulated.laps[car][-1].end
        gap: float | str = lapped_gap(down) if down else round(end - winner_end, 3) or 0
        duration = None if down else round(end - simulated.started_at, 3)
        score = float(points[place - 1]) if place <= len(points) else 0.0
        results.append(Result(car=car, position=place, laps=driven_laps[car], duration=duration, gap=gap, points=score))
    retired = sorted(simulated.laps.keys() - set(finished), key=lambda car: -simulated.laps[car][-1].end)
    return results + [
        Result(car=car, position=None, laps=driven_laps[car] - 1, duration=None, gap=None, dnf=True, points=0.0)
        for car in retired
    ]


def lapped_gap(laps: int) -> str:
    """The gap of a lapped car, such as "+1 LAP"."""
    return f"+{laps} LAP{'S' if laps > 1 else ''}"


def practice_results(laps: dict[int, list[Lap]], timed: list[tuple[float, int, float]]) -> list[Result]:
    """By the best lap; `timed` is [(end, car, time)]."""
    best: dict[int, float] = {}
    for _, car, time in timed:
        best[car] = min(time, best.get(car, time))
    order = sorted(best, key=best.__getitem__)
    leader = best[order[0]]
    return [
        Result(car=car, position=place, laps=len(laps[car]), duration=best[car], gap=round(best[car] - leader, 3) or 0)
        for place, car in enumerate(order, start=1)
    ]


def qualifying_results(laps: dict[int, list[Lap]], order: list[int], *, best: list[dict[int, float]]) -> list[Result]:
    """By `order`; durations are the best laps of each phase ({car: s} in `best`), gaps those to the phase's best."""
    results = []
    for place, car in enumerate(order, start=1):
        times = [phase.get(car) for phase in best]
        gaps = [None if t is None else round(t - min(phase.values()), 3) for t, phase in zip(times, best, strict=True)]
        results.append(Result(car=car, position=place, laps=len(laps[car]), duration=times, gap=gaps))
    return results
