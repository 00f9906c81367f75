"""The migration that keeps each reject once."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

BEFORE = [("openf1", "0004_leases_and_pace")]
BAD = {"session_key": 11, "meeting_key": 1, "driver_number": "four", "lap_number": 1}


def migrate(targets):
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


@pytest.mark.django_db(transaction=True)
def test_stored_rejects_are_kept_once_with_the_first_and_the_last_time_they_were_seen():
    newest = [node for node in MigrationExecutor(connection).loader.graph.leaf_nodes() if node[0] == "openf1"]
    try:
        apps = migrate(BEFORE)
        runs, logged, stored = (apps.get_model("openf1", name)._default_manager for name in ("SyncRun", "SyncPiece", "Reject"))
        pieces = []
        for number in range(3):
            run = runs.create(scope={"number": number})
            for fields in ({"collection": "laps", "race_id": 1, "session_id": 11}, {"collection": "pit", "race_id": 1}):
                piece = logged.create(run=run, rejected=2, **fields)
                pieces.append(piece)
                rows = [BAD, BAD | {"lap_number": 1 + number}] if piece.session_id else [BAD | {"session_key": 99}] * 2
                stored.bulk_create([stored.model(piece=piece, row=row, reason="wrong") for row in rows])
        gone = logged.create(run=run, rejected=1, collection="laps", race_id=1, session_id=12)
        stored.create(piece=gone, row={"session_key": 12}, reason="accepted since")
        logged.create(run=run, collection="laps", race_id=1, session_id=12)

        migrated = migrate(newest).get_model("openf1", "Reject")._default_manager.all()
        rejects = {(reject.collection, reject.row["lap_number"]): reject for reject in migrated}
        assert rejects.keys() == {("laps", 1), ("laps", 3), ("pit", 1)}
        lap = rejects["laps", 1]
        assert (lap.first_seen, lap.last_seen) == (pieces[0].ended_at, pieces[4].ended_at)
        assert (lap.race_id, lap.session_id, lap.driver_number, lap.source) == (1, 11, None, "openf1")
        assert (lap.reason, lap.run_id) == ("wrong", run.pk)
        assert rejects["pit", 1].session_id == 99
        assert rejects["pit", 1].last_seen < timezone.now()
        assert rejects["laps", 3].first_seen == pieces[4].ended_at
    finally:
        migrate(newest)
