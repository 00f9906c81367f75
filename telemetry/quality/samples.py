"""Faults of the samples of cars and positions, and of the stream of intervals."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from jobs.wording import plural
from telemetry.quality.findings import ERROR, NOTE, WARNING, Finding, check, join_words, keys
from telemetry.quality.measuring import Measured
from telemetry.quality.rows import LapRow
from telemetry.quality.session_rows import SessionRows

MOST_EMPTY = 0.20  # share of samples without data; 9 % is usual, while cars stand


def of_file(measured: Measured, message: str) -> Finding:
    file = measured.file
    return Finding(message=message, driver_number=file.driver_number, rows={file.collection: [file.pk]})


@check(ERROR, "sample-gaps")
def sample_file_missing(rows: SessionRows) -> Iterator[Finding]:
    """Samples that were synced are not where they were stored: another MEDIA_ROOT, or somebody deleted the file."""
    for measured in rows.measured:
        if not measured.there and not measured.damage:
            yield of_file(
                measured, f"The {measured.file.collection} of car {measured.file.driver_number} is gone: {measured.file.name}."
            )


@check(ERROR, "sample-gaps")
def sample_file_damaged(rows: SessionRows) -> Iterator[Finding]:
    """A file of samples is not what was stored: the next sync of the session's samples fetches it again."""
    for measured in rows.measured:
        if measured.damage:
            file = measured.file
            yield of_file(measured, f"The {file.collection} of car {file.driver_number}, {file.name}, {measured.damage}.")


@check(WARNING, "sample-gaps")
def samples_with_gaps(rows: SessionRows) -> Iterator[Finding]:
    """Over five seconds between two samples of a car, of which there are four a second: up to 89 s were seen."""
    for measured in rows.measured:
        if measured.gaps:
            when, longest = max(measured.gaps, key=lambda gap: gap[1])
            yield of_file(
                measured,
                f"{plural(len(measured.gaps), 'gap')} over 5 s in the {measured.file.collection} of car "
                f"{measured.file.driver_number}, the longest of {longest:.0f} s at {when:%H:%M:%S}.",
            )


@check(WARNING, "no-data-samples", "no-position")
def samples_without_data(rows: SessionRows) -> Iterator[Finding]:
    """Over a fifth of a car's samples say nothing: throttle or brake is 104, or the position 0, 0, 0."""
    for measured in rows.measured:
        for channel, share in measured.empty.items():
            if share > MOST_EMPTY:
                yield of_file(measured, f"No {channel} in {share:.0%} of the samples of car {measured.file.driver_number}.")


@check(NOTE, "sample-codes")
def samples_with_odd_codes(rows: SessionRows) -> Iterator[Finding]:
    """Gears of 9 and more, or codes of DRS that mean nothing."""
    for measured in rows.measured:
        if measured.odd:
            what = join_words(f"{channel} {join_words(codes)}" for channel, codes in measured.odd.items())
            yield of_file(measured, f"Car {measured.file.driver_number} has {what}.")


@check(WARNING, "impossible-values")
def samples_outside_limits(rows: SessionRows) -> Iterator[Finding]:
    """Samples with a value that cannot be, such as 600 km/h: leave them out of means and of maxima."""
    for measured in rows.measured:
        if measured.outside:
            what = join_words(f"{plural(count, 'sample')} of {channel}" for channel, count in measured.outside.items())
            yield of_file(measured, f"Car {measured.file.driver_number} has {what} outside the possible values.")


@check(NOTE, "samples-twice")
def samples_repeat(rows: SessionRows) -> Iterator[Finding]:
    """Several samples of one car and moment."""
    twice = [measured for measured in rows.measured if measured.repeated]
    for collection in sorted({measured.file.collection for measured in twice}):
        of = [measured for measured in twice if measured.file.collection == collection]
        samples = plural(sum(measured.repeated for measured in of), "sample")
        yield Finding(
            message=f"{samples} in {collection} of {plural(len(of), 'car')} repeat a moment.",
            rows={collection: [measured.file.pk for measured in of]},
        )


@check(ERROR, "position-jumps")
def location_jumps(rows: SessionRows) -> Iterator[Finding]:
    """A car jumps by hundreds of metres between samples, and back: positions are wrong, or of two cars. Use none of its traces.

    One jump alone is a position that was not refreshed for a while (9472/1: 784 m).
    """
    for measured in rows.measured:
        number, longest = measured.jumps
        if number > 1:
            far = f"{longest / 1000:.1f} km" if longest >= 1000 else f"{longest:.0f} m"
            yield of_file(
                measured,
                f"The position of car {measured.file.driver_number} jumps {number} times by up to {far} "
                "between two samples: sync the car's location again.",
            )


def without_samples(measured: Measured, lap: LapRow) -> bool:
    """Whether a car's samples have no moment of a lap."""
    if not (lap.date_start and lap.date_end and measured.first and measured.last):
        return False
    if lap.date_end < measured.first or lap.date_start > measured.last:
        return True
    return any(when < lap.date_start and when + timedelta(seconds=gap) > lap.date_end for when, gap in measured.gaps)


@check(WARNING, "sample-gaps")
def laps_without_samples(rows: SessionRows) -> Iterator[Finding]:
    """A car has samples, but none of some of its laps: the stream began late, ended early or broke off."""
    for measured in rows.measured:
        bare = [lap for lap in rows.laps_of.get(measured.file.driver_number, []) if without_samples(measured, lap)]
        if bare:
            numbers = join_words(lap.lap_number for lap in bare)
            found = of_file(
                measured,
                f"No {measured.file.collection} of car {measured.file.driver_number} on {'lap' if len(bare) == 1 else 'laps'} "
                f"{numbers}: sync it again, or leave these laps out.",
            )
            yield replace(found, rows={**found.rows, "laps": keys(bare)})


@check(WARNING, "sample-gaps")
def intervals_break_off(rows: SessionRows) -> Iterator[Finding]:
    """A race has intervals, but none of any car for a minute from the start of some of the winner's laps: the stream broke off.

    Sync them again; gaps on these laps follow from the laps' starts.
    """
    bare = rows.laps_without_intervals
    if bare:
        yield Finding(
            message=f"No intervals at the start of {plural(len(bare), 'lap')} of the winner (car {bare[0].driver_number}): "
            f"{join_words(lap.lap_number for lap in bare)}. Sync them again.",
            rows={"laps": keys(bare)},
        )
