from api.router import Router
from drivers.views import (
    ChampionshipDriverViewSet,
    ChampionshipTeamViewSet,
    CorrectionViewSet,
    DriverViewSet,
    EntryViewSet,
    RaceControlViewSet,
    RejectViewSet,
    SessionResultViewSet,
    StartingGridViewSet,
    SyncRunViewSet,
)

router = Router()
router.register("drivers", DriverViewSet)
router.register("entries", EntryViewSet)
router.register("session-result", SessionResultViewSet)
router.register("starting-grid", StartingGridViewSet)
router.register("championship-drivers", ChampionshipDriverViewSet)
router.register("championship-teams", ChampionshipTeamViewSet)
router.register("race-control", RaceControlViewSet)
router.register("corrections", CorrectionViewSet)
router.register("rejects", RejectViewSet)
router.register("sync-runs", SyncRunViewSet)
