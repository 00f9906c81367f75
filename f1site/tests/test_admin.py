"""The admin as a whole, by a loop over what is registered: a new model is tested as soon as it has a page."""

import datetime
import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import PeriodicTask

from api.logins.models import Token
from drivers.models import ChampionshipTeam
from mirror.admin import LogAdmin
from mirror.fields import JSONText
from mirror.models import Mirrored, PieceState, PieceVersion, Reject, SyncPiece, SyncRun
from mirror.tests.pages import shown
from ml.models import Experiment, Run
from races.admin import SessionRowAdmin
from races.models import Race

pytestmark = pytest.mark.django_db

OURS = {"races", "drivers", "telemetry", "ml", "f1site"}
REGISTERED = sorted(
    (model for model in apps.get_models() if admin.site.is_registered(model)), key=lambda model: model._meta.label
)
EDITED = [
    model for model in REGISTERED if issubclass(model, Mirrored) and not isinstance(admin.site.get_model_admin(model), LogAdmin)
]
GROWING = [model for model in REGISTERED if isinstance(admin.site.get_model_admin(model), SessionRowAdmin)]
GROWING = [*GROWING, PieceState, PieceVersion, SyncPiece, Reject]
GROWING.remove(ChampionshipTeam)  # ten rows a race, whose teams are listed from them
EXCLUDED = {  # what other fields of a row rule out
    PeriodicTask: {"interval", "solar", "clocked", "expire_seconds"},
    Experiment: {"baseline_run"},  # its runs come after it
    Run: {"created_by"},  # the user of that number is its experiment's
}
each_model = pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
each_edited_model = pytest.mark.parametrize("model", EDITED, ids=lambda model: model._meta.label)


@pytest.fixture
def admin_user(db):
    """A superuser without a password, whose hash would take most of the time here."""
    return User.objects.create(username="admin", is_staff=True, is_superuser=True)


def value(field, number):
    """Something that fits the field and differs from row to row."""
    if isinstance(field, models.ForeignKey):
        own = field.related_model is field.model  # as a team and its successor, which has none
        return row(field.related_model, number + 1_000 * own, skipped=(field.name,) if own else ())
    if field.choices:
        return field.choices[0][0]
    if isinstance(field, models.JSONField | JSONText):
        return {} if isinstance(field, models.JSONField) or field.name == "key" else number
    if isinstance(field, models.BooleanField):
        return bool(number % 2)
    if isinstance(field, models.DateTimeField):
        return datetime.datetime(2024, 3, 1, 15, 0, 0, 461_000, tzinfo=datetime.UTC) + datetime.timedelta(days=number)
    return number if isinstance(field, models.IntegerField | models.FloatField) else str(number)


def row(model, number, skipped=()):
    """A stored row with every field filled and parents of its own, so that no query per row can hide."""
    if model is ContentType:
        return ContentType.objects.get_for_model(Race)
    if not isinstance(model._meta.pk, models.AutoField | models.UUIDField) and (
        known := model.objects.filter(pk=str(number)).first()
    ):
        return known
    fields = [f for f in model._meta.concrete_fields if not isinstance(f, models.AutoField) and (f.null or not f.has_default())]
    fields = [field for field in fields if field.name not in (*EXCLUDED.get(model, ()), *skipped)]
    return model.objects.create(**{field.name: value(field, number) for field in fields})


