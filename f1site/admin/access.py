"""Admin pages of users, groups, API tokens and the log of edits."""

import secrets
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from api.logins.models import Token
from mirror.admin import LogAdmin, RowAdmin, badge

ACTION_BADGES = {1: ("added", "success"), 2: ("changed", "info"), 3: ("deleted", "danger")}

admin.site.unregister([User, Group])


@admin.register(User)
class UserAdmin(DjangoUserAdmin, RowAdmin):
    icon = "person"
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, RowAdmin):
    icon = "group"


@admin.register(Token)
class TokenAdmin(RowAdmin):
    """Tokens of programs. A token is shown once, after it was made; to delete it is to revoke it."""

    icon = "key"
    list_display = ("beginning", "user", "created_at", "expires_at")
    list_filter = (("user", AutocompleteSelectFilter),)
    list_select_related = ("user",)
    search_fields = ("beginning", "user__username")
    autocomplete_fields = ("user",)
    fields = ("user", "expires_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Token | None = None) -> tuple[Any, ...]:
        return super().get_readonly_fields(request, obj) if obj is None else ("beginning", "user", "created_at", "expires_at")

    def get_fields(self, request: HttpRequest, obj: Token | None = None) -> Any:
        return self.fields if obj is None else self.get_readonly_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: Token, form: Any, change: bool) -> None:
        if not change:
            obj.set_key(key := secrets.token_urlsafe(32))
            messages.success(request, f"The token is {key}; it is shown this once.")
        super().save_model(request, obj, form, change)


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
