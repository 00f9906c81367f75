"""How every admin page of this site behaves."""

from collections.abc import Callable, Iterable
from functools import cached_property, wraps
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminTimeWidget,
)

from mirror import editing
from mirror.admin.display import EMPTY, display_value, labels, list_url, page_url
from mirror.admin.keys import with_possible_key
from mirror.feeds import feed_of, registry
from mirror.fields import JSONText
from mirror.limits import ClosedText, limits_of
from mirror.models import Correction, Mirrored, Source


class PreciseTime(UnfoldAdminTimeWidget):
    """A time input to the microsecond."""

    supports_microseconds = True

    def format_value(self, value: Any) -> Any:
        return value if value is None or isinstance(value, str) else value.isoformat()


class PreciseDateTime(UnfoldAdminSplitDateTimeWidget):
    """Date and time inputs to the microsecond, so that saving a form does not round a moment that was not edited."""

    supports_microseconds = True

    def __init__(self, attrs: dict[str, Any] | None = None):
        super().__init__(attrs)
        self.widgets[1] = PreciseTime(attrs={"placeholder": "Time"})


WIDGETS: dict[type[models.Field], dict[str, Any]] = {
    models.DateTimeField: {"widget": PreciseDateTime},
    models.TextField: {"widget": UnfoldAdminTextInputWidget},  # upstream's texts are single lines: names and addresses
    JSONText: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 2, "spellcheck": "false"})},
}


