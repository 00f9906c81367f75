from f1site.api.router import Router
from telemetry.views import LapViewSet, StintViewSet

router = Router()
router.register("laps", LapViewSet)
router.register("stints", StintViewSet)
