"""Admin pages of drivers as persons, their other spellings, and teams."""

from collections import Counter
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from drivers.models import Driver, DriverAlias, Entry, Team
from drivers.names import driver_id
from drivers.people import merge
from drivers.teams import team_slug
from mirror import versions
from mirror.admin import MirroredAdmin, RowAdmin, RowForm, RowInline, dot
from races.admin import page_link
from races.slugs import keep_former

IDENTITY = (
    "full_name",
    ("first_name", "last_name"),
    ("broadcast_name", "name_acronym", "country_code"),
    ("team_name", "team_colour"),
    "headshot_url",
)


class DriverForm(RowForm):
    """The form of a driver; an empty driver ID is derived from the full name."""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.instance.pk and not data.get("driver_id") and data.get("full_name"):
            data["driver_id"] = driver_id(data["full_name"])
            if not data["driver_id"]:
                raise ValidationError({"full_name": "No driver ID can be derived from this name; please give one."})
        if alias := DriverAlias.objects.filter(pk=data.get("driver_id")).select_related("driver").first():
            raise ValidationError({"driver_id": f"“{alias.pk}” is another spelling of {alias.driver}."})
        return data


class AliasForm(forms.ModelForm):
    def clean_alias(self) -> str:
        alias = self.cleaned_data["alias"]
        if Driver.objects.filter(pk=alias).exists():
            raise ValidationError(f"“{alias}” is a driver here. Merge the two with the action on the list of drivers.")
        return alias


class AliasInline(RowInline):
    model = DriverAlias
    form = AliasForm
    fields = ("alias",)


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
    def team(self, driver: Driver) -> str:
        return dot(driver.team_colour, driver.team_name)

    def view_on_site(self, driver: Driver) -> str:
        return driver.get_absolute_url()

    def has_merge_permission(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request) and self.has_delete_permission(request)

    @admin.action(description="Merge drivers", permissions=["merge"])
    def merge_drivers(self, request: HttpRequest, queryset: QuerySet[Driver]) -> HttpResponse | None:
        """Show the selected drivers and ask which one to keep; with the answer merge the others into that one."""
        drivers = list(queryset.order_by("full_name", "pk"))
        if len(drivers) < 2:
            self.message_user(request, "Select the two or more drivers that are one person.", messages.WARNING)
            return None
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
        self.message_user(request, text, messages.SUCCESS)
        return None

    def merge_context(self, request: HttpRequest, drivers: list[Driver]) -> dict[str, Any]:
        """The context of the page: how many rows of each model would move, and in how many sessions two of them took part."""
        counts_by_model: dict[str, Counter] = {}
        for relation in Driver._meta.related_objects:
            model, field = relation.related_model, relation.field.name
            rows_of = model._default_manager.filter(**{f"{field}__in": drivers}).order_by().values_list(field)
            counts = counts_by_model.setdefault(str(model._meta.verbose_name_plural), Counter())
            counts.update(dict(rows_of.annotate(Count("pk"))))
        counts_by_model = {name: counts for name, counts in counts_by_model.items() if counts}
        rows = [(driver, [counts[driver.pk] for counts in counts_by_model.values()]) for driver in drivers]
        sessions = Entry.objects.filter(driver__in=drivers).order_by().values("session")
        return {
            **self.admin_site.each_context(request),
            "title": "Merge drivers",
            "opts": self.opts,
            "headers": list(counts_by_model),
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


class TeamForm(forms.ModelForm):
    """The form of a team; an empty slug is made from the name."""

    def clean_slug(self) -> str:
        return self.cleaned_data["slug"] or team_slug(self.cleaned_data.get("name", ""))

    def clean_successor(self) -> Team | None:
        """Refuse a successor whose own successors lead back to this team."""
        chosen: Team | None = self.cleaned_data["successor"]
        following, passed = chosen, set()
        while following is not None and following.pk not in passed:
            if following.pk == self.instance.pk:
                said = f"“{chosen}” is an earlier name of “{self.instance}”: choose a later one, or empty the successor there."
                raise ValidationError(said)
            passed.add(following.pk)
            following = following.successor
        return chosen


@admin.register(Team)
class TeamAdmin(RowAdmin):
    icon = "groups"
    form = TeamForm
    list_display = ("name", "slug", "successor", "page")
    list_select_related = ("successor",)
    search_fields = ("name", "slug")
    autocomplete_fields = ("successor",)
    fields = ("name", "slug", "successor")

    @admin.display(description="page")
    def page(self, team: Team) -> str:
        return page_link(team)

    def view_on_site(self, team: Team) -> str:
        return team.get_absolute_url()

    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:
        """Save, keep the address that it had before, and let the pages know."""
        if change:
            keep_former(Team.objects.get(pk=obj.pk), obj)
        super().save_model(request, obj, form, change)
        versions.touch("teams", None)
