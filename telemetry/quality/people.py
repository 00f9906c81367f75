"""Faults of entries: who drove."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from drivers.names import driver_id, names_match
from jobs.wording import plural
from telemetry.quality.findings import ERROR, NOTE, WARNING, Finding, Proposal, check, join_words, keys
from telemetry.quality.proposals import propose
from telemetry.quality.rows import EntryRow
from telemetry.quality.session_rows import SessionRows
from telemetry.quality.surroundings import Appearance

NEEDED = {
    "full_name": "full name",
    "first_name": "first name",
    "last_name": "last name",
    "name_acronym": "acronym",
    "team_name": "team",
    "team_colour": "team colour",
}
BIGGEST_GRID = 26  # cars that the sporting regulations admit to a championship event


def of_entry(entry: EntryRow, message: str) -> Finding:
    return Finding(message=message, driver_number=entry.driver_number, rows={"drivers": [entry.pk]})


def known_elsewhere(rows: SessionRows, entry: EntryRow, fields: Iterable[str]) -> list[Proposal]:
    """Proposals for those empty fields of an entry whose value other sessions of the weekend or season know."""
    if entry.full_name and not entry.driver_id:  # it names two people: nobody knows whose other entries count
        return []
    values = {}
    for field in fields:
        known = rows.surroundings.identities.agreed_value(
            field,
            race_id=rows.session.race_id,
            year=rows.session.year,
            driver_number=entry.driver_number,
            driver_id=entry.driver_id,
        )
        if known and not getattr(entry, field):
            values[field] = known
    why = f"The other entries of car {entry.driver_number} all say so."
    return propose(rows, "drivers", entry, values, why=why)


@check(WARNING, "names-later", "no-team")
def driver_incomplete(rows: SessionRows) -> Iterator[Finding]:
    """Entries without a name, acronym or team: during and after broken sessions upstream has none, and adds them later."""
    for entry in rows.entries:
        missing = {field: what for field, what in NEEDED.items() if not getattr(entry, field)}
        if missing:
            yield replace(
                of_entry(
                    entry, f"Car {entry.driver_number} ({entry.full_name or 'nobody'}) has no {join_words(missing.values())}."
                ),
                proposals=known_elsewhere(rows, entry, missing),
            )


@check(ERROR, "two-grids", "number-is-no-person")
def entry_names_two_people(rows: SessionRows) -> Iterator[Finding]:
    """One number, two people: an entry's full name is not that of its first and last name (9223/1: Paul Aron, Max Verstappen).

    Nobody can be held to be the driver: rows of that number have none.
    """
    for entry in rows.entries:
        if not names_match(entry.full_name, entry.first_name, entry.last_name):
            other = f"{entry.first_name or ''} {entry.last_name or ''}".strip()
            yield of_entry(entry, f"Car {entry.driver_number} is {entry.full_name} and {other} at once.")


@check(ERROR, "two-grids", "number-is-no-person")
def number_sent_for_two_people(rows: SessionRows) -> Iterator[Finding]:
    """Upstream sent a number twice, for two people: its key of a driver is the row in the file, not the number."""
    entries = {entry.driver_number: entry for entry in rows.entries}
    for reject in rows.rejects:
        number, other = reject.row.get("driver_number"), reject.row.get("full_name")
        entry = entries.get(number) if reject.collection == "drivers" and isinstance(number, int) else None
        if entry and isinstance(other, str) and other and driver_id(other) != driver_id(entry.full_name):
            yield of_entry(entry, f"Car {entry.driver_number} is stored as {entry.full_name}; upstream also sent {other}.")


@check(ERROR, "two-grids")
def person_in_two_cars(rows: SessionRows) -> Iterator[Finding]:
    """One person has two numbers in one session."""
    cars: dict[str, list[EntryRow]] = {}
    for entry in rows.entries:
        if entry.driver_id:
            cars.setdefault(entry.driver_id, []).append(entry)
    for entries in cars.values():
        if len(entries) > 1:
            numbers = join_words(entry.driver_number for entry in entries)
            yield Finding(message=f"{entries[0].full_name} has cars {numbers}.", rows={"drivers": keys(entries)})


@check(WARNING, "two-grids")
def more_cars_than_a_grid(rows: SessionRows) -> Iterator[Finding]:
    """More entries than a grid can hold: another series is mixed in (9223 has 35, with Formula 3)."""
    if len(rows.entries) > BIGGEST_GRID:
        yield Finding(
            message=f"{len(rows.entries)} entries; a grid has {BIGGEST_GRID} at most.", rows={"drivers": keys(rows.entries)}
        )


@check(ERROR, "names-later")
def car_without_entry(rows: SessionRows) -> Iterator[Finding]:
    """Rows of a number that no entry has: nobody is known to have driven them."""
    known = {entry.driver_number for entry in rows.entries}
    collections: dict[str, set[int]] = {
        "laps": set(rows.laps_of),
        "stints": set(rows.stints_of),
        "pit": set(rows.pits_of),
        "session_result": set(rows.result_of),
        "starting_grid": {row.driver_number for row in rows.grid},
        **{name: {car for car in cars if car is not None} for name, cars in rows.counts.items()},
    }
    strangers: dict[int, list[str]] = {}
    for collection, cars in collections.items():
        for car in cars - known:
            strangers.setdefault(car, []).append(collection)
    for car, where in sorted(strangers.items()):
        yield Finding(message=f"No entry has number {car}, which is in {join_words(where)}.", driver_number=car)


@check(NOTE, "no-portrait")
def details_missing(rows: SessionRows) -> Iterator[Finding]:
    """Entries without a country (all of them since 2025) or a portrait."""
    for what, without in (
        ("country", [entry for entry in rows.entries if not entry.country_code]),
        ("portrait", [entry for entry in rows.entries if not entry.headshot_url]),
    ):
        if without:
            yield Finding(
                message=f"No {what} for {len(without)} of {plural(len(rows.entries), 'driver')}.",
                rows={"drivers": keys(without)},
                proposals=[p for entry in without if what == "country" for p in known_elsewhere(rows, entry, ["country_code"])],
            )


@check(NOTE, "number-is-no-person")
def number_of_several_people(rows: SessionRows) -> Iterator[Finding]:
    """A number that somebody else uses in another session of the season: group by `driver_id`, not by number."""
    for entry in rows.entries:
        others = rows.surroundings.number_users.get((rows.session.year, entry.driver_number), set()) - {entry.driver_id}
        if others:
            here = entry.driver_id or "nobody for certain"
            yield of_entry(
                entry, f"Number {entry.driver_number} is {here} here, and {join_words(sorted(others))} elsewhere this season."
            )


def changed(rows: SessionRows, what: str, value: Callable[[EntryRow | Appearance], object]) -> Iterator[Finding]:
    """Entries whose value differs from that person's session before."""
    for entry in rows.entries:
        before = rows.surroundings.previous_appearances.get((rows.session.pk, entry.driver_id or ""))
        if before and value(before) and value(entry) and value(before) != value(entry):
            yield of_entry(entry, f"{entry.full_name}: {what} {value(before)} before, {value(entry)} here.")


