"""What every entity promises, for each that the router knows: a new one gets these tests by being registered."""

import csv
import io
import json
import operator
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext
from django.urls import resolve

from api import pagination
from api.fields import LinkField
from api.filters import column_at
from api.router import nested_routes
from api.sync import SyncMixin
from api.tests.factories import make, values
from api.viewsets import EntityViewSet
from mirror.feeds import Feed
from mirror.fields import JSONText
from mirror.limits import limits_of
from mirror.models import SyncRun

pytestmark = pytest.mark.django_db

urls = import_module(settings.ROOT_URLCONF)
router, laboratory, background = urls.router, urls.laboratory, urls.races.urls.background


class Entity:
    """One registered viewset: its model, its addresses, its fields and bodies to send."""

    def __init__(self, prefix: str, viewset: type[EntityViewSet]):
        self.prefix, self.viewset = prefix, viewset
        self.model: type[models.Model] = viewset.queryset.model
        self.url = f"/api/v1/{prefix}/"
        self.key = self.model._meta.pk.name
        self.filterset: Any = viewset.filterset_class
        self.fields = viewset.serializer_class().fields

    @property
    def writable(self) -> bool:
        """Whether people create and change rows; otherwise only the site itself does."""
        return "post" in self.viewset.http_method_names

    @property
    def synced(self) -> bool:
        return issubclass(self.viewset, SyncMixin)

    @property
    def writable_key(self) -> set[str] | None:
        """Names of the fields of the unique constraint, where a person may write all of them."""
        constraints = [c for c in self.model._meta.constraints if isinstance(c, models.UniqueConstraint)]
        key = {column_at(self.model, name).attname for name in constraints[0].fields} if constraints else set()
        return key if key and not any(self.fields[name].read_only for name in key) else None

    def row_url(self, row: models.Model) -> str:
        return f"{self.url}{row.pk}/"

    def body(self, number: int) -> dict[str, Any]:
        """A valid body for the row of that number."""
        made = self.model(**values(self.model, number))
        writable = [name for name, field in self.fields.items() if not field.read_only]
        return {name: plain(getattr(made, name)) for name in writable}

    def permission(self, action: str) -> str:
        return f"{self.model._meta.app_label}.{action}_{self.model._meta.model_name}"


ENTITIES = [Entity(prefix, viewset) for prefix, viewset, _ in router.registry]


