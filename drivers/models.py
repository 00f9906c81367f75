"""Drivers as people, their entries session by session, results, starting grids and championship standings."""

from django.db import connections, models

from mirror.fields import JSONText
from mirror.limits import LAPS, POSITIVE_SECONDS, shaped, within, written
from mirror.models import Mirrored
from races.models import GRID_FROM, Session, former_slugs_field


class Identity(models.Model):
    """Names, team and portrait of a driver, in one session or as a person."""

    broadcast_name = models.CharField(max_length=100, null=True, blank=True, help_text="As on television, e.g. M VERSTAPPEN.")
    full_name = models.CharField(max_length=100, null=True, blank=True)
    first_name = models.CharField(max_length=100, null=True, blank=True)
    last_name = models.CharField(max_length=100, null=True, blank=True)
    name_acronym = models.CharField(max_length=3, null=True, blank=True, **written("code", "e.g. VER."))
    team_name = models.CharField(max_length=100, null=True, blank=True)
    team_colour = models.CharField(max_length=6, null=True, blank=True, **written("colour"))
    headshot_url = models.TextField(null=True, blank=True, **written("address", "A portrait."))
    country_code = models.CharField(max_length=3, null=True, blank=True, **written("code", "As Formula 1 uses it."))

    class Meta:
        abstract = True


class Driver(Mirrored, Identity):
    """A person who drives; number, team and portrait are those of their newest session."""

    driver_id = models.SlugField("driver ID", primary_key=True, max_length=100, blank=True, help_text="e.g. charles_leclerc.")
    full_name = models.CharField(max_length=100, help_text="e.g. Charles Leclerc.")
    driver_number = models.PositiveIntegerField(null=True, blank=True, **within(0, 999, "Car number in the newest session."))

    class Meta:
        ordering = ["driver_id"]

    def __str__(self) -> str:
        return self.full_name

    def get_absolute_url(self) -> str:
        return f"/f1/drivers/{self.pk}/"


class DriverAlias(models.Model):
    """Another spelling of a driver: syncs assign entries whose names lead to the ID `alias` to `driver`."""

    alias = models.SlugField(primary_key=True, max_length=100, help_text="The driver ID the other spelling leads to.")
    driver = models.ForeignKey(Driver, on_delete=models.CASCADE, related_name="aliases")

    class Meta:
        verbose_name_plural = "driver aliases"

    def __str__(self) -> str:
        return f"{self.alias} is {self.driver_id}"


class Team(models.Model):
    """A team's name with the address of its page; the sync adds every name that an entry has."""

    team_id = models.BigAutoField("team ID", primary_key=True)
    name = models.CharField(max_length=100, unique=True, help_text="As the entries have it, e.g. Ferrari.")
    slug = models.SlugField(
        max_length=100,
        blank=True,
        unique=True,
        help_text="In the address of its page; made from the name where it is left empty.",
    )
    former_slugs = former_slugs_field()
    successor = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="predecessors",
        help_text="The same team under its later name: they share a page, and the points of a season.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"/f1/teams/{self.slug}/"


class EntryManager(models.Manager):
    def numbers(self, session_id: int) -> dict[int, str | None]:
        """{driver_number: driver_id} of one session; None if the entry has no driver.

        In SQL, because a sync asks for it with every piece and the ORM takes ten times as long.
        """
        with connections[self.db].cursor() as cursor:
            cursor.execute("SELECT driver_number, driver_id FROM drivers_entry WHERE session_id = %s", [session_id])
            return dict(cursor.fetchall())


class Entry(Mirrored, Identity):
    """A driver in one session: the number, name and team they had there."""

    entry_id = models.BigAutoField("entry ID", primary_key=True)
    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="entries", db_index=False
    )  # the key begins with it
    driver_number = models.PositiveIntegerField(**within(0, 999, "Car number in this session."))
    driver = models.ForeignKey(
        Driver,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="entries",
        help_text="The person; empty where the names of the entry contradict each other.",
    )

    objects = EntryManager()

    class Meta:
        verbose_name_plural = "entries"
        ordering = ["session_id", "driver_number"]
        constraints = [models.UniqueConstraint(fields=["session", "driver_number"], name="entry_key")]

    def __str__(self) -> str:
        return f"{self.driver_number} {self.name_acronym or self.full_name or ''}"


class CarRow(Mirrored):
    """A row about one car in one session; the driver is found through the entry of that number."""

    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="%(class)ss", db_index=False
    )  # the key begins with it
    driver_number = models.PositiveIntegerField(**within(0, 999, "Car number in this session."))
    driver = models.ForeignKey(
        Driver,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="%(class)ss",
        help_text="The person who drove, as the session's entries say.",
    )

    class Meta:
        abstract = True


