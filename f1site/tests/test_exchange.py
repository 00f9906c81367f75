"""Corrections on their way from one mirror to another."""

import json
import re

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from drivers.models import Driver
from mirror import decisions, editing, exchange
from mirror.models import Correction
from ml.models import CircuitFact
from races.models import Circuit, Corner, Race, Session
from telemetry.models import Lap

pytestmark = pytest.mark.django_db

KEY = {"session_id": 10, "driver_number": 4, "lap_number": 1}
WRONG_KEYS = [
    {},
    {"session_id": 10},
    {"driver_number": 4, "lap_number": 1},
    KEY | {"lap_id": 1},
    KEY | {"lap_number__gte": 0},
    *[KEY | {"lap_number": value} for value in (None, "x", "1", 1.5, True, [1], {"a": 1}, 10**30, -(10**30), 2**40, "a\0")],
]


@pytest.fixture
def ada():
    return get_user_model().objects.create_user("ada")


@pytest.fixture(autouse=True)
def lap():
    race = Race.objects.create(race_id=1, race_name="Somewhere Grand Prix", year=2023, source="openf1")
    session = Session.objects.create(session_id=10, race=race, year=2023, session_name="Race", source="openf1")
    Driver.objects.create(driver_id="lando_norris", full_name="Lando Norris", source="openf1")
    Lap.objects.create(session=session, driver_number=4, lap_number=2, lap_duration=92.0, source="openf1")
    return Lap.objects.create(session=session, driver_number=4, lap_number=1, lap_duration=91.0, source="openf1")


@pytest.fixture
def file(tmp_path, lap, ada):
    """Corrections as exported, with the database as it was before them."""
    lap.lap_duration = 88.8
    editing.edit(lap, user=ada, reason="timing sheet")
    editing.delete(Lap.objects.get(lap_number=2), user=ada)
    path = tmp_path / "corrections.json"
    call_command("export_corrections", output=str(path))
    for correction in Correction.objects.all():
        decisions.take_upstream(correction)
    assert sorted(Lap.objects.values_list("lap_duration", flat=True)) == [91.0, 92.0]
    return path


def test_imported_corrections_are_those_that_were_exported(file, ada, capsys):
    call_command("import_corrections", str(file), user="ada")
    assert "2 applied, 0 known" in capsys.readouterr().out
    assert Lap.objects.get().lap_duration == 88.8
    correction = Correction.objects.get(field="lap_duration")
    assert (correction.upstream, correction.corrected, correction.reason, correction.user) == (91.0, 88.8, "timing sheet", ada)
    call_command("import_corrections", str(file))
    assert "0 applied, 2 known" in capsys.readouterr().out


def test_the_file_is_keyed_by_what_identifies_a_row_everywhere(file):
    shared = json.loads(file.read_text())["corrections"]
    assert [s["key"] for s in shared] == [{"session_id": 10, "driver_number": 4, "lap_number": n} for n in (1, 2)]
    assert shared[0]["by"] == "ada"


def test_rows_that_are_not_here_are_reported_and_the_rest_goes_in(file, capsys):
    Lap.objects.filter(lap_number=1).delete()
    call_command("import_corrections", str(file))
    out = capsys.readouterr().out
    assert "no such row is stored" in out
    assert "1 applied, 0 known, 0 skipped, 1 missing" in out


def test_a_correction_made_here_stands_unless_overwritten(file, lap, ada):
    lap.refresh_from_db()
    lap.lap_duration = 77.7
    editing.edit(lap, user=ada)
    call_command("import_corrections", str(file))
    assert Lap.objects.get(lap_number=1).lap_duration == 77.7
    call_command("import_corrections", str(file), overwrite=True)
    assert Lap.objects.get(lap_number=1).lap_duration == 88.8
    assert Correction.objects.get(field="lap_duration").upstream == 91.0


