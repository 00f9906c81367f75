from api.router import Router
from races.views import CircuitViewSet, JobViewSet, NeutralisationViewSet, RaceViewSet, SessionViewSet, WeatherViewSet

router = Router()
router.register("races", RaceViewSet)
router.register("sessions", SessionViewSet)
router.register("weather", WeatherViewSet)
router.register("neutralisations", NeutralisationViewSet)
router.register("circuits", CircuitViewSet)

background = Router()  # of its own, as jobs are not readable by everybody
background.register("jobs", JobViewSet)
