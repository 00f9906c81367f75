"""The sync as a whole: what it asks for, what it writes, and how it goes on after trouble."""

from collections import Counter

import pytest
import requests
from django.db import connection

from mirror.feeds import registry
from mirror.models import Reject, SyncPiece, SyncRun
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.reporting import Observer
from mirror.tests.upstream import Rows, answer, client
from races.models import Race, Session
from telemetry.models import Lap, Stint

pytestmark = pytest.mark.django_db

FIVE = ("meetings", "sessions", "drivers", "stints", "laps")
LIVE = {"detail": "Live F1 session in progress."}


def meeting(key, *, year=2023, start="2023-03-03T11:30:00+00:00"):
    return {"meeting_key": key, "meeting_name": f"Grand Prix {key}", "year": year, "date_start": start}


def session(key, race, *, start="2023-03-03T11:30:00+00:00"):
    return {
        "session_key": key,
        "meeting_key": race,
        "session_name": "Race",
        "session_type": "Race",
        "year": 2023,
        "date_start": start,
    }


def lap(key, race, number, *, lap_number=1, **more):
    return {
        "session_key": key,
        "meeting_key": race,
        "driver_number": number,
        "lap_number": lap_number,
        "lap_duration": 90.5,
    } | more


class Season(Rows):
    """Two weekends of two sessions with a lap of three cars in each."""

    def __init__(self, **options):
        sessions = [session(race * 10 + n, race) for race in (1, 2) for n in (1, 2)]
        laps = [lap(s["session_key"], s["meeting_key"], number) for s in sessions for number in (4, 16, 81)]
        super().__init__(meetings=[meeting(1), meeting(2)], sessions=sessions, laps=laps, **options)

    def paths(self):
        return [request.path_url.removeprefix("/v1/") for request in self.asked]


def run(upstream, *collections, scope=None, asker=None, **options):
    collections = collections or ("meetings", "sessions", "laps")
    return sync(client=asker or client(upstream), scope=scope or Scope(seasons=(2023,)), collections=collections, **options)


def test_rows_are_asked_for_by_weekend():
    upstream = Season()
    report = run(upstream)
    assert upstream.paths() == ["meetings?year=2023", "sessions?year=2023", "laps?meeting_key=1", "laps?meeting_key=2"]
    assert (report.requests, report.races, report.total["created"]) == (4, 2, 2 + 4 + 12)


def test_a_second_sync_writes_nothing(django_assert_num_queries):
    run(Season())
    before = list(Lap.objects.values_list("pk", "changed_at"))
    report = run(Season())
    assert report.total == Counter(unchanged=18)
    assert list(Lap.objects.values_list("pk", "changed_at")) == before


def test_what_changed_upstream_is_written_and_told_field_by_field():
    upstream = Season()
    run(upstream)
    upstream.rows["laps"][0]["lap_duration"] = 91.25
    report = run(upstream)
    assert (report.total["updated"], report.total["unchanged"]) == (1, 17)
    assert Lap.objects.get(session=11, driver_number=4).lap_duration == 91.25
    piece = SyncPiece.objects.get(updated=1)
    key = {"session_id": 11, "driver_number": 4, "lap_number": 1}
    assert piece.changes == [{"key": key, "fields": {"lap_duration": [90.5, 91.25]}}]


def test_a_single_session_brings_its_race_along_and_nothing_else():
    upstream = Season()
    run(upstream, "laps", scope=Scope(sessions=(21,)))
    assert upstream.paths() == ["sessions?session_key=21", "meetings?meeting_key=2", "laps?session_key=21"]
    assert set(Lap.objects.values_list("session", flat=True)) == {21}


def test_asking_for_the_races_alone_brings_no_sessions():
    upstream = Season()
    report = run(upstream, "meetings")
    assert upstream.paths() == ["meetings?year=2023"]
    assert (report.races, Session.objects.count()) == (2, 0)


def test_lists_that_are_stored_are_not_asked_for_again():
    run(Season())
    upstream = Season()
    run(upstream, "laps", scope=Scope(races=(2,)))
    assert upstream.paths() == ["laps?meeting_key=2"]


def test_the_latest_weekend_is_whatever_upstream_says():
    upstream = Season()
    upstream.refuse = lambda c, filters: answer([meeting(2)]) if filters.get("meeting_key") == "latest" else None
    run(upstream, scope=Scope(latest=True))
    assert upstream.paths() == ["meetings?meeting_key=latest", "sessions?meeting_key=2", "laps?meeting_key=2"]
    assert set(Race.objects.values_list("pk", flat=True)) == {2}


def test_sessions_to_come_cost_no_request():
    upstream = Season()
    upstream.rows["meetings"].append(meeting(3, start="2099-03-03T11:30:00+00:00"))
    upstream.rows["sessions"].append(session(31, 3, start="2099-03-03T11:30:00+00:00"))
    run(upstream)
    assert "laps?meeting_key=3" not in upstream.paths()
    assert Session.objects.filter(pk=31).exists()