def test_upstream_having_moved_on_makes_an_imported_correction_a_conflict(file):
    Lap.objects.filter(lap_number=1).update(lap_duration=90.5)
    call_command("import_corrections", str(file))
    assert Correction.objects.get(field="lap_duration").state == Correction.State.CONFLICT


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"field": "lap_duration", "corrected": "fast"}, r"Expected `float \| null`"),
        ({"field": "lap_id", "corrected": 1}, "lap_id is no field that can be corrected"),
        ({"collection": "lapps"}, "there is no such collection"),
        ({"key": {"lap": 1}}, "there is no such collection or key"),
        *[({"key": key, "field": field}, "key") for key in WRONG_KEYS for field in ("", "lap_duration")],
        ({"collection": "car_data", "key": {"date": "2024-03-02T15:00:00Z"}, "field": "speed"}, "car_data takes no corrections"),
        ({"collection": "telemetry"}, "telemetry takes no corrections"),
        ({"collection": "sample_files", "field": ""}, "sample_files takes no corrections"),
        ({"collection": "x\0"}, "there is no such collection"),
        ({"field": "x\0"}, "no field that can be corrected"),
        ({"field": "session_id", "corrected": 11}, "no field that can be corrected"),
        ({"field": "source", "corrected": "manual"}, "no field that can be corrected"),
        ({"corrected": 10**300}, "greatest possible value"),
        ({"corrected": -5}, ""),
        ({"corrected": [91.0]}, r"Expected `float \| null`"),
        ({"field": "date_start", "corrected": "2024-03-02T15:00:00"}, "has no time zone"),
        ({"field": "date_start", "corrected": "0001-01-01T00:00:00+14:00"}, "out of range"),
        ({"field": "date_start", "corrected": "then"}, "Invalid RFC3339"),
        ({"field": "segments_sector_1", "corrected": ["a\0"]}, ""),
        ({"field": "segments_sector_1", "corrected": {"a": 1}}, ""),
        ({"reason": "a\0b"}, "NUL"),
        ({"collection": "sessions", "key": {"session_id": 10}, "field": "race_id", "corrected": 77}, "there is no race 77"),
        ({"collection": "sessions", "key": {"session_id": 10}, "field": "session_name", "corrected": "a\0b"}, ""),
    ],
    ids=lambda value: str(value)[:90],
)
def test_what_does_not_fit_is_refused_with_the_reason(file, changed, complaint, capsys):
    document = json.loads(file.read_text())
    document["corrections"] = [document["corrections"][0] | changed]
    file.write_text(json.dumps(document))
    with pytest.raises(CommandError, match="1 correction was refused"):
        call_command("import_corrections", str(file))
    assert re.search(complaint, capsys.readouterr().out)
    assert Lap.objects.get(lap_number=1).lap_duration == 91.0
    assert (Lap.objects.count(), Session.objects.count(), Correction.objects.count()) == (2, 1, 0)


def test_a_key_may_be_written_in_any_order(file, capsys):
    document = json.loads(file.read_text())
    for correction in document["corrections"]:
        correction["key"] = dict(reversed(correction["key"].items()))
    file.write_text(json.dumps(document))
    call_command("import_corrections", str(file))
    call_command("import_corrections", str(file))
    assert "0 applied, 2 known" in capsys.readouterr().out


@pytest.mark.parametrize("index", [0, 1])
def test_rows_made_by_hand_are_left_alone(file, capsys, index):
    Lap.objects.update(source="manual")
    document = json.loads(file.read_text())
    document["corrections"] = document["corrections"][index : index + 1]
    file.write_text(json.dumps(document))
    call_command("import_corrections", str(file), overwrite=True)
    assert "the row here was made by hand" in capsys.readouterr().out
    assert sorted(Lap.objects.values_list("lap_duration", flat=True)) == [91.0, 92.0]


