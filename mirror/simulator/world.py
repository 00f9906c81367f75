"""Invented drivers, teams, circuits and countries; no name belongs to a real one."""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Driver:
    number: int
    first_name: str
    last_name: str
    acronym: str
    country_code: str

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name.upper()}"


@dataclass(frozen=True)
class Team:
    name: str
    colour: str  # six hexadecimal digits
    drivers: tuple[Driver, Driver]


@dataclass(frozen=True)
class Country:
    key: int
    code: str
    name: str


@dataclass(frozen=True)
class Circuit:
    """A circuit; times are those of the reference car (pace 0) without fuel."""

    key: int
    name: str
    location: str
    country: Country
    kind: str
    length: int  # metres
    base: float  # s, a lap on new mediums when the track is at its best
    laps: int  # of the race
    lane: float  # s, from pit entry to pit exit without standing still
    abrasion: float  # multiplies the tyres' wear
    passing: float  # s by which a car has to be faster to get past another
    gmt_offset: int  # hours

    @property
    def bypass(self) -> float:
        """Seconds the track takes for the stretch beside the pit lane: a stop costs `lane` + standing still - this."""
        return round(0.22 * self.lane, 1)

    @cached_property
    def shares(self) -> tuple[float, float, float]:
        """The parts of a lap's time spent in each sector."""
        first, second = 0.28 + self.key % 5 * 0.02, 0.34 + self.key % 4 * 0.02
        return first, second, 1 - first - second


TEAMS = (
    Team(
        "Aurelia Corse",
        "C81D25",
        (
            Driver(7, "Livio", "Castravelli", "CAS", "VLM"),
            Driver(61, "Björn", "Åkermund", "AKE", "SDM"),
        ),
    ),
    Team(
        "Borealis GP",
        "1B9AAA",
        (
            Driver(19, "Séan", "O'Marrin", "OMA", "DNM"),
            Driver(52, "Teodor", "Halvik", "HAL", "SDM"),
        ),
    ),
    Team(
        "Cobalt Works",
        "1F3FBF",
        (
            Driver(3, "Ines", "Quarrell", "QUA", "CLD"),
            Driver(88, "Marcin", "Dobrusz", "DOB", "BRV"),
        ),
    ),
    Team(
        "Delmare",
        "06D6A0",
        (
            Driver(25, "Rafa", "Montelar", "MON", "MRV"),
            Driver(36, "Kim", "Anderlund", "AND", "SDM"),
        ),
    ),
    Team(
        "Everholt",
        "118C4F",
        (
            Driver(12, "Noor", "El-Sabah", "ELS", "KHD"),
            Driver(47, "Piers", "Wexcombe", "WEX", "DNM"),
        ),
    ),
    Team(
        "Falkenrath",
        "6C757D",
        (
            Driver(9, "Jonas", "Brandtner", "BRA", "ILM"),
            Driver(73, "Yuto", "Kanazaki", "KAN", "ZPH"),
        ),
    ),
    Team(
        "Grenadine Racing",
        "E76F51",
        (
            Driver(15, "Théo", "Marchenoir", "MAR", "PLV"),
            Driver(28, "Wanda", "Zielenka", "ZIE", "BRV"),
        ),
    ),
    Team(
        "Halcyon Motorsport",
        "F4A261",
        (
            Driver(33, "Dario", "St. Vasse", "STV", "PLV"),
            Driver(94, "Emeka", "Obiora", "OBI", "ORT"),
        ),
    ),
    Team(
        "Ironbark",
        "8D5524",
        (
            Driver(41, "Lachlan", "Durrow", "DUR", "QNL"),
            Driver(66, "Mateus", "Figueral", "FIG", "MRV"),
        ),
    ),
    Team(
        "Juniper",
        "7B2CBF",
        (
            Driver(50, "Aino", "Rautakoski", "RAU", "ILM"),
            Driver(81, "Cai", "Ling-Ferris", "LIN", "ZPH"),
        ),
    ),
)
DRIVERS = {driver.number: driver for team in TEAMS for driver in team.drivers}
TEAM_OF = {driver.number: team for team in TEAMS for driver in team.drivers}

COUNTRIES = {
    code: Country(900 + index, code, name)
    for index, (code, name) in enumerate(
        {
            "VLM": "Velmora",
            "SDM": "Sundmark",
            "DNM": "Dunmere",
            "CLD": "Caldria",
            "BRV": "Brescova",
            "MRV": "Maravel",
            "KHD": "Kharadeen",
            "ILM": "Ilmaren",
            "ZPH": "Zephria",
            "PLV": "Palavos",
            "ORT": "Oranto",
            "QNL": "Quenlia",
        }.items()
    )
}

