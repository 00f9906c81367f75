"""Who has an answer already gets 304, until what it shows is changed: by a sync, by REST, in the admin, by a decision."""

import gzip
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import resolve, reverse
from django.utils import timezone

from api.tests.factories import make
from drivers.models import Driver
from drivers.people import merge
from mirror import decisions
from mirror.models import Correction, PieceVersion, Source, SyncRun
from mirror.tests.pages import shown
from races.models import Race, Session
from telemetry.models import Lap

pytestmark = pytest.mark.django_db


def again(client, path, before, **headers):
    """The next answer to the same question, asked by somebody who has the one before."""
    return client.get(path, headers={"If-None-Match": before["ETag"], **headers})


@pytest.fixture
def race():
    row = make(Race)
    PieceVersion.objects.all().delete()
    return row


@pytest.fixture
def paths(race):
    return ("/api/v1/races/", f"/api/v1/races/{race.pk}/")


def test_nothing_new_is_not_sent_and_not_read(api, paths, django_assert_num_queries):
    for path in paths:
        first = api.get(path)
        with django_assert_num_queries(1):
            second = again(api, path, first)
        assert (second.status_code, second.content, second["ETag"]) == (304, b"", first["ETag"])


def test_a_change_by_rest_is_seen(api, editor, race, paths):
    before = [api.get(path) for path in paths]
    editor.patch(paths[1], {"race_name": "Edited"})
    after = [again(api, path, answer) for path, answer in zip(paths, before, strict=True)]
    assert [answer.status_code for answer in after] == [200, 200]
    assert after[1].json()["race_name"] == "Edited"
    editor.delete(paths[1])
    assert again(api, paths[0], after[0]).json()["count"] == 0
    assert again(api, paths[1], after[1]).status_code == 404


def test_a_new_row_is_seen(api, editor, paths):
    before = api.get(paths[0])
    editor.post("/api/v1/races/", {"race_id": 77, "race_name": "New", "year": 2024})
    assert again(api, paths[0], before).json()["count"] == 2


def test_a_change_in_the_admin_is_seen(api, admin_client):
    lap = make(Lap)
    path = f"/api/v1/laps/{lap.pk}/"
    before = api.get(path)
    url = f"/admin/telemetry/lap/{lap.pk}/delete/"
    assert admin_client.post(url, {"post": "yes"}).status_code == 302
    assert again(api, path, before).status_code == 404


def test_a_sync_is_seen(api, editor, openf1, paths):
    before = api.get(paths[0])
    editor.post("/api/v1/races/sync/", {"race_id": 1229})
    after = again(api, paths[0], before)
    assert (after.status_code, after.json()["count"]) == (200, 2)
    editor.post("/api/v1/races/sync/", {"race_id": 1229})  # brings nothing new
    assert again(api, paths[0], after).status_code == 304


def test_a_decision_is_seen(api, editor, race, paths):
    Race.objects.update(source=Source.OPENF1)
    editor.patch(paths[1], {"race_name": "Edited"})
    before = api.get(paths[1])
    decisions.take_upstream(Correction.objects.get())
    assert again(api, paths[1], before).json()["race_name"] == race.race_name


def test_two_people_made_one_are_seen(api):
    kept, other = (Driver.objects.create(driver_id=name, full_name=name) for name in ("max_verstappen", "verstappen_max"))
    before = api.get("/api/v1/drivers/")
    merge(kept, [other])
    assert again(api, "/api/v1/drivers/", before).json()["count"] == 1


def test_a_date_does_where_the_change_is_not_of_this_second(api, editor, paths):
    editor.patch(paths[1], {"race_name": "Edited"})
    assert "Last-Modified" not in api.get(paths[0])
    PieceVersion.objects.update(changed_at=timezone.now() - timedelta(minutes=1))
    modified = api.get(paths[0])["Last-Modified"]
    assert api.get(paths[0], headers={"If-Modified-Since": modified}).status_code == 304
    editor.patch(paths[1], {"race_name": "Once more"})
    assert api.get(paths[0], headers={"If-Modified-Since": modified}).status_code == 200


def test_every_question_and_format_has_its_own_tag(api, paths):
    tags = {api.get(paths[0] + query)["ETag"] for query in ("", "?page_size=1", "?format=csv", "?format=ndjson")}
    assert len(tags) == 4
    assert "ETag" not in api.get(paths[0], headers={"Accept": "text/html"})
    assert "ETag" not in api.get(paths[0] + "?nosuch=1")


