"""Circuits from the positions of cars: the line, its start and sectors, its corners, and what people may change."""

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from jobs import kinds, queue
from jobs.models import Job
from mirror.models import Source, SyncPiece, SyncRun
from races.models import Circuit
from telemetry.circuits import circuit_for, stored_line, update_circuit
from telemetry.delta.centre_line import CentreLine, LapPath, build_centre_line
from telemetry.delta.corners import find_corners
from telemetry.jobs import circuits_of_sync
from telemetry.models import SampleFile
from telemetry.tests import driven

TRACK = driven.build_track()


@pytest.fixture
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def session(db, media):
    session = driven.make_session()
    driven.drive(session, TRACK)
    return session


def lap(start: float, *, off: float = 0.0) -> LapPath:
    """A lap at 60 m/s from a place of the track, some metres to its left."""
    line = CentreLine(TRACK.points, TRACK.length)
    points = TRACK.points.copy()
    points[:, :2] += off * line.normals()
    times = np.arange(-1, TRACK.length / 60 + 1, 0.26)
    way = (start + 60 * times) % TRACK.length
    return LapPath(times, points[way.astype(int) % len(points)], 0.0, TRACK.length / 60)


@pytest.mark.once
def test_the_line_is_the_median_of_the_laps_and_begins_where_they_begin():
    line = build_centre_line([lap(100, off=off) for off in (-0.2, -0.1, 0.0, 0.1, 8.0)])
    assert line.length == pytest.approx(TRACK.length, rel=0.002)
    assert np.hypot(*(line.points[0] - TRACK.points[100])[:2]) < 1.5
    along, aside = line.project(lap(100))
    assert np.median(np.abs(aside)) < 0.3
    assert along == pytest.approx(60 * lap(100).times, abs=3)


@pytest.mark.once
def test_a_line_without_laps_is_refused():
    with pytest.raises(ValueError, match="needs a lap"):
        build_centre_line([])


@pytest.mark.once
def test_corners_are_numbered_in_the_order_of_driving_and_know_their_direction():
    corners = find_corners(CentreLine(TRACK.points, TRACK.length))
    assert [corner.number for corner in corners] == list(range(1, len(corners) + 1))
    apexes = [corner.apex for corner in corners]
    assert apexes == sorted(apexes)
    sides = {corner.turn > 0 for corner in corners}
    assert sides == {True, False}  # one lobe of the eight turns left, the other right
    assert all(abs(corner.turn) >= 12 for corner in corners)


def test_a_circuit_is_computed_when_it_is_first_needed(session):
    circuit = circuit_for(session)
    assert circuit.length == pytest.approx(TRACK.length, rel=0.003)
    assert (circuit.sector_1, circuit.sector_2) == pytest.approx([share * TRACK.length for share in driven.SECTORS], abs=3)
    assert (circuit.sessions, circuit.source, circuit.circuit_name) == (1, Source.OPENF1, "Figure Eight")
    assert circuit.laps >= 10
    assert stored_line(circuit).points[:, :2] == pytest.approx(
        TRACK.points[np.rint(stored_line(circuit).distances).astype(int) % len(TRACK.points), :2], abs=6
    )
    assert circuit.corners.count() >= 2


def test_a_circuit_without_positions_is_none(db, media):
    session = driven.make_session()
    driven.drive(session, TRACK, location=False)
    assert circuit_for(session) is None


def test_it_is_computed_again_only_when_positions_changed(session):
    before = update_circuit(driven.CIRCUIT)
    assert update_circuit(driven.CIRCUIT).computed_at == before.computed_at
    SampleFile.objects.filter(collection="location", driver_number=1).delete()
    after = update_circuit(driven.CIRCUIT)
    assert after.laps < before.laps


def test_corners_that_a_person_edited_stay(session, admin_client):
    circuit = update_circuit(driven.CIRCUIT)
    corner = circuit.corners.first()
    url = f"/admin/races/circuit/{circuit.pk}/change/"
    form = {"circuit_name": "Eight", "corners-TOTAL_FORMS": 1, "corners-INITIAL_FORMS": 1}
    form |= {"corners-0-id": corner.pk, "corners-0-circuit": circuit.pk}
    form |= {"corners-0-number": 1, "corners-0-letter": "a", "corners-0-distance": 321.5}
    assert admin_client.get(url).status_code == 200
    assert admin_client.post(url, form).status_code == 302
    update_circuit(driven.CIRCUIT, force=True)
    assert "321.5" in str(Circuit.objects.get().corners.values_list("number", "letter", "distance"))
    assert Circuit.objects.get().corners_edited


def test_circuits_are_served_as_rows_geojson_and_pictures(session, api):
    update_circuit(driven.CIRCUIT)
    [row] = api.get("/api/v1/circuits/").json()["results"]
    assert (row["circuit_id"], row["clockwise"] in (True, False)) == (driven.CIRCUIT, True)
    assert "centre_line" not in row
    features = api.get(f"/api/v1/circuits/{driven.CIRCUIT}/geojson/").json()["features"]
    assert features[0]["geometry"]["coordinates"][0] == features[0]["geometry"]["coordinates"][-1]
    assert {feature["properties"]["kind"] for feature in features} == {"centre line", "start", "sector", "corner"}
    picture = api.get(f"/api/v1/circuits/{driven.CIRCUIT}/svg/")
    assert picture["Content-Type"] == "image/svg+xml"
    assert picture.content.decode().count("<text") == Circuit.objects.get().corners.count()
    assert api.get("/api/v1/circuits/999/svg/").status_code == 404


def test_the_command_and_the_job_compute_all_circuits(session, capsys):
    call_command("update_circuits")
    assert f"{driven.CIRCUIT} Figure Eight: " in capsys.readouterr().out
    with pytest.raises(CommandError, match="no location samples of circuit 5"):
        call_command("update_circuits", "--circuit", "5")


def test_a_sync_that_stores_positions_has_its_circuits_computed(session):
    run = SyncRun.objects.create(scope={}, source=Source.OPENF1)
    SyncPiece.objects.create(run=run, collection="laps", session_id=session.pk, ok=True)
    assert circuits_of_sync(Job(kind="sync"), {"run_id": run.pk}) is None
    SyncPiece.objects.create(run=run, collection="location", session_id=session.pk, ok=True)
    assert circuits_of_sync(Job(kind="sync"), {"run_id": run.pk}) == {"circuits": [driven.CIRCUIT]}
    job = queue.add("update_circuits", {"circuits": [driven.CIRCUIT]}, description="", owner=None)

    class Progress:
        def step(self, text="", **counts):
            pass

    assert kinds.KINDS["update_circuits"].run(Progress(), job) == {"circuits": 1}
    assert Circuit.objects.count() == 1