class SessionResult(CarRow):
    """Where a driver finished a session, how long it took, and how far behind."""

    session_result_id = models.BigAutoField("session result ID", primary_key=True)
    position = models.PositiveSmallIntegerField(null=True, blank=True, **within(1, 60, "Empty when not classified."))
    number_of_laps = models.PositiveIntegerField(null=True, blank=True, **within(0, 999, "Laps driven.", hard=LAPS))
    points = models.FloatField(null=True, blank=True, **within(0, 60, "Championship points; races and sprints only."))
    dnf = models.BooleanField("DNF", default=False, help_text="Did not finish.")
    dns = models.BooleanField("DNS", default=False, help_text="Did not start.")
    dsq = models.BooleanField("DSQ", default=False, help_text="Disqualified.")
    duration = JSONText(
        null=True,
        blank=True,
        **shaped("times", "Seconds: the race's time, a practice's best lap, or a list of each qualifying phase's.", 0, 100_000),
    )
    duration_seconds = models.FloatField(
        null=True,
        blank=True,
        editable=False,
        **within(0, 100_000, "The duration as one number: of a qualifying the last phase driven."),
    )
    gap_to_leader = JSONText(
        null=True,
        blank=True,
        **shaped("gaps", 'Seconds, "+1 LAP", or a list of seconds in each phase of a qualifying.', 0, 100_000),
    )
    gap_to_leader_seconds = models.FloatField(
        null=True,
        blank=True,
        editable=False,
        **within(0, 100_000, "The gap as one number: of a qualifying the last phase driven; empty for lapped cars."),
    )

    class Meta:
        ordering = ["session_id", models.F("position").asc(nulls_last=True), "session_result_id"]
        constraints = [models.UniqueConstraint(fields=["session", "driver_number"], name="session_result_key")]

    def __str__(self) -> str:
        return f"car {self.driver_number}: {f'P{self.position}' if self.position else 'not classified'}"


class StartingGridQuerySet(models.QuerySet):
    def for_race(self, session: Session) -> "StartingGridQuerySet":
        """The grid a race or sprint started from. OpenF1 files it under the qualifying that decided it."""
        return self.filter(session=session.grid_session())

    def below(self, session_id: int) -> "StartingGridQuerySet":
        """The grid filed under a session, and the one that it started from; in one query."""
        race = Session.objects.filter(pk=session_id)
        started = models.Q()
        for name, qualifyings in GRID_FROM.items():
            started |= models.Q(race__in=race.filter(session_name=name).values("race"), session_name__in=qualifyings)
        return self.filter(models.Q(session=session_id) | models.Q(session__in=Session.objects.filter(started)))


class StartingGrid(CarRow):
    """A place on the grid; it belongs to the qualifying that decided it, not to the race that started from it."""

    starting_grid_id = models.BigAutoField("starting grid ID", primary_key=True)
    position = models.PositiveSmallIntegerField(null=True, blank=True, **within(1, 60, "1 is pole position."))
    lap_duration = models.FloatField(
        null=True, blank=True, **within(1, 14_400, "Qualifying lap in seconds.", hard=POSITIVE_SECONDS)
    )

    objects = StartingGridQuerySet.as_manager()

    class Meta:
        ordering = ["session_id", models.F("position").asc(nulls_last=True), "starting_grid_id"]
        constraints = [models.UniqueConstraint(fields=["session", "driver_number"], name="starting_grid_key")]

    def __str__(self) -> str:
        return f"car {self.driver_number}: {f'grid {self.position}' if self.position else 'no place on the grid'}"


class Standing(models.Model):
    """Points and place in a championship, before and after one race."""

    position_start = models.PositiveSmallIntegerField(null=True, blank=True, **within(1, 100, "Place before the race."))
    position_current = models.PositiveSmallIntegerField(
        null=True, blank=True, **within(1, 100, "Place after the race, or so far.")
    )
    points_start = models.FloatField(null=True, blank=True, **within(0, 2_000, "Points before the race."))
    points_current = models.FloatField(null=True, blank=True, **within(0, 2_000, "Points after the race, or so far."))

    class Meta:
        abstract = True


class ChampionshipDriver(CarRow, Standing):
    """A driver's place in the championship, before and after a race."""

    championship_driver_id = models.BigAutoField("championship driver ID", primary_key=True)

    class Meta:
        ordering = ["session_id", models.F("position_current").asc(nulls_last=True), "championship_driver_id"]
        constraints = [models.UniqueConstraint(fields=["session", "driver_number"], name="championship_driver_key")]

    def __str__(self) -> str:
        return f"car {self.driver_number}: P{self.position_current or '?'}"


class ChampionshipTeam(Mirrored, Standing):
    """A team's place in the championship, before and after a race."""

    championship_team_id = models.BigAutoField("championship team ID", primary_key=True)
    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="championshipteams", db_index=False
    )  # the key begins with it
    team_name = models.CharField(max_length=100, null=True, blank=True)
    team_key = models.CharField(
        max_length=100, editable=False, help_text="The team in the key: its name, or its place where it has none."
    )

    class Meta:
        ordering = ["session_id", models.F("position_current").asc(nulls_last=True), "championship_team_id"]
        constraints = [models.UniqueConstraint(fields=["session", "team_key"], name="championship_team_key")]

    def __str__(self) -> str:
        return f"{self.team_name or 'a team'}: P{self.position_current or '?'}"
