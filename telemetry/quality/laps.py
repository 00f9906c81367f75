"""Faults of laps."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from jobs.wording import plural
from telemetry.lap_rules import SECTOR_ROUNDING
from telemetry.quality.findings import ERROR, NOTE, WARNING, Finding, Proposal, check, join_words, keys
from telemetry.quality.proposals import propose
from telemetry.quality.rows import LapRow
from telemetry.quality.session_rows import SessionRows, once_per_session

JITTER = 1.0  # seconds: starts of laps are approximate, to 0.8 s in 99.9 % of laps
USUAL_SECTOR = 0.15  # share by which a sector may differ from the session's median and be an ordinary one
SLOW_TRAP = 60  # km/h: slower than the pit lane


def of_laps(laps: list[LapRow], message: str) -> Finding:
    """A finding about some laps of one car; of one lap, when it is one."""
    lap_number = laps[0].lap_number if len(laps) == 1 else None
    return Finding(message=message, driver_number=laps[0].driver_number, lap_number=lap_number, rows={"laps": keys(laps)})


def numbers(laps: list[LapRow]) -> str:
    """ "lap 3", "laps 3, 5 and 8"."""
    return f"{'lap' if len(laps) == 1 else 'laps'} {join_words(lap.lap_number for lap in laps)}"


def whole_field_lacks_lap_1(rows: SessionRows) -> bool:
    return bool(rows.laps) and all(lap.lap_number != 1 for lap in rows.laps)


@check(WARNING, "lap-1-missing")
def first_lap_missing_for_all(rows: SessionRows) -> Iterator[Finding]:
    """Lap 1 of the whole field is missing: upstream has re-sent races without it, and added it months later."""
    if whole_field_lacks_lap_1(rows):
        yield Finding(message="Lap 1 is missing for all cars.")


def is_untimed(lap: LapRow) -> bool:
    """Whether neither its time nor its sectors say how long a lap took."""
    return lap.lap_duration is None and None in lap.sectors


@once_per_session
def untimed_first_laps(rows: SessionRows) -> list[LapRow]:
    """The first laps without a time of cars that drove on, where at least half of those that did so lack theirs."""
    first = [laps[0] for laps in rows.laps_of.values() if laps[0].lap_number == 1 and len(laps) > 1] if rows.is_race else []
    untimed = [lap for lap in first if is_untimed(lap)]
    return untimed if len(untimed) > 1 and len(untimed) >= len(first) / 2 else []


@check(WARNING, "lap-1-untimed")
def first_laps_untimed(rows: SessionRows) -> Iterator[Finding]:
    """Lap 1 of the field has no time, though the cars drove on: upstream lost it (9839). Sums of laps are a lap short.

    A later sync may bring the times.
    """
    untimed = untimed_first_laps(rows)
    if untimed:
        yield Finding(
            message=f"Lap 1 of {plural(len(untimed), 'car')} has no time, though they drove on: sync again later, or compare "
            "with another source.",
            lap_number=1,
            rows={"laps": keys(untimed)},
        )


@check(WARNING, "laps-missing")
def lap_numbers_skip(rows: SessionRows) -> Iterator[Finding]:
    """A car's laps are not numbered without a gap: laps were lost on the way to upstream."""
    first = 2 if whole_field_lacks_lap_1(rows) else 1
    for car, laps in rows.laps_of.items():
        there = {lap.lap_number for lap in laps}
        missing = [number for number in range(first, max(there)) if number not in there]
        if missing:
            yield Finding(message=f"Car {car} has no lap {join_words(missing)} of {max(there)}.", driver_number=car)


@check(ERROR, "laps-missing")
def fewer_laps_than_result(rows: SessionRows) -> Iterator[Finding]:
    """A car has fewer laps than its result says it drove; at Zandvoort 2023 (9149) nine cars have none at all."""
    for result in rows.results if rows.laps else []:
        stored = len(rows.laps_of.get(result.driver_number, []))
        if stored < (result.number_of_laps or 0):
            yield Finding(
                message=f"Car {result.driver_number} has {plural(stored, 'lap')}; its result says {result.number_of_laps}.",
                driver_number=result.driver_number,
                rows={"session_result": [result.pk]},
            )


@check(NOTE, "laps-missing")
def more_laps_than_result(rows: SessionRows) -> Iterator[Finding]:
    """A car that finished has more laps than its result: the lap after the chequered flag, often of the winner alone."""
    for result in rows.results:
        laps = rows.laps_of.get(result.driver_number, [])
        if result.position and not result.dnf and result.number_of_laps and len(laps) > result.number_of_laps:
            after = [lap for lap in laps if lap.lap_number > result.number_of_laps]
            if after:
                yield of_laps(after, f"Car {result.driver_number} has {numbers(after)} after its finish.")


