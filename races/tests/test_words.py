"""What people call race weekends and sessions, and which rows these words mean."""

from datetime import timedelta

import pytest
from django.utils import timezone

from api.tests.factories import make
from jobs.models import Job
from races.models import Circuit, Race, Session
from races.words import Unclear, find_races, find_session, find_sessions

pytestmark = pytest.mark.django_db

WEEKENDS = [  # (race_id, year, event, slug, circuit, place, country)
    (1, 2023, "Monaco Grand Prix", "monaco", "Monte Carlo", "Monaco", "Monaco"),
    (2, 2024, "Pre-Season Testing", "pre-season-testing", "Sakhir", "Sakhir", "Bahrain"),
    (3, 2024, "Bahrain Grand Prix", "bahrain", "Sakhir", "Sakhir", "Bahrain"),
    (4, 2024, "Emilia Romagna Grand Prix", "emilia-romagna", "Imola", "Imola", "Italy"),
    (5, 2024, "Monaco Grand Prix", "monaco", "Monte Carlo", "Monaco", "Monaco"),
    (6, 2024, "Italian Grand Prix", "italian", "Monza", "Monza", "Italy"),
    (7, 2024, "São Paulo Grand Prix", "sao-paulo", "Interlagos", "São Paulo", "Brazil"),
]
SESSIONS = [("Practice 1", "practice-1"), ("Sprint Qualifying", "sprint-qualifying"), ("Sprint", "sprint"), ("Race", "race")]


@pytest.fixture
def seasons(db):
    """Seven weekends of four sessions, a week apart, of which the last is still to come."""
    first = timezone.now() - timedelta(weeks=len(WEEKENDS) - 1, days=-3)
    for week, (key, year, event, slug, circuit, place, country) in enumerate(WEEKENDS):
        start = first + timedelta(weeks=week)
        names = {"circuit_name": circuit, "location": place, "country_name": country, "year": year}
        race = Race.objects.create(race_id=key, race_name=event, slug=slug, date_start=start, **names)
        for number, (name, session_slug) in enumerate(SESSIONS):
            begin = start + timedelta(hours=number)
            Session.objects.create(
                session_id=key * 10 + number, race=race, session_name=name, slug=session_slug, date_start=begin, **names
            )


@pytest.mark.parametrize(
    ("text", "year", "expected"),
    [
        ("monaco", 2024, [5]),
        ("monaco", None, [1, 5]),
        ("Monaco 2023", None, [1]),
        ("monaco gp 24", None, [5]),
        ("Monte Carlo", 2024, [5]),
        ("bahrain", 2024, [3]),
        ("sakhir", 2024, [3]),
        ("testing", 2024, [2]),
        ("interlagos", None, [7]),
        ("Sao Paulo", None, [7]),
        ("brazil", None, [7]),
        ("emil", None, [4]),
        ("6", None, [6]),
        ("latest", None, [6]),
        ("latest", 2023, [1]),
    ],
)
def test_words_mean_race_weekends(seasons, text, year, expected):
    assert [race.race_id for race in find_races(text, year=year)] == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"race": "monaco", "year": 2024, "session": "race"}, 53),
        ({"race": "monaco", "year": "2024", "session": "R"}, 53),
        ({"race": "imola", "session": "fp1"}, 40),
        ({"race": "imola", "session": "SQ"}, 41),
        ({"race": "imola", "session": "ss"}, 41),
        ({"race": "imola", "session": "Sprint Shootout"}, 41),
        ({"race": "imola", "session": "Sprint"}, 42),
        ({"race": "monaco", "year": "latest", "session": "race"}, 53),
        ({"session": "latest"}, 63),
        ({"race": "monaco", "year": 2023, "session": "latest"}, 13),
        ({"session": "42"}, 42),
    ],
)
def test_words_mean_one_session(seasons, words, expected):
    assert find_session(**words).session_id == expected


