"""Questions over laps that more than one part of the site asks."""

from django.db import models
from django.db.models import Case, F, OuterRef, Q, Subquery, Value, When

# Why a lap is of no use for comparing lap times, the first reason that holds; needs `with_stint`.
FLAWS = {
    "no lap time": Q(lap_duration=None),
    "a sector time is missing": Q(duration_sector_1=None) | Q(duration_sector_2=None) | Q(duration_sector_3=None),
    "no tyre compound": Q(tyre_compound=None),
    "unknown tyre compound": Q(tyre_compound__contains="UNKNOWN"),
    "out-lap": Q(is_pit_out_lap=True),
    "not between 60 and 150 s": Q(lap_duration__lte=60) | Q(lap_duration__gte=150),
}


class LapQuerySet(models.QuerySet):
    def with_stint(self):
        """Each lap with its stint's `stint_number`, `stint_lap_number` (from 1), `tyre_compound` and `tyre_age_at_start`.

        Null where no stint covers the lap. OpenF1's stints can overlap by a lap, the in-lap: it belongs to the earlier one,
        so that no lap is met twice. Stints that begin after the last lap cover none.
        """
        from telemetry.models import Stint  # models import this module

        stints = Stint.objects.filter(
            session_id=OuterRef("session_id"),
            driver_number=OuterRef("driver_number"),
            lap_start__lte=OuterRef("lap_number"),
            lap_end__gte=OuterRef("lap_number"),
        )
        first = stints.order_by("stint_number")  # the order of the key's index: nothing is sorted
        return self.annotate(
            stint_number=Subquery(first.values("stint_number")[:1]),
            stint_lap_number=F("lap_number") - Subquery(first.values("lap_start")[:1]) + 1,
            tyre_compound=Subquery(first.values("tyre_compound")[:1]),
            tyre_age_at_start=Subquery(first.values("tyre_age_at_start")[:1]),
        )

    def with_flaw(self):
        """Each lap with its stint and its `flaw`: a key of FLAWS, or an empty text for a clean lap."""
        reasons = [When(condition, then=Value(name)) for name, condition in FLAWS.items()]
        return self.with_stint().annotate(flaw=Case(*reasons, default=Value("")))