def test_what_is_too_much_at_once_is_asked_for_by_session_and_then_by_car():
    def refuse(collection, filters):
        narrow = "session_key" in filters and any(name.startswith("driver_number") for name in filters)
        return (
            None if collection != "laps" or narrow or filters.get("meeting_key") == "2" else answer({"detail": "Too much."}, 422)
        )

    class ByCar(Season):
        def send(self, request, **options):  # the numbers 0-9, 10-19 and 80-89 have a car each
            reply = super().send(request, **options)
            if "driver_number%3E=" in request.url:
                low = int(request.url.split("driver_number%3E=")[1].split("&")[0])
                rows = [row for row in self.rows["laps"] if str(row["session_key"]) in request.url]
                return answer([row for row in rows if low <= row["driver_number"] < low + 10])
            return reply

    report = run(ByCar(refuse=refuse))
    assert not report.errors
    assert Lap.objects.count() == 12


def test_a_failed_piece_stops_no_other_and_is_fetched_by_the_next_run():
    upstream = Season(refuse=lambda c, filters: answer({"detail": "Teapot."}, 418) if filters == {"meeting_key": "1"} else None)
    report = run(upstream)
    assert [str(error) for error in report.errors] == ["http://upstream/v1/laps?meeting_key=1 was refused with 418: Teapot."]
    assert set(Lap.objects.values_list("session__race", flat=True)) == {2}
    assert SyncRun.objects.get().state == SyncRun.State.FAILED
    assert SyncPiece.objects.get(ok=False).error == str(report.errors[0])

    again, skipped = Season(), []
    observer = Observer()
    observer.skipped = lambda feed, weekend: skipped.append((feed.collection, weekend.race_id))
    report = run(again, observer=observer)
    assert skipped == [("laps", 2)]  # so that the progress of a job counts what was done before
    assert "laps?meeting_key=1" in again.paths()
    assert "laps?meeting_key=2" not in again.paths()
    assert report.skipped == 2
    assert Lap.objects.count() == 12
    assert SyncRun.objects.get().state == SyncRun.State.DONE


def test_an_interrupted_run_loses_only_the_piece_in_flight_and_is_gone_on_with():
    upstream = Season(refuse=lambda c, filters: KeyboardInterrupt() if filters == {"meeting_key": "2"} else None)
    with pytest.raises(KeyboardInterrupt):
        run(upstream)
    assert SyncRun.objects.get().state == SyncRun.State.INTERRUPTED
    assert Lap.objects.count() == 6

    again = Season()
    run(again)
    assert "laps?meeting_key=1" not in again.paths()
    assert Lap.objects.count() == 12
    assert SyncRun.objects.get().state == SyncRun.State.DONE


def test_a_crash_within_a_weekend_loses_that_weekends_collection_and_no_other(monkeypatch):
    feed = registry()["laps"]
    after_write = feed.after_write
    crash = {"session_key": 22}
    monkeypatch.setattr(feed, "after_write", lambda scope, **options: 1 / 0 if scope == crash else after_write(scope, **options))
    with pytest.raises(ZeroDivisionError):
        run(Season())
    assert set(Lap.objects.values_list("session", flat=True)) == {11, 12}
    assert set(SyncPiece.objects.filter(collection="laps").values_list("session_id", flat=True)) == {11, 12}
    monkeypatch.undo()
    again = Season()
    run(again)
    assert [path for path in again.paths() if path.startswith("laps")] == ["laps?meeting_key=2"]
    assert Lap.objects.count() == 12


def test_sessions_without_rows_cost_no_statement_of_their_own(django_assert_max_num_queries):
    def statements(count):
        upstream = Season()
        upstream.rows["sessions"] = [session(100 + n, 1) for n in range(count)]
        upstream.rows["laps"] = []
        run(upstream, "meetings", "sessions")
        with django_assert_max_num_queries(200) as queries:
            report = run(upstream, "laps", scope=Scope(races=(1,)))
        assert not report.errors
        return len([query for query in queries if "SAVEPOINT" not in query["sql"]])

    few = statements(2)
    assert SyncPiece.objects.filter(collection="laps", ok=True).count() == 2
    # SQLite's record of statements has one for each row of `executemany`: the log and the state of a piece.
    per_session = 2 if connection.vendor == "sqlite" else 0
    many = statements(12)
    assert many - few <= 10 * (per_session + 1)  # and one to look for corrections, as the pieces are compared for the first time


def test_force_fetches_again_what_an_interrupted_run_had_brought_in():
    with pytest.raises(KeyboardInterrupt):
        run(Season(refuse=lambda c, filters: KeyboardInterrupt() if filters == {"meeting_key": "2"} else None))
    again = Season()
    run(again, force=True)
    assert "laps?meeting_key=1" in again.paths()


def test_a_lock_ends_the_run_at_once():
    upstream = Season(refuse=lambda c, filters: answer(LIVE, 401) if c == "laps" else None)
    report = run(upstream)
    assert "a session is on track" in str(report.errors[0])
    assert upstream.paths().count("laps?meeting_key=1") == 1
    assert "laps?meeting_key=2" not in upstream.paths()


