"""Race weekends, their sessions, the weather and the messages of race control."""

from django.db import models
from django.db.models import Q

from mirror.limits import MAX_KEY, ClosedText, join_known, moment, within, written
from mirror.models import Mirrored, Source

RACES = ("Race", "Sprint")  # sessions with a grid, an order at the flag, and points
QUALIFYINGS = ("Qualifying", "Sprint Qualifying", "Sprint Shootout")
# The sessions that decide the starting grid of another; "Sprint Shootout" in 2023 only.
GRID_FROM = {"Race": ["Qualifying"], "Sprint": ["Sprint Qualifying", "Sprint Shootout"]}


def slug_field(about: str) -> models.SlugField:
    """The last part of a page's address; it stays when the name changes, so that links hold."""
    return models.SlugField(max_length=100, blank=True, default="", db_index=False, help_text=about)


def former_slugs_field() -> models.CharField:
    """Slugs that a person replaced, separated by blanks: their addresses lead to the present one."""
    return models.CharField(max_length=500, blank=True, default="", editable=False, help_text="Slugs it had before.")


# OpenF1's texts, and other spellings that mean the same.
SESSION_TYPES = ("Practice", "Qualifying", "Race")
SESSION_NAMES = (
    *("Practice 1", "Practice 2", "Practice 3", "Day 1", "Day 2", "Day 3"),
    *("Qualifying", "Sprint Shootout", "Sprint Qualifying", "Sprint", "Race"),
)
OTHER_SESSION_NAMES = {
    **{f"{name} {number}": f"Practice {number}" for name in ("FP", "P", "Free Practice") for number in (1, 2, 3)},
    "Quali": "Qualifying",
    "Sprint Race": "Sprint",
}
CIRCUIT_TYPES = ("Permanent", "Temporary - Street", "Temporary - Road")
CATEGORIES = ("Flag", "SafetyCar", "CarEvent", "Drs", "SessionStatus", "Other")
SCOPES = ("Track", "Sector", "Driver")
FLAGS = (
    *("GREEN", "CLEAR", "YELLOW", "DOUBLE YELLOW", "RED", "BLUE", "CHEQUERED"),
    *("BLACK AND WHITE", "BLACK AND ORANGE", "BLACK"),
)
OTHER_FLAGS = {f"{flag} FLAG": flag for flag in FLAGS} | {"CHECKERED": "CHEQUERED", "CHECKERED FLAG": "CHEQUERED"}


class Place(models.Model):
    """Where an event is held. OpenF1 repeats these on races and sessions, and the two need not agree."""

    year = models.PositiveSmallIntegerField(db_index=True, **within(1950, 2100, "Season."))
    location = models.CharField(max_length=100, null=True, blank=True, help_text="Town or area of the circuit.")
    country_key = models.IntegerField(null=True, blank=True, **within(0, MAX_KEY, "Formula 1's own number of the country."))
    country_code = models.CharField(max_length=3, null=True, blank=True, **written("code", "As Formula 1 uses it."))
    country_name = models.CharField(max_length=100, null=True, blank=True)
    circuit_key = models.IntegerField(null=True, blank=True, **within(0, MAX_KEY, "Formula 1's own number of the circuit."))
    circuit_name = models.CharField(max_length=100, null=True, blank=True, help_text="Short name of the circuit.")
    gmt_offset = models.CharField(max_length=10, null=True, blank=True, **written("offset", "Local time minus UTC."))
    is_cancelled = models.BooleanField(default=False)

    class Meta:
        abstract = True


class Listed(models.Model):
    """An entry of a list of upstream's. Its row stays when the list no longer has it, unless a sync prunes."""

    listed = models.BooleanField(
        default=True,
        editable=False,
        help_text="Whether OpenF1's list has it: `latest` is the newest listed session, and a race weekend that is not "
        "listed can be made from its sessions.",
    )

    class Meta:
        abstract = True


