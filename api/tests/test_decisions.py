"""Corrections are decided over REST."""

import pytest

from api.tests.factories import make
from mirror import editing
from mirror.models import Correction, Source
from telemetry.models import Lap

pytestmark = pytest.mark.django_db


@pytest.fixture
def lap(editor):
    """A synced lap of 90 s that a person has corrected to 80 s over REST; OpenF1 says 91 s by now."""
    row = make(Lap, source=Source.OPENF1, lap_duration=90)
    assert editor.patch(f"/api/v1/laps/{row.pk}/", {"lap_duration": 80}).status_code == 200
    Correction.objects.update(upstream=91, state=Correction.State.CONFLICT)
    return row


def decide(client, **body):
    return client.post(f"/api/v1/corrections/{Correction.objects.get().pk}/decide/", body)


def test_a_person_keeps_the_value_and_says_why(editor, lap):
    answer = decide(editor, decision="keep_mine", reason="Seen on television.")
    assert (answer.status_code, answer.json()["detail"][:26]) == (200, "The corrected value holds:")
    correction = Correction.objects.get()
    assert (correction.state, correction.reason) == (Correction.State.HOLDS, "Seen on television.")
    lap.refresh_from_db()
    assert lap.lap_duration == 80


@pytest.mark.parametrize("decision", ["take_upstream", "withdraw"])
def test_a_correction_is_withdrawn(editor, lap, decision):
    assert decide(editor, decision=decision).status_code == 200
    assert not Correction.objects.exists()
    lap.refresh_from_db()
    assert lap.lap_duration == 91


@pytest.mark.django_db(transaction=True)  # keys are checked at its end
def test_a_deleted_row_comes_back_unless_its_session_is_gone(editor, lap):
    Correction.objects.all().delete()
    editing.delete(lap, user=None)
    session = lap.session
    assert decide(editor, decision="withdraw").status_code == 200
    [lap] = Lap.objects.all()
    editing.delete(lap, user=None)
    session.delete()
    assert decide(editor, decision="withdraw").status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "decision"),
        ({"decision": "perhaps"}, "decision"),
        ({"decision": "withdraw", "reason": "no"}, "reason"),
        ({"decision": "keep_mine", "why": "no"}, "why"),
    ],
)
def test_what_is_wrong_with_a_decision_is_named(editor, lap, body, field):
    answer = decide(editor, **body)
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_deciding_takes_the_permission(api, stranger, editor, lap):
    assert decide(api, decision="keep_mine").status_code == 401
    assert decide(stranger, decision="keep_mine").status_code == 403
    assert editor.post("/api/v1/corrections/404/decide/", {"decision": "keep_mine"}).status_code == 404
