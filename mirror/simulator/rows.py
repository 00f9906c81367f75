"""OpenF1's rows of weekends, sessions and most collections; `order` makes positions, intervals and overtakes."""

from random import Random
from typing import Any

from mirror.simulator import track
from mirror.simulator.season import YEAR, Season, Session, Weekend
from mirror.simulator.timing import Lap
from mirror.simulator.world import DRIVERS, TEAM_OF, TEAMS, Circuit

SITE = "https://demo.invalid"  # RFC 2606: a domain that never resolves
MINI_SECTORS = (8, 9, 7)
YELLOW, GREEN, PURPLE, PIT_LANE = 2048, 2049, 2051, 2064
Row = dict[str, Any]


def circuit_fields(circuit: Circuit) -> Row:
    """The fields of meetings and sessions about their circuit."""
    return {
        "circuit_key": circuit.key,
        "circuit_short_name": circuit.name,
        "country_code": circuit.country.code,
        "country_key": circuit.country.key,
        "country_name": circuit.country.name,
        "gmt_offset": f"{'-' if circuit.gmt_offset < 0 else ''}{abs(circuit.gmt_offset):02}:00:00",
        "is_cancelled": False,
        "location": circuit.location,
        "year": YEAR,
    }


def meeting(weekend: Weekend) -> Row:
    circuit, sessions = weekend.circuit, list(weekend.sessions.values())
    return {
        **circuit_fields(circuit),
        "circuit_image": f"{SITE}/circuits/{circuit.key}.png",
        "circuit_info_url": f"{SITE}/circuits/{circuit.key}.json",
        "circuit_type": circuit.kind,
        "country_flag": f"{SITE}/flags/{circuit.country.code}.png",
        "date_end": sessions[-1].end.isoformat(),
        "date_start": sessions[0].start.isoformat(),
        "meeting_key": weekend.key,
        "meeting_name": weekend.name,
        "meeting_official_name": weekend.official_name,
    }


def session(session: Session) -> Row:
    return {
        **circuit_fields(session.weekend.circuit),
        "date_end": session.end.isoformat(),
        "date_start": session.start.isoformat(),
        "meeting_key": session.weekend.key,
        "session_key": session.key,
        "session_name": session.name,
        "session_type": session.type,
    }


def drivers(season: Season, session: Session) -> list[Row]:
    return [
        {
            "broadcast_name": f"{driver.first_name[0]} {driver.last_name.upper()}",
            "country_code": driver.country_code,
            "driver_number": number,
            "first_name": driver.first_name,
            "full_name": driver.full_name,
            "headshot_url": None,
            "last_name": driver.last_name,
            "name_acronym": driver.acronym,
            "team_colour": TEAM_OF[number].colour,
            "team_name": TEAM_OF[number].name,
        }
        for number, driver in sorted(DRIVERS.items())
    ]


def laps(season: Season, session: Session) -> list[Row]:
    random = session.weekend.random(session.name, "laps")
    road, shares = track.build_track(session.weekend.circuit), session.weekend.circuit.shares
    base = session.weekend.circuit.base
    at_lines = [road.speed(road.place(share)) for share in (shares[0], shares[0] + shares[1])]
    rows = []
    for car, items in season.simulate(session).laps.items():
        for lap in items:
            pace = base / (lap.end - lap.start if lap.duration and not lap.out_lap and not lap.in_lap else lap.undisturbed)
            first, second, fastest = (round(v * 3.6 * min(pace, 1.02) + random.gauss(0, 2.5)) for v in (*at_lines, road.top))
            one, two, three = lap.sectors
            rows.append(
                {
                    "date_start": session.moment(lap.start),
                    "driver_number": car,
                    "duration_sector_1": one,
                    "duration_sector_2": two,
                    "duration_sector_3": three,
                    "i1_speed": first if one or lap.out_lap else None,
                    "i2_speed": second if two else None,
                    "is_pit_out_lap": lap.out_lap,
                    "lap_duration": lap.duration,
                    "lap_number": lap.number,
                    "segments_sector_1": segments(lap, 0, random=random),
                    "segments_sector_2": segments(lap, 1, random=random),
                    "segments_sector_3": segments(lap, 2, random=random),
                    "st_speed": fastest if three and not lap.in_lap else None,
                }
            )
    return sorted(rows, key=lambda row: (row["lap_number"], row["date_start"]))


def segments(lap: Lap, sector: int, *, random: Random) -> list[int | None]:
    """Codes of the mini-sectors: mostly yellow; pit lane on out-laps and in-laps; empty if the sector was not reached."""
    codes: list[int | None] = random.choices((YELLOW, GREEN, PURPLE), (80, 17, 3), k=MINI_SECTORS[sector])
    if sector == 0 and lap.out_lap:
        codes[:2] = PIT_LANE, PIT_LANE
    if sector == 2 and lap.in_lap:
        codes[-1] = PIT_LANE
    if lap.duration is None and lap.sectors[sector] is None:
        return []
    return codes