@check(ERROR, "no-lap-time", "sectors-and-lap")
def lap_time_could_be_known(rows: SessionRows) -> Iterator[Finding]:
    """A lap has all three sectors and no time: it is their sum, which upstream forgot to take."""
    for lap in rows.laps:
        if lap.lap_duration is None and lap.sum_of_sectors is not None:
            found = of_laps(
                [lap], f"Lap {lap.lap_number} of car {lap.driver_number} has no time, but sectors of {lap.sum_of_sectors:.3f} s."
            )
            values = {"lap_duration": round(lap.sum_of_sectors, 3)}
            yield replace(found, proposals=propose(rows, "laps", lap, values, why="It is the sum of the three sectors."))


@check(WARNING, "no-lap-time")
def lap_time_missing(rows: SessionRows) -> Iterator[Finding]:
    """Laps of a race without a time, though the car drove on: whole laps under a red flag, or lost by upstream.

    Compare with another source, such as FastF1.
    """
    lost_at_start = {lap.pk for lap in untimed_first_laps(rows)}
    for car, laps in rows.laps_of.items() if rows.is_race else []:
        untimed = [lap for lap in laps[:-1] if is_untimed(lap) and lap.pk not in lost_at_start]
        if untimed:
            yield of_laps(untimed, f"Car {car} has no time on {numbers(untimed)}.")


@check(NOTE, "no-lap-time")
def unfinished_laps(rows: SessionRows) -> Iterator[Finding]:
    """Last laps without a time: retirements, laps cut short by the flag, laps out of the garage."""
    untimed = [lap for laps in rows.laps_of.values() for lap in laps if is_untimed(lap) and (not rows.is_race or lap is laps[-1])]
    if untimed:
        cars = sorted({lap.driver_number for lap in untimed})
        yield Finding(
            message=f"{plural(len(untimed), 'lap')} without a time that nobody finished or began on track: "
            f"{'car' if len(cars) == 1 else 'cars'} {join_words(cars)}.",
            rows={"laps": keys(untimed)},
        )


def missing_sector(rows: SessionRows, lap: LapRow) -> list[Proposal]:
    """A proposal for the one sector that a lap lacks: what its time leaves, if that is as long as the sector usually is."""
    lacking = [n for n, sector in enumerate(lap.sectors) if sector is None]
    if len(lacking) != 1 or lap.lap_duration is None:
        return []
    rest = round(lap.lap_duration - sum(sector for sector in lap.sectors if sector is not None), 3)
    usual = rows.usual_sectors[lacking[0]]
    if usual is None or abs(rest - usual) > USUAL_SECTOR * usual:
        return []
    why = "It is what the other two sectors leave of the lap's time."
    return propose(rows, "laps", lap, {f"duration_sector_{lacking[0] + 1}": rest}, why=why)


@check(WARNING, "no-sector-time")
def sector_time_missing(rows: SessionRows) -> Iterator[Finding]:
    """Laps that have a time but lack a sector, often under a red flag: the sum of sectors is not the lap there.

    Out-laps of practice and qualifying always lack one: they began in the garage.
    """
    laps = [lap for lap in rows.laps if rows.is_race or not lap.is_pit_out_lap]
    partial = [lap for lap in laps if lap.lap_duration is not None and lap.sum_of_sectors is None]
    if partial:
        text = join_words(f"{lap.driver_number}/{lap.lap_number}" for lap in partial)
        yield Finding(
            message=f"{plural(len(partial), 'lap')} without a sector time (car/lap): {text}.",
            rows={"laps": keys(partial)},
            proposals=[proposal for lap in partial for proposal in missing_sector(rows, lap)],
        )


def time_by_sectors(rows: SessionRows, lap: LapRow) -> list[Proposal]:
    """A proposal of the sectors' sum as a lap's time, where the next lap's start fits the sum and not the time."""
    following = next((other for other in rows.laps_of[lap.driver_number] if other.lap_number == lap.lap_number + 1), None)
    if not (following and following.date_start and lap.date_start and lap.lap_duration and lap.sum_of_sectors):
        return []
    took = (following.date_start - lap.date_start).total_seconds()
    if abs(took - lap.sum_of_sectors) > JITTER or abs(took - lap.lap_duration) <= JITTER:
        return []
    why = f"It is the sum of the three sectors, and the next lap began {took:.1f} s after this one."
    return propose(rows, "laps", lap, {"lap_duration": round(lap.sum_of_sectors, 3)}, why=why)


@check(ERROR, "sectors-and-lap", spoils_laps=True)
def sectors_do_not_add_up(rows: SessionRows) -> Iterator[Finding]:
    """The three sectors differ from the lap by more than 2 ms: one of the four times is wrong."""
    for lap in rows.laps:
        if lap.lap_duration is None or lap.sum_of_sectors is None:
            continue
        off = lap.lap_duration - lap.sum_of_sectors
        if abs(off) > SECTOR_ROUNDING:
            found = of_laps(
                [lap], f"Lap {lap.lap_number} of car {lap.driver_number} takes {off:+.3f} s compared with its three sectors."
            )
            yield replace(found, proposals=time_by_sectors(rows, lap))


