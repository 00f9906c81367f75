"""OpenF1's drivers, and what every collection with a driver number shares."""

from typing import Any

from drivers.models import Entry
from drivers.people import follow_entries
from f1site.openf1.feeds import Feed


class CarFeed(Feed):
    """Rows about one car: the driver is looked up in the session's entries when a row is first stored."""

    def before_create(self, instances: list, scope: dict[str, Any]) -> None:
        drivers = Entry.objects.numbers(scope["session_key"])
        for row in instances:
            row.driver_id = drivers.get(row.driver_number)


class DriverFeed(Feed):
    collection = "drivers"
    model = Entry

    def after_write(self, scope: dict[str, Any], *, source: str) -> None:
        follow_entries(scope["session_key"], source=source)