def stints(season: Season, session: Session) -> list[Row]:
    return [
        {
            "compound": stint.compound,
            "driver_number": car,
            "lap_end": stint.last,
            "lap_start": stint.first,
            "stint_number": stint.number,
            "tyre_age_at_start": stint.age,
        }
        for car, items in season.simulate(session).stints.items()
        for stint in items
    ]


def pit(season: Season, session: Session) -> list[Row]:
    return [
        {
            "date": session.moment(stop.at),
            "driver_number": stop.car,
            "lane_duration": stop.lane,
            "lap_number": stop.lap,
            "pit_duration": stop.lane,
            "stop_duration": stop.standing,
        }
        for stop in sorted(season.simulate(session).stops, key=lambda stop: stop.at)
    ]


def weather(season: Season, session: Session) -> list[Row]:
    random = session.weekend.random(session.name, "weather")
    report = season.sky(session).report(begin=-600, end=season.simulate(session).ended_at + 600, random=random)
    return [{"date": session.moment(row.pop("at")), **row} for row in report]


def race_control(season: Season, session: Session) -> list[Row]:
    simulated = season.simulate(session)
    race = session.type == "Race"
    ends: dict[int, float] = {}  # lap number: when the first car finished it
    for items in simulated.laps.values():
        for lap in items:
            if lap.duration:
                ends[lap.number] = min(lap.end, ends.get(lap.number, lap.end))
    return [
        {
            "category": message.category,
            "date": session.moment(float(round(message.at))),
            "driver_number": message.car,
            "flag": message.flag,
            "lap_number": min(1 + sum(end <= message.at for end in ends.values()), max(ends)) if race else None,
            "message": message.text.format(clock=session.clock(message.at if message.about is None else message.about)),
            "qualifying_phase": message.phase,
            "scope": message.scope,
            "sector": message.sector,
        }
        for message in sorted(simulated.messages, key=lambda message: message.at)
    ]


def team_radio(season: Season, session: Session) -> list[Row]:
    """A message before some of the stops, and one from the winner."""
    random = session.weekend.random(session.name, "radio")
    simulated = season.simulate(session)
    moments = [(stop.at - random.uniform(60, 110), stop.car) for stop in simulated.stops if random.random() < 0.4]
    moments.append((simulated.ended_at + random.uniform(20, 60), simulated.results[0].car))
    rows = []
    for at, car in sorted(moments):
        driver, local_time = DRIVERS[car], session.clock(at)
        file = f"{driver.acronym}01_{car}_{local_time:%Y%m%d_%H%M%S}.mp3"
        folder = f"{session.start:%Y-%m-%d}_{session.name.replace(' ', '_')}"
        rows.append(
            {
                "date": session.moment(at),
                "driver_number": car,
                "recording_url": f"{SITE}/static/{YEAR}/{folder}/TeamRadio/{file}",
            }
        )
    return rows


def session_result(season: Season, session: Session) -> list[Row]:
    return [
        {
            "dnf": result.dnf,
            "dns": False,
            "dsq": False,
            "driver_number": result.car,
            "duration": result.duration,
            "gap_to_leader": result.gap,
            "number_of_laps": result.laps,
            "position": result.position,
            **({"points": result.points} if session.type == "Race" else {}),
        }
        for result in season.simulate(session).results
    ]


def starting_grid(season: Season, session: Session) -> list[Row]:
    """The grid set by a qualifying: its result, with each car's time in its last phase."""
    if session.type != "Qualifying":
        return []
    rows = []
    for result in season.simulate(session).results:
        times = result.duration if isinstance(result.duration, list) else []
        last = [time for time in times if time is not None][-1]
        rows.append({"driver_number": result.car, "lap_duration": last, "position": result.position})
    return rows


def championship_drivers(season: Season, session: Session) -> list[Row]:
    return [{"driver_number": car, **points} for car, points in championship(season, session, members={n: (n,) for n in DRIVERS})]


def championship_teams(season: Season, session: Session) -> list[Row]:
    teams = {team.name: tuple(driver.number for driver in team.drivers) for team in TEAMS}
    return [{"team_name": name, **points} for name, points in championship(season, session, members=teams)]


def championship(season: Season, session: Session, *, members: dict) -> list[tuple]:
    """[(driver or team, points and positions before and after)] of a race or sprint, best first; no positions before the first
    points are awarded."""
    if session.type != "Race":
        return []
    points = [season.standings(session, before=before) for before in (True, False)]
    start, current = ({name: sum(p[car] for car in cars) for name, cars in members.items()} for p in points)
    places = [{name: n for n, name in enumerate(sorted(p, key=lambda name: -p[name]), start=1)} for p in (start, current)]
    rows = [
        (
            name,
            {
                "points_current": current[name],
                "points_start": start[name],
                "position_current": places[1][name],
                "position_start": places[0][name] if any(start.values()) else None,
            },
        )
        for name in members
    ]
    return sorted(rows, key=lambda row: row[1]["position_current"])
