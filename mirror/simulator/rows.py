"""OpenF1's rows of a session: who took part, what they drove, what was said, how it ended. Positions and gaps are in `order`."""

from random import Random
from typing import Any

from mirror.simulator import track
from mirror.simulator.season import YEAR, Season, Session, Weekend
from mirror.simulator.timing import Lap
from mirror.simulator.world import DRIVERS, TEAM_OF, TEAMS, Circuit

SITE = "https://demo.invalid"  # RFC 2606: a name that leads nowhere
MINI_SECTORS = (8, 9, 7)
YELLOW, GREEN, PURPLE, PIT_LANE = 2048, 2049, 2051, 2064
Row = dict[str, Any]


def place(circuit: Circuit) -> Row:
    """What meetings and sessions say of where they are held."""
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
        **place(circuit),
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
        **place(session.weekend.circuit),
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
    road, shares = track.of(session.weekend.circuit), session.weekend.circuit.shares
    base = session.weekend.circuit.base
    at_lines = [road.speed(road.place(share)) for share in (shares[0], shares[0] + shares[1])]
    rows = []
    for car, driven in season.outing(session).laps.items():
        for lap in driven:
            pace = base / (lap.end - lap.start if lap.duration and not lap.out and not lap.into_pits else lap.undisturbed)
            first, second, fastest = (round(v * 3.6 * min(pace, 1.02) + random.gauss(0, 2.5)) for v in (*at_lines, road.top))
            one, two, three = lap.sectors
            rows.append(
                {
                    "date_start": session.moment(lap.start),
                    "driver_number": car,
                    "duration_sector_1": one,
                    "duration_sector_2": two,
                    "duration_sector_3": three,
                    "i1_speed": first if one or lap.out else None,
                    "i2_speed": second if two else None,
                    "is_pit_out_lap": lap.out,
                    "lap_duration": lap.duration,
                    "lap_number": lap.number,
                    "segments_sector_1": segments(lap, 0, random=random),
                    "segments_sector_2": segments(lap, 1, random=random),
                    "segments_sector_3": segments(lap, 2, random=random),
                    "st_speed": fastest if three and not lap.into_pits else None,
                }
            )
    return sorted(rows, key=lambda row: (row["lap_number"], row["date_start"]))


def segments(lap: Lap, sector: int, *, random: Random) -> list[int | None]:
    """Mini-sectors: mostly no improvement, the pit lane where the lap begins or ends in it, nothing where the car never came."""
    codes: list[int | None] = random.choices((YELLOW, GREEN, PURPLE), (80, 17, 3), k=MINI_SECTORS[sector])
    if sector == 0 and lap.out:
        codes[:2] = PIT_LANE, PIT_LANE
    if sector == 2 and lap.into_pits:
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
        for car, driven in season.outing(session).stints.items()
        for stint in driven
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
        for stop in sorted(season.outing(session).stops, key=lambda stop: stop.at)
    ]


def weather(season: Season, session: Session) -> list[Row]:
    random = session.weekend.random(session.name, "weather")
    report = season.sky(session).report(begin=-600, end=season.outing(session).ended + 600, random=random)
    return [{"date": session.moment(row.pop("at")), **row} for row in report]


def race_control(season: Season, session: Session) -> list[Row]:
    outing = season.outing(session)
    race = session.type == "Race"
    ends: dict[int, float] = {}  # lap number: when the first car finished it
    for driven in outing.laps.values():
        for lap in driven:
            if lap.duration:
                ends[lap.number] = min(lap.end, ends.get(lap.number, lap.end))
    return [
        {
            "category": said.category,
            "date": session.moment(float(round(said.at))),
            "driver_number": said.car,
            "flag": said.flag,
            "lap_number": min(1 + sum(end <= said.at for end in ends.values()), max(ends)) if race else None,
            "message": said.text.format(clock=session.clock(said.at if said.about is None else said.about)),
            "qualifying_phase": said.phase,
            "scope": said.scope,
            "sector": said.sector,
        }
        for said in sorted(outing.messages, key=lambda said: said.at)
    ]


def team_radio(season: Season, session: Session) -> list[Row]:
    """A few words after some of the stops, and from the winner."""
    random = session.weekend.random(session.name, "radio")
    outing = season.outing(session)
    moments = [(stop.at - random.uniform(60, 110), stop.car) for stop in outing.stops if random.random() < 0.4]
    moments.append((outing.ended + random.uniform(20, 60), outing.results[0].car))
    rows = []
    for at, car in sorted(moments):
        driver, spoken = DRIVERS[car], session.clock(at)
        file = f"{driver.acronym}01_{car}_{spoken:%Y%m%d_%H%M%S}.mp3"
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
        for result in season.outing(session).results
    ]


def starting_grid(season: Season, session: Session) -> list[Row]:
    """The grid that a qualifying decides: its result, with each car's time in the last phase it took part in."""
    if session.type != "Qualifying":
        return []
    rows = []
    for result in season.outing(session).results:
        times = result.duration if isinstance(result.duration, list) else []
        last = [time for time in times if time is not None][-1]
        rows.append({"driver_number": result.car, "lap_duration": last, "position": result.position})
    return rows


def championship_drivers(season: Season, session: Session) -> list[Row]:
    return [{"driver_number": car, **points} for car, points in table(season, session, members={n: (n,) for n in DRIVERS})]


def championship_teams(season: Season, session: Session) -> list[Row]:
    teams = {team.name: tuple(driver.number for driver in team.drivers) for team in TEAMS}
    return [{"team_name": name, **points} for name, points in table(season, session, members=teams)]


def table(season: Season, session: Session, *, members: dict) -> list[tuple]:
    """[(who, points and place before and after)] of a race or sprint, best first; no places before the first points are given."""
    if session.type != "Race":
        return []
    points = [season.standings(session, before=before) for before in (True, False)]
    start, current = ({who: sum(p[car] for car in cars) for who, cars in members.items()} for p in points)
    places = [{who: n for n, who in enumerate(sorted(p, key=lambda who: -p[who]), start=1)} for p in (start, current)]
    rows = [
        (
            who,
            {
                "points_current": current[who],
                "points_start": start[who],
                "position_current": places[1][who],
                "position_start": places[0][who] if any(start.values()) else None,
            },
        )
        for who in members
    ]
    return sorted(rows, key=lambda row: row[1]["position_current"])