def each(entities: Iterable[Entity]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entity", list(entities), ids=lambda entity: entity.prefix)


every_entity = each(ENTITIES)
every_writable_entity = each(entity for entity in ENTITIES if entity.writable)
every_synced_entity = each(entity for entity in ENTITIES if entity.synced)


def plain(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value


def text(value: Any) -> str:
    """A value as a query parameter has it."""
    value = plain(value)
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def columns(entity: Entity) -> list[models.Field]:
    """The model's fields, but for those that a serializer which lists its own leaves out."""
    everything = entity.viewset.serializer_class.Meta.fields == "__all__"
    return [field for field in entity.model._meta.concrete_fields if everything or field.attname in entity.fields]


def names(entity: Entity) -> list[str]:
    return [field.attname for field in columns(entity)]


@every_entity
def test_a_list_comes_in_an_envelope_with_every_field_of_the_model(entity, api):
    row = make(entity.model)
    body = api.get(entity.url).json()
    assert {name: body[name] for name in body if name != "results"} == {
        "count": 1,
        "page": 1,
        "pages": 1,
        "page_size": 100,
        "next": None,
        "previous": None,
    }
    [shown] = body["results"]
    row.refresh_from_db()
    assert {name: shown[name] for name in names(entity)} == {name: plain(getattr(row, name)) for name in names(entity)}


@every_entity
def test_a_row_is_the_same_alone_and_in_the_list(entity, api):
    row = make(entity.model)
    assert api.get(entity.row_url(row)).json() == api.get(entity.url).json()["results"][0]


@every_entity
def test_a_row_links_to_itself_and_its_parents(entity, api):
    row = make(entity.model)
    shown = api.get(entity.row_url(row)).json()
    links = {name: field for name, field in entity.fields.items() if isinstance(field, LinkField)}
    assert shown["url"].endswith(entity.row_url(row))
    assert links.keys() >= {f"{field.name}_url" for field in columns(entity) if field.many_to_one}
    for name in links:
        assert api.get(shown[name]).json()["url"] == shown[name]


@every_entity
def test_urls_work_without_prefix_and_slash_and_answer_with_both(entity, api):
    make(entity.model, 1)
    row = make(entity.model, 2)
    long, short = api.get(f"{entity.url}?page_size=1"), api.get(f"/{entity.prefix}?page_size=1")
    assert short.json() == long.json()
    assert short.json()["next"] == f"http://testserver{entity.url}?page_size=1&page=2"
    assert api.get(f"/{entity.prefix}/{row.pk}").json() == api.get(entity.row_url(row)).json()


@every_entity
def test_every_field_of_the_model_has_a_filter(entity):
    known = entity.filterset.base_filters
    for field in entity.model._meta.concrete_fields:
        comparisons = () if isinstance(field, JSONText | models.JSONField) else ("gt", "gte", "lt", "lte", "in")
        assert {field.attname, *(f"{field.attname}__{lookup}" for lookup in ("isnull", *comparisons))} <= known.keys()


COMPARISONS = {
    "__gt": operator.gt,
    "__gte": operator.ge,
    "__lt": operator.lt,
    "__lte": operator.le,
    ">": operator.ge,
    "<": operator.le,
}


@every_entity
def test_every_filter_selects_the_rows_it_names(entity, api):
    for number in (1, 2, 3):
        make(entity.model, number)
    rows = api.get(entity.url).json()["results"]

    def found(**query) -> list:
        answer = api.get(entity.url, query)
        assert answer.status_code == 200, (query, answer.json())
        return answer.json()["results"]

    for name in names(entity):
        wanted = rows[1][name]
        same = [row for row in rows if row[name] == wanted]
        assert found(**{name: text(wanted)}) == same, name
        assert (found(**{f"{name}__isnull": "true"}), found(**{f"{name}__isnull": "false"})) == ([], rows), name
        if isinstance(column_at(entity.model, name), JSONText | models.JSONField):
            continue
        everything = [text(row[name]) for row in rows]
        assert found(**{name: everything}) == found(**{f"{name}__in": ",".join(everything)}) == rows, name
        for suffix, holds in COMPARISONS.items():
            assert found(**{name + suffix: text(wanted)}) == [row for row in rows if holds(row[name], wanted)], name + suffix
    for name, path in entity.filterset.related.items():
        wanted = entity.model._default_manager.values_list(path, flat=True).last()
        assert len(found(**{name: text(wanted)})) == entity.model._default_manager.filter(**{path: wanted}).count()


@every_entity
def test_rows_are_ordered_by_every_field_and_nulls_come_last(entity, api):
    for number in (2, 1, 3):
        make(entity.model, number)
    nullable = {field.attname: None for field in entity.model._meta.concrete_fields if field.null}
    entity.model._default_manager.filter(pk=make(entity.model, 4).pk).update(**nullable)
    for name in names(entity):
        up = [row[name] for row in api.get(entity.url, {"ordering": name}).json()["results"]]
        down = [row[name] for row in api.get(entity.url, {"ordering": f"-{name}"}).json()["results"]]
        if name in nullable:
            assert (up.pop(), down.pop()) == (None, None)
        up, down = ([json.dumps(value) if isinstance(value, list) else value for value in values] for values in (up, down))
        assert up == sorted(up), name
        assert down == sorted(down, reverse=True), name


@every_entity
def test_csv_has_the_values_of_json_and_empty_cells_for_null(entity, api):
    make(entity.model, 1)
    second = make(entity.model, 2)
    entity.model._default_manager.filter(pk=second.pk).update(
        **{field.attname: None for field in entity.model._meta.concrete_fields if field.null}
    )
    answer = api.get(entity.url, {"format": "csv"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    shown = api.get(entity.url).json()["results"]
    links = {name for name, field in entity.fields.items() if isinstance(field, LinkField)}
    assert rows == [{name: "" if row[name] is None else text(row[name]) for name in row if name not in links} for row in shown]
    page = api.get(entity.url, {"format": "csv", "page_size": 1, "page": 2})
    assert list(csv.DictReader(io.StringIO(page.getvalue().decode()))) == rows[1:]


@every_entity
def test_ndjson_and_parquet_have_the_values_of_json(entity, api):
    make(entity.model, 1)
    second = make(entity.model, 2)
    nullable = {field.attname: None for field in entity.model._meta.concrete_fields if field.null}
    entity.model._default_manager.filter(pk=second.pk).update(**nullable)
    links = {name for name, field in entity.fields.items() if isinstance(field, LinkField)}
    shown = [{name: value for name, value in row.items() if name not in links} for row in api.get(entity.url).json()["results"]]
    lines = api.get(entity.url, {"format": "ndjson"})
    assert lines["Content-Type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.getvalue().splitlines()] == shown
    page = api.get(entity.url, {"format": "ndjson", "page_size": 1, "page": 2})
    assert [json.loads(line) for line in page.getvalue().splitlines()] == shown[1:]
    for options in ({}, {"page_size": 2}):
        file = api.get(entity.url, {"format": "parquet"} | options)
        assert file["Content-Type"] == "application/vnd.apache.parquet"
        rows = pq.read_table(io.BytesIO(file.getvalue())).to_pylist()
        texts = [column.name for column in entity.viewset.serializer_class.file_columns() if column.is_json]
        for row in rows:
            row.update({name: json.loads(row[name]) for name in texts if row[name] is not None})
        assert json.loads(msgspec.json.encode(rows)) == shown


@every_entity
def test_a_page_takes_as_many_queries_for_100_rows_as_for_10(entity, api):
    counts = []
    for numbers in (range(1, 11), range(11, 101)):
        for number in numbers:
            make(entity.model, number)
        pagination.counts.clear()  # rows that are made like this leave the version as it is
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(api.get(entity.url).json()["results"]) == numbers[-1]
        counts.append(len(queries))
    assert counts == [2 + asks_for_version(entity)] * 2


def asks_for_version(entity):
    """With how many queries a reading asks if anything has changed: of what is mirrored, and of a table besides."""
    if entity.model is SyncRun:  # one is under way
        return 1
    return (entity.model in Feed.by_model) + 2 * bool(resolve(entity.url).func.cls.modified_field)


@pytest.mark.parametrize("query", ["nosuch=1", "page=0", "page_size=1001", "per_page=x", "ordering=nosuch", "format=xml"])
@every_entity
def test_what_a_list_does_not_understand_is_refused_by_name(entity, api, query):
    answer = api.get(f"{entity.url}?{query}")
    assert answer.status_code == 400
    assert list(answer.json()) == [query.split("=")[0]]


@every_entity
def test_a_mistyped_parameter_is_answered_with_the_valid_ones(entity, api):
    [message] = api.get(entity.url, {entity.key + "x": "1"}).json()[entity.key + "x"]
    assert f"Did you mean '{entity.key}'?" in message
    assert all(name in message for name in names(entity))


@pytest.mark.parametrize(
    "value", ["", "\0", "9" * 30, "nan", "1e999", "2023-13-40", "[", "0001-01-01T00:00:00+14:00", "é'\"%;--"]
)
@every_entity
def test_no_value_of_a_filter_breaks_it(entity, api, value):
    """Filters that cannot take the value say so, all at once, then those that no row can meet; the others find nothing."""
    known = entity.filterset.base_filters
    refused = api.get(entity.url, dict.fromkeys(known, value))
    assert refused.status_code == 400
    columns = {name: column_at(entity.model, entity.filterset.paths[name.partition("__")[0]]) for name in known}
    whole = {name for name in known if isinstance(columns[name], models.IntegerField) and not name.endswith("__isnull")}
    assert refused.json().keys() >= (known.keys() if value in ("", "\0") else whole)
    accepted = known.keys() - refused.json().keys()
    unmet = api.get(entity.url, dict.fromkeys(accepted, value))
    if unmet.status_code == 400:
        assert {known[name].lookup_expr for name in unmet.json()} <= {"exact", "in"}
        accepted -= unmet.json().keys()
    if accepted:
        assert api.get(entity.url, dict.fromkeys(accepted, value)).json()["count"] == 0


def refusable(filterset: Any) -> Iterator[tuple[str, str]]:
    """(filter, a value of its type that no row can have) of all but free texts, true and false, JSON, and what has no limits."""
    for name, condition in filterset.base_filters.items():
        column = condition.column
        kind, (_, most) = getattr(column, "target_field", column), limits_of(column)
        if condition.lookup_expr not in ("exact", "in"):
            continue
        if isinstance(kind, models.CharField):
            yield name, "nonsense"
        elif isinstance(kind, models.UUIDField):
            yield name, "00000000-0000-0000-0000-000000000000"
        elif isinstance(column, models.DateTimeField) and most:
            yield name, "2150-01-01T00:00:00Z"
        elif column.remote_field or column.primary_key:
            yield name, "987"
        elif isinstance(column, models.IntegerField | models.FloatField) and most and most < 30_000:
            yield name, str(most + 1)


OTHERS = [Entity(prefix, viewset) for prefix, viewset, _ in (*background.registry, *laboratory.registry)]


@each([*ENTITIES, *OTHERS])
def test_a_value_that_no_row_can_have_is_refused_by_every_filter(entity, admin_client):
    """An empty list would look like an answer."""
    refused = admin_client.get(entity.url, dict(refusable(entity.filterset)))
    assert refused.status_code == 400
    silent = dict(refusable(entity.filterset)).keys() - refused.json().keys()
    assert not silent
    for name, value in refusable(entity.filterset):
        assert value.split("-")[0] in str(refused.json()[name]), name


@every_entity
def test_a_missing_row_is_404_and_a_wrong_method_405(entity, api):
    missing = api.get(f"{entity.url}404/")
    assert (missing.status_code, list(missing.json())) == (404, ["detail"])
    assert api.get(entity.url, {"page": 2}).status_code == 404
    for answer in (api.put(entity.url, {}), api.delete(entity.url), api.put(f"/{entity.prefix}", {})):
        assert (answer.status_code, list(answer.json())) == (405, ["detail"])


@every_writable_entity
def test_a_row_is_created_changed_and_deleted(entity, editor):
    body = entity.body(1)
    created = editor.post(entity.url, body)
    assert created.status_code == 201, created.json()
    shown = created.json()
    assert created["Location"] == shown["url"]
    assert {name: shown[name] for name in body} == body
    assert shown.get("source", "manual") == "manual"

    changes = {name: value for name, value in entity.body(2).items() if name != entity.key}
    half = len(changes) // 2
    for send, part in ((editor.put, dict(list(changes.items())[:half])), (editor.patch, dict(list(changes.items())[half:]))):
        changed = send(shown["url"], part)
        assert changed.status_code == 200, changed.json()
        shown |= part
        assert {name: changed.json()[name] for name in body} == {name: shown[name] for name in body}

    deleted = editor.delete(shown["url"])
    one = str(entity.model._meta.verbose_name).capitalize()
    assert (deleted.status_code, deleted.json()) == (200, {"detail": f"{one} '{shown[entity.key]}' is deleted."})
    assert editor.get(shown["url"]).status_code == editor.delete(shown["url"]).status_code == 404


@every_writable_entity
def test_a_row_can_be_sent_back_as_it_came(entity, editor):
    row = make(entity.model)
    shown = editor.get(entity.row_url(row)).json()
    answer = editor.put(entity.row_url(row), shown)
    assert answer.status_code == 200, answer.json()
    assert answer.json() | {"changed_at": ""} == shown | {"changed_at": ""}


@every_writable_entity
def test_editing_a_row_keeps_where_it_came_from(entity, editor):
    row = make(entity.model, source="openf1")
    assert editor.patch(entity.row_url(row), {}).json()["source"] == "openf1"


@each(entity for entity in ENTITIES if entity.writable and not entity.fields[entity.key].read_only)
def test_the_key_of_a_row_cannot_change(entity, editor):
    answer = editor.patch(entity.row_url(make(entity.model)), {entity.key: plain(make(entity.model, 2).pk)})
    assert (answer.status_code, list(answer.json())) == (400, [entity.key])


@every_writable_entity
def test_a_second_row_with_the_same_key_is_a_conflict(entity, editor):
    body = entity.body(1)
    editor.post(entity.url, body)
    answer = editor.post(entity.url, body)
    assert (answer.status_code, list(answer.json())) == (409, ["detail"])


@each(entity for entity in ENTITIES if entity.writable and entity.writable_key)
def test_a_row_moved_onto_the_key_of_another_is_a_conflict(entity, editor):
    first, second = make(entity.model, 1), make(entity.model, 2)
    answer = editor.patch(entity.row_url(second), {name: plain(getattr(first, name)) for name in entity.writable_key})
    assert (answer.status_code, list(answer.json())) == (409, ["detail"])


@every_writable_entity
def test_a_bad_body_is_refused_by_field(entity, editor):
    good = entity.body(1)
    for name in good:
        kind = column_at(entity.model, name)
        bad = [{"a": 1}, None] if kind.name == kind.attname and not kind.null else [{"a": 1}]
        bad += [] if isinstance(kind, JSONText) else ["x\0", []]
        bad += [10**40, 1.5, "x"] if isinstance(kind, models.IntegerField) else []
        for value in bad:
            answer = editor.post(entity.url, good | {name: value})
            assert (answer.status_code, list(answer.json())) == (400, [name]), (name, value)


@every_writable_entity
def test_a_field_that_does_not_exist_is_refused_by_name(entity, editor):
    answer = editor.post(entity.url, entity.body(1) | {"nosuch": 1})
    assert (answer.status_code, list(answer.json())) == (400, ["nosuch"])


@every_writable_entity
def test_a_body_without_the_fields_a_row_needs_is_refused(entity, editor):
    assert editor.post(entity.url, {}).status_code == 400
    for body in ([], "x", 1, None):
        assert (answer := editor.post(entity.url, body)).status_code == 400, answer.json()


@every_writable_entity
def test_a_parent_that_does_not_exist_is_refused_by_name(entity, editor):
    for field in entity.model._meta.concrete_fields:
        if field.many_to_one and not entity.fields[field.attname].read_only:
            orphan = editor.post(entity.url, entity.body(1) | {field.attname: 404})
            assert (orphan.status_code, list(orphan.json())) == (400, [field.attname])


@every_entity
def test_writing_needs_a_login_and_the_permission(entity, api, stranger):
    row = make(entity.model)
    for client, status in ((api, 401), (stranger, 403)):
        for answer in (
            client.post(entity.url, {}),
            client.put(entity.row_url(row), {}),
            client.patch(entity.row_url(row), {}),
            client.delete(entity.row_url(row)),
        ):
            assert (answer.status_code, list(answer.json())) == (status, ["detail"])
        assert client.get(entity.url).status_code == 200


@every_synced_entity
def test_syncing_needs_a_login_and_the_permission(entity, api, stranger):
    urls = [f"{entity.url}sync/", f"{entity.url}sync/1/", f"{entity.url}1/", f"{entity.url}1/sync/"]
    answers = [(url, client.post(url).status_code) for url in urls for client in (api, stranger)]
    found = [pair for pair in answers if pair[1] not in (404, 405)]
    assert found
    assert {status for _, status in found} == {401, 403}


@every_writable_entity
def test_writes_are_in_the_history_with_who_and_what(entity, editor):
    shown = editor.post(entity.url, entity.body(1)).json()
    name, value = next((name, value) for name, value in entity.body(2).items() if name != entity.key and value != shown[name])
    assert editor.patch(shown["url"], {name: value}).status_code == 200
    editor.delete(shown["url"])
    history = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(entity.model), object_id=str(shown[entity.key])
    )
    assert [(entry.action_flag, entry.user.username) for entry in history.order_by("pk")] == [
        (ADDITION, "editor"),
        (CHANGE, "editor"),
        (DELETION, "editor"),
    ]
    label = str(column_at(entity.model, name).verbose_name).capitalize()
    assert history.get(action_flag=CHANGE).get_change_message() == f"Changed {label}."


def nested_lists(entity: Entity, row: models.Model) -> Iterator[tuple[str, str, bool]]:
    """(URL of the list below a parent of the row, name of the parent's key, whether rows can be added there)"""
    prefixes = {entity.model: entity.prefix for entity in ENTITIES}
    for _, _, methods, options in nested_routes(entity.prefix, entity.viewset, prefixes):
        parent = getattr(row, options["parent"])
        yield f"/api/v1/{prefixes[type(parent)]}/{parent.pk}/{entity.prefix}/", f"{options['parent']}_id", "post" in methods


@every_entity
def test_rows_are_listed_below_their_parents(entity, api):
    make(entity.model, 1)
    row = make(entity.model, 2)
    for url, name, _ in nested_lists(entity, row):
        body = api.get(url, {"page_size": 1}).json()
        assert (body["count"], body["results"][0][entity.key]) == (1, row.pk)
        assert api.get(url, {"nosuch": 1}).status_code == 400
        assert api.get(url.replace(f"/{getattr(row, name)}/", "/404/")).status_code == 404
        pagination.counts.clear()
        with CaptureQueriesContext(connection) as queries:
            api.get(url)
        assert len(queries) == 3 + asks_for_version(entity)


@every_writable_entity
def test_rows_are_added_below_their_parents(entity, editor):
    row = make(entity.model, 1)
    for url, name, may_add in nested_lists(entity, row):
        body = {field: value for field, value in entity.body(2).items() if field != name}
        if not may_add:
            assert editor.post(url, body).status_code == 405
            continue
        added = editor.post(url, body)
        assert (added.status_code, added.json()[name]) == (201, getattr(row, name))
        elsewhere = editor.post(url, body | {name: 404})
        assert (elsewhere.status_code, list(elsewhere.json())) == (400, [name])


@every_entity
def test_search_finds_names(entity, api):
    for number in (1, 2):
        make(entity.model, number)
    field = entity.viewset().search_fields
    if not field:
        assert api.get(entity.url, {"search": "x"}).status_code == 400
        return
    wanted = entity.model._default_manager.values_list(field[0], flat=True).last()
    assert api.get(entity.url, {"search": wanted.upper()}).json()["count"] == 1
    assert api.get(entity.url, {"search": "zzz"}).json()["count"] == 0
    assert api.get(entity.url, {"search": "\0"}).status_code == 400


@every_writable_entity
def test_the_browsable_page_offers_forms_to_those_who_may_write(entity, editor, api):
    row = make(entity.model)
    for url in (entity.url, entity.row_url(row)):
        for client, forms in ((editor, True), (api, False)):
            page = client.get(url, HTTP_ACCEPT="text/html")
            assert page.status_code == 200
            assert ('name="_content"' in page.content.decode()) is forms
    assert model_to_dict(row) == model_to_dict(entity.model._default_manager.get(pk=row.pk))
