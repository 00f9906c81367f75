"""Who: drivers as people, and their entries session by session."""

from django.db import models

from f1site.openf1.models import Mirrored
from races.models import Session


class Identity(models.Model):
    """What OpenF1 says of a driver, whether for one session or as a person."""

    broadcast_name = models.CharField(max_length=100, null=True, blank=True, help_text="As on television, e.g. M VERSTAPPEN.")
    full_name = models.CharField(max_length=100, null=True, blank=True)
    first_name = models.CharField(max_length=100, null=True, blank=True)
    last_name = models.CharField(max_length=100, null=True, blank=True)
    name_acronym = models.CharField(max_length=3, null=True, blank=True, help_text="Three letters, e.g. VER.")
    team_name = models.CharField(max_length=100, null=True, blank=True)
    team_colour = models.CharField(max_length=6, null=True, blank=True, help_text="Six hexadecimal digits without #.")
    headshot_url = models.TextField(null=True, blank=True, help_text="URL of a portrait.")
    country_code = models.CharField(max_length=3, null=True, blank=True, help_text="Three letters, as Formula 1 uses them.")

    class Meta:
        abstract = True


class Driver(Mirrored, Identity):
    """A person who drives; number, team and portrait are those of their newest session."""

    driver_id = models.SlugField("driver ID", primary_key=True, max_length=100, blank=True, help_text="e.g. charles_leclerc.")
    full_name = models.CharField(max_length=100, help_text="e.g. Charles Leclerc.")
    driver_number = models.PositiveIntegerField(null=True, blank=True, help_text="Car number in the newest session.")

    class Meta:
        ordering = ["driver_id"]

    def __str__(self):
        return self.full_name


class DriverAlias(models.Model):
    """Another spelling of a driver: whoever OpenF1 calls `alias` is `driver`, at every sync to come."""

    alias = models.SlugField(primary_key=True, max_length=100, help_text="The driver ID the other spelling leads to.")
    driver = models.ForeignKey(Driver, on_delete=models.CASCADE, related_name="aliases")

    class Meta:
        verbose_name_plural = "driver aliases"

    def __str__(self):
        return f"{self.alias} is {self.driver_id}"


class EntryQuerySet(models.QuerySet):
    def numbers(self, session_id: int) -> dict[int, str | None]:
        """{driver_number: driver_id} of one session; None where the entry names nobody that can be trusted."""
        return dict(self.filter(session_id=session_id).values_list("driver_number", "driver_id"))


class Entry(Mirrored, Identity):
    """A driver in one session: the number, name and team they had there."""

    entry_id = models.BigAutoField("entry ID", primary_key=True)
    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="entries", db_index=False
    )  # the key begins with it
    driver_number = models.PositiveIntegerField(help_text="Car number in this session.")
    driver = models.ForeignKey(
        Driver, on_delete=models.SET_NULL, null=True, blank=True, related_name="entries",
        help_text="The person; empty where the names of the entry contradict each other.",
    )  # fmt: skip

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        ordering = ["session_id", "driver_number"]
        constraints = [models.UniqueConstraint(fields=["session", "driver_number"], name="entry_key")]

    def __str__(self):
        return f"{self.driver_number} {self.name_acronym or self.full_name or ''}"


class CarRow(Mirrored):
    """A row about one car in one session; the driver is found through the entry of that number."""

    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="%(class)ss", db_index=False
    )  # the key begins with it
    driver_number = models.PositiveIntegerField(help_text="Car number in this session.")
    driver = models.ForeignKey(
        Driver, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="%(class)ss",
        help_text="The person who drove, as the session's entries say.",
    )  # fmt: skip

    class Meta:
        abstract = True
