"""What a few words lead to."""

import pytest

from drivers.models import Driver, Team
from pages.finding import find, load_names, suggestions, understand
from races.models import Race, Session

pytestmark = pytest.mark.django_db


@pytest.fixture
def names(db):
    """Two invented seasons of real names, alone in the database."""
    for model in (Race, Driver, Team):
        model.objects.all().delete()
    races = [
        (1, 2023, "Monaco Grand Prix", "monaco", "Monte Carlo", "Monaco"),
        (2, 2024, "Monaco Grand Prix", "monaco", "Monte Carlo", "Monaco"),
        (3, 2024, "Chinese Grand Prix", "chinese", "Shanghai", "China"),
        (4, 2024, "Spanish Grand Prix", "spanish", "Catalunya", "Spain"),
        (5, 2024, "Belgian Grand Prix", "belgian", "Spa-Francorchamps", "Belgium"),
    ]
    for key, year, name, slug, circuit, country in races:
        start = f"{year}-05-{key:02}T12:00:00Z"
        race = Race.objects.create(
            race_id=key, year=year, race_name=name, slug=slug, circuit_name=circuit, country_name=country, date_start=start
        )
        for number, (session, session_slug) in enumerate(
            [("Race", "race"), ("Sprint", "sprint"), ("Sprint Qualifying", "sprint-qualifying"), ("Qualifying", "qualifying")]
        ):
            Session.objects.create(
                session_id=key * 10 + number, race=race, year=year, session_name=session, slug=session_slug, date_start=start
            )
    for key, name, acronym, number in [
        ("charles_leclerc", "Charles Leclerc", "LEC", 16),
        ("max_verstappen", "Max Verstappen", "VER", 1),
        ("guanyu_zhou", "Guanyu Zhou", "ZHO", 24),
    ]:
        Driver.objects.create(driver_id=key, full_name=name, name_acronym=acronym, driver_number=number)
    Team.objects.create(name="Ferrari", slug="ferrari")
    Team.objects.create(name="Haas F1 Team", slug="haas")
    return load_names()


@pytest.mark.parametrize(
    ("question", "urls"),
    [
        ("monaco 24", ["/f1/2024/monaco/"]),
        ("Monaco 2023", ["/f1/2023/monaco/"]),
        ("monaco", ["/f1/2024/monaco/", "/f1/2023/monaco/"]),
        ("leclerc", ["/f1/drivers/charles_leclerc/"]),
        ("charles", ["/f1/drivers/charles_leclerc/"]),
        ("VER", ["/f1/drivers/max_verstappen/"]),
        ("16", ["/f1/drivers/charles_leclerc/"]),
        ("ferrari", ["/f1/teams/ferrari/"]),
        ("Haas F1 Team", ["/f1/teams/haas/"]),
        ("sprint china 2024", ["/f1/2024/chinese/sprint/"]),
        ("sprint qualifying shanghai", ["/f1/2024/chinese/sprint-qualifying/"]),
        ("monaco gp 24 quali", ["/f1/2024/monaco/qualifying/"]),
        ("spa", ["/f1/2024/belgian/"]),
        ("spani", ["/f1/2024/spanish/"]),
        ("2024", ["/f1/2024/"]),
        ("24", ["/f1/2024/", "/f1/drivers/guanyu_zhou/"]),
        ("zzz", []),
        ("???", []),
    ],
)
def test_words_lead_to_the_pages_that_they_can_mean(names, question, urls):
    assert [hit.url for hit in find(question, names)] == urls


def test_a_question_is_taken_apart(names):
    asked = understand("Sprint Qualifying, China '24", names)
    assert (asked.words, asked.years, asked.kinds) == (["china"], [2024], ("sprint-qualifying",))


def test_a_misspelt_name_has_suggestions(names):
    assert "leclerc" in suggestions("leclrec", names)
    assert "verstappen" in suggestions("verstapen 2024", names)


def test_one_clear_hit_redirects_several_are_listed_and_none_says_so(names, client, django_assert_max_num_queries):
    with django_assert_max_num_queries(4):
        assert client.get("/f1/search/?q=monaco+24").url == "/f1/2024/monaco/"
    listed = client.get("/f1/search/?q=monaco").content.decode()
    assert 'href="/f1/2024/monaco/"' in listed
    assert 'href="/f1/2023/monaco/"' in listed
    none = client.get("/f1/search/?q=leclrec").content.decode()
    assert "Nothing here is called that" in none
    assert 'href="?q=leclerc"' in none
    assert client.get("/f1/search/").status_code == 200
    hostile = client.get("/f1/search/", {"q": "<script>alert(1)</script>"}).content.decode()
    assert "<script>alert" not in hostile
