"""How every admin page of this site behaves."""

import re
from functools import cached_property, wraps
from typing import Any, ClassVar

import msgspec
from django import forms
from django.contrib import admin
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.utils import flatten_fieldsets
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from unfold.admin import ModelAdmin
from unfold.widgets import (
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminTimeWidget,
)

from mirror import editing
from mirror.feeds import Feed, feed_of
from mirror.fields import JSONText
from mirror.models import Correction, Mirrored, Source

EMPTY = "–"  # noqa: RUF001 - the dash that stands for no value


class PreciseTime(UnfoldAdminTimeWidget):
    supports_microseconds = True

    def format_value(self, value):
        return value if value is None or isinstance(value, str) else value.isoformat()


class PreciseDateTime(UnfoldAdminSplitDateTimeWidget):
    """Date and time to the microsecond: saving a form must not round a moment that nobody touched."""

    supports_microseconds = True

    def __init__(self, attrs=None):
        super().__init__(attrs)
        self.widgets[1] = PreciseTime(attrs={"placeholder": "Time"})


WIDGETS: dict[type[models.Field], dict[str, Any]] = {
    models.DateTimeField: {"widget": PreciseDateTime},
    models.TextField: {"widget": UnfoldAdminTextInputWidget},  # upstream's texts are names and addresses of one line
    JSONText: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 2, "spellcheck": "false"})},
}


def once(method):
    """A display that is computed once per row: unfold asks for it several times while it renders one."""

    @wraps(method)
    def display(self, obj):
        kept = vars(obj).setdefault("_displayed", {})
        if method not in kept:
            kept[method] = method(self, obj)
        return kept[method]

    return display


class EmptyIsNull(BaseModelAdmin):
    """A text field left empty becomes NULL where the model allows it, as upstream has it, instead of an empty text."""

    formfield_overrides = WIDGETS

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.null and isinstance(field, forms.CharField):
            field.empty_value = None
        return field