def test_a_long_answer_is_compressed_for_who_wants_it(paths):
    plain = Client().get(paths[0])
    small = Client().get(paths[0], headers={"Accept-Encoding": "gzip"})
    assert small["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.content) == plain.content
    assert again(Client(), paths[0], small).status_code == 304


OWN = ("/api/v1/quality/", "/api/v1/corrections/", "/api/v1/rejects/", "/api/v1/sync-runs/", "/api/v1/fastf1-comparisons/")


@pytest.mark.parametrize("path", OWN)
def test_what_the_site_itself_writes_is_not_sent_twice(api, path):
    model = resolve(path).func.cls.queryset.model
    make(model, **({"state": "done"} if model is SyncRun else {}))
    first = api.get(path)
    assert first.json()["count"] == 1
    assert again(api, path, first).status_code == 304
    make(model, 2, **({"state": "done"} if model is SyncRun else {}))
    second = again(api, path, first)
    assert (second.status_code, second.json()["count"]) == (200, 2)
    model.objects.order_by("pk").first().delete()
    assert again(api, path, second).json()["count"] == 1


def test_a_sync_that_is_under_way_is_asked_for_anew_every_time(api):
    make(SyncRun, state="running")
    assert "ETag" not in api.get("/api/v1/sync-runs/")


@pytest.fixture
def conflict(editor, race, paths):
    """A corrected name, of which upstream says something else by now."""
    Race.objects.update(source=Source.OPENF1)
    editor.patch(paths[1], {"race_name": "Edited"})
    Correction.objects.update(state="conflict", upstream="Upstream's")
    return Correction.objects.get()


@pytest.mark.parametrize(("action", "name", "left"), [("keep", "Edited", 1), ("take", "Upstream's", 0)])
def test_a_decision_taken_on_its_page_is_seen(api, admin_client, conflict, paths, action, name, left):
    row, decisions = api.get(paths[1]), api.get("/api/v1/corrections/")
    done = admin_client.post(reverse(f"admin:openf1_correction_{action}", args=[conflict.pk]), {"_form_submitted": "1"})
    assert done.status_code in (200, 302)
    after = again(api, paths[1], row)
    assert (after.json()["race_name"] if after.status_code == 200 else row.json()["race_name"]) == name
    said = again(api, "/api/v1/corrections/", decisions).json()
    assert [correction["state"] for correction in said["results"]] == ["holds"] * left


def test_an_edit_on_an_admin_page_is_seen(api, admin_client, race, paths):
    before = [api.get(path) for path in paths]
    page = reverse("admin:races_race_change", args=[race.pk])
    assert admin_client.post(page, shown(admin_client.get(page)) | {"race_name": "Edited"}).status_code == 302
    after = [again(api, path, answer).json() for path, answer in zip(paths, before, strict=True)]
    assert (after[0]["results"][0]["race_name"], after[1]["race_name"]) == ("Edited", "Edited")


ANY_ANSWER = [{"If-None-Match": "*"}, {"If-Modified-Since": "Sat, 01 Jan 2099 00:00:00 GMT"}]


@pytest.fixture
def edited(race, editor):
    """A race weekend that was edited a minute ago."""
    editor.patch(f"/api/v1/races/{race.pk}/", {"race_name": "Edited"})
    PieceVersion.objects.update(changed_at=timezone.now() - timedelta(minutes=1))
    return race


@pytest.mark.parametrize("headers", ANY_ANSWER, ids=["any tag", "a date"])
def test_what_does_not_exist_is_not_unmodified(api, edited, headers):
    missing = {"races/999/": 404, "races/?page=99": 404, "races/?nosuch=1": 400, "sessions/999/laps/": 404}
    assert {path: api.get(f"/api/v1/{path}", headers=headers).status_code for path in missing} == missing
    assert api.get("/v1/meetings?meeting_key=999", headers=headers).status_code == 404
    make(Session)
    assert api.get(f"/f1/{edited.year}/?format=nosuch", headers=headers).status_code == 400


@pytest.mark.parametrize("headers", ANY_ANSWER, ids=["any tag", "a date"])
@pytest.mark.parametrize("path", ["/api/v1/races/", "/api/v1/races/{}/", "/api/v1/races/?format=csv", "/v1/meetings"])
def test_what_exists_is_unmodified(api, edited, headers, path):
    answer = api.get(path.format(edited.pk), headers=headers)
    assert (answer.status_code, answer.getvalue()) == (304, b"")
    assert answer["ETag"] == api.get(path.format(edited.pk))["ETag"]
