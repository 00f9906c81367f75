from api.router import Router
from races.views import NeutralisationViewSet, RaceControlViewSet, RaceViewSet, SessionViewSet, WeatherViewSet

router = Router()
router.register("races", RaceViewSet)
router.register("sessions", SessionViewSet)
router.register("weather", WeatherViewSet)
router.register("race-control", RaceControlViewSet)
router.register("neutralisations", NeutralisationViewSet)