class RowAdmin(EmptyIsNull, ModelAdmin):
    """Any model of this site. The sidebar shows its `icon` (a Material Symbols name) and its `title`, else the model's plural."""

    icon = "table_rows"
    title = ""
    list_per_page = 50
    compressed_fields = False  # labels above the fields, which leaves room for several in a row
    list_filter_submit = True  # filters are chosen together, then applied
    show_full_result_count = False
    empty_value_display = EMPTY

    def get_readonly_fields(self, request, obj=None):
        """The primary key is chosen once: changing it would make a second row."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if obj is None else (self.opts.pk.name, *fields)


class RowForm(forms.ModelForm):
    """A row that can come from upstream, and why a person changes it."""

    reason = forms.CharField(
        required=False, widget=UnfoldAdminTextInputWidget, help_text="Why you change the row; kept with the correction."
    )

    @cached_property
    def changed_data(self):
        return [name for name in super().changed_data if name != "reason"]


class MirroredAdmin(RowAdmin):
    """A model whose rows can come from upstream; what a person changes or deletes is kept as a correction.

    `fieldsets`, where there are any, arrange what can be edited; key, related rows and provenance are added on existing rows.
    """

    form = RowForm
    readonly_fields: ClassVar[tuple[str, ...]] = ("related", "source", "changed_at", "corrected")

    def get_fields(self, request, obj=None):
        """Everything a person can edit, then what else the admin shows of a row."""
        editable = [
            field.name for field in self.opts.concrete_fields if field.editable and not isinstance(field, models.AutoField)
        ]
        return [*editable, *(name for name in self.readonly_fields if name not in MirroredAdmin.readonly_fields)]

    def get_fieldsets(self, request, obj=None):
        fieldsets = self.fieldsets or [(None, {"fields": self.get_fields(request, obj)})]
        if obj is None:
            return fieldsets
        first = [name for name in (self.opts.pk.name,) if name not in flatten_fieldsets(fieldsets)]
        first += ["related"] if self.relations() else []
        (title, options), *rest = fieldsets
        return [
            (title, {**options, "fields": [*first, *options["fields"]]}),
            *rest,
            ("Provenance", {"fields": [("source", "changed_at"), *self.correcting(request, obj)]}),
        ]

    def correcting(self, request: HttpRequest, obj: Mirrored) -> list[str]:
        """What a page shows besides of a row that came from upstream."""
        if obj.source == Source.MANUAL or feed_of(type(obj)).computed:
            return []
        return ["corrected", "reason"] if self.has_change_permission(request, obj) else ["corrected"]

    def save_model(self, request, obj, form, change):
        if form.changed_data or not change:
            reason, fields = form.cleaned_data.get("reason", ""), form.changed_data if change else None
            editing.edit(obj, user=request.user, reason=reason, fields=fields)

    def save_formset(self, request, form, formset, change):
        """Rows in a table on the page of what they belong to are corrected like on their own."""
        if not issubclass(formset.model, Mirrored):
            return super().save_formset(request, form, formset, change)
        formset.save(commit=False)
        reason = form.cleaned_data.get("reason", "")
        for row in formset.deleted_objects:
            editing.delete(row, user=request.user, reason=reason)
        for row, fields in [*formset.changed_objects, *((row, None) for row in formset.new_objects)]:
            editing.edit(row, user=request.user, reason=reason, fields=fields)
        return None

    def delete_model(self, request, obj):
        editing.delete(obj, user=request.user)

    def delete_queryset(self, request, queryset):
        for row in queryset:
            editing.delete(row, user=request.user)

    def get_deleted_objects(self, objs, request):
        """The rows themselves, and of what hangs on them only how many: a race weekend has thousands of laps."""
        _, counts, missing, protected = super().get_deleted_objects(objs, request)
        return [str(obj) for obj in objs], counts, missing, protected

    def relations(self) -> list:
        """From which models with an admin page rows point at this one's."""
        found = self.opts.related_objects
        return [relation for relation in found if relation.one_to_many and self.admin_site.is_registered(relation.related_model)]

    @admin.display(description="rows that belong to it")
    @once
    def related(self, obj):
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
    @once
    def corrected(self, obj):
        feed = feed_of(type(obj))
        found = Correction.objects.filter(collection=feed.collection, key=feed.json_key(feed.key_of(obj)))
        told = [
            (page_url(c), labels(feed).get(c.field, c.field), spelled(c.upstream), spelled(c.corrected), c.get_state_display())
            for c in found
        ]
        return format_html_join(mark_safe("<br>"), '<a class="text-link" href="{}">{}: {} → {}</a> ({})', told) or None


class LogAdmin(RowAdmin):
    """Rows that this site writes itself: everybody with the permission to view them may, and nobody edits them."""

    def has_add_permission(self, request, *args):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


def led_to(request: HttpRequest, url: str) -> HttpResponse:
    """The answer to a dialog's form: the page that comes next, for htmx and for browsers."""
    return HttpResponse(headers={"HX-Redirect": url}) if "HX-Request" in request.headers else HttpResponseRedirect(url)


def labels(feed: Feed | None) -> dict[str, str]:
    """{field: its name as people read it} of a feed's model, in the model's order."""
    return {field.attname: str(field.verbose_name) for field in feed.model._meta.concrete_fields} if feed else {}


def list_url(model: type[models.Model], **lookups) -> str:
    """The admin's list of a model, filtered."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{url}?{urlencode(lookups)}" if lookups else url


def page_url(obj: models.Model) -> str:
    """The admin's page of a row."""
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])


def spelled(value: Any) -> str:
    """A value as people read it: texts as they are, lists as JSON, nothing as a dash."""
    if value is None:
        return EMPTY
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def badge(text: str, kind: str) -> str:
    """A coloured label; `kind` is success, info, warning, danger or nothing."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": kind})


def dot(colour: str | None, text: object) -> str:
    """A text with a dot in a colour of six hexadecimal digits before it; without the dot when there is no such colour."""
    if text is None or not re.fullmatch(r"[0-9a-fA-F]{6}", colour or ""):
        return EMPTY if text is None else str(text)
    style = "display:inline-block;width:.7rem;height:.7rem;border-radius:50%;border:1px solid #8886;margin-right:.45rem;"
    return format_html('<span style="{}background:#{}"></span>{}', style, colour, text)