class Race(Mirrored, Place, Listed):
    """A race weekend (OpenF1's meeting), tests included."""

    race_id = models.IntegerField("race ID", primary_key=True, **within(0, MAX_KEY, "OpenF1's meeting_key."))
    race_name = models.CharField(max_length=100, help_text="Name of the event, e.g. Monaco Grand Prix.")
    official_name = models.CharField(max_length=300, null=True, blank=True, help_text="Full name with sponsors.")
    meeting_code = models.CharField(max_length=10, null=True, blank=True, **written("code", "Formula 1's code of the event."))
    circuit_type = ClosedText(
        max_length=50, null=True, blank=True, known=CIRCUIT_TYPES, help_text=f"{join_known(CIRCUIT_TYPES)}."
    )
    circuit_image = models.TextField(null=True, blank=True, **written("address", "A drawing of the circuit."))
    circuit_info_url = models.TextField(null=True, blank=True, **written("address", "The circuit's corners and marshal sectors."))
    country_flag = models.TextField(null=True, blank=True, **written("address", "A picture of the flag."))
    date_start = models.DateTimeField(null=True, blank=True, **moment("Start of the first session (UTC)."))
    date_end = models.DateTimeField(null=True, blank=True, **moment("End of the last session (UTC)."))
    slug = slug_field("In the address of its page, unique within the season; filled by the sync where it is left empty.")
    former_slugs = former_slugs_field()

    class Meta:
        ordering = ["date_start", "race_id"]
        constraints = [models.UniqueConstraint(fields=["year", "slug"], condition=~Q(slug=""), name="race_slug")]

    def __str__(self) -> str:
        return f"{self.year} {self.race_name}"

    def get_absolute_url(self) -> str:
        return f"/f1/{self.year}/{self.slug}/"


class Session(Mirrored, Place, Listed):
    """One session of a race weekend: a practice, a qualifying, a sprint or the race itself."""

    session_id = models.IntegerField("session ID", primary_key=True, **within(0, MAX_KEY, "OpenF1's session_key."))
    race = models.ForeignKey(Race, on_delete=models.CASCADE, related_name="sessions")
    session_name = ClosedText(
        max_length=50,
        db_index=True,
        known=SESSION_NAMES,
        synonyms=OTHER_SESSION_NAMES,
        help_text=f"{join_known(SESSION_NAMES)}.",
    )
    session_type = ClosedText(
        max_length=50, null=True, blank=True, known=SESSION_TYPES, help_text=f"{join_known(SESSION_TYPES)}."
    )
    date_start = models.DateTimeField(null=True, blank=True, db_index=True, **moment("Scheduled start (UTC)."))
    date_end = models.DateTimeField(null=True, blank=True, **moment("Scheduled end (UTC)."))
    slug = slug_field("In the address of its page, unique within the weekend; filled by the sync where it is left empty.")
    former_slugs = former_slugs_field()

    class Meta:
        ordering = ["date_start", "session_id"]
        constraints = [models.UniqueConstraint(fields=["race", "slug"], condition=~Q(slug=""), name="session_slug")]

    def __str__(self) -> str:
        return f"{self.year} {self.location} {self.session_name}"

    def get_absolute_url(self) -> str:
        """The address of its page; the race is read with it."""
        return f"/f1/{self.race.year}/{self.race.slug}/{self.slug}/"

    def grid_session(self) -> "Session | None":
        """The session of the same weekend that decided this one's grid; None for sessions other than races and sprints."""
        names = GRID_FROM.get(self.session_name, [])
        return Session.objects.filter(race_id=self.race_id, session_name__in=names).last()


class Weather(Mirrored):
    """The weather at the circuit, measured once a minute."""

    weather_id = models.BigAutoField("weather ID", primary_key=True)
    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="weather", db_index=False
    )  # the key begins with it
    date = models.DateTimeField(**moment("When it was measured (UTC)."))
    air_temperature = models.FloatField(null=True, blank=True, **within(-60, 60, "°C."))
    track_temperature = models.FloatField(null=True, blank=True, **within(-60, 90, "°C."))
    humidity = models.FloatField(null=True, blank=True, **within(0, 100, "Relative, in per cent."))
    pressure = models.FloatField(null=True, blank=True, **within(500, 1100, "Air pressure in millibars."))
    rainfall = models.PositiveSmallIntegerField(null=True, blank=True, **within(0, 1, "1 while it rains, else 0."))
    wind_direction = models.PositiveSmallIntegerField(null=True, blank=True, **within(0, 360, "Degrees; 0 and 360 are north."))
    wind_speed = models.FloatField(null=True, blank=True, **within(0, 100, "Metres per second."))

    class Meta:
        verbose_name_plural = "weather"
        ordering = ["session_id", "date"]
        constraints = [models.UniqueConstraint(fields=["session", "date"], name="weather_key")]

    def __str__(self) -> str:
        return f"weather at {self.date:%Y-%m-%d %H:%M}"


