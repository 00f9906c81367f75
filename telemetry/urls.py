from django.urls import path

from api.router import Router
from telemetry.samples.views import CarDataView, LocationView
from telemetry.views import (
    FastF1ComparisonViewSet,
    IntervalViewSet,
    LapViewSet,
    OvertakeViewSet,
    PitViewSet,
    PositionViewSet,
    SampleFileViewSet,
    SessionQualityViewSet,
    StintViewSet,
    TeamRadioViewSet,
    TelemetryViewSet,
)
from telemetry.visit_views import PitVisitsView

router = Router()
router.register("laps", LapViewSet)
router.register("stints", StintViewSet)
router.register("pit", PitViewSet)
router.register("position", PositionViewSet)
router.register("intervals", IntervalViewSet)
router.register("overtakes", OvertakeViewSet)
router.register("team-radio", TeamRadioViewSet)
router.register("telemetry", TelemetryViewSet)
router.register("sample-files", SampleFileViewSet)
router.register("quality", SessionQualityViewSet)
router.register("fastf1-comparisons", FastF1ComparisonViewSet)

samples = {"car-data": CarDataView, "location": LocationView}
views = [path("pit-visits/", PitVisitsView.as_view(), name="pit-visits")]