def test_a_kind_of_session_alone_means_all_of_them(seasons):
    assert [session.session_id for session in find_sessions(session="race", year=2023)] == [13]
    assert len(find_sessions(session="race")) == len(WEEKENDS)


@pytest.mark.parametrize(
    ("words", "field", "message"),
    [
        ({"race": "monco"}, "race", "There is no race weekend called 'monco'. Did you mean 'monaco'?"),
        ({"race": "xyz", "year": 2023}, "race", "There is no race weekend of 2023 called 'xyz'. There are: monaco."),
        ({"race": "bahrian", "year": 2024}, "race", "Did you mean 'bahrain' or 'pre-season-testing'?"),
        (
            {"race": "italy", "year": 2024},
            "race",
            "'italy' means several race weekends of 2024. Did you mean 'emilia-romagna' or 'italian'?",
        ),
        (
            {"race": "italy"},
            "race",
            "'italy' means several race weekends of 2024. Did you mean 'emilia-romagna 2024' or 'italian 2024'?",
        ),
        ({"race": "monaco", "session": "race"}, "year", "'monaco' was held in several seasons. Did you mean '2024' or '2023'?"),
        ({"race": "monaco", "year": 2031}, "year", "There is no session of the season '2031'; stored are 2023, 2024."),
        ({"session": "sprnt"}, "session", "There is no kind of session called 'sprnt'. Did you mean 'sprint'?"),
        (
            {"race": "imola", "session": "qualifying"},
            "session",
            "There is no session 'qualifying' of imola; there are: Practice 1, Sprint Qualifying, Sprint, Race.",
        ),
        ({"session": "999"}, "session", "There is no session '999'."),
        ({"race": "imola"}, "session", "Did you mean 'practice-1', 'sprint-qualifying', 'sprint' or 'race'?"),
        ({"race": "sao paulo", "session": "latest"}, "session", "No session has begun that 'latest' could mean here."),
    ],
)
def test_unclear_words_name_the_parameter_and_what_could_be_meant(seasons, words, field, message):
    with pytest.raises(Unclear) as unclear:
        find_session(**words)
    assert unclear.value.field == field
    assert str(unclear.value).endswith(message)


