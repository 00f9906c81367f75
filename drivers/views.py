from typing import Any

from drivers.filters import DriverFilter, EntryFilter
from drivers.models import Driver, Entry
from drivers.people import follow_entries
from drivers.serializers import DriverSerializer, EntrySerializer
from f1site.api.sync import SyncedAtOnceViewSet, SyncedViewSet
from f1site.openf1.models import Source
from f1site.openf1.pipeline import Scope


class DriverViewSet(SyncedAtOnceViewSet):
    queryset = Driver.objects.all()
    serializer_class = DriverSerializer
    filterset_class = DriverFilter
    collection = "drivers"  # OpenF1's rows are entries; people are made of them

    def counts(self, scope: Scope) -> dict[str, int]:
        """Sync the entries, and count the people: by comparing them before and after."""
        before = people()
        self.run(scope)
        after = people()
        known = before.keys() & after.keys()
        in_scope = Entry.objects.exclude(driver=None).filter(**within(scope))
        return {
            "created": len(after.keys() - known),
            "updated": sum(before[person] != after[person] for person in known),
            "total": in_scope.values("driver").distinct().count(),
        }


class EntryViewSet(SyncedViewSet):
    queryset = Entry.objects.all()
    serializer_class = EntrySerializer
    filterset_class = EntryFilter

    def after_write(self, row: Entry, changed: dict[str, Any] | None = None) -> None:
        """Who drove a session's rows follows from its entries; for both sessions, when an entry was moved to another."""
        if changed == {}:
            return
        moved_from = (changed or {}).get("session", row.session)
        for session_id in {row.session_id, moved_from.pk}:
            follow_entries(session_id, source=Source.MANUAL)


def people() -> dict[str, tuple]:
    """{driver_id: every field that says something about them}"""
    names = [field.attname for field in Driver._meta.concrete_fields if field.name != "changed_at"]
    return {row[names.index("driver_id")]: row for row in Driver.objects.values_list(*names)}


def within(scope: Scope) -> dict[str, Any]:
    """The entries of a scope."""
    if scope.races:
        return {"session__race__in": scope.races}
    return {"session__year__in": scope.seasons} if scope.seasons else {}
