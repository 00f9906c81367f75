"""The pages of drivers and teams: figures compared with sums over the stored rows, in plain Python."""

from itertools import pairwise
from statistics import median

import pytest
from django.utils import timezone

from drivers.models import ChampionshipTeam, Driver, DriverAlias, Entry, SessionResult, Team
from pages.careers import load_driver, load_team, results_in, seasons_of
from pages.duels import cut_off, duels, load_laps, pace_of
from pages.people import find_driver
from pages.season import season_page
from pages.season_rows import load_season
from telemetry.models import Lap

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry(race):
    """The winner of a race of the demo season."""
    winner = SessionResult.objects.get(session=race, position=1)
    return Entry.objects.select_related("driver").get(session=race, driver_number=winner.driver_number)


def test_a_driver_s_season_is_the_sum_of_the_stored_results(entry):
    results = [*SessionResult.objects.filter(driver=entry.driver).select_related("session")]
    races = [row for row in results if row.session.session_name == "Race"]
    [line] = seasons_of(load_driver(entry.driver_id), entry.driver_id)
    assert line.wins == sum(row.position == 1 for row in races) > 0
    assert line.podiums == sum(row.position is not None and row.position <= 3 for row in races)
    assert line.races == sum(not row.dns for row in races)
    assert line.points == sum(row.points or 0 for row in results if row.session.session_name in ("Race", "Sprint"))
    assert line.poles == sum(row.position == 1 for row in results if row.session.session_name == "Qualifying")
    assert line.beside == [(entry.team_name, Team.objects.get(name=entry.team_name).get_absolute_url())]


def test_a_team_s_season_is_the_sum_over_its_cars(entry):
    cars = {(row.session_id, row.driver_number) for row in Entry.objects.filter(team_name=entry.team_name)}
    results = [row for row in SessionResult.objects.select_related("session") if (row.session_id, row.driver_number) in cars]
    [line] = seasons_of(load_team([entry.team_name]), None)
    assert line.points == sum(row.points or 0 for row in results if row.session.session_name in ("Race", "Sprint"))
    assert line.wins == sum(row.position == 1 for row in results if row.session.session_name == "Race")
    assert len(line.beside) == 2


def test_results_are_told_by_weekend_with_the_newest_first(entry, race):
    rows = load_driver(entry.driver_id)
    found = results_in(rows, race.year, entry.driver_id)
    assert len(found) == 2
    mine = next(each for each in found if each.url == race.race.get_absolute_url())
    assert mine.sessions["Race"] == ("1", race.get_absolute_url())
    starts = [next(row.date_start for row in rows.sessions if each.url.split("/")[3] == row.race_slug) for each in found]
    assert all(later > earlier for later, earlier in pairwise(starts))


def test_team_mates_are_counted_as_the_rows_say(entry, race):
    [duel] = duels(load_driver(entry.driver_id), race.year, [], entry.driver_id)
    assert duel.first_id == entry.driver_id
    ahead = {"Qualifying": [0, 0], "Race": [0, 0]}
    for name, score in ahead.items():
        for result in SessionResult.objects.filter(driver=duel.first_id, session__session_name=name).exclude(position=None):
            other = SessionResult.objects.filter(driver=duel.second_id, session=result.session).exclude(position=None).first()
            if other:
                score[int(other.position < result.position)] += 1
    assert list(duel.qualifying) == ahead["Qualifying"]
    assert list(duel.race) == ahead["Race"]
    assert sum(ahead["Qualifying"]) == 2


def test_race_pace_is_the_median_of_the_races_medians_on_like_laps(race):
    told = 0
    for team in Team.objects.all():
        rows = load_team([team.name])
        sessions = {row.session_id for row in rows.sessions if row.session_name in ("Race", "Sprint")}
        for duel in duels(rows, race.year, load_laps(rows, race.year)):
            deltas = [deltas_on_like_laps(session, duel.first_id, duel.second_id) for session in sessions]
            medians = [median(found) for found in deltas if len(found) >= 8]
            assert (duel.pace.races if duel.pace else 0) == len(medians)
            if medians:
                assert duel.pace.gap == pytest.approx(median(medians), abs=0.001)
            told += bool(medians)
    assert told > 2


def deltas_on_like_laps(session, first, second):
    """Seconds by which the second was slower, lap by lap."""
    laps = {lap.lap_number: lap for lap in Lap.objects.filter(session=session, driver=first).clean()}
    deltas = []
    for other in Lap.objects.filter(session=session, driver=second).clean():
        lap = laps.get(other.lap_number)
        if lap and lap.tyre_compound == other.tyre_compound and abs(age(lap) - age(other)) <= 2:
            deltas.append(other.lap_duration - lap.lap_duration)
    return deltas