@check(NOTE, "number-is-no-person")
def number_changed(rows: SessionRows) -> Iterator[Finding]:
    """A person has another number than in the session before (Lawson 40 and 30, Bearman 50, 38 and 87)."""
    yield from changed(rows, "number", lambda who: who.driver_number)


@check(NOTE, "spellings")
def acronym_changed(rows: SessionRows) -> Iterator[Finding]:
    """A person has another acronym than in the session before (Colapinto: FCO, then COL)."""
    yield from changed(rows, "acronym", lambda who: who.name_acronym)


@check(NOTE, "team-changes")
def team_changed(rows: SessionRows) -> Iterator[Finding]:
    """A person's team is not that of the session before: they moved, or the team has a new name."""
    yield from changed(rows, "team", lambda who: who.team_name)


@check(NOTE, "team-colours")
def team_colour_changed(rows: SessionRows) -> Iterator[Finding]:
    """A team's colour is not that of the session before, if only in its letter case."""
    seen = set()
    for entry in rows.entries:
        before = rows.surroundings.previous_appearances.get((rows.session.pk, entry.driver_id or ""))
        if not before or before.team_name != entry.team_name or before.team_colour == entry.team_colour:
            continue
        if before.team_colour and entry.team_colour and entry.team_name not in seen:
            seen.add(entry.team_name)
            yield of_entry(entry, f"{entry.team_name}: colour {before.team_colour} before, {entry.team_colour} here.")


@check(WARNING, "spellings")
def person_under_two_names(rows: SessionRows) -> Iterator[Finding]:
    """Two drivers are probably one person (Kimi and Andrea Kimi Antonelli): merge them in the admin."""
    for entry in rows.entries:
        other = rows.surroundings.duplicates.get(entry.driver_id or "")
        if other:
            yield of_entry(entry, f"{entry.driver_id} is probably the same person as {other}.")
