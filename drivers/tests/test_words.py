"""What people call drivers, and whom these words mean."""

import pytest
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from api.tests.factories import make
from drivers.filters import resolve_words
from drivers.models import Driver, DriverAlias, Entry
from drivers.words import find_car, find_drivers
from mirror.models import Correction, Reject, SyncPiece, SyncRun
from races.models import RaceControl, Session
from races.words import Unclear
from telemetry.models import Lap, Overtake

pytestmark = pytest.mark.django_db

DRIVERS = [
    ("charles_leclerc", "LEC", 16),
    ("arthur_leclerc", "LCL", 38),
    ("max_verstappen", "VER", 1),
    ("nyck_de_vries", "DEV", 21),
]


@pytest.fixture
def session():
    """A session with three of four drivers, each with a lap."""
    session = make(Session, listed=True)
    for key, acronym, number in DRIVERS:
        driver = Driver.objects.create(
            driver_id=key, full_name=key.replace("_", " ").title(), name_acronym=acronym, driver_number=number
        )
        if key != "arthur_leclerc":
            Entry.objects.create(session=session, driver_number=number, driver=driver, name_acronym=acronym)
            Lap.objects.create(session=session, driver_number=number, driver=driver, lap_number=1, lap_duration=90)
    return session


@pytest.mark.parametrize("text", ["VER", "ver", "verstappen", "Max Verstappen", "max_verstappen", "Max", "verst", "1"])
def test_words_mean_a_driver(session, text):
    assert {driver.driver_id for driver in find_drivers(text)} == {"max_verstappen"}
    assert find_car(text, session=session.pk) == 1


def test_a_last_name_of_two_words_and_another_spelling_are_understood(session):
    DriverAlias.objects.create(alias="nick_devries", driver_id="nyck_de_vries")
    assert find_car("de vries", session=session.pk) == find_car("Nick Devries", session=session.pk) == 21


def test_only_drivers_of_the_session_are_meant(session):
    assert find_car("leclerc", session=session.pk) == 16
    with pytest.raises(Unclear, match=r"several drivers\. Did you mean 'arthur_leclerc' or 'charles_leclerc'"):
        find_drivers("leclerc")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("verstapen", "There is no driver called 'verstapen' in this session. Did you mean 'max_verstappen'?"),
        ("arthur", "There is no driver called 'arthur' in this session. There are: DEV, LEC, VER."),
        ("44", "There is no car 44 in this session. There are: 1, 16, 21."),
    ],
)
def test_unclear_words_say_what_could_be_meant(session, text, message):
    with pytest.raises(Unclear) as unclear:
        find_car(text, session=session.pk)
    assert (unclear.value.field, str(unclear.value)) == ("driver", message)


@pytest.mark.parametrize("query", ["driver=VER", "driver=verstappen", "driver=1", "driver=VER&session_id=2001"])
def test_lists_are_filtered_by_driver(api, session, query):
    [lap] = api.get(f"/api/v1/laps/?{query}").json()["results"]
    assert lap["driver_id"] == "max_verstappen"
    [entry] = api.get(f"/api/v1/entries/?{query}").json()["results"]
    assert entry["driver_id"] == "max_verstappen"
    [driver] = api.get(f"/api/v1/drivers/?{query.partition('&')[0]}").json()["results"]
    assert driver["driver_id"] == "max_verstappen"


@pytest.mark.parametrize("query", ["driver=VER,LEC", "driver=1, lec&race=latest&session=latest", "driver=16,1&session_id=2001"])
def test_lists_are_filtered_by_several_drivers(api, session, query):
    numbers = {"laps": 1, "entries": 2, "drivers": 2}
    for name, least in numbers.items():
        rows = api.get(f"/api/v1/{name}/?{query if name != 'drivers' else query.partition('&')[0]}").json()["results"]
        assert {row["driver_id"] for row in rows} <= {"max_verstappen", "charles_leclerc"}
        assert len({row["driver_id"] for row in rows}) >= least
    make(Overtake, session=session, overtaking_driver_number=16, overtaken_driver_number=1)
    assert api.get("/api/v1/overtakes/?driver=1,16").json()["count"] == 1
    assert api.get("/api/v1/laps/?driver=VER,").json() == {"driver": ["There is no driver called ''."]}


