"""The season: its weekends and sessions, each driven when it is first asked for, and always the same for one seed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import Random

from mirror.simulator import laws, runs
from mirror.simulator.race import Race
from mirror.simulator.timing import Outing
from mirror.simulator.truth import Truth
from mirror.simulator.weather import Sky
from mirror.simulator.world import CIRCUITS, DRIVERS, TEAM_OF, Circuit

YEAR = 2022  # the year before OpenF1 begins, so that no real season is ever mistaken for it
FIRST_MEETING, FIRST_SESSION = 900_001, 990_001
FIRST_FRIDAY = datetime(YEAR, 2, 25, tzinfo=UTC)
SPRINT_LAPS = 0.34  # of the race
MOST = len(CIRCUITS)

# Days after the Friday, local hour and minutes of each session.
USUAL = {
    "Practice 1": (0, 13.5, 60),
    "Practice 2": (0, 17, 60),
    "Practice 3": (1, 12.5, 60),
    "Qualifying": (1, 16, 60),
    "Race": (2, 15, 120),
}
SPRINT = {
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
        """Seconds since the scheduled start as upstream writes a date: milliseconds, or no fraction where there is none."""
        return (self.start + timedelta(milliseconds=round(at * 1000))).isoformat()

    def clock(self, at: float) -> datetime:
        """The same in the circuit's own time."""
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
        """Countries with several races lend their name to the first."""
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
        found = {}
        for index, (name, (day, hour, minutes)) in enumerate((SPRINT if self.sprint else USUAL).items()):
            start = friday + timedelta(days=day, hours=hour - self.circuit.gmt_offset)
            found[name] = Session(first + index, name, start, start + timedelta(minutes=minutes), self)
        return found

    def random(self, *purpose: object) -> Random:
        """A generator of its own for every purpose: whatever is asked first, the season is the same."""
        return Random("/".join(str(part) for part in (self.seed, self.round, *purpose)))


@dataclass(frozen=True)
class Season:
    """`races` weekends (1 to 24) drawn from `seed`; a longer season begins with the shorter one."""

    seed: int = 1
    races: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.races <= MOST:
            raise ValueError(f"a season has 1 to {MOST} races, not {self.races}")

    @cached_property
    def laws(self) -> laws.Laws:
        return laws.drawn(Random(f"{self.seed}/laws"))

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
    def outings(self) -> dict[int, Outing]:
        """What was driven so far, by session key; ask `outing`."""
        return {}

    def form(self, session: Session) -> dict[int, float]:
        """{car number: s a lap} of one session."""
        random = session.weekend.random(session.name, "form")
        return {number: round(random.gauss(0, self.laws.form), 3) for number in DRIVERS}

    def paces(self, session: Session) -> dict[int, float]:
        """{car number: s a lap}: team, driver and form together."""
        form = self.form(session)
        return {n: self.laws.team[TEAM_OF[n].name] + self.laws.driver[n] + form[n] for n in DRIVERS}

    def outing(self, session: Session) -> Outing:
        """What happened in a session."""
        if session.key not in self.outings:
            self.outings[session.key] = self.race(session) if session.type == "Race" else self.track(session)
        return self.outings[session.key]

    def race(self, session: Session) -> Outing:
        weekend, circuit = session.weekend, session.weekend.circuit
        sprint = session.name == "Sprint"
        qualifying = weekend.sessions["Sprint Qualifying" if sprint else "Qualifying"]
        pace = self.paces(session)
        laps = round(SPRINT_LAPS * circuit.laps) if sprint else circuit.laps
        return Race(
            laws=self.laws,
            circuit=circuit,
            paces={r.car: pace[r.car] for r in self.outing(qualifying).results},
            laps=laps,
            green=self.laws.green[session.name],
            sky=self.sky(session),
            safety_car=weekend.safety_car and not sprint,
            random=weekend.random(session.name),
        ).run()

    def track(self, session: Session) -> Outing:
        weekend = session.weekend
        track = runs.OpenTrack(
            laws=self.laws,
            circuit=weekend.circuit,
            paces=self.paces(session),
            green=self.laws.green[session.name],
            sky=self.sky(session),
            random=weekend.random(session.name),
        )
        return (runs.qualifying if session.type == "Qualifying" else runs.practice)(track, session.name)

    def sky(self, session: Session) -> Sky:
        """Dry, but for one race in five, in the middle of which it rains for a while."""
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
                for result in self.outing(other).results:
                    total[result.car] += result.points or 0.0
        return total

    def truth(self) -> Truth:
        """The parameters that generated the season, and its laps as they would have been undisturbed; drives all of it."""
        driven = [
            ((session.key, car, lap.number), lap)
            for session in self.sessions.values()
            for car, laps in self.outing(session).laps.items()
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
