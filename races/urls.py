from f1site.api.router import Router
from races.views import RaceViewSet, SessionViewSet

router = Router()
router.register("races", RaceViewSet)
router.register("sessions", SessionViewSet)