@pytest.mark.parametrize("driver", ["VER", "verstappen", "1"])
def test_messages_about_a_driver_are_those_about_the_car(api, session, driver):
    for number in (1, 16, None):
        make(RaceControl, session=session, driver_number=number, message=f"CAR {number}", digest=number or 0)
    other = make(Session, session_id=77, race=session.race, slug="other")
    make(RaceControl, session=other, driver_number=1, message="a car that nobody was entered with")
    found = api.get(f"/api/v1/race-control/?session_id={session.pk}&driver={driver}").json()["results"]
    assert [row["message"] for row in found] == ["CAR 1"]
    assert api.get("/api/v1/race-control/?driver=verstapen").json() == {
        "driver": ["There is no driver called 'verstapen'. Did you mean 'max_verstappen'?"]
    }


@pytest.fixture
def kept(session):
    """A correction and rejected rows of the session, of its race weekend as a whole, and of a session that is not stored."""
    now, race = timezone.now(), session.race_id
    common = {"collection": "laps", "row": {}, "reason": "", "first_seen": now, "last_seen": now}
    places = [(race, session.pk, 1), (race, session.pk, 16), (race, None, None), (race, 77, 1)]
    for number, (race_id, session_id, car) in enumerate(places):
        Reject.objects.create(**common, race_id=race_id, session_id=session_id, driver_number=car, digest=number)
    Correction.objects.create(collection="laps", session_id=session.pk, key={}, field="lap_number", upstream=1, corrected=2)
    Correction.objects.create(collection="laps", session_id=session.pk, key={}, upstream={"lap_number": 3}, reason="deleted")
    return session


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("rejects/?session=latest", 3),
        ("rejects/?session_id=latest", 2),
        ("rejects/?session=latest&driver=VER", 1),
        ("rejects/?session_id=77", 1),
        ("rejects/?collection=Laps", 4),
        ("rejects/?collection=entries", 0),
        ("corrections/?session=latest", 2),
        ("corrections/?session_id=latest", 2),
        ("corrections/?collection=people", 0),
        ("rejects/?row={}", 4),
        ('rejects/?row={"lap_number": 1e300}', 0),
        ("corrections/?field=Lap_Number", 1),
        ("corrections/?field=team_name", 0),
        ("corrections/?field__isnull=true", 1),  # of a deleted row
        ("corrections/?field__isnull=false&field__icontains=lap", 1),
    ],
)
def test_corrections_and_rejects_are_asked_for_in_words(api, kept, query, count):
    assert api.get(f"/api/v1/{query}").json()["count"] == count


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("rejects/?session_id=99999", "session_id", "There is no session 99999 here."),
        ("rejects/?race_id=99999", "race_id", "There is no race 99999 here."),
        ("rejects/?season=2031", "season", "There is no season 2031 here."),
        ("rejects/?collection=lap", "collection", "There is no collection 'lap'. Did you mean 'laps'?"),
        ("rejects/?session=latest&driver=verstapen", "driver", "There is no driver called 'verstapen' in this session."),
        ("corrections/?session_id=99999", "session_id", "There is no session 99999 here."),
        ("corrections/?collection=driver", "collection", "There is no collection 'driver'. Did you mean 'drivers'?"),
        ("corrections/?field=lap_nummer", "field", "There is no field 'lap_nummer'. There are: lap_number, "),
        ("corrections/?user=nobody", "user", "No row has the username 'nobody'."),
        ("rejects/?row=nonsense", "row", "'nonsense' is not JSON: "),
        ("rejects/?row=%22%5Cu0000%22", "row", r"""'"\\u0000"': The NUL character is not allowed."""),
        ("corrections/?session=rase", "session", "There is no kind of session called 'rase'."),
    ],
)
def test_corrections_and_rejects_of_what_there_is_not_are_refused(api, kept, query, field, message):
    refused = api.get(f"/api/v1/{query}")
    assert refused.status_code == 400
    assert refused.json()[field][0].startswith(message)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("session=latest", {"race", "samples", "weekend"}),
        ("race=latest", {"race", "samples", "weekend"}),
        ("session=latest&driver=VER", {"samples"}),
        ("driver=charles_leclerc", set()),
        ("driver=1", {"samples"}),
        ("session=latest&error=race", {"race"}),
    ],
)
def test_syncs_are_found_by_what_they_asked_for(api, session, query, expected):
    where = {"race_id": session.race_id, "session_id": session.pk}
    pieces = {"race": where, "samples": where | {"driver_number": 1}, "weekend": {"race_id": session.race_id}, "season": {}}
    for name, piece in pieces.items():
        run = SyncRun.objects.create(scope={}, error=name)
        SyncPiece.objects.create(run=run, collection="laps", **piece)
    assert {run["error"] for run in api.get(f"/api/v1/sync-runs/?{query}").json()["results"]} == expected


