"""Invented races as timelines: constant paces, stops of known cost."""

import numpy as np

from ml.strategy.timeline import Timeline

START = 1_700_000_000.0
PACE, IN_LAP, OUT_LAP, NEW_TYRES, LANE = 90.0, 4.0, 17.0, -1.5, 22.0


def race(*, cars=20, laps=40, gap=3.0, stops=None, session_id=1, circuit="Sakhir", noise=0.0, windows=(), penalties=()):
    """A race of cars that begin `gap` seconds apart and are equally fast; stops: {car: lap at whose end it stops}."""
    random = np.random.default_rng(session_id)
    shape = (cars, laps + 1)
    duration = np.full(shape, np.nan)
    duration[:, 1:] = PACE + noise * random.standard_normal((cars, laps))
    entry, leave, stop = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, bool)
    clean, age = np.ones(shape, bool), np.tile(np.arange(-1.0, laps), (cars, 1))
    compound = np.ones(shape, int)
    clean[:, :2] = False
    for car, lap in (stops or {}).items():
        row = car - 1
        duration[row, lap] += IN_LAP
        duration[row, lap + 1] += OUT_LAP
        duration[row, lap + 2 :] += NEW_TYRES
        clean[row, lap : lap + 2] = False
        compound[row, lap + 1 :] = 2
        age[row, lap + 1 :] = np.arange(laps - lap)
        stop[row, lap] = True
    crossing = np.cumsum(np.nan_to_num(duration), axis=1) + START + gap * np.arange(cars)[:, None]
    for car, lap in (stops or {}).items():
        entry[car - 1, lap] = crossing[car - 1, lap] - 3.0
        leave[car - 1, lap] = entry[car - 1, lap] + LANE
    return Timeline(
        session_id=session_id,
        circuit=circuit,
        season=2023,
        date="2023-03-05T15:00:00+00:00",
        race_laps=laps,
        cars=tuple(range(1, cars + 1)),
        crossing=crossing,
        duration=duration,
        clean=clean,
        revoked=np.full(shape, np.inf),
        compound=compound,
        age=age,
        entry=entry,
        exit=leave,
        stop=stop,
        windows=tuple(windows),
        penalties=tuple(penalties),
    )


def season(races=3, **options):
    """Races in which every car stops once, between the laps 12 and 27."""
    return [
        race(session_id=number, stops={car: 12 + (car * 7 + number) % 16 for car in range(1, 21)}, noise=0.2, **options)
        for number in range(1, races + 1)
    ]
