"""Admin pages of drivers and entries, and the page on which two spellings become one person."""

from typing import ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Model
from django.template.response import TemplateResponse
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.forms import PaginationInlineFormSet

from drivers.models import Driver, DriverAlias, Entry
from drivers.names import driver_id
from drivers.people import car_models, merge, point_rows_at_drivers, refresh
from f1site.openf1.admin import EmptyIsNull, MirroredAdmin, RowAdmin, dot
from races.admin import SessionAdmin, short

IDENTITY = (
    "full_name", ("first_name", "last_name"), ("broadcast_name", "name_acronym", "country_code"),
    ("team_name", "team_colour"), "headshot_url",
)  # fmt: skip


class DriverForm(forms.ModelForm):
    """A driver without an ID gets the one their name makes."""

    def clean(self):
        data = super().clean() or self.cleaned_data
        if not self.instance.pk and not data.get("driver_id") and data.get("full_name"):
            data["driver_id"] = driver_id(data["full_name"])
            if not data["driver_id"]:
                raise ValidationError({"full_name": "No driver ID can be derived from this name; please give one."})
        if alias := DriverAlias.objects.filter(pk=data.get("driver_id")).select_related("driver").first():
            raise ValidationError({"driver_id": f"“{alias.pk}” is another spelling of {alias.driver}."})
        return data


class AliasForm(forms.ModelForm):
    def clean_alias(self):
        alias = self.cleaned_data["alias"]
        if Driver.objects.filter(pk=alias).exists():
            raise ValidationError(f"“{alias}” is a driver here. Merge the two with the action on the list of drivers.")
        return alias


class AliasInline(TabularInline):
    model = DriverAlias
    form = AliasForm
    fields = ("alias",)
    extra = 0


@admin.register(Driver)
class DriverAdmin(MirroredAdmin):
    icon = "sports_motorsports"
    form = DriverForm
    list_display = ("full_name", "driver_number", "name_acronym", "team", "country_code", "driver_id", "source")
    list_filter = ("team_name", "country_code", "source")
    search_fields = ("full_name", "driver_id", "name_acronym", "team_name", "driver_number__exact", "aliases__alias")
    fieldsets = ((None, {"fields": (("driver_id", "driver_number"), *IDENTITY)}),)
    inlines = (AliasInline,)
    actions = ("merge_drivers",)

    @admin.display(description="team", ordering="team_name")
    def team(self, driver):
        return dot(driver.team_colour, driver.team_name)

    def has_merge_permission(self, request):
        return self.has_change_permission(request) and self.has_delete_permission(request)

    @admin.action(description="Merge drivers", permissions=["merge"])
    def merge_drivers(self, request, queryset):
        """Shows what is known of the selected drivers and asks which one stays; once that is said they are one person."""
        drivers = list(queryset.order_by("full_name", "pk"))
        if len(drivers) < 2:
            return self.message_user(request, "Select the two or more drivers that are one person.", messages.WARNING)
        kept = next((driver for driver in drivers if driver.pk == request.POST.get("kept")), None)
        if kept is None:
            return TemplateResponse(request, "admin/drivers/merge.html", self.merge_context(request, drivers))
        others = [driver for driver in drivers if driver is not kept]
        names = ", ".join(f"{driver} ({driver.pk})" for driver in others)
        with transaction.atomic():
            self.log_deletions(request, queryset.exclude(pk=kept.pk))
            merge(kept, others)
            self.log_change(request, kept, f"Merged with {names}.")
        text = f"{names} and {kept} ({kept.pk}) are one person now, and stay so at every sync."
        return self.message_user(request, text, messages.SUCCESS)

    def merge_context(self, request, drivers: list[Driver]) -> dict:
        """For the page: of each driver how many rows of every kind would move, and how many sessions two of them share."""
        models: list[type[Model]] = [Entry, *car_models()]
        counted = {
            model._meta.verbose_name_plural: dict(
                model._default_manager.filter(driver__in=drivers).order_by().values_list("driver").annotate(Count("pk"))
            )
            for model in models
        }
        rows = [(driver, [counts.get(driver.pk, 0) for counts in counted.values()]) for driver in drivers]
        sessions = Entry.objects.filter(driver__in=drivers).order_by().values("session")
        return {
            **self.admin_site.each_context(request),
            "title": "Merge drivers",
            "opts": self.opts,
            "headers": list(counted),
            "rows": rows,
            "suggested": max(rows, key=lambda row: sum(row[1]))[0],
            "shared": sessions.annotate(people=Count("driver", distinct=True)).filter(people__gt=1).count(),
        }


