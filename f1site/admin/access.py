"""Admin pages of users, groups, API tokens and the log of edits."""

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.utils.html import format_html
from rest_framework.authtoken.admin import TokenAdmin as DRFTokenAdmin
from rest_framework.authtoken.models import TokenProxy
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from mirror.admin import LogAdmin, RowAdmin, badge

ACTION_BADGES = {1: ("added", "success"), 2: ("changed", "info"), 3: ("deleted", "danger")}

admin.site.unregister([User, Group, TokenProxy])


@admin.register(User)
class UserAdmin(DjangoUserAdmin, RowAdmin):
    icon = "person"
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, RowAdmin):
    icon = "group"


@admin.register(TokenProxy)
class TokenAdmin(DRFTokenAdmin, RowAdmin):
    """Tokens of the API. A token is shown on its own page only."""

    icon = "key"
    list_display = ("user", "created")
    list_select_related = ("user",)
    autocomplete_fields = ("user",)


@admin.register(LogEntry)
class LogEntryAdmin(LogAdmin):
    icon = "history"
    title = "Edits"
    list_display = ("action_time", "user", "kind", "content_type", "link", "message")
    list_display_links = ("action_time",)
    list_filter = ("action_flag", ("user", AutocompleteSelectFilter), "content_type")
    list_select_related = ("user", "content_type")
    date_hierarchy = "action_time"
    search_fields = ("object_repr", "change_message", "user__username")
    fields = ("action_time", "user", "kind", "content_type", "link", "message")

    @admin.display(description="what was done", ordering="action_flag")
    def kind(self, entry: LogEntry) -> str:
        return badge(*ACTION_BADGES[entry.action_flag])

    @admin.display(description="row", ordering="object_repr")
    def link(self, entry: LogEntry) -> str:
        url = None if entry.is_deletion() else entry.get_admin_url()
        return format_html('<a class="text-link" href="{}">{}</a>', url, entry.object_repr) if url else entry.object_repr

    @admin.display(description="message")
    def message(self, entry: LogEntry) -> str:
        return entry.get_change_message()
