from api.router import Router
from races.views import CircuitViewSet, NeutralisationViewSet, RaceViewSet, SessionViewSet, WeatherViewSet

router = Router()
router.register("races", RaceViewSet)
router.register("sessions", SessionViewSet)
router.register("weather", WeatherViewSet)
router.register("neutralisations", NeutralisationViewSet)
router.register("circuits", CircuitViewSet)
