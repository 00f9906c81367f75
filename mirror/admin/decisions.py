"""The admin of corrections, and of the decisions where upstream has sent a new value."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.html import format_html
from unfold.decorators import action

from mirror import decisions
from mirror.admin.display import badge, display_value, labels, list_url
from mirror.admin.pages import RowAdmin, ask_first, redirect_after_dialog
from mirror.feeds import Feed
from mirror.models import Correction

STATE_COLOURS = {"holds": "success", "conflict": "danger", "obsolete": "info"}
KEEP_DESCRIPTION = "The person's value stands, whatever upstream says."
TAKE_DESCRIPTION = "Upstream's value replaces the corrected one (a deleted row comes back), and the correction is gone."


def find_feed(correction: Correction) -> Feed | None:
    """The feed of the corrected row; None when its collection is no longer mirrored."""
    return next((feed for feed in Feed.by_model.values() if feed.collection == correction.collection), None)


@admin.register(Correction)
class CorrectionAdmin(RowAdmin):
    """Corrections are made by editing rows; here they are only viewed and decided."""

    icon = "edit_note"
    list_display = ("collection", "row", "what", "theirs", "ours", "status", "user", "updated_at", "reason")
    list_filter = (
        "state",
        "collection",
        ("field", admin.EmptyFieldListFilter),
        "source",
        ("user", admin.RelatedOnlyFieldListFilter),
    )
    list_select_related = ("user",)
    date_hierarchy = "updated_at"
    search_fields = ("collection", "field", "reason", "session_id__exact", "user__username")
    readonly_fields = ("row", "what", "theirs", "ours", "status", "user", "created_at", "updated_at")
    fields = ("row", ("what", "status"), ("theirs", "ours"), ("user", "created_at", "updated_at"), "reason")
    actions = ("keep_mine", "take_upstreams")
    actions_detail = ("keep", "take")

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="row")
    def row(self, correction: Correction) -> str:
        feed = find_feed(correction)
        names = labels(feed)
        key = ", ".join(f"{names.get(name, name)} {value}" for name, value in correction.key.items())
        if not feed or not admin.site.is_registered(feed.model):
            return key
        return format_html('<a class="text-link" href="{}">{}</a>', list_url(feed.model, **correction.key), key)

    @admin.display(description="field", ordering="field")
    def what(self, correction: Correction) -> str:
        return labels(find_feed(correction)).get(correction.field, correction.field) or badge("deleted", "danger")

    @admin.display(description="upstream says")
    def theirs(self, correction: Correction) -> str:
        return display_value(correction.upstream) if correction.field else ""

    @admin.display(description="corrected to")
    def ours(self, correction: Correction) -> str:
        return display_value(correction.corrected) if correction.field else ""

    @admin.display(description="state", ordering="state")
    def status(self, correction: Correction) -> str:
        return badge(correction.get_state_display(), STATE_COLOURS[correction.state])

    @admin.action(description="Keep mine", permissions=["change"])
    def keep_mine(self, request: HttpRequest, queryset: Iterable[Correction]) -> None:
        for correction in queryset:
            decisions.keep_mine(correction)
            self.log_decision(request, correction, "Kept against upstream: {}.")
        self.message_user(request, "Kept.", messages.SUCCESS)

    @admin.action(description="Take upstream's", permissions=["change"])
    def take_upstreams(self, request: HttpRequest, queryset: Iterable[Correction]) -> None:
        for correction in queryset:
            try:
                decisions.take_upstream(correction)
            except IntegrityError:
                text = f"{correction}: what the row belongs to is not there; bring that back first."
                self.message_user(request, text, messages.ERROR)
                continue
            self.log_decision(request, correction, "Upstream's value taken for {}.")
            self.message_user(request, f"{correction}: upstream's value is taken.", messages.SUCCESS)

    def log_decision(self, request: HttpRequest, correction: Correction, text: str) -> None:
        """Record the decision in the history of the corrected row."""
        feed = find_feed(correction)
        row: Any = decisions.find_row(feed, correction.key) if feed else None
        if row:
            self.log_change(request, row, text.format(self.what(correction) if correction.field else "the deletion"))

    @action(
        description="Keep mine",
        url_path="keep",
        permissions=["change"],
        dialog=ask_first("Keep mine", KEEP_DESCRIPTION, "Keep"),
    )
    def keep(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        self.keep_mine(request, [get_object_or_404(Correction, pk=object_id)])
        return redirect_after_dialog(request, list_url(Correction))

    @action(
        description="Take upstream's",
        url_path="take",
        permissions=["change"],
        dialog=ask_first("Take upstream's", TAKE_DESCRIPTION, "Take"),
    )
    def take(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        self.take_upstreams(request, [get_object_or_404(Correction, pk=object_id)])
        return redirect_after_dialog(request, list_url(Correction))