def test_an_upstream_that_is_down_is_given_up_after_three_fetches():
    upstream = Season(refuse=lambda c, filters: requests.ConnectionError() if "year" not in filters else None)
    report = run(upstream, *FIVE, asker=client(upstream, attempts=2))
    assert upstream.paths()[2:] == [f"{collection}?meeting_key=1" for collection in ("drivers", "stints", "laps") for _ in "12"]
    assert len(report.errors) == 3


def test_a_dry_run_counts_and_writes_nothing():
    report = run(Season(), dry_run=True)
    assert report.total["created"] == 18
    assert not any(model.objects.exists() for model in (Race, Session, Lap, SyncRun, SyncPiece))


def test_vanished_rows_stay_unless_pruned_and_an_empty_answer_prunes_nothing():
    upstream = Season()
    run(upstream)
    gone = upstream.rows["laps"].pop(0)
    assert run(upstream).total["vanished"] == 1
    assert Lap.objects.count() == 12
    kept = upstream.rows["laps"]
    upstream.rows["laps"] = []
    assert run(upstream, prune=True).total["pruned"] == 0
    upstream.rows["laps"] = kept
    report = run(upstream, prune=True)
    assert (report.total["vanished"], report.total["pruned"]) == (1, 1)
    assert not Lap.objects.filter(session=gone["session_key"], driver_number=gone["driver_number"]).exists()


def test_rows_that_make_no_sense_are_kept_as_rejects_and_the_rest_goes_in():
    upstream = Season()
    upstream.rows["laps"] += [lap(11, 1, "four"), lap(11, 1, 5, lap_duration="fast"), lap(11, 1, 10**12)]
    report = run(upstream)
    assert (report.collections["laps"]["created"], report.total["rejected"]) == (12, 3)
    reasons = sorted(Reject.objects.values_list("reason", flat=True))
    assert "driver_number" in reasons[0] + reasons[1]
    assert any("lap_duration" in reason for reason in reasons)
    assert Reject.objects.filter(row__driver_number="four").exists()


def test_rows_of_a_session_that_no_list_has_are_kept_as_rejects():
    upstream = Season()
    upstream.rows["laps"].append(lap(99, 1, 4))
    report = run(upstream)
    assert report.total["rejected"] == 1
    assert "lists no such session" in Reject.objects.get().reason


@pytest.mark.django_db(transaction=True)
def test_a_session_can_be_the_first_thing_an_empty_database_gets():
    run(Season(), "laps", scope=Scope(sessions=(21,)))
    assert Lap.objects.count() == 3


def test_fields_that_have_no_place_here_are_reported():
    upstream = Season()
    upstream.rows["laps"][0]["tyre_temperature"] = 101
    assert run(upstream).as_dict()["unknown_fields"] == {"laps": ["tyre_temperature"]}


def test_an_unknown_collection_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"no collection 'lapps'\. Did you mean 'laps'\? There are: meetings, sessions"):
        run(Season(), "lapps")


@pytest.fixture
def mirror(openf1):
    """A sync of the whole recorded season 2023 from the replay; returns its report."""

    def season(**options):
        from mirror.client import from_settings

        return sync(client=from_settings(**options), scope=Scope(seasons=(2023,)), collections=FIVE)

    return season


COUNTED_2023 = {"meetings": 23, "sessions": 113}


def recorded(replay, collection):
    """Recorded rows of the season's sessions."""
    store = replay._server.store
    season = {row["session_key"] for row in store.load("sessions") if row["year"] == 2023}
    return [row for row in store.load(collection) if row["session_key"] in season]


def test_a_recorded_season_is_mirrored_to_the_row_and_then_left_alone(mirror, openf1):
    report = mirror()
    assert not report.errors
    assert not report.unknown_fields.get("laps")
    expected = COUNTED_2023 | {c: len(recorded(openf1, c)) for c in ("drivers", "stints", "laps")}
    assert {c: counts["created"] for c, counts in report.collections.items()} == expected
    assert report.requests <= 2 + 3 * 23
    assert openf1.requests.total() == report.requests
    assert Lap.objects.filter(driver=None).count() == 0

    again = mirror()
    assert again.total == Counter(unchanged=sum(expected.values()))


def test_an_upstream_that_fails_every_fifth_time_gives_the_same_rows(mirror, openf1):
    with openf1.options(fail=0.2, seed=7):
        report = mirror(sleep=lambda seconds: None)
    assert not report.errors
    assert openf1.statuses["500"] + openf1.statuses["cut"] + openf1.statuses["dropped"] > 0
    assert report.collections["laps"]["created"] == Lap.objects.count() == len(recorded(openf1, "laps"))
    assert Stint.objects.count() == len(recorded(openf1, "stints"))


def test_the_hosted_limits_are_never_run_into(openf1, settings):
    """Three a second and thirty in a window, the minute shortened to six seconds so that the test need not take two."""
    from mirror.client import Client
    from mirror.pace import Pace

    with openf1.options(limits="3/1,15/6"):
        asker = Client(base_url=openf1.url, pace=Pace((3, 1), (15, 6)), attempts=1)
        report = sync(client=asker, scope=Scope(seasons=(2023,)), collections=("meetings", "sessions", "drivers"))
    assert report.requests == 25
    assert openf1.statuses["429"] == 0
