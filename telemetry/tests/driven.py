"""Invented laps whose times are known everywhere: a track, cars that drive along it, and samples of them as upstream sends
them.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from mirror.models import Source
from races.models import Race, Session
from telemetry.models import Lap, SampleFile
from telemetry.samples import ingest

START = datetime(2024, 3, 2, 15, 0, tzinfo=UTC)
CIRCUIT = 63
CARS = (1, 4, 16)
LAPS = 6
SECTORS = (0.31, 0.68)  # shares of the way at which the first two sectors end


class Track(NamedTuple):
    """A closed track in steps of 1 m, and the speed of a usual lap along it."""

    points: np.ndarray
    speeds: np.ndarray

    @property
    def length(self) -> float:
        return float(len(self.points))


def build_track() -> Track:
    """A figure of eight of about 2 km: it crosses itself, so that the nearest place is not always the right one."""
    angle = np.linspace(0, 2 * np.pi, 20_001)
    shape = np.stack([500 * np.sin(angle), 240 * np.sin(2 * angle), 3 * np.cos(angle)], axis=-1)
    way = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(shape[:, :2], axis=0).T))])
    metres = np.arange(round(way[-1])) * way[-1] / round(way[-1])
    points = np.stack([np.interp(metres, way, column) for column in shape.T], axis=-1)
    share = metres / way[-1]
    return Track(points, 58 + 18 * np.cos(2 * np.pi * (4 * share + 0.1)) + 5 * np.sin(2 * np.pi * 3 * share))


def lap_clock(track: Track, gain: float) -> np.ndarray:
    """Seconds since the lap's start at each metre, of a car that gains (with gain > 0) in the first half and loses in the
    second.
    """
    half = np.sin(2 * np.pi * np.arange(len(track.points)) / len(track.points))
    return np.concatenate([[0], np.cumsum(1 / (track.speeds * (1 + gain * half)))])


def drive(session: Session, track: Track, *, location: bool = True, jitter: float = 0.0) -> dict[tuple[int, int], np.ndarray]:
    """Store laps and samples of all cars; returns {(car, lap): seconds since its start at each metre}."""
    random = np.random.default_rng(1)
    clocks = {}
    for at, car in enumerate(CARS):
        moments, ways, begin = [], [], 10.0 + at
        for number in range(1, LAPS + 1):
            clock = lap_clock(track, 0.01 * (at - 1) + 0.004 * (number % 3))
            clocks[car, number] = clock
            first, second, total = (
                float(np.interp(share * track.length, np.arange(len(clock)), clock)) for share in (*SECTORS, 1)
            )
            start = START + timedelta(seconds=begin)
            sectors = {"duration_sector_1": first, "duration_sector_2": second - first, "duration_sector_3": total - second}
            sectors = {name: round(value, 3) for name, value in sectors.items()}
            scattered = start + timedelta(seconds=round(random.normal(0, jitter), 3))
            Lap.objects.create(
                session=session,
                driver_number=car,
                lap_number=number,
                date_start=scattered,
                lap_duration=round(total, 3),
                source=Source.OPENF1,
                **sectors,
            )
            moments.append(clock[:-1] + begin)
            ways.append(np.arange(len(clock) - 1) + track.length * (number - 1))
            begin += total
        store_samples(session, car, track, np.concatenate(moments), np.concatenate(ways), location=location)
    return clocks


def store_samples(session: Session, car: int, track: Track, moments: np.ndarray, ways: np.ndarray, *, location: bool) -> None:
    """The samples of a car's way through the session, about four a second, rounded as upstream rounds them."""
    times = np.arange(moments[0] + 0.05, moments[-1], 0.26)
    way = np.interp(times, moments, ways)
    speeds = np.gradient(ways, moments)
    kmh = np.rint(3.6 * np.interp(times, moments, speeds)).astype(int)
    dates = [START + timedelta(milliseconds=round(1000 * each)) for each in times]
    throttle = np.where(np.gradient(kmh) >= 0, 100, 0)
    channels = {
        "rpm": 30 * kmh + 2000,
        "speed": kmh,
        "n_gear": np.clip(kmh // 40, 1, 8),
        "throttle": throttle,
        "brake": 100 - throttle,
        "drs": np.where(kmh > 260, 12, 0),
    }
    write(session, car, "car_data", dates, channels)
    if location:
        points = np.rint(10 * track.points[way.astype(int) % len(track.points)]).astype(int)
        write(session, car, "location", dates, dict(zip("xyz", points.T, strict=True)))


def write(session: Session, car: int, collection: str, dates: list[datetime], columns: dict[str, np.ndarray]) -> None:
    import pyarrow as pa

    small = {name: pa.array(values, pa.int32()) for name, values in columns.items()}
    table = pa.table({"date": pa.array(dates, pa.timestamp("us", tz="UTC"))} | small)
    ingest.write_file(SampleFile(session=session, driver_number=car, collection=collection, source=Source.OPENF1), table)


def make_session(session_id: int = 10, *, year: int = 2024) -> Session:
    place = {
        "year": year,
        "circuit_key": CIRCUIT,
        "circuit_name": "Figure Eight",
        "location": "Eight",
        "country_name": "Eightland",
    }
    race = Race.objects.create(
        race_id=session_id, race_name="Eight Grand Prix", slug="eight", date_start=START.replace(year=year), **place
    )
    return Session.objects.create(
        session_id=session_id,
        race=race,
        session_name="Race",
        session_type="Race",
        slug="race",
        date_start=START.replace(year=year),
        date_end=START.replace(year=year) + timedelta(hours=2),
        source=Source.OPENF1,
        **place,
    )
