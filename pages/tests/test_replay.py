"""The replay of a race: places, story, leader board and the file that they are kept in."""

import dataclasses
import datetime
import gzip

import msgspec
import pytest
from django.core.files.storage import default_storage
from django.test import Client

from api.kept import kept
from mirror import versions
from pages.addresses import url_of
from pages.charts import replay
from pages.page_versions import session_head
from pages.replay.board import board_at
from pages.replay.film import Film, film_of, make_film, pack, unpack
from pages.replay.tables import replay_tables
from pages.replay.tracks import Line, Tracks, along, progress, resampled, schematic_loop, stored_line
from pages.rows import load, loaded
from pages.state import BadState, State
from pages.timing import field_crossings
from races.models import Circuit, Session
from telemetry.models import Position, SampleFile
from telemetry.samples import files

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def rows(race):
    return load(race)


@pytest.fixture
def film(rows):
    return make_film(rows, field_crossings(rows), stored_line(rows))


@pytest.fixture
def sampled(demo, db):
    """The race of the demo season that has samples, with its rows."""
    session_id = SampleFile.objects.filter(collection="location").values_list("session_id", flat=True).first()
    session = Session.objects.select_related("race", "quality").get(pk=session_id)
    return load(session)


def test_places_survive_the_file():
    import numpy as np

    draw = np.random.default_rng(0)
    x, y = (np.cumsum(draw.integers(-90, 90, (3, 500)), axis=1).astype(float) for _ in "xy")
    tracks = Tracks([1, 2, 3], x, y, {}, [], "samples")
    decoded = unpack(pack(tracks), 3, 500)
    assert (decoded[0] == x).all()
    assert (decoded[1] == y).all()


def test_places_between_samples_lie_on_the_line_between_them():
    import pyarrow as pa

    start = datetime.datetime(2024, 3, 2, 15, tzinfo=datetime.UTC)
    dates = [start + datetime.timedelta(seconds=at) for at in (-70, 0, 2, 4)]
    table = pa.table({"date": dates, "x": [90, 0, 200, 600], "y": [90, 100, 100, 100]})
    places = resampled(table, start=start.timestamp(), seconds=5)
    assert places[0].tolist() == [0, 10, 20, 40, 60]
    assert places[1].tolist() == [10, 10, 10, 10, 10]


def test_a_car_without_samples_goes_round_once_a_lap():
    import numpy as np

    path = schematic_loop()
    x, y = along(path, [(0.0, 0.0), (90.0, 1.0), (180.0, 2.0)], seconds=200)
    assert np.hypot(x[0] - path[0][0], y[0] - path[0][1]) < 1
    assert np.hypot(x[90] - x[0], y[90] - y[0]) < 1
    assert np.hypot(x[45] - x[0], y[45] - y[0]) > 800
    assert (x[180:] == x[199]).all()


def test_without_samples_a_car_is_at_the_ends_of_its_sectors_when_it_was(rows):
    car, laps = next((car, laps) for car, laps in rows.laps_of.items() if len(laps) > 5)
    own = field_crossings(rows)[car]
    lap = laps[4]
    begin = own[lap.lap_number] - lap.lap_duration
    done = dict(progress(laps, own, (0.25, 0.6), start=begin - 100))
    places = {round(second, 3): place for second, place in done.items()}
    assert places[round(100 + lap.duration_sector_1, 3)] == lap.lap_number - 0.75
    assert places[round(100 + lap.duration_sector_1 + lap.duration_sector_2, 3)] == lap.lap_number - 0.4


def test_a_stored_circuit_is_the_track_where_there_are_no_samples(rows):
    SampleFile.objects.filter(session=rows.session).delete()
    square = {"x": [0, 400, 400, 0], "y": [0, 0, 400, 400], "z": [0, 0, 0, 0]}
    Circuit.objects.update_or_create(
        pk=rows.session.circuit_key,
        defaults={
            "circuit_name": "Square",
            "length": 1600,
            "clockwise": False,
            "sector_1": 400,
            "sector_2": 1000,
            "centre_line": square,
            "laps": 1,
            "sessions": 1,
            "samples": "0" * 64,
        },
    )
    line = stored_line(rows)
    assert line == Line([(0, 0), (400, 0), (400, 400), (0, 400)], (0.25, 0.625), line.version)
    film = make_film(rows, field_crossings(rows), line)
    assert film.header.basis == "line"
    for x, y in film.places_at(500).values():
        assert min(abs(x), abs(x - 400), abs(y), abs(y - 400)) <= 1
    assert "the circuit's line" in replay.build(rows, State({}, ("t",))).notes[0]


