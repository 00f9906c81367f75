"""Which laps are clean, in SQL: `LapQuerySet`, the manager of laps, and the conditions behind it."""

from typing import Any, Self

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When

from races.models import Neutralisation
from telemetry.lap_rules import MAX_BEST_LAP_RATIO, MIN_LAP_RATIO, TRACK_STATES, WET_COMPOUNDS
from telemetry.models.best_laps import CONTRADICTS_SECTORS, LapEnd, best_lap, fifth_best_lap
from telemetry.models.stints import Stint
from telemetry.models.track import Pit

# Why a lap is left out of the export, the first reason that holds; needs `with_stint`.
FLAWS = {
    "no lap time": Q(lap_duration=None),
    "a sector time is missing": Q(duration_sector_1=None) | Q(duration_sector_2=None) | Q(duration_sector_3=None),
    "no tyre compound": Q(tyre_compound=None),
    "unknown tyre compound": Q(tyre_compound__contains="UNKNOWN"),
    "out-lap": Q(is_pit_out_lap=True),
    "not between 60 and 150 s": Q(lap_duration__lte=60) | Q(lap_duration__gte=150),
}
# Why a lap is not a clean one; the first reason that holds counts.
EXCLUSIONS = (
    "first lap",
    "in-lap",
    "out-lap",
    *TRACK_STATES,
    "wet tyres",
    "impossible time",
    "over 107 %",
    "no time",
    "flagged",
)


