from drivers.views import DriverViewSet, EntryViewSet
from f1site.api.router import Router

router = Router()
router.register("drivers", DriverViewSet)
router.register("entries", EntryViewSet)
