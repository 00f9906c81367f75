"""What a viewset derives from its model, and what it may name itself."""

from api.filters import ModelFilter
from api.serializers import RowSerializer
from api.viewsets import EntityViewSet
from races.models import Race


def test_serializer_and_filters_are_derived_from_the_model():
    class RaceRows(EntityViewSet):
        queryset = Race.objects.all()

    assert RaceRows.serializer_class.__name__ == "RaceSerializer"
    assert {"race_id", "race_name", "url"} <= RaceRows.serializer_class().fields.keys()
    assert RaceRows.filterset_class is not None
    assert {"race_id", "race_name__icontains"} <= RaceRows.filterset_class.base_filters.keys()


def test_a_named_class_or_base_is_used():
    class Named(RowSerializer):
        class Meta:
            model = Race
            fields = "__all__"

    class BySeason(ModelFilter):
        related = {"season": "year"}

    class RaceRows(EntityViewSet):
        queryset = Race.objects.all()
        serializer_class = Named
        filterset_base = BySeason

    assert RaceRows.serializer_class is Named
    assert RaceRows.filterset_class is not None
    assert "season__gte" in RaceRows.filterset_class.base_filters
    assert issubclass(RaceRows.filterset_class, BySeason)