def cached_display(method: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Decorate a display so that it is computed once per row; unfold calls it several times while it renders one."""

    @wraps(method)
    def display(self: Any, obj: Any) -> Any:
        cache = vars(obj).setdefault("_displayed", {})
        if method not in cache:
            cache[method] = method(self, obj)
        return cache[method]

    return display


def breaks_limits(field: models.Field, value: Any) -> bool:
    try:
        field.run_validators(value)
    except ValidationError:
        return True
    return False


class StoredValuesForm(forms.ModelForm):
    """A form in which a value from upstream outside its limits keeps nobody from editing the other fields."""

    def _get_validation_exclusions(self) -> set[str]:
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc] # Django's hook has no public name
        if self.instance._state.adding:
            return exclusions
        unchanged = [field for field in self._meta.model._meta.concrete_fields if field.name not in self.changed_data]
        return exclusions | {field.name for field in unchanged if breaks_limits(field, getattr(self.instance, field.attname))}


class EmptyIsNull(BaseModelAdmin):
    """Saves an empty text field as NULL where the model allows it, as upstream's rows have it."""

    form: type[forms.ModelForm] = StoredValuesForm
    formfield_overrides = WIDGETS

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.null and isinstance(field, forms.CharField):
            field.empty_value = None
        return field


class RowInline(EmptyIsNull, TabularInline):
    """The base of every table of rows in another row's form; its fields are named for screen readers, which see no heading."""

    extra = 0

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        for name, field in formset.form.base_fields.items():
            field.widget.attrs.setdefault("aria-label", str(field.label or name.replace("_", " ")))
        return formset


class RowAdmin(EmptyIsNull, ModelAdmin):
    """The base of every admin class. The sidebar shows `icon` (a Material Symbols name) and `title` or the model's plural."""

    icon = "table_rows"
    title = ""
    list_per_page = 50
    compressed_fields = False  # puts labels above the fields, so that several fit in a line
    list_filter_submit = True  # a button applies all chosen filters at once
    show_full_result_count = False
    empty_value_display = EMPTY
    # Fetched after the rows of a page: joined to them (`list_select_related`), related rows make databases sort the whole table.
    list_prefetch_related: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).prefetch_related(*self.list_prefetch_related)

    def get_urls(self) -> list[URLPattern]:
        urls = super().get_urls()
        for url in urls:
            url.callback = with_possible_key(url.callback, self.opts.pk)
        return urls

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        """Make the primary key of an existing row read-only, because changing it would save a second row."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if obj is None else (self.opts.pk.name, *fields)


class KnownValuesFilter(admin.AllValuesFieldListFilter):
    """Rows with one of the few values that a field can have: to list those that are stored, every row would be read."""

    def __init__(self, field: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(field, *arguments, **options)
        self.lookup_choices: Any = [*known_values(field), None]


def known_values(field: models.Field) -> Iterable[Any]:
    if isinstance(field, ClosedText):
        return field.known
    if field.name == "collection":
        return registry()
    least, most = limits_of(field)
    return range(int(least), int(most) + 1)


class RowForm(StoredValuesForm):
    """The form of a mirrored row, with the reason for the change."""

    reason = forms.CharField(
        required=False, widget=UnfoldAdminTextInputWidget, help_text="Why you change the row; kept with the correction."
    )

    @cached_property
    def changed_data(self) -> list[str]:
        return [name for name in super().changed_data if name != "reason"]


class MirroredAdmin(RowAdmin):
    """The admin of a mirrored model, which stores edits and deletions as corrections.

    `fieldsets` arrange the editable fields; key, related rows and provenance are added on existing rows.
    """

    form = RowForm
    readonly_fields: ClassVar[tuple[str, ...]] = ("related", "source", "changed_at", "corrected")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """All editable fields, then the further read-only ones of the admin class."""
        editable = [
            field.name for field in self.opts.concrete_fields if field.editable and not isinstance(field, models.AutoField)
        ]
        return [*editable, *(name for name in self.readonly_fields if name not in MirroredAdmin.readonly_fields)]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = self.fieldsets or [(None, {"fields": self.get_fields(request, obj)})]
        if obj is None:
            return fieldsets
        first = [name for name in (self.opts.pk.name,) if name not in flatten_fieldsets(fieldsets)]
        first += ["related"] if self.relations() else []
        (title, options), *rest = fieldsets
        return [
            (title, {**options, "fields": [*first, *options["fields"]]}),
            *rest,
            ("Provenance", {"fields": [("source", "changed_at"), *self.correction_fields(request, obj)]}),
        ]

    def correction_fields(self, request: HttpRequest, obj: Mirrored) -> list[str]:
        """Extra fields of a mirrored row: its corrections, and the reason box for those who may change it."""
        if obj.source == Source.MANUAL or feed_of(type(obj)).computed:
            return []
        return ["corrected", "reason"] if self.has_change_permission(request, obj) else ["corrected"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if form.changed_data or not change:
            reason, fields = form.cleaned_data.get("reason", ""), form.changed_data if change else None
            editing.edit(obj, user=request.user, reason=reason, fields=fields)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Store edits of inline rows as corrections too."""
        if not issubclass(formset.model, Mirrored):
            super().save_formset(request, form, formset, change)
            return
        formset.save(commit=False)
        reason = form.cleaned_data.get("reason", "")
        for row in formset.deleted_objects:
            editing.delete(row, user=request.user, reason=reason)
        for row, fields in [*formset.changed_objects, *((row, None) for row in formset.new_objects)]:
            editing.edit(row, user=request.user, reason=reason, fields=fields)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        editing.delete(obj, user=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        for row in queryset:
            editing.delete(row, user=request.user)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """List the rows themselves, and only count the rows that belong to them: a race weekend has thousands of laps."""
        _, counts, missing, protected = super().get_deleted_objects(objs, request)
        return [str(obj) for obj in objs], counts, missing, protected

    def relations(self) -> list:
        """The reverse foreign keys from models that have an admin page."""
        related = self.opts.related_objects
        return [
            relation for relation in related if relation.one_to_many and self.admin_site.is_registered(relation.related_model)
        ]

    @admin.display(description="rows that belong to it")
    @cached_display
    def related(self, obj: Any) -> str:
        links = []
        for relation in self.relations():
            model, field = relation.related_model, relation.field
            count = model._default_manager.filter(**{field.name: obj}).count()
            if not count:
                continue
            name = model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural
            role = "" if field.name == self.opts.model_name else f" ({field.verbose_name})"
            url = list_url(model, **{f"{field.name}__{field.target_field.name}__exact": obj.pk})
            links.append((url, f"{count:,}", name, role))
        return format_html_join(" · ", '<a class="text-link" href="{}">{} {}{}</a>', links) or "none"

    @admin.display(description="corrections", empty_value="none; a change here becomes one, and later syncs keep it")
    @cached_display
    def corrected(self, obj: Any) -> str | None:
        feed = feed_of(type(obj))
        corrections = Correction.objects.filter(collection=feed.collection, key=feed.json_key(feed.key_of(obj)))
        lines = [
            (
                page_url(c),
                labels(feed).get(c.field, c.field),
                display_value(c.upstream),
                display_value(c.corrected),
                c.get_state_display(),
            )
            for c in corrections
        ]
        return format_html_join(mark_safe("<br>"), '<a class="text-link" href="{}">{}: {} → {}</a> ({})', lines) or None


class LogAdmin(RowAdmin):
    """The read-only admin of rows that only this site writes."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def ask_first(title: str, description: str, submit: str, *, form: type[BaseDialogForm] | None = None) -> dict[str, Any]:
    """The dialog of an action: what it is about, what it does, what its button says, and its fields where it has any."""
    return {"title": title, "description": description, "form_class": form, "form_submit_text": submit}


def redirect_after_dialog(request: HttpRequest, url: str) -> HttpResponse:
    """Redirect to the next page after a dialog's form was sent, by htmx or by the browser."""
    return HttpResponse(headers={"HX-Redirect": url}) if "HX-Request" in request.headers else HttpResponseRedirect(url)
