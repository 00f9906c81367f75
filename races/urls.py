from api.router import Router
from races.views import CircuitViewSet, NeutralisationViewSet, RaceControlViewSet, RaceViewSet, SessionViewSet, WeatherViewSet

router = Router()
router.register("races", RaceViewSet)
router.register("sessions", SessionViewSet)
router.register("weather", WeatherViewSet)
router.register("race-control", RaceControlViewSet)
router.register("neutralisations", NeutralisationViewSet)
router.register("circuits", CircuitViewSet)
