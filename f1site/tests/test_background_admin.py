"""The admin pages of background work: jobs with their progress, and schedules."""

from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django_celery_beat.models import PeriodicTask

from jobs.models import Job
from mirror.tests.pages import shown

pytestmark = pytest.mark.django_db


def test_a_jobs_page_asks_how_far_it_is_until_it_has_ended(admin_client):
    job = Job.objects.create(kind="sync", state="running", done=3, total=12, message="Monaco: laps")
    url = f"/admin/jobs/job/{job.pk}/progress/"
    assert "not started" in admin_client.get(url).content.decode()
    Job.objects.update(started_at=datetime(2024, 3, 2, 15, 0, 4, tzinfo=UTC))
    fragment = admin_client.get(url).content.decode()
    for text in (
        "started 2 Mar, 15:00:04 UTC",
        "3 of 12",
        'value="25"',
        "Monaco: laps",
        f'hx-get="{url}"',
        'hx-trigger="every 2s"',
    ):
        assert text in fragment
    Job.objects.update(state="failed", error="<b>broken</b>")
    fragment = admin_client.get(url).content.decode()
    assert "&lt;b&gt;broken&lt;/b&gt;" in fragment
    assert "hx-get" not in fragment
    assert admin_client.get(url).headers["HX-Refresh"] == "true"
    assert admin_client.get("/admin/jobs/job/404/progress/").status_code == 404


def test_progress_is_for_those_who_may_see_jobs(client):
    job = Job.objects.create(kind="sync", state="running")
    client.force_login(User.objects.create(username="member", is_staff=True))
    assert client.get(f"/admin/jobs/job/{job.pk}/progress/").status_code == 403
    assert client.post(f"/admin/jobs/job/{job.pk}/cancel", {"_form_submitted": "on"}, follow=True).status_code == 403


def test_a_job_is_cancelled_in_the_admin(admin_client):
    job = Job.objects.create(kind="sync", state="running")
    page, button = f"/admin/jobs/job/{job.pk}/change/", f"/admin/jobs/job/{job.pk}/cancel/"
    assert button in admin_client.get(page).content.decode()
    admin_client.post(button, {"_form_submitted": "on"})
    job.refresh_from_db()
    assert job.cancel_requested
    Job.objects.update(state="cancelled", result={"created": 7})
    content = admin_client.get(page).content.decode()
    assert button not in content
    assert "&quot;created&quot;: 7" in content


@pytest.fixture
def schedules(db):
    """What the migration brought, once more: tests that commit empty the tables behind them."""
    import_module("jobs.migrations.0002_schedules").deliver(apps, None)


def test_a_schedule_is_edited_in_the_admin(admin_client, schedules):
    task = PeriodicTask.objects.get(name="Delete old jobs")
    url = f"/admin/django_celery_beat/periodictask/{task.pk}/change/"
    page = admin_client.get(url)
    assert "f1site.jobs.prune" in page.content.decode()
    answer = admin_client.post(url, shown(page) | {"kwargs": '{"days": 90}'})
    assert answer.status_code == 302, answer.context["adminform"].errors
    task.refresh_from_db()
    assert task.kwargs == '{"days": 90}'
