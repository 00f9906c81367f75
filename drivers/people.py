"""Drivers as people: derives them from the entries of sessions, and merges two spellings of one person."""

from collections.abc import Iterable
from typing import Any

from django.db import models, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from drivers.models import Driver, DriverAlias, Entry, Identity
from drivers.names import driver_id, format_full_name, names_match
from mirror import versions
from mirror.models import Correction, Source
from mirror.overlay import deleted_keys

FACTS = [field.name for field in Identity._meta.fields if field.name != "full_name"] + ["driver_number"]
SPELLINGS = ("broadcast_name", "first_name", "last_name")
NAMES = ("broadcast_name", "name_acronym")  # go with the full name even in entries whose other fields are another driver's


def assign_drivers(session_id: int, *, source: str) -> None:
    """Set the drivers of a session's entries and rows, after the entries changed; creates and updates drivers as needed."""
    entries = list(Entry.objects.filter(session_id=session_id))
    aliases = dict(DriverAlias.objects.values_list("alias", "driver_id"))
    ids = {entry: key for entry in entries if (key := driver_id(entry.full_name))}
    ids = {entry: aliases.get(key, key) for entry, key in ids.items()}
    deleted = {key["driver_id"] for key in deleted_keys("people")}
    ids = {entry: key for entry, key in ids.items() if key not in deleted}
    drivers = Driver.objects.in_bulk(set(ids.values()))
    new = {key: Driver(pk=key, source=source, **initial_facts(entry)) for entry, key in ids.items() if key not in drivers}
    Driver.objects.bulk_create(new.values(), ignore_conflicts=True)
    drivers |= new
    reassigned: list[Entry] = []
    outdated: set[str] = set()
    for entry in entries:
        key = ids.get(entry) if has_matching_names(entry) else None
        if entry.driver_id != key:
            if entry.driver_id:
                outdated.add(entry.driver_id)
            entry.driver_id = key
            reassigned.append(entry)
        if key and not has_facts(drivers[key], facts_of_entry(entry, key)):
            outdated.add(key)
    Entry.objects.bulk_update(reassigned, ["driver"], batch_size=500)
    assign_drivers_to_rows(session_id)
    update_drivers(outdated)


def has_matching_names(entry: Entry) -> bool:
    """Whether the names of an entry match, so that its number, team and laps can be attributed to the person of its full name."""
    return names_match(entry.full_name, entry.first_name, entry.last_name)


def initial_facts(entry: Entry) -> dict[str, str | None]:
    """The facts with which a driver is created: only those that follow from the full name, as the names may not match."""
    full_name = entry.full_name or ""
    parts = (entry.first_name, entry.last_name) if has_matching_names(entry) else ()
    family = [word for word in full_name.split() if word.isupper()] or full_name.split()[-1:]
    given = [word for word in full_name.split() if word not in family]
    return {
        "full_name": format_full_name(full_name, *parts),
        "first_name": format_full_name(" ".join(given), *parts) or None,
        "last_name": format_full_name(" ".join(family), *parts) or None,
        **{name: getattr(entry, name) for name in NAMES},
    }


def facts_of_entry(entry: Entry, driver: str) -> dict[str, Any]:
    """The facts in an entry of a driver that are not null; names only if the driver ID follows from them."""
    facts = {name: value for name in FACTS if (value := getattr(entry, name)) is not None}
    if driver_id(entry.full_name) != driver:
        return {name: value for name, value in facts.items() if name not in SPELLINGS}
    return facts | {"full_name": format_full_name(entry.full_name or "", entry.first_name, entry.last_name)}


def has_facts(driver: Driver, facts: dict[str, Any]) -> bool:
    return all(getattr(driver, name) == value for name, value in facts.items())


