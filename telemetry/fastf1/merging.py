"""Store what only FastF1 knows of a session's laps, and how its laps compare with OpenF1's."""

from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from mirror import editing, versions, writing
from mirror.feeds import feed_of
from mirror.models import Correction, Source
from races.models import Session
from telemetry.fastf1.comparing import OpenF1Lap, compare
from telemetry.fastf1.reading import LapRow, by_lap
from telemetry.models import FastF1Comparison, Lap

FIELDS = ("pit_in_time", "pit_out_time", "track_status")
REASON = "OpenF1 has no time for this lap; this is FastF1's."


class Merged(NamedTuple):
    comparison: FastF1Comparison
    updated: int  # laps that were written


@transaction.atomic
def merge(session: Session, laps: list[LapRow], *, origin: str) -> Merged:
    """Give OpenF1's laps FastF1's pit times and track status, and keep the comparison; only what differs is written.

    Lap times stay as they are. Laps made by hand are neither compared nor changed, and so are those of the demo season.
    """
    names = ("driver_number", "lap_number", "lap_duration", "tyre_compound", *FIELDS)
    stored = Lap.objects.select_for_update().filter(session=session, source=Source.OPENF1).with_stint().order_by()
    known = [(OpenF1Lap(*row[:4]), row[4:]) for row in stored.values_list(*names)]
    theirs = by_lap(laps)
    changed = [
        (session.pk, *ours[:2], *news)
        for ours, olds in known
        if (lap := theirs.get(ours[:2])) and (news := tuple(getattr(lap, name) for name in FIELDS)) != olds
    ]
    writing.update(feed_of(Lap), changed, FIELDS, source=Source.OPENF1)
    if changed:
        versions.touch("laps", session.pk)
    upstream = uncorrected(session, [ours for ours, _ in known])
    return Merged(keep(session, compare(upstream, laps), origin=origin), len(changed))


def uncorrected(session: Session, laps: list[OpenF1Lap]) -> list[OpenF1Lap]:
    """The laps with the times that upstream gave, where people corrected them."""
    found = Correction.objects.filter(collection="laps", session_id=session.pk, field="lap_duration")
    said = {(c.key["driver_number"], c.key["lap_number"]): c.upstream for c in found}
    return [lap._replace(lap_duration=said.get(lap[:2], lap.lap_duration)) for lap in laps]


def keep(session: Session, values: dict[str, Any], *, origin: str) -> FastF1Comparison:
    """Store a comparison, unless the same is stored already."""
    values = {"origin": origin, **values}
    comparison = FastF1Comparison.objects.filter(session=session).first() or FastF1Comparison(session=session)
    if comparison.pk is None or any(getattr(comparison, name) != value for name, value in values.items()):
        for name, value in values.items():
            setattr(comparison, name, value)
        comparison.compared_at = timezone.now()
        comparison.save()
    return comparison


def open_proposals(comparison: FastF1Comparison) -> list[tuple[Lap, float]]:
    """(lap, FastF1's time) of the laps that still have no time here."""
    times = {(lap["driver_number"], lap["lap_number"]): lap["fastf1"] for lap in comparison.proposals}
    laps = Lap.objects.filter(session_id=comparison.session_id, source=Source.OPENF1, lap_duration=None)
    return [(lap, times[key]) for lap in laps if (key := (lap.driver_number, lap.lap_number)) in times]


@transaction.atomic
def take_over(comparison: FastF1Comparison, *, user: Any = None) -> list[Lap]:
    """Make the open proposals corrections, which later syncs keep and people can take back; the laps that got a time."""
    proposals = open_proposals(comparison)
    for lap, seconds in proposals:
        lap.lap_duration = seconds
        editing.edit(lap, user=user, reason=REASON, fields=["lap_duration"])
    return [lap for lap, _ in proposals]
