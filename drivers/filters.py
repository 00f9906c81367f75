from drivers.models import Driver, Entry
from f1site.api.filters import ModelFilter
from races.filters import SessionRowFilter


class DriverFilter(ModelFilter):
    class Meta:
        model = Driver


class EntryFilter(SessionRowFilter):
    class Meta:
        model = Entry