@check(ERROR, "laps-run-backwards", spoils_laps=True)
def laps_run_backwards(rows: SessionRows) -> Iterator[Finding]:
    """A lap began before the one before it: at Suzuka 2024 (9496, red flag on lap 1) lap 1 is dated by the restart."""
    for car, laps in rows.laps_of.items():
        for (one, began), (other, then) in pairwise((lap, lap.date_start) for lap in laps if lap.date_start):
            if then < began:
                yield Finding(
                    message=f"Lap {other.lap_number} of car {car} began before lap {one.lap_number}.",
                    driver_number=car,
                    lap_number=other.lap_number,
                    rows={"laps": keys([one, other])},
                )


@check(WARNING, "laps-run-backwards")
def laps_do_not_join(rows: SessionRows) -> Iterator[Finding]:
    """A lap of a race begins over a second before or after the lap before it ended: a start or a time is wrong (9531/1)."""
    for car, laps in rows.laps_of.items() if rows.is_race else []:
        for one, other in pairwise(laps):
            if other.lap_number != one.lap_number + 1 or not (one.date_start and one.date_end and other.date_start):
                continue
            apart = (other.date_start - one.date_end).total_seconds()
            if abs(apart) > JITTER and other.date_start > one.date_start:
                when = f"{abs(apart):.1f} s {'after' if apart > 0 else 'before'} lap {one.lap_number} ended"
                yield Finding(
                    message=f"Lap {other.lap_number} of car {car} began {when}.",
                    driver_number=car,
                    lap_number=other.lap_number,
                    rows={"laps": keys([one, other])},
                )


@check(NOTE, "no-lap-start")
def lap_start_missing(rows: SessionRows) -> Iterator[Finding]:
    """It is not known when laps began, usually lap 1: they cannot be laid beside flags, weather or samples."""
    undated = [lap for lap in rows.laps if lap.date_start is None]
    if undated:
        text = join_words(f"{lap.driver_number}/{lap.lap_number}" for lap in undated)
        yield Finding(message=f"{plural(len(undated), 'lap')} without a start (car/lap): {text}.", rows={"laps": keys(undated)})


@check(WARNING, "lap-1-out-lap")
def out_laps_on_lap_1(rows: SessionRows) -> Iterator[Finding]:
    """Lap 1 of a race is flagged as an out-lap, as for the whole field of Montréal 2024 (9531): nobody came out of the pits."""
    flagged = [lap for lap in rows.laps if lap.is_pit_out_lap and lap.lap_number == 1] if rows.is_race else []
    if flagged:
        yield Finding(message=f"Lap 1 of {plural(len(flagged), 'car')} is flagged as an out-lap.", rows={"laps": keys(flagged)})


@check(NOTE, "restart-out-laps")
def out_laps_at_restarts(rows: SessionRows) -> Iterator[Finding]:
    """Laps flagged as out-laps because the field left the pit lane for a restart: nobody had stopped for tyres."""
    stops = [w for w in rows.windows if w.state == "red flag"] if rows.is_race else []
    flagged = [
        lap
        for lap in rows.laps
        if lap.is_pit_out_lap and lap.lap_number > 1 and lap.date_start
        if any(w.date_start <= lap.date_start and (w.date_end is None or lap.date_start < w.date_end) for w in stops)
    ]
    if flagged:
        yield Finding(
            message=f"{plural(len(flagged), 'out-lap')} under a red flag: restarts, not stops.", rows={"laps": keys(flagged)}
        )


@check(NOTE, "no-speed")
def speeds_missing(rows: SessionRows) -> Iterator[Finding]:
    """Speeds are null, most often at the first intermediate: a mean over laps is one over the laps that have them."""
    for name, place in (("i1_speed", "first intermediate"), ("i2_speed", "second intermediate"), ("st_speed", "speed trap")):
        missing = [lap for lap in rows.laps if getattr(lap, name) is None]
        if missing:
            share = len(missing) / len(rows.laps)
            yield Finding(
                message=f"No speed at the {place} on {plural(len(missing), 'lap')} ({share:.0%}).", rows={"laps": keys(missing)}
            )


@check(NOTE, "slow-speeds")
def slow_trap_speeds(rows: SessionRows) -> Iterator[Finding]:
    """Speeds below 60 km/h: real behind a safety car or of a failing car, and poison for a mean."""
    slow = [lap for lap in rows.laps if any(v is not None and v < SLOW_TRAP for v in (lap.i1_speed, lap.i2_speed, lap.st_speed))]
    if slow:
        yield Finding(message=f"{plural(len(slow), 'lap')} with a speed below {SLOW_TRAP} km/h.", rows={"laps": keys(slow)})


@check(NOTE, "segments")
def segments_missing(rows: SessionRows) -> Iterator[Finding]:
    """Mini-sectors are null as a whole, or have null inside: their number is not the circuit's."""
    whole = [lap for lap in rows.laps if None in (lap.segments_1, lap.segments_2, lap.segments_3)]
    if whole:
        yield Finding(message=f"No mini-sectors on {plural(len(whole), 'lap')}.", rows={"laps": keys(whole)})
    holed = [lap for lap in rows.laps if "null" in f"{lap.segments_1}{lap.segments_2}{lap.segments_3}"]
    if holed:
        yield Finding(message=f"Mini-sectors with null inside on {plural(len(holed), 'lap')}.", rows={"laps": keys(holed)})