def page(model, name, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def queries(client, url):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def foreign(html):
    """Addresses of other hosts that a browser would load, or that it would be led to."""
    return re.findall(r'(?:src|href|action|srcset)="((?:https?:)?//(?!testserver)[^"]*)"', html)


def member(client, *codenames):
    """Log in somebody of the staff with these permissions and no other."""
    user = User.objects.create_user("member", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


def test_every_model_of_ours_has_a_page():
    ours = {model for model in apps.get_models() if model.__module__.split(".")[0] in OURS}
    assert ours <= set(REGISTERED)


@each_model
def test_a_list_takes_as_many_queries_for_50_rows_as_for_5(model, admin_client):
    for number in range(1, 6):
        row(model, number)
    queries(admin_client, page(model, "changelist"))  # warms what Django keeps for the life of a process
    few = queries(admin_client, page(model, "changelist"))
    for number in range(6, 51):
        row(model, number)
    assert queries(admin_client, page(model, "changelist")) == few < 16


@pytest.mark.parametrize("model", GROWING, ids=lambda model: model._meta.label)
def test_a_list_does_not_read_all_rows_to_show_fifty(model, admin_client):
    """A join makes databases sort the table first; distinct values, as filters by text and dates list them, take all of it."""
    row(model, 1)
    with CaptureQueriesContext(connection) as queries:
        admin_client.get(page(model, "changelist"))
    own = [query["sql"] for query in queries if f'FROM "{model._meta.db_table}"' in query["sql"]]
    assert own
    assert [sql for sql in own if re.search(" JOIN | DISTINCT ", sql)] == []


@each_model
def test_the_page_of_a_row_and_the_page_to_add_one_open(model, admin_client):
    instance = row(model, 1)
    changelist = admin_client.get(page(model, "changelist")).context["cl"]
    assert admin_client.get(changelist.url_for_result(instance)).status_code == 200
    response = admin_client.get(page(model, "add"))
    may_add = admin.site.get_model_admin(model).has_add_permission(response.wsgi_request)
    assert response.status_code == (200 if may_add else 403)


@each_model
def test_every_column_filter_and_search_of_a_list_works(model, admin_client):
    row(model, 1)
    url = page(model, "changelist")
    changelist = admin_client.get(url).context["cl"]
    columns = ".".join(str(number) for number in range(1, len(changelist.list_display) + 1))
    filters = [list(spec.choices(changelist))[1:2] for spec in changelist.filter_specs]  # the first that is not "all"
    links = [choice["query_string"] for choices in filters for choice in choices if "query_string" in choice]
    for query in [f"?o={columns}", "?q=verstappen+44", *links]:
        assert admin_client.get(url + query).status_code == 200, query


@each_edited_model
def test_everything_of_a_row_can_be_edited_but_its_key_and_what_follows_from_other_rows(model, admin_client):
    form = admin_client.get(page(model, "change", row(model, 1).pk)).context["adminform"]
    editable = {field.name for field in model._meta.concrete_fields if field.editable and not isinstance(field, models.AutoField)}
    follows = {model._meta.pk.name, *admin.site.get_model_admin(model).readonly_fields}
    assert set(form.form.fields) - {"reason"} == editable - follows
    assert {*editable, model._meta.pk.name, "source", "changed_at"} <= set(flatten_fieldsets(form.fieldsets))


@each_model
def test_who_may_only_view_sees_the_whole_row_and_can_change_nothing(model, client):
    instance = row(model, 1)
    member(client, f"view_{model._meta.model_name}")
    response = client.get(page(model, "changelist"))
    assert 'name="action"' not in response.content.decode()
    url = response.context["cl"].url_for_result(instance)
    assert flatten_fieldsets(client.get(url).context["adminform"].fieldsets)
    assert client.post(url, {}).status_code == 403


@pytest.mark.parametrize("empty", [False, True], ids=["filled", "empty"])
@each_edited_model
def test_saving_a_page_as_it_is_changes_nothing(model, empty, admin_client):
    stored = model.objects.filter(pk=row(model, 1).pk)
    follows = admin.site.get_model_admin(model).readonly_fields
    fields = [field for field in model._meta.concrete_fields if field.editable and field.name not in follows]
    if empty:
        stored.update(**{field.name: None for field in fields if field.null})
    before = stored.values("pk", "source", *(field.attname for field in fields)).get()
    url = page(model, "change", before["pk"])
    answer = admin_client.post(url, shown(admin_client.get(url)))
    assert answer.status_code == 302, answer.context["errors"]
    assert stored.values(*before).get() == before


@each_model
def test_no_page_loads_anything_from_elsewhere(model, admin_client):
    row(model, 1)
    assert foreign(admin_client.get(page(model, "changelist")).content.decode()) == []


def test_the_login_and_the_front_page_load_nothing_from_elsewhere(client, admin_client):
    row(SyncRun, 1)
    for response in (client.get(reverse("admin:login")), admin_client.get(reverse("admin:index"))):
        assert "F1 Stats" in response.content.decode()
        assert foreign(response.content.decode()) == []


def test_the_front_page_counts_the_rows_and_tells_how_the_last_syncs_went(admin_client):
    for number in range(1, 4):
        row(Race, number)
    SyncRun.objects.create(scope={"filters": [{"year": 2024}]}, state=SyncRun.State.FAILED)
    html = admin_client.get(reverse("admin:index")).content.decode()
    assert re.search(r"Races\s*</span>\s*<span[^>]*>3</span>", html)
    assert "season 2024" in html
    assert "finished with failed pieces" in html
    assert 'href="/api/docs/"' in html


def test_the_sidebar_leads_to_every_list_one_may_see_and_to_no_other(client, admin_client):
    html = admin_client.get(reverse("admin:index")).content.decode()
    assert all(f'href="{page(model, "changelist")}"' in html for model in REGISTERED)
    member(client, "view_race")
    html = client.get(reverse("admin:index")).content.decode()
    assert [model for model in REGISTERED if f'href="{page(model, "changelist")}"' in html] == [Race]


def test_an_edit_is_recorded_with_who_and_when(client):
    race = row(Race, 1)
    user = member(client, "view_race", "change_race", "view_logentry")
    url = page(Race, "change", race.pk)
    client.post(url, shown(client.get(url)) | {"race_name": "Monaco Grand Prix"})
    edit = LogEntry.objects.get()
    assert (edit.user, edit.get_edited_object(), edit.get_change_message()) == (user, race, "Changed Race name.")
    assert "Changed Race name." in client.get(page(Race, "history", race.pk)).content.decode()
    edits = client.get(page(LogEntry, "changelist")).content.decode()
    assert f'href="{url}"' in edits
    assert "Monaco Grand Prix" in edits


def test_nobody_edits_the_record_of_edits(admin_client):
    edit = row(LogEntry, 1)
    assert admin_client.post(page(LogEntry, "change", edit.pk), {"object_repr": "another"}).status_code == 403
    assert admin_client.post(page(LogEntry, "delete", edit.pk), {"post": "yes"}).status_code == 403
    assert LogEntry.objects.get().object_repr == edit.object_repr


def test_a_token_is_shown_once_and_revoked(admin_client, admin_user):
    made = admin_client.post(page(Token, "add"), {"user": admin_user.pk}, follow=True).content.decode()
    [key] = re.findall(r"The token is (\S+);", made)
    token = Token.find(key)
    assert token.user == admin_user
    for address in (page(Token, "changelist"), page(Token, "change", token.pk)):
        text = admin_client.get(address).content.decode()
        assert token.beginning in text
        assert key not in text
    assert admin_client.post(page(Token, "delete", token.pk), {"post": "yes"}).status_code == 302
    assert Token.find(key) is None