def test_drivers_of_a_session_are_listed(api, session):
    listed = api.get(f"/api/v1/drivers/?session={session.pk}").json()["results"]
    assert [driver["driver_id"] for driver in listed] == ["charles_leclerc", "max_verstappen", "nyck_de_vries"]


@pytest.mark.parametrize("entity", ["laps", "entries", "drivers", "pit", "race-control", "rejects", "telemetry"])
def test_a_number_that_no_car_ever_had_is_refused(api, session, entity):
    refused = api.get(f"/api/v1/{entity}/?driver_number__in=16,998")
    assert (refused.status_code, refused.json()) == (
        400,
        {"driver_number__in": ["There is no car 998 here; /api/v1/entries/ lists the cars of each session."]},
    )
    assert api.get(f"/api/v1/{entity}/?driver_number=38").status_code == 200


def test_a_number_that_only_a_row_of_the_list_has_is_found(api, session):
    Lap.objects.create(session=session, driver_number=98, lap_number=1)
    assert api.get("/api/v1/laps/?driver_number=98").json()["count"] == 1
    refused = api.get("/api/v1/overtakes/?overtaken_driver_number=98")
    assert refused.json()["overtaken_driver_number"][0].startswith("There is no car 98 here")


def test_overtakes_of_a_driver_are_those_on_either_side(api, session):
    drivers = {name: Driver.objects.get(pk=key) for name, key in [("max", "max_verstappen"), ("charles", "charles_leclerc")]}
    sides = {"overtaking_driver_number": 1, "overtaking_driver": drivers["max"]}
    sides |= {"overtaken_driver_number": 16, "overtaken_driver": drivers["charles"]}
    make(Overtake, session=session, **sides)
    for driver, expected in (("VER", 1), ("LEC", 1), ("16", 1), ("DEV", 0)):
        assert api.get(f"/api/v1/overtakes/?driver={driver}").json()["count"] == expected


def test_an_unknown_driver_is_a_400_with_the_candidates(api, session):
    answer = api.get(f"/api/v1/laps/?driver=leclrc&session_id={session.pk}")
    assert answer.status_code == 400
    assert answer.json() == {"driver": ["There is no driver called 'leclrc' in this session. Did you mean 'charles_leclerc'?"]}


def test_a_query_about_one_session_is_resolved(session):
    make(Session, 2, race=session.race, slug="quali", date_start="2099-01-01T00:00:00Z")
    assert resolve_words({"race": str(session.race_id), "session": str(session.pk), "driver": "LEC"}) == {
        "session_id": session.pk,
        "driver_number": 16,
    }
    assert resolve_words({"session_id": session.pk, "driver": "verstappen", "page": 1})["driver_number"] == 1
    assert resolve_words({"session_id": "latest"}) == {"session_id": session.pk}
    assert resolve_words({"driver": "VER"}) == {"driver_id": "max_verstappen"}
    assert resolve_words({"session_id": "x", "driver_number": 3}) == {"session_id": "x", "driver_number": 3}
    with pytest.raises(ValidationError, match="leave one of them out"):
        resolve_words({"session_id": session.pk, "race": "monaco"})
    with pytest.raises(ValidationError, match="There is no session '404'"):
        resolve_words({"session_id": 404, "driver": "LEC"})