class RaceControl(Mirrored):
    """A message of race control: flags, safety cars, incidents, penalties."""

    race_control_id = models.BigAutoField("race control ID", primary_key=True)
    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="race_control", db_index=False
    )  # the key begins with it
    date = models.DateTimeField(null=True, blank=True, **moment("When the message was sent (UTC)."))
    driver_number = models.PositiveIntegerField(null=True, blank=True, **within(0, 999, "Car the message is about, if one."))
    lap_number = models.PositiveIntegerField(null=True, blank=True, **within(0, 999, "Lap of the leader; races only."))
    category = ClosedText(max_length=50, null=True, blank=True, known=CATEGORIES, help_text=f"{join_known(CATEGORIES)}.")
    flag = ClosedText(max_length=50, null=True, blank=True, known=FLAGS, synonyms=OTHER_FLAGS, help_text=f"{join_known(FLAGS)}.")
    scope = ClosedText(max_length=50, null=True, blank=True, known=SCOPES, help_text=f"{join_known(SCOPES)}.")
    sector = models.PositiveIntegerField(null=True, blank=True, **within(0, 100, "Marshal sector, where the scope is one."))
    qualifying_phase = models.PositiveSmallIntegerField(null=True, blank=True, **within(1, 3, "Of a qualifying."))
    message = models.TextField(null=True, blank=True)
    digest = models.BigIntegerField(editable=False, help_text="Stands for what identifies the message, in the key.")

    class Meta:
        verbose_name_plural = "race control"
        ordering = ["session_id", "date", "race_control_id"]
        constraints = [models.UniqueConstraint(fields=["session", "digest"], name="race_control_key")]

    def __str__(self) -> str:
        return self.message or self.category or "message"


class Neutralisation(models.Model):
    """A time in which the track was not free: a flag or a safety car, derived from the messages of race control."""

    class State(models.TextChoices):
        RED_FLAG = "red flag"
        SAFETY_CAR = "safety car"
        VIRTUAL_SAFETY_CAR = "virtual safety car"
        YELLOW_FLAG = "yellow flag"

    neutralisation_id = models.BigAutoField("neutralisation ID", primary_key=True)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="neutralisations")
    state = models.CharField(max_length=20, choices=State)
    sector = models.PositiveIntegerField(null=True, blank=True, help_text="Marshal sector of a yellow flag.")
    date_start = models.DateTimeField(help_text="When it began (UTC).")
    date_end = models.DateTimeField(null=True, blank=True, help_text="When it ended (UTC); empty where nothing ends it.")
    inferred = models.BooleanField(
        default=False, help_text="No message says when it ended: the laps do, or, of a yellow flag, its longest usual time."
    )

    class Meta:
        ordering = ["session_id", "date_start", "neutralisation_id"]

    def __str__(self) -> str:
        return f"{self.state} from {self.date_start:%H:%M:%S}"


class Circuit(models.Model):
    """A circuit as cars have driven it: its centre line, its sectors and its corners, from the positions of many laps."""

    circuit_id = models.IntegerField("circuit ID", primary_key=True, **within(0, MAX_KEY, "OpenF1's circuit_key."))
    circuit_name = models.CharField(max_length=100, help_text="Short name of the circuit.")
    length = models.FloatField(**within(100, 100_000, "Metres along the centre line; the official length is a little more."))
    clockwise = models.BooleanField(help_text="The direction of driving.")
    sector_1 = models.FloatField(null=True, blank=True, help_text="Where the first sector ends: metres from the start line.")
    sector_2 = models.FloatField(null=True, blank=True, help_text="Where the second sector ends.")
    centre_line = models.JSONField(
        editable=False, help_text="x, y and z in metres from Formula 1's own origin, in equal steps from the start line."
    )
    laps = models.PositiveIntegerField(editable=False, help_text="Laps that the centre line is the median of.")
    sessions = models.PositiveIntegerField(editable=False, help_text="Sessions that these laps are from.")
    samples = models.CharField(max_length=64, editable=False, help_text="SHA-256 over those of the files it was computed from.")
    corners_edited = models.BooleanField(
        default=False, help_text="A person has edited the corners: computing the circuit again leaves them."
    )
    source = models.CharField(max_length=8, choices=Source, editable=False, help_text="Where the positions came from.")
    computed_at = models.DateTimeField(auto_now=True, help_text="When the row last changed (UTC).")

    class Meta:
        ordering = ["circuit_name", "circuit_id"]

    def __str__(self) -> str:
        return self.circuit_name


class Corner(models.Model):
    """A corner of a circuit, numbered in the order of driving."""

    circuit = models.ForeignKey(Circuit, on_delete=models.CASCADE, related_name="corners", db_index=False)
    number = models.PositiveSmallIntegerField(**within(1, 99, "As people count it."))
    letter = models.CharField(max_length=1, blank=True, default="", help_text="Of a corner between two numbers, as 9a.")
    distance = models.FloatField(**within(0, 100_000, "Of its apex: metres from the start line along the centre line."))

    class Meta:
        ordering = ["circuit_id", "distance"]
        constraints = [models.UniqueConstraint(fields=["circuit", "number", "letter"], name="corner_key")]

    def __str__(self) -> str:
        return f"corner {self.label}"

    @property
    def label(self) -> str:
        return f"{self.number}{self.letter}"
