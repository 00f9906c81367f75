"""Ten questions, once as SQL for other engines and once as plain Python over the rows that REST gives.

A `Question`'s columns are its answer's: first those that tell rows apart, then the figures. `scales` marks questions that read
nothing but samples, so that they can be asked of fifty seasons of sample files.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
Rows = dict[str, list[Row]]  # the rows of REST by collection
Answer = list[list[Any]]

RACE = "s.session_name = 'Race'"
OF_SESSION = "JOIN sessions s ON s.session_key ="
OF_DRIVER = "JOIN drivers d ON d.session_key = {0}.session_key AND d.driver_number = {0}.driver_number"


@dataclass(frozen=True)
class Question:
    name: str
    collections: tuple[str, ...]
    sql: str
    answer: Callable[[Rows], dict[tuple, tuple]]  # {what tells a row apart: its figures}
    scales: bool = False


def grouped(rows: Iterable[tuple[tuple, Any]]) -> dict[tuple, list[Any]]:
    groups: dict[tuple, list[Any]] = defaultdict(list)
    for key, value in rows:
        groups[key].append(value)
    return groups


def sessions(rows: Rows) -> dict[int, Row]:
    return {row["session_key"]: row for row in rows["sessions"]}


def drivers(rows: Rows) -> dict[tuple[int, int], Row]:
    return {(row["session_key"], row["driver_number"]): row for row in rows["drivers"]}


def fastest_laps(rows: Rows) -> dict[tuple, tuple]:
    of = sessions(rows)
    times = grouped(
        ((of[lap["session_key"]]["circuit_short_name"], of[lap["session_key"]]["year"]), lap["lap_duration"])
        for lap in rows["laps"]
        if lap["lap_duration"] is not None and of[lap["session_key"]]["session_name"] == "Race"
    )
    return {key: (min(values),) for key, values in times.items()}


def samples_over_300(rows: Rows) -> dict[tuple, tuple]:
    of, of_driver = sessions(rows), drivers(rows)
    fast = grouped(
        ((of_driver[sample["session_key"], sample["driver_number"]]["team_name"], of[sample["session_key"]]["year"]), 1)
        for sample in rows["car_data"]
        if sample["speed"] > 300 and (sample["session_key"], sample["driver_number"]) in of_driver
    )
    return {key: (len(values),) for key, values in fast.items()}


def degradation_sums(rows: Rows) -> dict[tuple, tuple]:
    stints = grouped(((row["session_key"], row["driver_number"]), row) for row in rows["stints"])
    points = grouped(
        ((stint["compound"],), (stint["tyre_age_at_start"] + lap["lap_number"] - stint["lap_start"], lap["lap_duration"]))
        for lap in rows["laps"]
        if lap["lap_duration"] is not None and lap["is_pit_out_lap"] is False
        for stint in stints.get((lap["session_key"], lap["driver_number"]), ())
        if None not in (stint["compound"], stint["tyre_age_at_start"], stint["lap_start"], stint["lap_end"])
        and stint["lap_start"] <= lap["lap_number"] <= stint["lap_end"]
    )
    return {
        key: (
            len(pairs),
            sum(age for age, _ in pairs),
            sum(time for _, time in pairs),
            sum(age * time for age, time in pairs),
            sum(age * age for age, _ in pairs),
        )
        for key, pairs in points.items()
    }


def pit_lane(rows: Rows) -> dict[tuple, tuple]:
    of, of_driver = sessions(rows), drivers(rows)
    visits = grouped(
        ((of_driver[key]["team_name"], of[visit["session_key"]]["year"]), visit["lane_duration"])
        for visit in rows["pit"]
        if visit["lane_duration"] is not None
        and of[visit["session_key"]]["session_name"] == "Race"
        and (key := (visit["session_key"], visit["driver_number"])) in of_driver
    )
    return {key: (len(values), min(values)) for key, values in visits.items()}


def wins(rows: Rows) -> dict[tuple, tuple]:
    of, of_driver = sessions(rows), drivers(rows)
    won = grouped(
        ((of_driver[key]["name_acronym"], of[row["session_key"]]["year"]), 1)
        for row in rows["session_result"]
        if row["position"] == 1
        and of[row["session_key"]]["session_name"] == "Race"
        and (key := (row["session_key"], row["driver_number"])) in of_driver
    )
    return {key: (len(values),) for key, values in won.items()}


def overtakes(rows: Rows) -> dict[tuple, tuple]:
    of_driver = drivers(rows)
    made = grouped(
        ((of_driver[key]["name_acronym"],), 1)
        for row in rows["overtakes"]
        if (key := (row["session_key"], row["overtaking_driver_number"])) in of_driver
    )
    return {key: (len(values),) for key, values in made.items()}


def track_temperature(rows: Rows) -> dict[tuple, tuple]:
    of = sessions(rows)
    degrees = grouped(
        ((of[row["session_key"]]["circuit_short_name"],), row["track_temperature"])
        for row in rows["weather"]
        if row["track_temperature"] is not None
    )
    return {key: (min(values), sum(values) / len(values), max(values)) for key, values in degrees.items()}


def flags(rows: Rows) -> dict[tuple, tuple]:
    shown = grouped(((row["flag"],), 1) for row in rows["race_control"] if row["flag"] is not None)
    return {key: (len(values),) for key, values in shown.items()}


def top_speed(rows: Rows) -> dict[tuple, tuple]:
    speeds = grouped(((row["session_key"], row["driver_number"]), row["speed"]) for row in rows["car_data"])
    return {key: (max(values),) for key, values in speeds.items()}


def full_throttle(rows: Rows) -> dict[tuple, tuple]:
    shares = grouped(((row["session_key"], row["driver_number"]), row["throttle"] >= 99) for row in rows["car_data"])
    return {key: (len(values), sum(values)) for key, values in shares.items()}


AGE = "t.tyre_age_at_start + l.lap_number - t.lap_start"
QUESTIONS = [
    Question(
        "fastest lap of each circuit's races",
        ("laps", "sessions"),
        f"""SELECT s.circuit_short_name AS circuit, s.year AS season, min(l.lap_duration) AS fastest
            FROM laps l {OF_SESSION} l.session_key WHERE {RACE} AND l.lap_duration IS NOT NULL
            GROUP BY s.circuit_short_name, s.year""",
        fastest_laps,
    ),
    Question(
        "samples over 300 km/h by team and season",
        ("car_data", "drivers", "sessions"),
        f"""SELECT d.team_name AS team, s.year AS season, count(*) AS samples
            FROM car_data c {OF_DRIVER.format("c")} {OF_SESSION} c.session_key
            WHERE c.speed > 300 GROUP BY d.team_name, s.year""",
        samples_over_300,
    ),
    Question(
        "sums of a straight line through lap times over tyre age, by compound",
        ("laps", "stints"),
        f"""SELECT t.compound AS compound, count(*) AS laps, sum({AGE}) AS x, sum(l.lap_duration) AS y,
                sum(({AGE}) * l.lap_duration) AS xy, sum(({AGE}) * ({AGE})) AS xx
            FROM laps l JOIN stints t ON t.session_key = l.session_key AND t.driver_number = l.driver_number
            WHERE l.lap_number >= t.lap_start AND l.lap_number <= t.lap_end AND l.lap_duration IS NOT NULL
                AND l.is_pit_out_lap = false AND t.compound IS NOT NULL AND t.tyre_age_at_start IS NOT NULL
            GROUP BY t.compound""",
        degradation_sums,
    ),
    Question(
        "visits to the pit lane in races, and the shortest, by team and season",
        ("pit", "drivers", "sessions"),
        f"""SELECT d.team_name AS team, s.year AS season, count(*) AS visits, min(p.lane_duration) AS shortest
            FROM pit p {OF_DRIVER.format("p")} {OF_SESSION} p.session_key
            WHERE {RACE} AND p.lane_duration IS NOT NULL GROUP BY d.team_name, s.year""",
        pit_lane,
    ),
    Question(
        "wins by driver and season",
        ("session_result", "drivers", "sessions"),
        f"""SELECT d.name_acronym AS driver, s.year AS season, count(*) AS wins
            FROM session_result r {OF_DRIVER.format("r")} {OF_SESSION} r.session_key
            WHERE {RACE} AND r.position = 1 GROUP BY d.name_acronym, s.year""",
        wins,
    ),
    Question(
        "overtakes by driver",
        ("overtakes", "drivers"),
        """SELECT d.name_acronym AS driver, count(*) AS overtakes FROM overtakes o
            JOIN drivers d ON d.session_key = o.session_key AND d.driver_number = o.overtaking_driver_number
            GROUP BY d.name_acronym""",
        overtakes,
    ),
    Question(
        "track temperature by circuit",
        ("weather", "sessions"),
        f"""SELECT s.circuit_short_name AS circuit, min(w.track_temperature) AS coldest, avg(w.track_temperature) AS mean,
                max(w.track_temperature) AS hottest
            FROM weather w {OF_SESSION} w.session_key WHERE w.track_temperature IS NOT NULL GROUP BY s.circuit_short_name""",
        track_temperature,
    ),
    Question(
        "messages by flag",
        ("race_control",),
        "SELECT m.flag AS shown, count(*) AS messages FROM race_control m WHERE m.flag IS NOT NULL GROUP BY m.flag",
        flags,
    ),
    Question(
        "top speed of each car",
        ("car_data",),
        """SELECT c.session_key AS race, c.driver_number AS car, max(c.speed) AS top
            FROM car_data c GROUP BY c.session_key, c.driver_number""",
        top_speed,
        scales=True,
    ),
    Question(
        "samples, and those at full throttle, of each car",
        ("car_data",),
        """SELECT c.session_key AS race, c.driver_number AS car, count(*) AS samples,
                sum(CASE WHEN c.throttle >= 99 THEN 1 ELSE 0 END) AS pressed
            FROM car_data c GROUP BY c.session_key, c.driver_number""",
        full_throttle,
        scales=True,
    ),
]
