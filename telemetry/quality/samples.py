"""Faults of the samples of cars and positions."""

from collections.abc import Iterator

from telemetry.quality.findings import ERROR, NOTE, WARNING, Finding, check, join_words, plural
from telemetry.quality.measuring import Measured
from telemetry.quality.session_rows import SessionRows

MOST_EMPTY = 0.20  # share of samples without data; 9 % is usual, while cars stand


def of_file(measured: Measured, message: str) -> Finding:
    file = measured.file
    return Finding(message=message, driver_number=file.driver_number, rows={file.collection: [file.pk]})


@check(ERROR, "sample-gaps")
def sample_file_missing(rows: SessionRows) -> Iterator[Finding]:
    """Samples that were synced are not where they were stored: another MEDIA_ROOT, or somebody deleted the file."""
    for measured in rows.measured:
        if not measured.there:
            yield of_file(
                measured, f"The {measured.file.collection} of car {measured.file.driver_number} is gone: {measured.file.name}."
            )


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