@admin.register(DriverAlias)
class DriverAliasAdmin(RowAdmin):
    icon = "alternate_email"
    form = AliasForm
    list_display = ("alias", "driver")
    list_select_related = ("driver",)
    search_fields = ("alias", "driver__full_name")
    autocomplete_fields = ("driver",)
    fields = ("alias", "driver")


@admin.register(Entry)
class EntryAdmin(MirroredAdmin):
    icon = "badge"
    list_display = ("car", "named", "acronym", "driver", "team", "session", "race", "source")
    list_display_links = ("car", "named")
    list_filter = (
        ("session", AutocompleteSelectFilter), ("driver", AutocompleteSelectFilter), "session__year", "session__session_name",
        ("driver", admin.EmptyFieldListFilter), "source",
    )  # fmt: skip
    list_select_related = ("session__race", "driver")
    date_hierarchy = "session__date_start"
    ordering = ("-session_id", "driver_number")
    search_fields = (
        "full_name",
        "name_acronym",
        "team_name",
        "driver_number__exact",
        "session__race__race_name",
        "session__location",
    )
    autocomplete_fields = ("session", "driver")
    fieldsets = ((None, {"fields": (("session", "driver_number", "driver"), *IDENTITY)}),)

    @admin.display(description="car", ordering="driver_number")
    def car(self, entry):
        return entry.driver_number

    @admin.display(description="acronym", ordering="name_acronym")
    def acronym(self, entry):
        return entry.name_acronym

    @admin.display(description="name in the session", ordering="full_name")
    def named(self, entry):
        return entry.full_name

    @admin.display(description="team", ordering="team_name")
    def team(self, entry):
        return dot(entry.team_colour, entry.team_name)

    @admin.display(description="race", ordering="session__race")
    def race(self, entry):
        return short(entry.session.race)

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        follow({obj.session_id, form.initial.get("session")}, {obj.driver_id, form.initial.get("driver")})

    def delete_model(self, request, obj):
        super().delete_model(request, obj)
        follow({obj.session_id}, {obj.driver_id})

    def delete_queryset(self, request, queryset):
        sessions, drivers = set(queryset.values_list("session", flat=True)), set(queryset.values_list("driver", flat=True))
        super().delete_queryset(request, queryset)
        follow(sessions, drivers)


class EntryFormSet(PaginationInlineFormSet):
    def save(self, commit=True):
        drivers = {form.initial.get("driver") for form in self.initial_forms}
        saved = super().save(commit)
        if commit and self.has_changed():
            follow({self.instance.pk}, drivers | {form.instance.driver_id for form in self.forms})
        return saved


class EntryInline(EmptyIsNull, TabularInline):
    model = Entry
    formset = EntryFormSet
    fields = ("driver_number", "driver", "full_name", "name_acronym", "team_name")
    autocomplete_fields = ("driver",)
    extra = 0
    show_change_link = True


SessionAdmin.inlines.append(EntryInline)


def follow(sessions: set, drivers: set) -> None:
    """After entries changed by hand: the rows of these sessions and the facts of these drivers follow; None is nobody."""
    for session in sessions - {None}:
        point_rows_at_drivers(session)
    refresh(drivers - {None})


class CarRowAdmin(MirroredAdmin):
    """Rows about one car in one session: whoever has that number in the session's entries drove."""

    readonly_fields: ClassVar[tuple[str, ...]] = (*MirroredAdmin.readonly_fields, "driver")
    list_select_related = ("session__race", "driver")
    list_per_page = 100
    date_hierarchy = "session__date_start"
    autocomplete_fields = ("session",)
    search_fields = (
        "driver__full_name", "driver__name_acronym", "driver_number__exact", "session__race__race_name", "session__location",
    )  # fmt: skip
    list_filter: tuple = (
        ("session", AutocompleteSelectFilter), ("driver", AutocompleteSelectFilter), "session__year", "session__session_name",
        "source",
    )  # fmt: skip

    def save_model(self, request, obj, form, change):
        obj.driver_id = Entry.objects.numbers(obj.session_id).get(obj.driver_number)
        super().save_model(request, obj, form, change)

    @admin.display(description="car", ordering="driver_number")
    def car(self, row):
        return row.driver_number

    @admin.display(description="race", ordering="session__race")
    def race(self, row):
        return short(row.session.race)

    @admin.display(description="session", ordering="session")
    def outing(self, row):
        return row.session.session_name