STREET, ROAD, PERMANENT = "Temporary - Street", "Temporary - Road", "Permanent"

# Name, location, country, kind, length m, base s, laps, lane s, abrasion, passing s, hours from UTC. The opening race is a
# short one: it is the one with car and location samples.
CALENDAR: tuple[tuple[str, str, str, str, int, float, int, float, float, float, int], ...] = (
    ("Porto Celeste", "Porto Celeste", "VLM", PERMANENT, 5043, 79.4, 26, 20.2, 1.15, 0.35, 1),
    ("Stormhaven", "Stormhaven", "DNM", PERMANENT, 5718, 87.1, 48, 21.4, 1.10, 0.40, 0),
    ("Falaise Haute", "Montbrume", "PLV", PERMANENT, 4655, 75.8, 54, 19.1, 1.25, 0.50, 1),
    ("Al Rimal", "Kharad", "KHD", PERMANENT, 5412, 89.6, 50, 22.6, 1.55, 0.30, 3),
    ("Lido Vecchio", "San Calvo", "VLM", STREET, 3410, 71.9, 60, 18.3, 0.75, 1.10, 1),
    ("Hjortefjord", "Hjortefjord", "SDM", PERMANENT, 4311, 67.2, 62, 19.8, 1.05, 0.45, 1),
    ("Cerro Pardo", "Alta Sierra", "MRV", PERMANENT, 4920, 78.0, 54, 21.0, 1.30, 0.40, -3),
    ("Bay Street", "Port Quenlia", "QNL", STREET, 5278, 84.4, 50, 17.9, 0.85, 0.65, 10),
    ("Zephyr Park", "Kitamori", "ZPH", PERMANENT, 5807, 91.3, 46, 22.2, 1.40, 0.45, 9),
    ("Kettle Moor", "Kettleby", "DNM", ROAD, 5891, 88.9, 46, 20.6, 1.35, 0.38, 0),
    ("Ringwald", "Ringwald", "ILM", PERMANENT, 7004, 106.5, 40, 19.0, 1.15, 0.28, 1),
    ("Las Salobras", "Salobre", "MRV", STREET, 6201, 95.2, 44, 20.9, 0.90, 0.33, -5),
    ("Caldria Heights", "Upper Calda", "CLD", PERMANENT, 5513, 93.7, 46, 19.7, 1.20, 0.35, -6),
    ("Brana Gate", "Stara Brana", "BRV", STREET, 6003, 101.9, 42, 20.0, 0.70, 0.37, 2),
    ("Ekomi Lagoon", "Ekomi", "ORT", PERMANENT, 4309, 70.6, 60, 20.4, 1.25, 0.36, 1),
    ("Tamarisk", "Wadi Asfar", "KHD", PERMANENT, 5281, 83.5, 50, 21.9, 1.30, 0.42, 4),
    ("Vellamo", "Ylivesi", "ILM", ROAD, 4574, 72.7, 56, 18.8, 1.00, 0.44, 2),
    ("Pinewall", "Sundby", "SDM", PERMANENT, 4259, 69.9, 60, 19.4, 1.10, 0.55, 1),
    ("Garrison Hill", "Fort Alder", "QNL", PERMANENT, 5303, 80.1, 52, 18.6, 1.15, 0.48, 11),
    ("Costa Brisa", "Brisa", "PLV", PERMANENT, 4657, 76.7, 54, 21.3, 1.45, 0.52, 1),
    ("Lantern Quay", "Hoshimachi", "ZPH", STREET, 4940, 94.8, 46, 22.8, 0.95, 0.70, 8),
    ("Redstone", "Redstone", "CLD", PERMANENT, 5451, 82.3, 50, 20.7, 1.20, 0.39, -7),
    ("Mirador", "Ciudad Alta", "MRV", PERMANENT, 4304, 77.5, 54, 21.6, 0.80, 0.43, -6),
    ("Marina Kharad", "Kharad", "KHD", PERMANENT, 5554, 85.4, 50, 20.1, 1.05, 0.40, 3),
)
CIRCUITS = tuple(Circuit(9001 + n, row[0], row[1], COUNTRIES[row[2]], *row[3:]) for n, row in enumerate(CALENDAR))
