"""How every admin page of this site behaves."""

import re
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.utils import flatten_fieldsets
from django.db import models
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from unfold.admin import ModelAdmin
from unfold.widgets import (
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminTimeWidget,
)

from f1site.openf1.fields import JSONText


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
    empty_value_display = "–"

    def get_readonly_fields(self, request, obj=None):
        """The primary key is chosen once: changing it would make a second row."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if obj is None else (self.opts.pk.name, *fields)


class MirroredAdmin(RowAdmin):
    """A model whose rows can come from upstream.

    `fieldsets`, where there are any, arrange what can be edited; key, related rows and provenance are added on existing rows.
    """

    readonly_fields: ClassVar[tuple[str, ...]] = ("related", "source", "changed_at")

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
        note = "A row made by hand is never touched by a sync. Any other is brought back in line with upstream by the next one."
        return [
            (title, {**options, "fields": [*first, *options["fields"]]}),
            *rest,
            ("Provenance", {"fields": [("source", "changed_at")], "description": note}),
        ]

    def get_deleted_objects(self, objs, request):
        """The rows themselves, and of what hangs on them only how many: a race weekend has thousands of laps."""
        _, counts, missing, protected = super().get_deleted_objects(objs, request)
        return [str(obj) for obj in objs], counts, missing, protected

    def relations(self) -> list:
        """From which models with an admin page rows point at this one's."""
        found = self.opts.related_objects
        return [relation for relation in found if relation.one_to_many and self.admin_site.is_registered(relation.related_model)]

    @admin.display(description="rows that belong to it")
    def related(self, obj):
        links = []
        for relation in self.relations():
            model, field = relation.related_model, relation.field
            count = model._default_manager.filter(**{field.name: obj}).count()
            name = model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural
            url = list_url(model, **{f"{field.name}__{field.target_field.name}__exact": obj.pk})
            links.append((url, f"{count:,}", name))
        return format_html_join(" · ", '<a class="text-link" href="{}">{} {}</a>', links)


class LogAdmin(RowAdmin):
    """Rows that this site writes itself: everybody with the permission to view them may, and nobody edits them."""

    def has_add_permission(self, request, *args):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


def list_url(model: type[models.Model], **lookups) -> str:
    """The admin's list of a model, filtered."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{url}?{urlencode(lookups)}" if lookups else url


def page_url(obj: models.Model) -> str:
    """The admin's page of a row."""
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])


def badge(text: str, kind: str) -> str:
    """A coloured label; `kind` is success, info, warning, danger or nothing."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": kind})


def dot(colour: str | None, text: object) -> str:
    """A text with a dot in a colour of six hexadecimal digits before it; without the dot when there is no such colour."""
    if text is None or not re.fullmatch(r"[0-9a-fA-F]{6}", colour or ""):
        return "–" if text is None else str(text)
    style = "display:inline-block;width:.7rem;height:.7rem;border-radius:50%;border:1px solid #8886;margin-right:.45rem;"
    return format_html('<span style="{}background:#{}"></span>{}', style, colour, text)