def test_places_are_those_of_the_samples(sampled):
    film = make_film(sampled, field_crossings(sampled))
    assert film.header.basis == "samples"
    file = SampleFile.objects.filter(session=sampled.session, collection="location").first()
    table = files.read_table(file.name, file.sha256, ["date", "x", "y"])
    for row in range(200, min(table.num_rows, 2000), 300):
        second = table["date"][row].as_py().timestamp() - film.header.start
        place = film.places_at(round(second)).get(file.driver_number) if 1 < second < film.header.seconds - 1 else None
        if place:
            x, y = (table[axis][row].as_py() / 10 for axis in ("x", "y"))
            assert abs(place[0] - x) + abs(place[1] - y) < 90  # at most half a second away


def test_the_board_at_the_flag_is_the_result(film, rows):
    board = board_at(film.header, film.header.seconds - 1)
    running = [line for line in board if line.state != "out"]
    placed = [row.driver_number for row in rows.results if row.position]
    assert [line.car for line in running][:5] == placed[:5]
    assert running[0].laps == rows.race_laps
    for line in running[1:5]:
        gap = rows.result_of[line.car].gap_to_leader
        if line.gap is not None and isinstance(gap, int | float):
            assert line.gap == pytest.approx(gap, abs=0.6)


def test_a_lap_behind_is_counted(film):
    story = film.header.story
    for line in board_at(film.header, film.header.seconds - 1):
        if line.laps_down:
            assert line.gap is None
            assert max(end for end in story.laps[line.car] if end) >= story.laps[board_at(film.header, 9e9)[0].car][line.laps]


@pytest.mark.parametrize("with_samples", [True, False])
def test_a_car_that_retired_on_the_first_lap_is_on_the_board_as_out(sampled, with_samples):
    if not with_samples:
        SampleFile.objects.filter(session=sampled.session).delete()
    car = next(row.driver_number for row in sampled.results if not row.dnf)
    results = [
        msgspec.structs.replace(row, dnf=True, number_of_laps=0, position=None) if row.driver_number == car else row
        for row in sampled.results
    ]
    first = [msgspec.structs.replace(lap, lap_duration=None, duration_sector_2=None) for lap in sampled.laps_of[car][:1]]
    laps = [*(lap for lap in sampled.laps if lap.driver_number != car), *first]
    rows = dataclasses.replace(sampled, laps=laps, results=results)
    film = make_film(rows, field_crossings(rows), stored_line(rows))
    board = board_at(film.header, film.header.seconds - 1)
    assert [(line.state, line.laps) for line in board if line.car == car] == [("out", 0)]
    assert len(board) == len(sampled.results)
    assert Film.from_bytes(film.to_bytes()) == film
    assert [event.text.split(" ", 1)[1] for event in film.header.story.events if event.kind == "out" and event.car == car] == [
        "did not end the first lap"
    ]


def test_without_places_the_order_is_that_at_the_line(rows):
    Position.objects.filter(session=rows.session).delete()
    film = make_film(rows, field_crossings(rows))
    second = sorted(end for own in film.header.story.laps.values() for end in own[4:5])[-1] + 0.5
    fifth = sorted((own[4], car) for car, own in film.header.story.laps.items() if len(own) > 4)
    order = [line.car for line in board_at(film.header, second) if line.laps == 5]
    assert order == [car for _, car in fifth if car in order]


def test_at_the_start_cars_are_in_the_order_of_the_grid(rows):
    Position.objects.filter(session=rows.session).delete()
    board = board_at(make_film(rows, field_crossings(rows)).header, 0)
    assert [line.car for line in board if line.car in {row.driver_number for row in rows.grid}] == [
        row.driver_number for row in rows.grid if row.driver_number in {line.car for line in board}
    ]


