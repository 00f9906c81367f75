"""Deliberate faults of the demo season, like those of OpenF1's rows.

Some come from the simulation itself: lapped cars have `+1 LAP` for a gap; a car that retires
has a last lap without `lap_duration` and no place in the result; out-laps outside races lack their first sector, and their
time includes the stay in the garage; lists stand in qualifying results, with nulls; practices have pit rows on lap 1 without
a duration; samples of standing cars say 104 (no data) for throttle and brake and 0, 0, 0 for the place; dates that fall on a
whole second have no fraction; a championship has no `position_start` before its first race.

All others are in the table `QUIRKS`: the collection, a description, the sessions, and the change.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from mirror.simulator.rows import Row
from mirror.simulator.season import Session

Rows = list[Row]


@dataclass(frozen=True)
class Quirk:
    collection: str
    description: str
    where: Callable[[Session], bool]
    change: Callable[[Rows, Random], Rows | None]  # changes rows in place, or returns others


def in_round(round: int, *names: str) -> Callable[[Session], bool]:
    """A condition: the named sessions of one weekend, or all of them."""
    return lambda session: session.weekend.round == round and (not names or session.name in names)


def outside_races(session: Session) -> bool:
    return session.type != "Race"


def everywhere(session: Session) -> bool:
    return True


def even_rounds(session: Session) -> bool:
    return session.weekend.round % 2 == 0


def of_car(rows: Rows, number: int) -> Row:
    return next(row for row in rows if row["driver_number"] == number)


def lap_one_undated(rows: Rows, random: Random) -> None:
    for row in rows:
        if row["lap_number"] == 1:
            row["date_start"] = None


def speeds_missing(rows: Rows, random: Random) -> None:
    for row in rows:
        for name, share in (("i1_speed", 0.12), ("i2_speed", 0.004), ("st_speed", 0.08)):
            if random.random() < share:
                row[name] = None


def codes_missing(rows: Rows, random: Random) -> None:
    for row in random.sample(rows, len(rows) // 8):
        codes = row["segments_sector_1"]
        if codes:
            codes[0] = None
    rows[len(rows) // 2]["segments_sector_2"] = None


def sector_missing(rows: Rows, random: Random) -> None:
    next(row for row in rows if row["lap_number"] == 5)["duration_sector_1"] = None


def shared_in_lap(rows: Rows, random: Random) -> None:
    for row in rows:
        if row["stint_number"] != 1:
            row["lap_start"] -= 1


def compound_missing(rows: Rows, random: Random) -> None:
    rows[1]["compound"] = None
    rows[4]["compound"] = "UNKNOWN"
    rows[6]["tyre_age_at_start"] = None


def bounds_missing(rows: Rows, random: Random) -> None:
    rows[0]["lap_start"] = rows[0]["lap_end"] = None


def phantom_stint(rows: Rows, random: Random) -> None:
    last = rows[-1]
    end: int = last["lap_end"]
    number: int = last["stint_number"]
    rows.append({**last, "compound": "HARD", "lap_start": end + 1, "lap_end": end, "stint_number": number + 1})


def contradiction(rows: Rows, random: Random) -> None:
    of_car(rows, 7).update(full_name="Otto BRANTMEYER", broadcast_name="O BRANTMEYER", name_acronym="BRT")


def two_first_names(rows: Rows, random: Random) -> None:
    of_car(rows, 36).update(full_name="Kim Aksel ANDERLUND", first_name="Kim Aksel", broadcast_name="KA ANDERLUND")


def another_driver(rows: Rows, random: Random) -> None:
    of_car(rows, 94).update(
        full_name="Zora HELMSTEDT",
        first_name="Zora",
        last_name="Helmstedt",
        broadcast_name="Z HELMSTEDT",
        name_acronym="HEL",
        country_code="ILM",
    )


def facts_missing(rows: Rows, random: Random) -> None:
    for row in rows:
        row["country_code"] = None
    of_car(rows, 25).update(team_name=None, team_colour=None)
    of_car(rows, 61)["team_colour"] = str(of_car(rows, 61)["team_colour"]).lower()


def sent_twice(rows: Rows, random: Random) -> Rows:
    return [*rows[:3], dict(rows[2]), *rows[3:]]


def place_of_two(rows: Rows, random: Random) -> Rows:
    last = rows[-1]
    place: int = last["position"]
    return [*rows[:-1], {**last, "position": place + 1}, last]


def leader_without_interval(rows: Rows, random: Random) -> None:
    for row in rows:
        if row["gap_to_leader"] == 0 and random.random() < 0.3:
            row["interval"] = None


QUIRKS = (
    Quirk("laps", "lap 1 has no date_start outside races", outside_races, lap_one_undated),
    Quirk("laps", "one i1_speed in eight, one st_speed in twelve and a few i2_speed are null", everywhere, speeds_missing),
    Quirk("laps", "lists of mini-sectors have nulls inside; one is null as a whole", everywhere, codes_missing),
    Quirk("laps", "one lap has a time but no first sector", in_round(1, "Race"), sector_missing),
    Quirk("stints", "stints overlap: each begins on the in-lap of the one before", even_rounds, shared_in_lap),
    Quirk("stints", "one compound is null, one UNKNOWN, one tyre age null", in_round(1, "Practice 1"), compound_missing),
    Quirk("stints", "both bounds of a stint are null", in_round(1, "Practice 3"), bounds_missing),
    Quirk("stints", "a stint begins after the last lap and ends before it begins", in_round(2, "Race"), phantom_stint),
    Quirk("drivers", "car 7 has the full name of one person and the others of another", in_round(1, "Practice 1"), contradiction),
    Quirk("drivers", "the driver of car 36 has two first names, elsewhere one", in_round(2), two_first_names),
    Quirk("drivers", "car 94 has another driver", in_round(3, "Practice 1"), another_driver),
    Quirk("drivers", "no country codes; a team missing; a colour in lower case", in_round(3, "Practice 3"), facts_missing),
    Quirk("pit", "a row is sent twice", in_round(3, "Qualifying"), sent_twice),
    Quirk("race_control", "a message is sent twice", in_round(3, "Race"), sent_twice),
    Quirk("position", "a car has two places at one moment", in_round(3, "Race"), place_of_two),
    Quirk("intervals", "the leader's interval is now 0, now null", everywhere, leader_without_interval),
)


def apply_quirks(collection: str, session: Session, rows: Rows) -> Rows:
    """The rows of a session with the faults of its collection."""
    for number, quirk in enumerate(QUIRKS):
        if rows and quirk.collection == collection and quirk.where(session):
            changed = quirk.change(rows, session.weekend.random(session.name, "quirk", number))
            rows = rows if changed is None else changed
    return rows
