"""From entries to people: who drives, what is known of them, and two spellings becoming one person."""

from collections.abc import Iterable
from typing import Any

from django.db import models, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from drivers.models import Driver, DriverAlias, Entry, Identity
from drivers.names import agree, driver_id, tidy
from mirror import versions
from mirror.models import Correction, Source
from mirror.overlay import deleted_keys

FACTS = [field.name for field in Identity._meta.fields if field.name != "full_name"] + ["driver_number"]
SPELT = ("broadcast_name", "first_name", "last_name")
NAMES = ("broadcast_name", "name_acronym")  # belong to the full name even where the other fields are somebody else's


def follow_entries(session_id: int, *, source: str) -> None:
    """After the entries of a session changed: find or make their drivers, refresh these, and point the session's rows at them."""
    entries = list(Entry.objects.filter(session_id=session_id))
    aliases = dict(DriverAlias.objects.values_list("alias", "driver_id"))
    named = {entry: person for entry in entries if (person := driver_id(entry.full_name))}
    named = {entry: aliases.get(person, person) for entry, person in named.items()}
    gone = {key["driver_id"] for key in deleted_keys("people")}
    named = {entry: person for entry, person in named.items() if person not in gone}
    people = Driver.objects.in_bulk(set(named.values()))
    newcomers = {person: Driver(pk=person, source=source, **introduced(e)) for e, person in named.items() if person not in people}
    Driver.objects.bulk_create(newcomers.values(), ignore_conflicts=True)
    people |= newcomers
    moved: list[Entry] = []
    stale: set[str] = set()
    for entry in entries:
        person = named.get(entry) if trusted(entry) else None
        if entry.driver_id != person:
            if entry.driver_id:
                stale.add(entry.driver_id)
            entry.driver_id = person
            moved.append(entry)
        if person and not agrees(people[person], told(entry, person)):
            stale.add(person)
    Entry.objects.bulk_update(moved, ["driver"], batch_size=500)
    point_rows_at_drivers(session_id)
    refresh(stale)


def trusted(entry: Entry) -> bool:
    """Whether an entry's names agree, so that its number, team and laps can be put down to the person it names."""
    return agree(entry.full_name, entry.first_name, entry.last_name)


def introduced(entry: Entry) -> dict[str, str | None]:
    """The first facts of a person: what their own full name says, whatever else the entry claims."""
    full_name = entry.full_name or ""
    parts = (entry.first_name, entry.last_name) if trusted(entry) else ()
    family = [word for word in full_name.split() if word.isupper()] or full_name.split()[-1:]
    given = [word for word in full_name.split() if word not in family]
    return {
        "full_name": tidy(full_name, *parts),
        "first_name": tidy(" ".join(given), *parts) or None,
        "last_name": tidy(" ".join(family), *parts) or None,
        **{name: getattr(entry, name) for name in NAMES},
    }


def told(entry: Entry, person: str) -> dict[str, Any]:
    """What an entry tells of a person: its facts that are not null; names only as the driver ID spells them."""
    facts = {name: value for name in FACTS if (value := getattr(entry, name)) is not None}
    if driver_id(entry.full_name) != person:
        return {name: value for name, value in facts.items() if name not in SPELT}
    return facts | {"full_name": tidy(entry.full_name or "", entry.first_name, entry.last_name)}


def agrees(person: Driver, facts: dict[str, Any]) -> bool:
    return all(getattr(person, name) == value for name, value in facts.items())


def refresh(driver_ids: Iterable[str]) -> None:
    """Recompute these people's facts: of each the newest that any entry of theirs has, so a null never replaces a value."""
    people = Driver.objects.exclude(source=Source.MANUAL).in_bulk(list(driver_ids))
    facts = newest_facts(people)
    heed_corrections(facts)
    changed = []
    for pk, person in people.items():
        if not agrees(person, facts[pk]):
            for name, value in facts[pk].items():
                setattr(person, name, value)
            changed.append(person)
    Driver.objects.bulk_update(changed, ["full_name", *FACTS], batch_size=200)


def corrections_of_people() -> QuerySet[Correction]:
    return Correction.objects.filter(collection="people")


def heed_corrections(facts: dict[str, dict[str, Any]]) -> None:
    """Put what people corrected in the place of what the entries say, and let the corrections hear the latter."""
    heard = []
    for correction in corrections_of_people().exclude(field=""):
        known = facts.get(correction.key["driver_id"], {})
        if correction.field in known:
            if correction.set_upstream(known[correction.field]):
                heard.append(correction)
            known[correction.field] = correction.corrected
    Correction.objects.bulk_update(heard, ["upstream", "state", "updated_at"])


def find_entries(person: str) -> None:
    """After a person came (back) or was changed: point entries at them that name them and are nobody's."""
    for entry in Entry.objects.filter(driver=None):
        if driver_id(entry.full_name) == person and trusted(entry):
            follow_entries(entry.session_id, source=entry.source)


def newest_facts(driver_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """{driver_id: {fact: value}} from their entries, which are read from the newest back until everything is known."""
    facts: dict[str, dict[str, Any]] = {person: {} for person in driver_ids}
    incomplete = set(facts)
    newest = (models.F("session__date_start").desc(nulls_last=True), "-session_id")
    entries = Entry.objects.filter(driver__in=list(facts)).order_by(*newest)
    for entry in entries.iterator(chunk_size=100):
        person = str(entry.driver_id)
        facts[person] = told(entry, person) | facts[person]
        if len(facts[person]) > len(FACTS):  # all of them, and the full name
            incomplete.discard(person)
            if not incomplete:
                break
    return facts


def car_fields(model: type[models.Model]) -> list[tuple[str, str]]:
    """[(driver's field, car number's field)] of a model: a key to Driver, and beside it the same name with `_number`."""
    keys = [f for f in model._meta.concrete_fields if f.related_model is Driver]
    return [(key.attname, f"{key.name}_number") for key in keys if hasattr(model, f"{key.name}_number")]


def car_models() -> list[type[models.Model]]:
    """Every model whose rows belong to cars of a session, entries aside."""
    related = {relation.related_model: None for relation in Driver._meta.related_objects}
    return [model for model in related if model is not Entry and car_fields(model)]


def point_rows_at_drivers(session_id: int) -> None:
    """Make the driver of every row of a session the one its entries name; rows without such an entry name nobody."""
    drivers = Entry.objects.numbers(session_id)
    for model in car_models():
        rows = model._default_manager.filter(session_id=session_id)
        for driver, car in car_fields(model):
            for number, person in rows.order_by().values_list(car, driver).distinct():
                right = drivers.get(number)
                if person != right:
                    rows.filter(**{car: number, driver: person}).update(**{driver: right}, changed_at=Now())


@transaction.atomic
def merge(kept: Driver, others: Iterable[Driver]) -> None:
    """Make `others` the same person as `kept`, now and at every sync to come."""
    for other in others:
        DriverAlias.objects.filter(driver=other).update(driver=kept)
        DriverAlias.objects.update_or_create(alias=other.pk, defaults={"driver": kept})
        for relation in Driver._meta.related_objects:
            relation.related_model._default_manager.filter(**{relation.field.name: other}).update(**{relation.field.name: kept})
        corrections_of_people().filter(key={"driver_id": other.pk}).delete()
        other.delete()
    refresh([kept.pk])
    versions.touch("drivers", None)
