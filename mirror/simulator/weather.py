"""The weather of a session: reports for every minute, and the wetness of the track."""

import math
from dataclasses import dataclass
from random import Random

SOAKING = 540.0  # s of rain until the track is as wet as it gets
DRYING = 1300.0  # s until it is dry again


@dataclass(frozen=True)
class Sky:
    """Weather of one session; times in seconds since its scheduled start."""

    air: float  # °C
    sun: float  # °C that the track is warmer than the air
    wind: float  # m/s
    rain: tuple[float, float] | None = None  # begin and end

    def raining(self, at: float) -> bool:
        return self.rain is not None and self.rain[0] <= at < self.rain[1]

    def wetness(self, at: float) -> float:
        """The wetness of the track, from 0 (dry) to 1 (soaked)."""
        if self.rain is None or at <= self.rain[0]:
            return 0.0
        begin, end = self.rain
        peak = min(1.0, (min(at, end) - begin) / SOAKING)
        return max(0.0, peak - max(0.0, at - end) / DRYING)

    def report(self, *, begin: float, end: float, random: Random) -> list[dict]:
        """Rows of the weather station, one a minute, without keys; `at` is the moment of each."""
        rows = []
        direction, pressure = random.randrange(360), random.uniform(990, 1018)
        at = begin + random.uniform(0, 60)
        while at < end:
            wet = self.wetness(at)
            slow = math.sin(at / 2400)
            air = self.air + 0.6 * slow - 2.5 * wet
            direction = (direction + random.randint(-40, 40)) % 360
            rows.append(
                {
                    "at": round(at, 3),
                    "air_temperature": round(air, 1),
                    "humidity": float(round(52 - 4 * slow + 35 * wet)),
                    "pressure": round(pressure + random.uniform(-0.1, 0.1), 1),
                    "rainfall": int(self.raining(at)),
                    "track_temperature": round(air + self.sun * (1 - 0.7 * wet) + random.uniform(-0.3, 0.3), 1),
                    "wind_direction": direction,
                    "wind_speed": round(abs(random.gauss(self.wind, 0.5)), 1),
                }
            )
            at += 60 + random.uniform(-0.02, 0.02)
        return rows