def age(lap):
    return lap.tyre_age_at_start + lap.stint_lap_number


def test_an_interval_needs_six_races():
    assert [cut_off(count) for count in (1, 5, 6, 8, 9, 12, 20)] == [None, None, 0, 0, 1, 2, 5]  # tables of the sign test
    assert pace_of([]) is None
    assert pace_of([0.1, 0.2, 0.3]).low is None
    pace = pace_of([0.6, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert (pace.gap, pace.low, pace.high, pace.races) == (0.35, 0.1, 0.6, 6)


def test_pages_take_four_queries_and_are_kept(client, entry, django_assert_max_num_queries):
    for url in (entry.driver.get_absolute_url(), Team.objects.get(name=entry.team_name).get_absolute_url()):
        with django_assert_max_num_queries(4):
            page = client.get(url)
        assert page.status_code == 200
        assert entry.team_name in page.content.decode()
        with django_assert_max_num_queries(2):
            assert client.get(url, headers={"If-None-Match": page["ETag"]}).status_code == 304


def test_other_spellings_lead_to_the_person(client, entry):
    DriverAlias.objects.create(alias="another_name", driver=entry.driver)
    url = entry.driver.get_absolute_url()
    assert client.get("/f1/drivers/another_name/").url == url
    assert client.get(url.replace("_", "-")).url == url
    assert client.get("/f1/drivers/nobody/").status_code == 404
    assert find_driver(entry.driver_id) == Driver.objects.get(pk=entry.driver_id)


def test_a_team_s_former_address_leads_to_the_present_one(client, entry):
    team = Team.objects.get(name=entry.team_name)
    before = team.get_absolute_url()
    Team.objects.filter(pk=team.pk).update(slug="new-name", former_slugs=team.slug)
    assert client.get(f"{before}?season=2022").url == "/f1/teams/new-name/?season=2022"
    assert client.get("/f1/teams/nobody/").status_code == 404


@pytest.fixture
def renamed(entry):
    """The winner's team, which goes on under another name from the season's second race on."""
    later = Entry.objects.filter(team_name=entry.team_name, session__date_start__gt=entry.session.date_end)
    assert later.update(team_name="Everholt Reborn")
    before = Team.objects.get(name=entry.team_name)
    before.successor = Team.objects.create(name="Everholt Reborn", slug="everholt-reborn")
    before.save()
    return before


def test_a_renamed_team_has_one_page_under_its_latest_name(client, entry, renamed, django_assert_max_num_queries):
    answer = client.get(renamed.get_absolute_url())
    assert (answer.status_code, answer["Location"]) == (301, "/f1/teams/everholt-reborn/")
    with django_assert_max_num_queries(4):
        page = client.get("/f1/teams/everholt-reborn/").content.decode()
    assert f"formerly {renamed.name}" in page
    results = SessionResult.objects.filter(driver_number__in=load_numbers(renamed), session__year=entry.session.year)
    points = sum(row.points or 0 for row in results if row.session.session_name in ("Race", "Sprint"))
    [line] = seasons_of(load_team([renamed.name, "Everholt Reborn"]), None)
    assert line.points == points


def load_numbers(team):
    names = (team.name, team.successor.name)
    return set(Entry.objects.filter(team_name__in=names).values_list("driver_number", flat=True))


def test_a_team_renamed_during_a_season_is_one_team_in_its_standings(entry, renamed):
    year = entry.session.year
    before = ChampionshipTeam.objects.filter(session__year=year)
    before.delete()
    teams = {each.name: each.points for each in season_page(year, load_season(year), timezone.now()).teams}
    assert renamed.name not in teams
    results = SessionResult.objects.filter(session__year=year, session__session_name__in=("Race", "Sprint"))
    assert teams["Everholt Reborn"] == sum(row.points or 0 for row in results if row.driver_number in load_numbers(renamed))


def test_a_season_can_be_chosen_and_one_that_is_not_there_is_not_found(client, entry, race):
    url = entry.driver.get_absolute_url()
    assert client.get(f"{url}?season={race.year}").status_code == 200
    answer = client.get(f"{url}?season=1999")
    assert (answer.status_code, answer.content.decode()) == (400, f"season='1999' is not stored; choose one of {race.year}.")