def update_drivers(driver_ids: Iterable[str]) -> None:
    """Derive the facts of drivers anew, each fact from the newest entry that has it, so that a null never replaces a value."""
    drivers = Driver.objects.exclude(source=Source.MANUAL).in_bulk(list(driver_ids))
    facts = newest_facts(drivers)
    apply_corrections(facts)
    changed = []
    for key, driver in drivers.items():
        if not has_facts(driver, facts[key]):
            for name, value in facts[key].items():
                setattr(driver, name, value)
            changed.append(driver)
    Driver.objects.bulk_update(changed, ["full_name", *FACTS], batch_size=200)


def corrections_of_people() -> QuerySet[Correction]:
    return Correction.objects.filter(collection="people")


def apply_corrections(facts: dict[str, dict[str, Any]]) -> None:
    """Replace facts by their corrections, and note in the corrections what the entries say now."""
    changed = []
    for correction in corrections_of_people().exclude(field=""):
        of_driver = facts.get(correction.key["driver_id"], {})
        if correction.field in of_driver:
            if correction.set_upstream(of_driver[correction.field]):
                changed.append(correction)
            of_driver[correction.field] = correction.corrected
    Correction.objects.bulk_update(changed, ["upstream", "state", "updated_at"])


def claim_entries(driver: str) -> None:
    """Assign entries without a driver to one whose ID follows from their names, after the driver was created or restored."""
    for entry in Entry.objects.filter(driver=None):
        if driver_id(entry.full_name) == driver and has_matching_names(entry):
            assign_drivers(entry.session_id, source=entry.source)


def newest_facts(driver_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """{driver_id: {fact: value}} from their entries, which are read from the newest to the oldest until all facts are found."""
    facts: dict[str, dict[str, Any]] = {driver: {} for driver in driver_ids}
    incomplete = set(facts)
    newest = (models.F("session__date_start").desc(nulls_last=True), "-session_id")
    entries = Entry.objects.filter(driver__in=list(facts)).order_by(*newest)
    for entry in entries.iterator(chunk_size=100):
        driver = str(entry.driver_id)
        facts[driver] = facts_of_entry(entry, driver) | facts[driver]
        if len(facts[driver]) > len(FACTS):  # all of them, and the full name
            incomplete.discard(driver)
            if not incomplete:
                break
    return facts


def car_fields(model: type[models.Model]) -> list[tuple[str, str]]:
    """[(field of the driver, field of the car number)] of a model: keys to Driver with a field `…_number` beside them."""
    keys = [f for f in model._meta.concrete_fields if f.related_model is Driver]
    return [(key.attname, f"{key.name}_number") for key in keys if hasattr(model, f"{key.name}_number")]


def car_models() -> list[type[models.Model]]:
    """The models whose rows belong to cars of a session, except entries."""
    related = {relation.related_model: None for relation in Driver._meta.related_objects}
    return [model for model in related if model is not Entry and car_fields(model)]


def assign_drivers_to_rows(session_id: int) -> None:
    """Set the driver of every row of a session to that of the entry with its car number, or to null without such an entry."""
    drivers = Entry.objects.numbers(session_id)
    for model in car_models():
        rows = model._default_manager.filter(session_id=session_id)
        for driver, car in car_fields(model):
            for number, assigned in rows.order_by().values_list(car, driver).distinct():
                expected = drivers.get(number)
                if assigned != expected:
                    rows.filter(**{car: number, driver: assigned}).update(**{driver: expected}, changed_at=Now())


@transaction.atomic
def merge(kept: Driver, others: Iterable[Driver]) -> None:
    """Merge `others` into `kept`: their rows move, and their driver IDs become aliases that later syncs use as well."""
    for other in others:
        DriverAlias.objects.filter(driver=other).update(driver=kept)
        DriverAlias.objects.update_or_create(alias=other.pk, defaults={"driver": kept})
        for relation in Driver._meta.related_objects:
            relation.related_model._default_manager.filter(**{relation.field.name: other}).update(**{relation.field.name: kept})
        corrections_of_people().filter(key={"driver_id": other.pk}).delete()
        other.delete()
    update_drivers([kept.pk])
    versions.touch("drivers", None)
