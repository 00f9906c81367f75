"""The path of a circuit and the speed of a flying lap along it, independent of the season's seed."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from random import Random

from mirror.simulator.world import Circuit

STEP = 10.0  # m between two points, about
TOP_SPEED = 94.0  # m/s
TRACTION, BRAKES = 13.0, 34.0  # m/s²
Point = tuple[float, float]


@dataclass(frozen=True)
class Track:
    """A lap in equal steps of distance, from the finish line; the last point is the first again."""

    step: float  # m
    points: tuple[tuple[float, float, float], ...]  # x, y, z in m
    speeds: tuple[float, ...]  # m/s, on a lap of the circuit's base time
    clock: tuple[float, ...]  # share of the lap's time gone at each point, 0 to 1
    time: float  # s, the circuit's base time
    top: float  # m/s, the fastest point

    @property
    def length(self) -> float:
        return self.step * (len(self.points) - 1)

    def place(self, share: float) -> float:
        """Metres from the line after a share of the lap's time."""
        index = min(max(bisect_right(self.clock, share) - 1, 0), len(self.clock) - 2)
        before, after = self.clock[index], self.clock[index + 1]
        return (index + (share - before) / (after - before)) * self.step

    def share(self, metres: float) -> float:
        """The share of the lap's time gone at a place: the reverse of `place`."""
        return self._between(self.clock, metres)

    def speed(self, metres: float) -> float:
        return self._between(self.speeds, metres)

    def _between(self, values: tuple[float, ...], metres: float) -> float:
        index = min(int(metres / self.step), len(values) - 2)
        rest = metres / self.step - index
        return values[index] + rest * (values[index + 1] - values[index])


@cache
def build_track(circuit: Circuit) -> Track:
    """The track of a circuit. Corners limit the speed by grip, which is chosen so that the lap takes the base time."""
    random = Random(f"track/{circuit.name}")
    flat = resample(round_corners(draw_corners(random)), circuit.length)
    step = circuit.length / (len(flat) - 1)
    bends = curvature(flat, step)
    low, high = 1.0, 300.0
    for _ in range(24):
        grip = (low + high) / 2
        speeds = flying_lap_speeds(bends, grip, step)
        low, high = (grip, high) if sum(step / v for v in speeds[1:]) > circuit.base else (low, grip)
    line = speeds.index(max(speeds)) - round(250 / step)  # on the longest straight, before its end
    flat, bends = rotate(flat, line), rotate(bends, line)
    speeds = flying_lap_speeds(bends, grip, step)
    times = [0.0]
    for before, after in pairwise(speeds):
        times.append(times[-1] + 2 * step / (before + after))
    waves = [(random.uniform(2, 9), random.uniform(0, math.tau)) for _ in range(3)]
    heights = [
        sum(size * math.sin(math.tau * (k + 1) * i / (len(flat) - 1) + phase) for k, (size, phase) in enumerate(waves))
        for i in range(len(flat))
    ]
    scale = times[-1] / circuit.base
    return Track(
        step=step,
        points=tuple((x, y, z) for (x, y), z in zip(flat, heights, strict=True)),
        speeds=tuple(v * scale for v in speeds),
        clock=tuple(time / times[-1] for time in times),
        time=circuit.base,
        top=max(speeds) * scale,
    )


def rotate(loop: list, start: int) -> list:
    """Rotate a closed loop (its last item equals its first) to begin at another item."""
    items = loop[:-1]
    items = items[start:] + items[:start]
    return [*items, items[0]]


def draw_corners(random: Random) -> list[Point]:
    """A polygon around the origin: about as many corners as a circuit has."""
    count = random.randint(11, 16)
    points = []
    for index in range(count):
        angle = math.tau * (index + random.uniform(-0.3, 0.3)) / count
        reach = random.uniform(0.45, 1.0)
        points.append((reach * math.cos(angle) * 1.5, reach * math.sin(angle)))
    return points


def round_corners(polygon: list[Point]) -> list[Point]:
    """Cut the corners of a polygon four times (Chaikin 1974)."""
    for _ in range(4):
        cut = []
        for (ax, ay), (bx, by) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
            cut += [(0.75 * ax + 0.25 * bx, 0.75 * ay + 0.25 * by), (0.25 * ax + 0.75 * bx, 0.25 * ay + 0.75 * by)]
        polygon = cut
    return polygon


def resample(loop: list[Point], length: float) -> list[Point]:
    """Points at equal distances along the closed curve, which is scaled to `length`."""
    loop = [*loop, loop[0]]
    sizes = [math.dist(a, b) for a, b in pairwise(loop)]
    scale = length / sum(sizes)
    count = round(length / STEP)
    points, index, travelled = [], 0, 0.0
    for number in range(count):
        target = sum(sizes) * number / count
        while travelled + sizes[index] < target:
            travelled += sizes[index]
            index += 1
        rest = (target - travelled) / sizes[index]
        (ax, ay), (bx, by) = loop[index], loop[index + 1]
        points.append(((ax + rest * (bx - ax)) * scale, (ay + rest * (by - ay)) * scale))
    return [*points, points[0]]


def curvature(flat: list[Point], step: float) -> list[float]:
    """1/m at every point, over a few points either side."""
    count, reach = len(flat) - 1, 3
    points = []
    for i in range(count):
        (ax, ay), (bx, by), (cx, cy) = flat[(i - reach) % count], flat[i], flat[(i + reach) % count]
        turn = math.atan2(cy - by, cx - bx) - math.atan2(by - ay, bx - ax)
        points.append(abs(math.remainder(turn, math.tau)) / (reach * step))
    return [*points, points[0]]


def flying_lap_speeds(bends: list[float], grip: float, step: float) -> list[float]:
    """m/s at every point: as fast as the bends allow, braking before them and accelerating after; a flying lap."""
    speeds = [min(TOP_SPEED, math.sqrt(grip / max(bend, 1e-5))) for bend in bends]
    count = len(speeds) - 1
    for i in [*range(count), *range(count)]:
        v = speeds[i]
        push = TRACTION * (1 - (v / TOP_SPEED) ** 2) + 0.2
        speeds[i + 1] = min(speeds[i + 1], math.sqrt(v * v + 2 * push * step))
        if i == count - 1:
            speeds[0] = speeds[count] = min(speeds[0], speeds[count])
    for i in [*range(count, 0, -1), *range(count, 0, -1)]:
        speeds[i - 1] = min(speeds[i - 1], math.sqrt(speeds[i] ** 2 + 2 * BRAKES * step))
        if i == 1:
            speeds[0] = speeds[count] = min(speeds[0], speeds[count])
    return speeds