class LapQuerySet(models.QuerySet):
    def with_stint(self) -> Self:
        """Each lap with its stint's `stint_number`, `stint_lap_number` (from 1), `tyre_compound` and `tyre_age_at_start`.

        Null where no stint covers the lap. No lap is counted twice: `lap_rules.stint_of_lap` says to which of several stints
        it belongs. Stints that begin after the last lap cover none.
        """
        stints = Stint.objects.filter(
            session_id=OuterRef("session_id"),
            driver_number=OuterRef("driver_number"),
            lap_start__lte=OuterRef("lap_number"),
            lap_end__gte=OuterRef("lap_number"),
        )
        first = stints.exclude(self.gives_way()).order_by(
            "stint_number"
        )  # the order of the key's index, so that nothing is sorted
        return self.annotate(
            stint_number=Subquery(first.values("stint_number")[:1]),
            stint_lap_number=F("lap_number") - Subquery(first.values("lap_start")[:1]) + 1,
            tyre_compound=Subquery(first.values("tyre_compound")[:1]),
            tyre_age_at_start=Subquery(first.values("tyre_age_at_start")[:1]),
        )

    def gives_way(self) -> Exists:
        """Condition on a stint that covers a lap: the lap belongs to a later stint; `lap_rules.gives_way` in SQL."""
        after_it = self.model._default_manager.filter(
            session_id=OuterRef("session_id"),
            driver_number=OuterRef("driver_number"),
            lap_number=OuterRef(OuterRef("lap_end")) + 1,
            is_pit_out_lap=True,
        )
        later = Stint.objects.filter(
            Q(lap_end__lte=OuterRef("lap_end")) | ~Exists(after_it),
            session_id=OuterRef("session_id"),
            driver_number=OuterRef("driver_number"),
            stint_number__gt=OuterRef("stint_number"),
            lap_start__gt=OuterRef("lap_start"),
            lap_start__lte=OuterRef(OuterRef("lap_number")),
            lap_end__gte=OuterRef(OuterRef("lap_number")),
        )
        return Exists(later.exclude(lap_start=OuterRef("lap_end")))

    def with_flaw(self) -> Self:
        """Each lap with its stint and its `flaw`: a key of FLAWS, or an empty text for a lap that the export keeps."""
        reasons = [When(condition, then=Value(name)) for name, condition in FLAWS.items()]
        return self.with_stint().annotate(flaw=Case(*reasons, default=Value("")))

    def with_exclusion(self, *, session: Any = None) -> Self:
        """Each lap with its stint and `excluded`: the first of EXCLUSIONS that holds, or an empty text for a clean lap.

        The rule judges with hindsight (the best lap of the session may come later) and is for comparing laps, in races above
        all. Neutralisations are those of race control; a sector's yellow flag counts for every lap that it overlaps. A lap is
        flagged when the last quality report found its time not to be trusted. Corrections are in the rows already.

        session: the number of the session of all these laps, where there is but one. Its best is then looked up once and not for
        every lap, which halves the time.
        """
        return self.with_lap_end().annotate(excluded=Case(*self.exclusion_reasons(session), default=Value("")))

    def clean(self) -> Self:
        """The laps that nothing excludes: driven at racing speed on a free, dry track, with a time to be trusted."""
        return self.with_exclusion().filter(excluded="")

    def with_lap_end(self) -> Self:
        """Each lap with its stint and `lap_end`, which `exclusion_reasons` need."""
        return self.with_stint().annotate(lap_end=LapEnd("date_start", "lap_duration"))

    def exclusion_reasons(self, session: Any = None) -> list[When]:
        """The reasons of EXCLUSIONS in order, each with its condition on a lap."""
        lap_model: Any = self.model
        laps = lap_model.objects.order_by()
        flagged = lap_model.spoilt_by.through.objects.filter(lap_id=OuterRef("pk"))
        session = OuterRef("session_id") if session is None else session
        too_fast = Q(lap_duration__lt=MIN_LAP_RATIO * fifth_best_lap(laps, session))
        too_slow = Q(lap_duration__gt=MAX_BEST_LAP_RATIO * best_lap(laps, session))
        windows = neutralisations()
        return [
            When(lap_number=1, then=Value("first lap")),
            When(self.is_in_lap(), then=Value("in-lap")),
            When(is_pit_out_lap=True, then=Value("out-lap")),
            # One condition for all states: most laps meet none of them, and each is a search for every lap.
            When(Exists(windows), then=Subquery(windows.order_by(state_rank()).values("state")[:1])),
            When(tyre_compound__in=WET_COMPOUNDS, then=Value("wet tyres")),
            When(CONTRADICTS_SECTORS | too_fast, then=Value("impossible time")),
            When(too_slow, then=Value("over 107 %")),
            When(lap_duration=None, then=Value("no time")),
            When(Exists(flagged), then=Value("flagged")),
        ]

    def is_in_lap(self) -> Any:
        """Condition: the next lap is an out-lap, or the car visited the pits and did not come out again."""
        pits = Pit.objects.filter(
            session_id=OuterRef("session_id"), driver_number=OuterRef("driver_number"), lap_number=OuterRef("lap_number")
        )
        # A pit row carries the number of the in-lap in a race, but that of the out-lap in practice and qualifying.
        return self.precedes_out_lap() | (Q(is_pit_out_lap=False) & Exists(pits))

    def precedes_out_lap(self) -> Exists:
        """Condition: the next lap is an out-lap; OpenF1 has no flag for in-laps."""
        following = self.model._default_manager.filter(
            session_id=OuterRef("session_id"), driver_number=OuterRef("driver_number"), lap_number=OuterRef("lap_number") + 1
        )
        return Exists(following.filter(is_pit_out_lap=True))


def neutralisations() -> models.QuerySet[Neutralisation]:
    """The windows that overlap a lap with `lap_end`."""
    return Neutralisation.objects.filter(
        Q(date_end=None) | Q(date_end__gt=OuterRef("date_start")),
        session_id=OuterRef("session_id"),
        date_start__lt=OuterRef("lap_end"),
        state__in=TRACK_STATES,
    )


def state_rank() -> Case:
    """The place of a window's state in TRACK_STATES."""
    return Case(*(When(state=state, then=Value(rank)) for rank, state in enumerate(TRACK_STATES)))