@pytest.mark.parametrize(
    ("session", "kinds", "expected"),
    [
        (None, ["Race"], 53),
        (None, ["Practice 1", "Practice 2"], 50),
        (None, ["Race", "Sprint"], "This weekend has several such sessions. Did you mean 'sprint' or 'race'?"),
        (None, ["Qualifying"], "This is asked of: Qualifying."),
        ("sprint", ["Race"], 52),  # one session is meant; whoever asks says that it is of another kind
    ],
)
def test_only_sessions_that_can_be_asked_are_proposed(seasons, session, kinds, expected):
    def ask():
        return find_session(race="monaco", year=2024, session=session, kinds=kinds).session_id

    if isinstance(expected, int):
        assert ask() == expected
        return
    with pytest.raises(Unclear) as unclear:
        ask()
    assert str(unclear.value) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("races/?race=monaco", {1, 5}),
        ("races/?race=monaco&season=2023", {1}),
        ("races/?race=latest", {6}),
        ("sessions/?race=imola&session=R", {43}),
        ("sessions/?race=imola&session_name=race", {43}),
        ("sessions/?session_id=latest", {63}),
        ("sessions/?race_id=latest&session=sprint", {62}),
        ("races/4/sessions/?session=fp1", {40}),
        ("races/?country_name=ITALY", {4, 6}),
    ],
)
def test_lists_understand_words(api, seasons, query, expected):
    answer = api.get(f"/api/v1/{query}").json()
    key = "session_id" if "sessions/" in query else "race_id"
    assert {row[key] for row in answer["results"]} == expected


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("races/?race=monco", "race", "Did you mean 'monaco'?"),
        ("sessions/?race=monaco&season=2031", "season", "stored are 2023, 2024."),
        ("sessions/?year=2031", "year", "There is no season 2031 here. There are: 2023, 2024."),
        ("sessions/?race_id=77", "race_id", "There is no race '77'."),
        ("sessions/?session_name=raze", "session_name", "No row has the session name 'raze'. There are: Practice 1, "),
        ("races/?slug=monacco", "slug", "No row has the slug 'monacco'. There is: monaco."),
        ("races/?circuit_key=99", "circuit_key", "No row has the circuit key '99'."),
        ("circuits/?circuit_name=Monacco", "circuit_name", "No row has the circuit name 'Monacco'."),
        ("sessions/?country_name=itly", "country_name", "No row has the country name 'itly'. There is: Italy."),
        ("races/4/sessions/?session=quali", "session", "There is no session 'quali' of 4; there are: Practice 1, Sprint"),
        ("races/?source=nonsense", "source", "There is no source 'nonsense'. There are: openf1, demo, manual."),
        ("races/?race=", "race", "Give this once, with a value."),
        ("circuits/?race=monco", "race", "Did you mean 'monaco'?"),
        ("circuits/?year=2031", "year", "stored are 2023, 2024."),
        ("circuit-facts/?race=monco", "race", "Did you mean 'monaco'?"),
        ("runs/?race=monco", "race", "Did you mean 'monaco'?"),
        ("experiments/?race=monco", "race", "Did you mean 'monaco'?"),
        ("weather/?session_id=99999", "session_id", "There is no session '99999'."),
    ],
)
def test_a_value_that_no_row_can_have_is_named(api, seasons, query, field, message):
    answer = api.get(f"/api/v1/{query}")
    assert answer.status_code == 400
    assert message in answer.json()[field][0]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("race=imola", {44}),
        ("race=Monte Carlo&year=2023", {55}),
        ("race=monaco", {55}),
        ("year=2023", {55}),
        ("year=latest", {44, 55}),
        ("race=monaco&circuit_name=IMOLA", set()),
    ],
)
def test_circuits_are_found_by_their_races(api, seasons, query, expected):
    for key, name in ((44, "Imola"), (55, "Monte Carlo"), (66, "Kyalami")):
        make(Circuit, circuit_id=key, circuit_name=name)
        Race.objects.filter(circuit_name=name).update(circuit_key=key)
    assert {row["circuit_id"] for row in api.get(f"/api/v1/circuits/?{query}").json()["results"]} == expected


def test_what_latest_means_is_asked_each_time(api, seasons):
    assert "ETag" not in api.get("/api/v1/sessions/?session_id=latest").headers
    assert "ETag" in api.get("/api/v1/sessions/?session_id=63").headers


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("race=monaco&year=2024", {"session", "weekend", "season"}),
        ("race=monaco&year=2024&session=sprint", {"weekend", "season"}),
        ("year=2024", {"session", "weekend", "season"}),
        ("race=monaco&year=2023", set()),
        ("session=fp1", {"weekend"}),
        ("race=latest&session=race", {"season"}),
        ("race=monaco&year=2024&kind=check_data", {"session"}),
        ("owner=ADMIN&race=imola", {"season"}),
    ],
)
def test_jobs_are_found_by_what_they_are_to_do(admin_client, admin_user, seasons, query, expected):
    about = {"season": {"seasons": [2024], "session_names": ["Race", "Sprint"]}, "weekend": {"races": [5]}, "none": {}}
    for name, parameters in about.items():
        Job.objects.create(kind="sync", description=name, parameters=parameters, owner=admin_user)
    Job.objects.create(kind="check_data", description="session", parameters={"sessions": [53]})
    found = admin_client.get(f"/api/v1/jobs/?{query}").json()["results"]
    assert {job["description"] for job in found} == expected


def test_words_that_mean_no_race_find_no_jobs(admin_client, seasons):
    answer = admin_client.get("/api/v1/jobs/?race=monco")
    assert (answer.status_code, list(answer.json())) == (400, ["race"])
