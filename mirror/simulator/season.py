"""A season: its weekends and sessions. Sessions are simulated at their first use, and depend on the seed only."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import Random

from mirror.simulator import laws, runs
from mirror.simulator.race import Race
from mirror.simulator.timing import SimulatedSession
from mirror.simulator.truth import Truth
from mirror.simulator.weather import Sky
from mirror.simulator.world import CIRCUITS, DRIVERS, TEAM_OF, Circuit

YEAR = 2022  # the year before OpenF1 begins, so that no real season is ever mistaken for it
FIRST_MEETING, FIRST_SESSION = 900_001, 990_001
FIRST_FRIDAY = datetime(YEAR, 2, 25, tzinfo=UTC)
SPRINT_SHARE = 0.34  # of the laps of the race
MAX_RACES = len(CIRCUITS)

# (days after Friday, local hour of the start, minutes) of each session.
SCHEDULE = {
    "Practice 1": (0, 13.5, 60),
    "Practice 2": (0, 17, 60),
    "Practice 3": (1, 12.5, 60),
    "Qualifying": (1, 16, 60),
    "Race": (2, 15, 120),
}
SPRINT_SCHEDULE = {
    "Practice 1": (0, 12.5, 60),
    "Sprint Qualifying": (0, 16.5, 44),
    "Sprint": (1, 12, 30),
    "Qualifying": (1, 16, 60),
    "Race": (2, 15, 120),
}
TYPES = {"Qualifying": "Qualifying", "Sprint Qualifying": "Qualifying", "Sprint": "Race", "Race": "Race"}


@dataclass(frozen=True)
class Session:
    key: int
    name: str
    start: datetime  # UTC
    end: datetime
    weekend: "Weekend"

    @property
    def type(self) -> str:
        return TYPES.get(self.name, "Practice")

    def moment(self, at: float) -> str:
        """The date of a moment (s since the scheduled start) as upstream writes it: with milliseconds unless they are zero."""
        return (self.start + timedelta(milliseconds=round(at * 1000))).isoformat()

    def clock(self, at: float) -> datetime:
        """The local time at the circuit, from seconds since the scheduled start."""
        return self.start + timedelta(seconds=at, hours=self.weekend.circuit.gmt_offset)


@dataclass(frozen=True)
class Weekend:
    round: int  # from 1
    seed: int

    @property
    def key(self) -> int:
        return FIRST_MEETING + self.round - 1

    @property
    def circuit(self) -> Circuit:
        return CIRCUITS[self.round - 1]

    @property
    def name(self) -> str:
        """The country's name for its first race, the location's for others."""
        country = self.circuit.country
        hosts = [circuit for circuit in CIRCUITS if circuit.country is country]
        return f"{country.name if hosts[0] is self.circuit else self.circuit.location} Grand Prix"

    @property
    def official_name(self) -> str:
        return f"INVENTED {self.name.upper()} {YEAR} (DEMO SEASON {self.seed})"

    @property
    def sprint(self) -> bool:
        return self.round % 6 == 2

    @property
    def safety_car(self) -> bool:
        return self.round % 4 == 2

    @property
    def rain(self) -> bool:
        return self.round % 5 == 3

    @cached_property
    def sessions(self) -> dict[str, Session]:
        """By name, in order of time."""
        friday = FIRST_FRIDAY + timedelta(weeks=(self.round - 1) * 11 // 6)
        first = FIRST_SESSION + 10 * (self.round - 1)
        sessions = {}
        for index, (name, (day, hour, minutes)) in enumerate((SPRINT_SCHEDULE if self.sprint else SCHEDULE).items()):
            start = friday + timedelta(days=day, hours=hour - self.circuit.gmt_offset)
            sessions[name] = Session(first + index, name, start, start + timedelta(minutes=minutes), self)
        return sessions

    def random(self, *purpose: object) -> Random:
        """A random generator for each purpose, so that results do not depend on the order of calls."""
        return Random("/".join(str(part) for part in (self.seed, self.round, *purpose)))


@dataclass(frozen=True)
class Season:
    """`races` weekends (1 to 24) drawn from `seed`; a longer season begins with the shorter one."""

    seed: int = 1
    races: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.races <= MAX_RACES:
            raise ValueError(f"a season has 1 to {MAX_RACES} races, not {self.races}")

    @cached_property
    def laws(self) -> laws.Laws:
        return laws.draw_laws(Random(f"{self.seed}/laws"))

    @cached_property
    def weekends(self) -> list[Weekend]:
        return [Weekend(number, self.seed) for number in range(1, self.races + 1)]

    @cached_property
    def sessions(self) -> dict[int, Session]:
        return {session.key: session for weekend in self.weekends for session in weekend.sessions.values()}

    @property
    def sampled(self) -> Session:
        """The one session with car and location samples."""
        return self.weekends[0].sessions["Race"]

    @cached_property
    def simulated_sessions(self) -> dict[int, SimulatedSession]:
        """The sessions simulated so far, by session key; a cache of `simulate`."""
        return {}

    def form(self, session: Session) -> dict[int, float]:
        """{car number: s a lap} of one session."""
        random = session.weekend.random(session.name, "form")
        return {number: round(random.gauss(0, self.laws.form), 3) for number in DRIVERS}

    def paces(self, session: Session) -> dict[int, float]:
        """{car number: s a lap}: team, driver and form together."""
        form = self.form(session)
        return {n: self.laws.team[TEAM_OF[n].name] + self.laws.driver[n] + form[n] for n in DRIVERS}

    def simulate(self, session: Session) -> SimulatedSession:
        """The session's laps, stints, stops, messages and results; simulated once."""
        if session.key not in self.simulated_sessions:
            self.simulated_sessions[session.key] = (
                self.simulate_race(session) if session.type == "Race" else self.simulate_timed_session(session)
            )
        return self.simulated_sessions[session.key]

    def simulate_race(self, session: Session) -> SimulatedSession:
        weekend, circuit = session.weekend, session.weekend.circuit
        sprint = session.name == "Sprint"
        qualifying = weekend.sessions["Sprint Qualifying" if sprint else "Qualifying"]
        pace = self.paces(session)
        laps = round(SPRINT_SHARE * circuit.laps) if sprint else circuit.laps
        return Race(
            laws=self.laws,
            circuit=circuit,
            paces={r.car: pace[r.car] for r in self.simulate(qualifying).results},
            laps=laps,
            green=self.laws.green[session.name],
            sky=self.sky(session),
            safety_car=weekend.safety_car and not sprint,
            random=weekend.random(session.name),
        ).run()

    def simulate_timed_session(self, session: Session) -> SimulatedSession:
        weekend = session.weekend
        track = runs.TimedSession(
            laws=self.laws,
            circuit=weekend.circuit,
            paces=self.paces(session),
            green=self.laws.green[session.name],
            sky=self.sky(session),
            random=weekend.random(session.name),
        )
        return (runs.qualifying if session.type == "Qualifying" else runs.practice)(track, session.name)

    def sky(self, session: Session) -> Sky:
        """The weather of a session: dry, except for rain in the middle of one race in five."""
        random = session.weekend.random("sky")
        sky = Sky(round(random.uniform(17, 29), 1), round(random.uniform(6, 16), 1), round(random.uniform(0.8, 3), 1))
        if not (session.weekend.rain and session.name == "Race"):
            return sky
        begin = 0.34 * session.weekend.circuit.laps * session.weekend.circuit.base
        return Sky(sky.air, sky.sun, sky.wind, rain=(round(begin), round(begin + random.uniform(780, 1000))))

    def standings(self, session: Session, *, before: bool) -> dict[int, float]:
        """{car number: points} of the championship before or after a race or sprint."""
        total = dict.fromkeys(DRIVERS, 0.0)
        for other in self.sessions.values():
            if other.type == "Race" and (other.start < session.start or (other is session and not before)):
                for result in self.simulate(other).results:
                    total[result.car] += result.points or 0.0
        return total

    def truth(self) -> Truth:
        """The parameters that generated the season; simulates all its sessions."""
        driven = [
            ((session.key, car, lap.number), lap)
            for session in self.sessions.values()
            for car, laps in self.simulate(session).laps.items()
            for lap in laps
        ]
        circuits = {weekend.key: weekend.circuit for weekend in self.weekends}
        standing = sum(self.laws.stop) / 2
        return Truth(
            seed=self.seed,
            laws=self.laws,
            circuits=circuits,
            form={key: self.form(session) for key, session in self.sessions.items()},
            pit_loss={key: round(circuit.lane - circuit.bypass + standing, 2) for key, circuit in circuits.items()},
            undisturbed={key: lap.undisturbed for key, lap in driven},
            neutralised=frozenset(key for key, lap in driven if lap.neutralised),
            wet=frozenset(key for key, lap in driven if lap.wetness > 0),
            gaps={key: lap.gap for key, lap in driven if lap.gap is not None},
        )
