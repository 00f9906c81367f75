from api.router import Router
from drivers.views import (
    ChampionshipDriverViewSet,
    ChampionshipTeamViewSet,
    DriverViewSet,
    EntryViewSet,
    SessionResultViewSet,
    StartingGridViewSet,
)

router = Router()
router.register("drivers", DriverViewSet)
router.register("entries", EntryViewSet)
router.register("session-result", SessionResultViewSet)
router.register("starting-grid", StartingGridViewSet)
router.register("championship-drivers", ChampionshipDriverViewSet)
router.register("championship-teams", ChampionshipTeamViewSet)
