"""Merge FastF1's pit times and track status into a session's laps, and store the comparison of the laps."""

from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from mirror import editing, versions, writing
from mirror.feeds import feed_of
from mirror.limits import limits_of
from mirror.models import Correction, Source
from races.models import Session
from telemetry.fastf1.comparing import OpenF1Lap, compare
from telemetry.fastf1.reading import LapRow, index_by_lap
from telemetry.models import FastF1Comparison, Lap

FIELDS = ("pit_in_time", "pit_out_time", "track_status")
REASON = "OpenF1 has no time for this lap; this is FastF1's."


class Merged(NamedTuple):
    comparison: FastF1Comparison
    updated: int  # number of laps


@transaction.atomic
def merge(session: Session, laps: list[LapRow], *, origin: str) -> Merged:
    """Copy FastF1's pit times and track status to OpenF1's laps and store the comparison; only changed values are written.

    Lap times do not change. Laps added by hand and laps of the demo season are neither compared nor changed.
    """
    names = ("driver_number", "lap_number", "lap_duration", "tyre_compound", *FIELDS)
    stored = Lap.objects.select_for_update(no_key=True).filter(session=session, source=Source.OPENF1).with_stint().order_by()
    stored_laps = [(OpenF1Lap(*row[:4]), row[4:]) for row in stored.values_list(*names)]
    fastf1 = index_by_lap(laps)
    changed = [
        (session.pk, *lap[:2], *new_values)
        for lap, old_values in stored_laps
        if (other := fastf1.get(lap[:2])) and (new_values := tuple(getattr(other, name) for name in FIELDS)) != old_values
    ]
    writing.update(feed_of(Lap), changed, FIELDS, source=Source.OPENF1)
    if changed:
        versions.touch("laps", session.pk)
    upstream = uncorrected(session, [lap for lap, _ in stored_laps])
    return Merged(store_comparison(session, compare(upstream, laps), origin=origin), len(changed))


def uncorrected(session: Session, laps: list[OpenF1Lap]) -> list[OpenF1Lap]:
    """The laps with upstream's times instead of corrected ones."""
    corrections = Correction.objects.filter(collection="laps", session_id=session.pk, field="lap_duration")
    upstream_times = {(c.key["driver_number"], c.key["lap_number"]): c.upstream for c in corrections}
    return [lap._replace(lap_duration=upstream_times.get(lap[:2], lap.lap_duration)) for lap in laps]


def store_comparison(session: Session, values: dict[str, Any], *, origin: str) -> FastF1Comparison:
    """Store a comparison unless an equal one is stored."""
    values = {"origin": origin, **values}
    comparison = FastF1Comparison.objects.filter(session=session).first() or FastF1Comparison(session=session)
    if comparison.pk is None or any(getattr(comparison, name) != value for name, value in values.items()):
        for name, value in values.items():
            setattr(comparison, name, value)
        comparison.compared_at = timezone.now()
        comparison.save()
    return comparison


def open_proposals(comparison: FastF1Comparison) -> list[tuple[Lap, float]]:
    """(lap, FastF1's time in seconds) of the proposals whose laps still have no time."""
    least, most = limits_of(Lap._meta.get_field("lap_duration"))
    times = {
        (lap["driver_number"], lap["lap_number"]): lap["fastf1"]
        for lap in comparison.proposals
        if least <= lap["fastf1"] <= most  # a time that cannot be is nothing to propose
    }
    laps = Lap.objects.filter(session_id=comparison.session_id, source=Source.OPENF1, lap_duration=None)
    return [(lap, times[key]) for lap in laps if (key := (lap.driver_number, lap.lap_number)) in times]


@transaction.atomic
def accept_proposals(comparison: FastF1Comparison, *, user: Any = None) -> list[Lap]:
    """Turn the open proposals into corrections, which syncs keep and users can revoke; returns the changed laps."""
    proposals = open_proposals(comparison)
    for lap, seconds in proposals:
        lap.lap_duration = seconds
        editing.edit(lap, user=user, reason=REASON, fields=["lap_duration"])
    return [lap for lap, _ in proposals]
