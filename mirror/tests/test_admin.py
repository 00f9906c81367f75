"""The log of syncs as the admin shows it."""

import re
from html import unescape

import pytest
from django.urls import reverse

from api.tests.factories import make
from mirror.models import Reject, SyncPiece, SyncRun
from mirror.pipeline import sync
from mirror.planning import Scope
from mirror.tests.upstream import Rows, answer, client
from telemetry.models import Stint

pytestmark = pytest.mark.django_db

MEETING = {"meeting_key": 1229, "meeting_name": "Bahrain Grand Prix", "year": 2024, "date_start": "2024-02-29T11:30:00+00:00"}
SESSION = {
    "session_key": 9472,
    "meeting_key": 1229,
    "session_name": "Race",
    "year": 2024,
    "date_start": "2024-03-02T15:00:00+00:00",
}
STINT = {"session_key": 9472, "meeting_key": 1229, "driver_number": 1, "stint_number": 1, "compound": "SOFT", "lap_start": 1}


@pytest.fixture
def admin_user(db, django_user_model):
    return django_user_model.objects.create(username="admin", is_staff=True, is_superuser=True)


def run(stints, **options):
    upstream = Rows(meetings=[MEETING], sessions=[SESSION], stints=stints, **options)
    scope = Scope(races=(1229,))
    report = sync(client=client(upstream), scope=scope, collections=("meetings", "sessions", "stints"), force=True)
    return SyncRun.objects.get(pk=report.run_id)


def text(response):
    """The page without its tags' line breaks."""
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def page(instance):
    return reverse(f"admin:openf1_{instance._meta.model_name}_change", args=[instance.pk])


def test_a_run_tells_what_was_asked_for_and_what_became_of_it(admin_client):
    html = text(admin_client.get(page(run([STINT, STINT | {"stint_number": 2}]))))
    assert "race 1229 (meetings, sessions, stints)" in html
    assert "Done" in html
    assert "No row that was there changed" in html


def test_a_run_shows_each_changed_row_with_the_old_and_the_new_value_and_leads_to_it(admin_client):
    run([STINT])
    second = run([STINT | {"compound": "HARD", "lap_end": 17}])
    html = text(admin_client.get(page(second)))
    assert "stints · Bahrain Grand Prix · Race" in html
    assert "tyre compound: <del>SOFT</del> → " in html
    assert ">HARD</ins>" in html
    assert "lap end: <del>–</del> → " in html
    link = html.split('">driver number 1, stint number 1</a>')[0].rsplit('href="', 1)[1].replace("&amp;", "&")
    assert list(admin_client.get(link).context["cl"].queryset) == [Stint.objects.get()]


def test_a_run_shows_vanished_and_refused_rows(admin_client):
    run([STINT, STINT | {"stint_number": 2}])
    second = run([STINT, STINT | {"stint_number": "two"}])
    html = text(admin_client.get(page(second)))
    assert 'driver number 1, stint number 2</a></td> <td class="px-3 py-1.5 w-full"> vanished upstream' in html
    assert "0 created, 0 updated, 1 vanished, 1 refused" in html
    piece = SyncPiece.objects.get(run=second, collection="stints")
    assert "Expected `int`, got `str`" in text(admin_client.get(page(piece)))
    refused = re.sub("<[^>]+>", "", unescape(text(admin_client.get(page(Reject.objects.get())))))
    assert '"stint_number": "two"' in refused


def test_a_run_shows_only_the_first_of_many_changes_and_leads_to_all(admin_client):
    stints = [STINT | {"driver_number": number} for number in range(1, 31)]
    run(stints)
    second = run([stint | {"compound": "HARD"} for stint in stints])
    html = text(admin_client.get(page(second)))
    assert html.count("<del>SOFT</del>") == 10
    assert "10 of 30 shown; see all" in html
    assert text(admin_client.get(page(SyncPiece.objects.get(run=second, collection="stints")))).count("<del>SOFT</del>") == 30


def test_a_run_with_failures_says_so_in_its_colour_and_tells_why(admin_client):
    def refuse(collection, filters):
        return answer({"detail": "No."}, 400) if collection == "stints" else None

    failed = run([STINT], refuse=refuse)
    html = text(admin_client.get(page(failed)))
    assert "bg-red-100" in html
    assert "finished with failed pieces" in html
    assert "was refused with 400: No." in html


def test_the_log_of_syncs_is_read_only(admin_client):
    log = run([STINT])
    for instance in (log, log.pieces.first(), make(Reject, run=log)):
        assert admin_client.post(page(instance), {"state": "failed"}).status_code == 403
        assert admin_client.post(page(instance).replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert SyncRun.objects.get().state == SyncRun.State.DONE
