"""Facts about circuits over REST. They are edited in the admin."""

from api.viewsets import ReadOnlyViewSet
from ml.filters import CircuitFactFilter
from ml.models import CircuitFact


class CircuitFactViewSet(ReadOnlyViewSet):
    queryset = CircuitFact.objects.all()
    filterset_class = CircuitFactFilter
    modified_field = "changed_at"