DEEP = '{"format": "f1-stats corrections 1", "corrections": [{"collection": "laps", "key": {}, "corrected": %s}]}'


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "nonsense",
        '{"format": "other 1", "corrections": []}',
        DEEP % ("[" * 500 + "]" * 500),
        DEEP % ("[" * 21 + "]" * 21),
        "[" * 100_000,
        '{"format": "f1-stats corrections 1", "corrections": [5]}',
        '{"format": "f1-stats corrections 1", "corrections": [{"collection": "laps", "key": []}]}',
        '{"format": "f1-stats corrections 1", "corrections": [{"collection": "laps", "key": {}, "corrected": NaN}]}',
        '{"format": "f1-stats corrections 1", "corrections": [{"collection": "laps", "key": {}, "reason": "\\ud800"}]}',
        DEEP % ('"' + "x" * 3_000_000 + '"'),
    ],
    ids=lambda text: text[:100],
)
def test_a_file_that_is_something_else_is_refused_whole(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(CommandError, match=r"other.json: (this is no file|its format is)"):
        call_command("import_corrections", str(path))


@pytest.fixture
def circuit():
    line = {"x": [0.0, 1.0], "y": [0.0, 1.0], "z": [0.0, 0.0]}
    options = {"length": 5000.0, "clockwise": True, "centre_line": line, "laps": 9, "sessions": 1, "source": "openf1"}
    circuit = Circuit.objects.create(circuit_id=63, circuit_name="Sakhir", corners_edited=True, **options)
    Corner.objects.create(circuit=circuit, number=1, distance=700)
    Corner.objects.create(circuit=circuit, number=1, letter="a", distance=760)
    return circuit


def edited_corners():
    return list(Corner.objects.values_list("number", "letter", "distance"))


def test_edited_corners_travel_with_the_corrections(file, circuit, capsys):
    call_command("export_corrections", output=str(file))
    Corner.objects.filter(letter="a").delete()
    Circuit.objects.update(corners_edited=False)
    call_command("import_corrections", str(file))
    assert edited_corners() == [(1, "", 700), (1, "a", 760)]
    assert Circuit.objects.get().corners_edited
    call_command("import_corrections", str(file))
    assert "0 applied, 1 known" in capsys.readouterr().out


def test_corners_that_were_edited_here_stay_unless_overwritten(file, circuit, capsys):
    call_command("export_corrections", output=str(file))
    Corner.objects.filter(letter="a").update(distance=800)
    call_command("import_corrections", str(file))
    assert "corners of circuit 63: they were edited here" in capsys.readouterr().out
    call_command("import_corrections", str(file), overwrite=True)
    assert edited_corners() == [(1, "", 700), (1, "a", 760)]


@pytest.mark.parametrize(
    ("corners", "words"),
    [
        ([{"number": 1, "distance": 9000}], "corner 1 at 9000 m lies beyond the lap of 5000 m"),
        ([{"number": 1, "distance": 1}, {"number": 1, "distance": 2}], "a number stands twice"),
        ([{"number": 0, "distance": 1}], "corner 0: 0 is too little"),
        ([{"number": 1, "letter": "abc", "distance": 1}], "corner 1abc: "),
    ],
)
def test_corners_that_cannot_be_are_refused(tmp_path, circuit, capsys, corners, words):
    path = tmp_path / "corners.json"
    document = {"format": "f1-stats corrections 1", "corrections": [], "corners": [{"circuit_id": 63, "corners": corners}]}
    path.write_text(json.dumps(document))
    with pytest.raises(CommandError, match="1 correction was refused"):
        call_command("import_corrections", str(path), overwrite=True)
    assert words in capsys.readouterr().out
    assert len(edited_corners()) == 2


def test_corners_of_a_circuit_that_is_not_stored_are_reported(tmp_path, capsys):
    path = tmp_path / "corners.json"
    document = {"format": "f1-stats corrections 1", "corrections": [], "corners": [{"circuit_id": 5, "corners": []}]}
    path.write_text(json.dumps(document))
    call_command("import_corrections", str(path))
    assert "corners of circuit 5: no such circuit is stored" in capsys.readouterr().out


def test_facts_about_circuits_that_people_set_travel_with_the_corrections(file, capsys):
    CircuitFact.objects.create(circuit_name="Sakhir", fact="pit loss", value=23.5, edited=True)
    CircuitFact.objects.create(circuit_name="Sakhir", fact="passing", value=0.1)
    call_command("export_corrections", output=str(file))
    assert json.loads(file.read_text())["circuit_facts"] == [{"circuit_name": "Sakhir", "fact": "pit loss", "value": 23.5}]
    CircuitFact.objects.filter(fact="pit loss").update(value=22.0, edited=False)
    call_command("import_corrections", str(file))
    call_command("import_corrections", str(file))
    assert "1 applied" in (out := capsys.readouterr().out)
    assert "0 applied, 1 known" in out
    CircuitFact.objects.filter(fact="pit loss").update(value=21.0)
    call_command("import_corrections", str(file))
    assert "pit loss at Sakhir: 21 was set here" in capsys.readouterr().out
    call_command("import_corrections", str(file), "--overwrite")
    assert CircuitFact.objects.get(fact="pit loss").value == 23.5


@pytest.mark.parametrize("change", [{"value": 900}, {"fact": "weather"}, {"circuit_name": "a\0b"}])
def test_a_fact_that_cannot_be_is_refused(file, change):
    fact = {"circuit_name": "Sakhir", "fact": "pit loss", "value": 23.5} | change
    file.write_text(json.dumps({"format": exchange.FORMAT, "corrections": [], "circuit_facts": [fact]}))
    with pytest.raises(CommandError, match="1 correction was refused"):
        call_command("import_corrections", str(file))
    assert not CircuitFact.objects.exists()
