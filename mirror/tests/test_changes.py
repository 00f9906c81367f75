"""Comparing an answer with what is stored, and writing the difference."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from api.tests.factories import values
from drivers.models import ChampionshipTeam, Driver, Entry, SessionResult
from mirror import changes, upserting
from mirror.changes import apply
from mirror.feeds import registry
from mirror.models import Source
from mirror.storage import FileStorage
from races.models import RaceControl, Weather
from races.tests.weekends import weekend
from telemetry.models import Lap, Stint

pytestmark = pytest.mark.django_db

SCOPE = {"session_key": 10}
# Without these a message is another message.
PARTS_OF_KEYS = {"race_control": {"date", "message"}}


@pytest.fixture(autouse=True)
def _sessions():
    weekend("Practice 1", "Race")


def lap(number=1, *, session=10, car=4, **more):
    row = {"meeting_key": 1, "session_key": session, "driver_number": car, "lap_number": number, "lap_duration": 90.5}
    return row | {"i1_speed": 300, "is_pit_out_lap": False, "date_start": f"2023-03-05T10:{number:02}:00.125000+00:00"} | more


def minute(n, **more):
    moment = datetime.fromtimestamp(1_678_010_000 + 60 * n, UTC).isoformat()
    return {"meeting_key": 1, "session_key": 10, "date": moment, "air_temperature": 20.5, "rainfall": 0} | more


def laps(*rows, scope=SCOPE, source="openf1", **options):
    return apply(registry()["laps"], list(rows), scope, source=source, **options)


def weather(*rows, **options):
    return apply(registry()["weather"], list(rows), SCOPE, source="openf1", **options)


def counts(change):
    return {name: count for name, count in change.counts.items() if count}


def durations():
    return dict(Lap.objects.filter(session=10).values_list("lap_number", "lap_duration"))


def test_new_rows_are_stored_in_the_order_sent_and_say_where_they_came_from():
    assert counts(laps(lap(3), lap(1), lap(2))) == {"created": 3}
    stored = Lap.objects.order_by("pk").values_list("lap_number", "source", "session_id", "i1_speed")
    assert list(stored) == [(3, "openf1", 10, 300), (1, "openf1", 10, 300), (2, "openf1", 10, 300)]


def test_the_same_answer_again_writes_nothing():
    laps(lap(1), lap(2))
    before = list(Lap.objects.values())
    with CaptureQueriesContext(connection) as queries:
        assert counts(laps(lap(2), lap(1))) == {"unchanged": 2}
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}
    assert list(Lap.objects.values()) == before


def test_a_changed_row_is_written_and_told_field_by_field():
    laps(lap(1), lap(2))
    before = Lap.objects.get(lap_number=2)
    change = laps(lap(1), lap(2, lap_duration=91.25, i1_speed=None))
    assert counts(change) == {"updated": 1, "unchanged": 1}
    assert change.log == [
        {
            "key": {"session_id": 10, "driver_number": 4, "lap_number": 2},
            "fields": {"lap_duration": [90.5, 91.25], "i1_speed": [300, None]},
        }
    ]
    after = Lap.objects.get(lap_number=2)
    assert (after.pk, after.lap_duration, after.i1_speed) == (before.pk, 91.25, None)
    assert after.changed_at > before.changed_at


def test_an_update_leaves_alone_what_upstream_knows_nothing_of():
    laps(lap(1))
    driver = Driver.objects.create(pk="lando_norris", full_name="Lando Norris")
    Lap.objects.update(driver=driver, pit_in_time=12.5, source="demo")
    laps(lap(1, lap_duration=91.0))
    assert Lap.objects.values_list("lap_duration", "driver", "pit_in_time", "source").get() == (
        91.0,
        "lando_norris",
        12.5,
        "demo",
    )


def test_new_rows_find_their_driver_in_the_entries():
    driver = Driver.objects.create(pk="lando_norris", full_name="Lando Norris")
    Entry.objects.create(session_id=10, driver_number=4, driver=driver)
    laps(lap(1), lap(1, car=81))
    assert set(Lap.objects.values_list("driver_number", "driver")) == {(4, "lando_norris"), (81, None)}


def test_vanished_rows_are_reported_and_kept():
    laps(lap(1), lap(2), lap(3))
    change = laps(lap(2))
    assert counts(change) == {"unchanged": 1, "vanished": 2}
    assert [entry["key"]["lap_number"] for entry in change.log if entry["vanished"]] == [1, 3]
    assert len(durations()) == 3


def test_pruning_deletes_what_vanished_from_this_session_and_nothing_else():
    laps(lap(1), lap(2), lap(3))
    laps(lap(1, session=11), scope={"session_key": 11})
    assert counts(laps(lap(2), prune=True)) == {"unchanged": 1, "vanished": 2, "pruned": 2}
    assert set(Lap.objects.values_list("session", "lap_number")) == {(10, 2), (11, 1)}


@pytest.mark.parametrize("answer", [[], [lap(1), {**lap(2), "lap_number": "two"}]], ids=["without rows", "with an invalid row"])
def test_a_doubtful_answer_prunes_nothing(answer):
    laps(lap(1), lap(2))
    assert laps(*answer, prune=True).counts["pruned"] == 0
    assert len(durations()) == 2


def test_a_dry_run_counts_the_same_and_writes_nothing():
    laps(lap(1), lap(2))
    before = list(Lap.objects.values())
    answer = [lap(2, lap_duration=91.0), lap(3)]
    with CaptureQueriesContext(connection) as queries:
        dry = laps(*answer, write=False, prune=True)
    assert counts(dry) == {"created": 1, "updated": 1, "vanished": 1, "pruned": 1}
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}
    assert list(Lap.objects.values()) == before
    assert counts(laps(*answer, prune=True)) == counts(dry)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"lap_number": None}, "Expected `int`, got `null` - at `$.lap_number`"),
        ({"lap_duration": "quick"}, "Expected `float | null`, got `str` - at `$.lap_duration`"),
        ({"i1_speed": -1}, "Expected `int` >= 0 - at `$.i1_speed`"),
        ({"i1_speed": 2**31}, "Expected `int` <= 2147483647 - at `$.i1_speed`"),
        ({"date_start": "yesterday"}, "Invalid RFC3339 encoded datetime - at `$.date_start`"),
    ],
)
def test_an_invalid_row_is_refused_with_its_reason_and_the_rest_goes_in(fault, reason):
    bad = lap(2) | fault
    change = laps(lap(1), bad, lap(3))
    assert counts(change) == {"created": 2, "rejected": 1}
    assert change.rejects == [(bad, reason)]
    assert set(durations()) == {1, 3}


def test_a_row_without_a_field_that_is_needed_is_refused():
    bad = lap(2)
    del bad["driver_number"]
    assert laps(bad).rejects == [(bad, "Object missing required field `driver_number`")]


def test_texts_a_database_could_not_store_are_refused():
    rows = [
        {"session_key": 10, "driver_number": 1, "team_name": "a\x00b"},
        {"session_key": 10, "driver_number": 2, "name_acronym": "FOUR"},
        {"session_key": 10, "driver_number": 3, "team_name": "Amber"},
    ]
    change = apply(registry()["drivers"], rows, SCOPE, source="openf1")
    assert counts(change) == {"created": 1, "rejected": 2}


def test_rows_made_by_hand_are_neither_changed_nor_missed():
    Lap.objects.create(session_id=10, driver_number=4, lap_number=1, lap_duration=80.0)
    Lap.objects.create(session_id=10, driver_number=4, lap_number=99, lap_duration=80.0)
    assert counts(laps(lap(1), lap(2), prune=True)) == {"created": 1, "unchanged": 1}
    assert durations() == {1: 80.0, 2: 90.5, 99: 80.0}
    assert set(Lap.objects.values_list("lap_number", "source")) == {(1, Source.MANUAL), (2, Source.OPENF1), (99, Source.MANUAL)}


def test_fields_that_upstream_no_longer_sends_keep_their_value():
    laps(lap(1, st_speed=310))
    without = lap(1, lap_duration=91.0)
    del without["i1_speed"]
    assert counts(laps(without)) == {"updated": 1}
    assert Lap.objects.values_list("lap_duration", "i1_speed", "st_speed").get() == (91.0, 300, 310)


def test_a_field_that_only_some_rows_lack_keeps_its_value_there():
    laps(lap(1), lap(2), lap(3))
    without = lap(2, lap_duration=91.0)
    del without["i1_speed"]
    assert counts(laps(lap(1, i1_speed=250), without, {k: v for k, v in lap(3).items() if k != "i1_speed"})) == {
        "updated": 2,
        "unchanged": 1,
    }
    assert list(Lap.objects.values_list("lap_duration", "i1_speed")) == [(90.5, 250), (91.0, 300), (90.5, 300)]


def test_null_is_a_value_and_replaces_another():
    laps(lap(1))
    assert counts(laps(lap(1, lap_duration=None))) == {"updated": 1}
    assert durations() == {1: None}


def test_rows_that_say_the_same_are_folded():
    assert counts(laps(lap(1), lap(2), lap(1), lap(1))) == {"created": 2, "folded": 2}
    assert counts(laps(lap(1), lap(1), lap(2))) == {"unchanged": 2, "folded": 1}


def test_of_rows_with_one_key_that_differ_the_last_counts_and_the_others_are_on_record():
    first, bad, last = lap(1, lap_duration=90.0), lap(2, lap_duration="?"), lap(1, lap_duration=92.0)
    change = laps(first, bad, last, last)
    assert counts(change) == {"created": 1, "rejected": 2, "folded": 1}
    told = "a later row of the same answer has the same key (session_id, driver_number, lap_number) and other values: "
    assert change.rejects[1] == (first, told + "lap_duration 90.0, later 92.0")
    assert durations() == {1: 92.0}


def test_within_one_answer_a_null_never_replaces_a_value():
    """A driver sent twice, the second time with nulls, kept neither team nor name."""
    full = {"session_key": 10, "driver_number": 4, "first_name": "Lando", "team_name": "Amber", "country_code": "GBR"}
    empty = dict.fromkeys(full, None) | {"session_key": 10, "driver_number": 4, "name_acronym": "NOR"}
    for rows in ([full, empty], [empty, full], [full, empty, full], [empty, full, empty]):
        Entry.objects.all().delete()
        change = apply(registry()["drivers"], rows, SCOPE, source="openf1")
        assert counts(change) == {"created": 1, "folded": len(rows) - 1}
        fields = ("first_name", "team_name", "country_code", "name_acronym")
        assert Entry.objects.values_list(*fields).get() == ("Lando", "Amber", "GBR", "NOR")


def plain(value):
    return value.isoformat() if isinstance(value, datetime) else value


def nullable(feed):
    """The fields of a collection that can be null."""
    return [field for field in feed.columns if field.null and field.attname not in feed.key]


@pytest.mark.parametrize("collection", [name for name, feed in registry().items() if not isinstance(feed.storage, FileStorage)])
def test_a_row_sent_twice_loses_no_value_to_a_null_in_any_collection(collection):
    feed = registry()[collection]
    made = values(feed.model, 1)
    row = {"meeting_key": 1, "session_key": 10}
    row |= {feed.wire[f.attname]: plain(made[f.name]) for f in feed.columns if f.name in made and not f.is_relation}
    row |= {"meeting_key": 1, "session_key": 10}
    for field in nullable(feed):
        name = feed.wire[field.attname]
        built, rejects = feed.build([row, row | {name: None}])
        assert not rejects
        incoming = changes.unique(feed, built, [row, row | {name: None}], changes.Changes())
        if len(incoming) == 1:
            assert plain(getattr(next(iter(incoming.values())), field.attname)) == row[name], name
        else:
            assert name in PARTS_OF_KEYS.get(collection, ()), name


def test_of_two_texts_and_numbers_the_number_of_the_merged_value_is_kept_with_it():
    feed = registry()["session_result"]
    row = {"session_key": 10, "driver_number": 4}
    lapped, timed = row | {"gap_to_leader": "+1 LAP", "duration": None}, row | {"gap_to_leader": 5.5, "duration": 90.5}
    change = apply(feed, [timed, lapped], SCOPE, source="openf1")
    stored = SessionResult.objects.values_list("gap_to_leader", "gap_to_leader_seconds", "duration", "duration_seconds").get()
    assert stored == ("+1 LAP", None, 90.5, 90.5)
    assert "gap_to_leader 5.5, later '+1 LAP'" in change.rejects[0][1]


def test_a_team_sent_twice_once_without_its_name_is_one_team():
    feed = registry()["championship_teams"]
    row = {"session_key": 10, "team_name": "Amber", "position_start": 2, "position_current": 1, "points_current": 50.0}
    for rows in ([row, row | {"team_name": None}], [row | {"team_name": None, "points_current": None}, row]):
        ChampionshipTeam.objects.all().delete()
        assert counts(apply(feed, rows, SCOPE, source="openf1")) == {"created": 1, "folded": 1}
        assert ChampionshipTeam.objects.values_list("team_name", "points_current").get() == ("Amber", 50.0)


def test_other_spellings_of_known_texts_are_stored_as_the_known_ones():
    message = {"session_key": 10, "date": "2023-03-05T10:00:00+00:00", "message": "m"}
    sent = message | {"flag": " double_yellow ", "category": "SAFETY CAR", "scope": "track"}
    apply(registry()["race_control"], [sent], SCOPE, source="openf1")
    assert RaceControl.objects.values_list("flag", "category", "scope").get() == ("DOUBLE YELLOW", "SafetyCar", "Track")
    again = message | {"flag": "DOUBLE YELLOW", "category": "SafetyCar", "scope": "Track"}
    assert counts(apply(registry()["race_control"], [again], SCOPE, source="openf1")) == {"unchanged": 1}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("soft", "SOFT"),
        (" Medium", "MEDIUM"),
        ("inter", "INTERMEDIATE"),
        ("test unknown", "TEST_UNKNOWN"),
        ("C3", "C3"),
        ("", ""),
    ],
)
def test_compounds_in_other_spellings(sent, stored):
    row = {"session_key": 10, "driver_number": 4, "stint_number": 1, "compound": sent}
    apply(registry()["stints"], [row], SCOPE, source="openf1")
    assert Stint.objects.get().tyre_compound == stored


@pytest.mark.parametrize("text", ["2023-03-05T10:00:00.125000", "2023-03-05T10:00:00.125Z", "2023-03-05T14:00:00.125+04:00"])
def test_moments_are_utc_however_they_are_written(text):
    moment = datetime(2023, 3, 5, 10, 0, 0, 125000, UTC)
    weather(minute(0, date=text))
    assert Weather.objects.get().date == moment
    assert counts(weather(minute(0, date=moment.isoformat()))) == {"unchanged": 1}


def test_a_moment_without_a_fraction_is_a_moment():
    weather(minute(0, date="2023-03-05T10:00:00+00:00"))
    assert Weather.objects.get().date == datetime(2023, 3, 5, 10, tzinfo=UTC)


def test_lists_come_back_as_they_went_in():
    laps(lap(1, segments_sector_1=[2048, None, 2051], segments_sector_2=[], segments_sector_3=None))
    stored = Lap.objects.get()
    assert (stored.segments_sector_1, stored.segments_sector_2, stored.segments_sector_3) == ([2048, None, 2051], [], None)
    change = laps(lap(1, segments_sector_1=[2048, 2049, 2051], segments_sector_2=[], segments_sector_3=None))
    assert change.log[0]["fields"] == {"segments_sector_1": [[2048, None, 2051], [2048, 2049, 2051]]}


def test_large_pieces_are_written_compared_and_pruned_whole():
    rows = [minute(n) for n in range(5_000)]
    assert counts(weather(*rows)) == {"created": 5_000}
    assert list(Weather.objects.order_by("pk").values_list("date", flat=True)) == sorted(
        Weather.objects.values_list("date", flat=True)
    )
    warmer = [row | {"air_temperature": 30.0} for row in rows[:2_500]]
    change = weather(*warmer, prune=True)
    assert counts(change) == {"updated": 2_500, "vanished": 2_500, "pruned": 2_500}
    assert len(change.log) == 2 * changes.LOGGED_ROWS
    assert set(Weather.objects.values_list("air_temperature", flat=True)) == {30.0}


@pytest.mark.parametrize("count", [1, upserting.COPY_MIN_ROWS])
def test_two_syncs_at_the_same_time_do_no_harm(count):
    feed = registry()["laps"]
    sent = [lap(1, car=car, lap_duration=91.0, i1_speed=310) for car in range(count)]
    built, _ = feed.build(sent)  # compared before the other sync stored its rows
    laps(*(row | {"lap_duration": 90.5, "i1_speed": 300} for row in sent[::2]))
    changes.create(feed, built, ("lap_duration",), scope=SCOPE, source="openf1")
    assert list(Lap.objects.order_by("driver_number").values_list("lap_duration", "i1_speed")) == [
        (91.0, None if car % 2 else 300) for car in range(count)
    ]


def test_a_large_piece_is_stored_as_small_ones_are():
    texts = ["FLAG", "back\\slash", "tab\there", "line\nbreak\r", "\\N", "\\.", "' \" %s {}", "ü 車 \U0001f3c1", "", None]
    rows = [
        minute(n, category=f"{text or ''} {n}", message=text or "none", flag=text, lap_number=n if n % 3 else None)
        for n, text in enumerate(texts * (upserting.COPY_MIN_ROWS // 10))
    ]

    names = [field.attname for field in RaceControl._meta.concrete_fields if field.name not in ("race_control_id", "changed_at")]

    def stored(session, *pieces):
        for piece in pieces:
            told = [row | {"session_key": session} for row in piece]
            apply(registry()["race_control"], told, {"session_key": session}, source="openf1")
        rows = RaceControl.objects.filter(session_id=session).order_by("pk").values(*names)
        return [row | {"session_id": None} for row in rows]

    at_once = stored(10, rows)
    assert [row["flag"] for row in at_once] == [row["flag"] for row in rows]
    assert at_once == stored(11, rows[:50], rows[50:])
    later = [row | {"qualifying_phase": 2} for row in rows]
    assert stored(10, later) == stored(11, later[:50], later[50:]) == [row | {"qualifying_phase": 2} for row in at_once]


def test_what_depends_on_rows_follows_only_when_some_were_written():
    feed = registry()["drivers"]
    row = {"session_key": 10, "driver_number": 4, "full_name": "Lando NORRIS", "first_name": "Lando", "last_name": "Norris"}
    apply(feed, [row], SCOPE, source="openf1")
    Driver.objects.update(full_name="somebody")
    apply(feed, [row], SCOPE, source="openf1")
    assert Driver.objects.get().full_name == "somebody"
    apply(feed, [row | {"team_name": "Amber"}], SCOPE, source="openf1")
    assert Driver.objects.values_list("full_name", "team_name").get() == ("Lando Norris", "Amber")