def test_stops_and_tyres_are_those_of_the_race(film, rows):
    board = {line.car: line for line in board_at(film.header, film.header.seconds - 1)}
    for car, line in board.items():
        assert line.stops == sum(pit.date is not None and pit.seconds is not None for pit in rows.pits_of.get(car, []))
        last = [lap.tyre_compound for lap in rows.laps_of[car] if lap.tyre_compound]
        assert line.tyres.letter == last[-1][0]


def test_the_file_is_made_once_and_again_when_rows_change(race, monkeypatch, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    head = session_head(race.year, race.race.slug, race.slug)
    made = []
    monkeypatch.setattr("pages.replay.film.make_film", lambda *args: made.append(1) or make_film(*args))
    kept.clear()
    first = film_of(load(race, version=head.version))
    kept.clear()
    assert film_of(load(race, version=head.version)) == first
    assert len(made) == 1
    assert default_storage.listdir(f"replay/session_id={race.pk}")[1] == ["replay.zz"]
    versions.touch("laps", race.pk)
    head = session_head(race.year, race.race.slug, race.slug)
    assert film_of(load(race, version=head.version)) == first
    assert len(made) == 2
    assert default_storage.listdir(f"replay/session_id={race.pk}")[1] == ["replay.zz"]


def test_a_stored_film_takes_no_lease(race, django_assert_num_queries):
    for queries in (2, 0):
        rows = load(race, version="of this test", more=replay_tables)
        loaded.clear()
        kept.clear()
        with django_assert_num_queries(queries):
            film_of(rows)


def test_a_damaged_file_is_made_again(race, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    version = session_head(race.year, race.race.slug, race.slug).version
    kept.clear()
    first = film_of(load(race, version=version))
    path = tmp_path / "replay" / f"session_id={race.pk}" / "replay.zz"
    path.write_bytes(path.read_bytes()[:-40])
    kept.clear()
    assert film_of(load(race, version=version)) == first


def test_the_file_over_http(race, film):
    answer = Client().get(f"{url_of(race)}replay.f1r", headers={"accept-encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert Film.from_bytes(gzip.decompress(answer.content)) == film
    assert Client().get(f"{url_of(race)}replay.f1r", headers={"if-none-match": answer["ETag"]}).status_code == 304
    qualifying = url_of(race).replace("/race/", "/qualifying/")
    assert Client().get(f"{qualifying}replay.f1r").status_code == 404


def test_a_moment_is_in_the_address(race):
    at = Client().get(f"{url_of(race)}replay/", {"t": "600", "format": "json"}).json()
    later = Client().get(f"{url_of(race)}replay/", {"t": "1200", "format": "json"}).json()
    assert at["data"]["t"] == 600
    laps = [row[2] for row in at["table"]["rows"]], [row[2] for row in later["table"]["rows"]]
    assert sum(laps[0]) < sum(laps[1])


@pytest.mark.parametrize("value", ["-1", "x", "999999", "1.5", "²"])
def test_a_moment_that_the_race_does_not_have_is_refused(rows, value):
    with pytest.raises(BadState, match="no second of this race"):
        replay.build(rows, State({"t": value}, ("t",)))


def test_where_there_are_no_samples_the_page_says_how_to_get_some(rows):
    SampleFile.objects.filter(session=rows.session).delete()
    Circuit.objects.all().delete()
    note = replay.build(rows, State({}, ("t",))).notes[0]
    assert "`manage.py load_demo` brings in" in note
    rows.session.source = "openf1"
    note = replay.build(rows, State({}, ("t",))).notes[0]
    assert f"`manage.py sync_openf1 location --session {rows.session.pk}` brings them in." in note
    assert "plain loop" in note


def test_monaco_2024_is_shown_though_its_first_lap_ended_under_a_red_flag(recorded):
    session = recorded(9523)
    rows = load(session)
    film = make_film(rows, field_crossings(rows))
    assert len(film.to_bytes()) < 1_000_000
    board = board_at(film.header, film.header.seconds - 1)
    assert board[0].car == 16
    assert {line.car for line in board if line.state == "out"} == {11, 20, 27, 31}


def test_the_page_offers_the_speeds_and_draws_the_cars_for_readers_without_scripts(race):
    html = Client().get(f"{url_of(race)}replay/", {"t": "600"}).content.decode()
    assert '<option value="10" selected>10×</option>' in html
    assert html.count('class="car-fill"') > 10
