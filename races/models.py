"""Where and when: race weekends and their sessions."""

from django.db import models

from f1site.openf1.models import Mirrored


class Place(models.Model):
    """Where an event is held. OpenF1 repeats these on races and sessions, and the two need not agree."""

    year = models.PositiveSmallIntegerField(db_index=True, help_text="Season.")
    location = models.CharField(max_length=100, null=True, blank=True, help_text="Town or area of the circuit.")
    country_key = models.IntegerField(null=True, blank=True, help_text="Formula 1's own number of the country.")
    country_code = models.CharField(max_length=3, null=True, blank=True, help_text="Three letters, as Formula 1 uses them.")
    country_name = models.CharField(max_length=100, null=True, blank=True)
    circuit_key = models.IntegerField(null=True, blank=True, help_text="Formula 1's own number of the circuit.")
    circuit_name = models.CharField(max_length=100, null=True, blank=True, help_text="Short name of the circuit.")
    gmt_offset = models.CharField(max_length=10, null=True, blank=True, help_text="Local time minus UTC, e.g. -04:00:00.")
    is_cancelled = models.BooleanField(default=False)

    class Meta:
        abstract = True


class Race(Mirrored, Place):
    """A race weekend (OpenF1's meeting), tests included."""

    race_id = models.IntegerField("race ID", primary_key=True, help_text="OpenF1's meeting_key.")
    race_name = models.CharField(max_length=100, help_text="Name of the event, e.g. Monaco Grand Prix.")
    official_name = models.CharField(max_length=300, null=True, blank=True, help_text="Full name with sponsors.")
    meeting_code = models.CharField(max_length=10, null=True, blank=True, help_text="Formula 1's code of the event.")
    circuit_type = models.CharField(max_length=50, null=True, blank=True, help_text="Permanent, Temporary - Street, …")
    circuit_image = models.TextField(null=True, blank=True, help_text="URL of a drawing of the circuit.")
    circuit_info_url = models.TextField(null=True, blank=True, help_text="URL of the circuit's corners and marshal sectors.")
    country_flag = models.TextField(null=True, blank=True, help_text="URL of the flag.")
    date_start = models.DateTimeField(null=True, blank=True, help_text="Start of the first session (UTC).")
    date_end = models.DateTimeField(null=True, blank=True, help_text="End of the last session (UTC).")

    class Meta:
        ordering = ["date_start", "race_id"]

    def __str__(self):
        return f"{self.year} {self.race_name}"


class Session(Mirrored, Place):
    """One outing of a race weekend: a practice, a qualifying, a sprint or the race itself."""

    session_id = models.IntegerField("session ID", primary_key=True, help_text="OpenF1's session_key.")
    race = models.ForeignKey(Race, on_delete=models.CASCADE, related_name="sessions")
    session_name = models.CharField(max_length=50, db_index=True, help_text="Practice 1, Qualifying, Sprint, Race, …")
    session_type = models.CharField(max_length=50, null=True, blank=True, help_text="Practice, Qualifying or Race.")
    date_start = models.DateTimeField(null=True, blank=True, db_index=True, help_text="Scheduled start (UTC).")
    date_end = models.DateTimeField(null=True, blank=True, help_text="Scheduled end (UTC).")

    class Meta:
        ordering = ["date_start", "session_id"]

    def __str__(self):
        return f"{self.year} {self.location} {self.session_name}"
