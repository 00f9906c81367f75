"""Questions over laps that more than one part of the site asks."""

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When

from races.models import Neutralisation

# Why a lap is of no use for comparing lap times, the first reason that holds; needs `with_stint`.
FLAWS = {
    "no lap time": Q(lap_duration=None),
    "a sector time is missing": Q(duration_sector_1=None) | Q(duration_sector_2=None) | Q(duration_sector_3=None),
    "no tyre compound": Q(tyre_compound=None),
    "unknown tyre compound": Q(tyre_compound__contains="UNKNOWN"),
    "out-lap": Q(is_pit_out_lap=True),
    "not between 60 and 150 s": Q(lap_duration__lte=60) | Q(lap_duration__gte=150),
}


# Why a lap is not a clean one, the first reason that holds.
NEUTRAL = [state.value for state in Neutralisation.State]
EXCLUSIONS = ["first lap", "in-lap", "out-lap", *NEUTRAL, "wet tyres", "over 107 %", "no time", "flagged"]
WET_TYRES = ("INTERMEDIATE", "WET")
SLOW = 1.07  # times the session's best lap


class LapEnd(models.Func):
    """When a lap ended, in SQL: its start plus its duration; null where either is unknown."""

    output_field = models.DateTimeField()

    def as_sqlite(self, compiler, connection, **context):
        # Moments are texts there, and compare only when written in one way: six digits after the second, or none for zero.
        text = "strftime('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', %(expressions)s || ' seconds')"  # to the millisecond
        template = f"replace({text} || '000', '.000000', '')"
        return self.as_sql(compiler, connection, template=template, arg_joiner=", '+' || ", **context)

    def as_postgresql(self, compiler, connection, **context):
        return self.as_sql(compiler, connection, template="(%(expressions)s * interval '1 second')", arg_joiner=" + ", **context)


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

    def with_exclusion(self):
        """Each lap with its stint and `excluded`: the first of EXCLUSIONS that holds, or an empty text for a clean lap.

        The rule judges with hindsight (the best lap of the session may come later) and is for comparing laps, in races above
        all. Neutralisations are those of race control; a sector's yellow flag counts for every lap that it overlaps. A lap is
        flagged when the last quality report found its time not to be trusted. Corrections are in the rows already.
        """
        laps = self.with_stint().annotate(lap_end=LapEnd("date_start", "lap_duration"))
        conditions = [*driven_conditions(), Q(tyre_compound__in=WET_TYRES), Q(lap_duration__gt=SLOW * best_lap())]
        conditions += [Q(lap_duration=None), Exists(spoilt())]
        reasons = [When(condition, then=Value(name)) for name, condition in zip(EXCLUSIONS, conditions, strict=True)]
        return laps.annotate(excluded=Case(*reasons, default=Value("")))

    def clean(self):
        """The laps that nothing excludes: driven at racing speed on a free, dry track, with a time to be trusted."""
        return self.with_exclusion().filter(excluded="")


def left_the_pits_next() -> Exists:
    """Whether a lap's next one is an out-lap: there is no flag for in-laps."""
    from telemetry.models import Lap  # models import this module

    following = Lap.objects.filter(
        session_id=OuterRef("session_id"), driver_number=OuterRef("driver_number"), lap_number=OuterRef("lap_number") + 1
    )
    return Exists(following.filter(is_pit_out_lap=True))


def driven_conditions() -> list:
    """Conditions on laps with `lap_end`: first lap, in-lap, out-lap, and one per state of a track that is not free."""
    from telemetry.models import Pit  # models import this module

    pits = Pit.objects.filter(
        session_id=OuterRef("session_id"), driver_number=OuterRef("driver_number"), lap_number=OuterRef("lap_number")
    )
    windows = Neutralisation.objects.filter(
        Q(date_end=None) | Q(date_end__gt=OuterRef("date_start")),
        session_id=OuterRef("session_id"),
        date_start__lt=OuterRef("lap_end"),
    )
    # A pit row carries the number of the in-lap in a race, but that of the out-lap in practice and qualifying.
    in_lap = left_the_pits_next() | (Q(is_pit_out_lap=False) & Exists(pits))
    return [Q(lap_number=1), in_lap, Q(is_pit_out_lap=True), *(Exists(windows.filter(state=state)) for state in NEUTRAL)]


def best_lap() -> Subquery:
    """The session's best time of a whole lap: neither the first, nor one that began or ended in the pits."""
    from telemetry.models import Lap  # models import this module

    whole = Lap.objects.filter(
        ~left_the_pits_next(),
        session_id=OuterRef("session_id"),
        lap_duration__isnull=False,
        lap_number__gt=1,
        is_pit_out_lap=False,
    )
    return Subquery(whole.order_by("lap_duration").values("lap_duration")[:1])  # among the first entries of an index


def spoilt() -> models.QuerySet:
    """Links from a lap to a quality report that found its time not to be trusted."""
    from telemetry.models import SessionQuality  # models import this module

    return SessionQuality.spoilt_laps.through.objects.filter(lap_id=OuterRef("pk"))
