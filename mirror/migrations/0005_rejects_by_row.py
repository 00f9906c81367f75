from django.db import migrations, models
from django.db.models import Max, deletion

from mirror.values import digest


def integer(value):
    return value if type(value) is int and abs(value) < 2**31 else None


def keep_each_once(apps, schema_editor):
    """Fill the new columns from the pieces, keep the rejects of each piece's newest answer, and of equal ones the last."""
    Reject, SyncPiece = apps.get_model("openf1", "Reject"), apps.get_model("openf1", "SyncPiece")
    place = ("run__source", "collection", "race_id", "session_id", "driver_number")
    with_rejects = SyncPiece.objects.filter(pk__in=Reject.objects.values("piece"))
    newest = {tuple(row[:-1]): row[-1] for row in with_rejects.order_by().values_list(*place).annotate(Max("pk"))}
    sound = SyncPiece.objects.filter(ok=True, rejected=0, session_id__isnull=False).order_by().values_list(*place, "pk")
    accepted = {tuple(where) for *where, pk in sound.iterator() if pk > newest.get(tuple(where), pk)}
    first_seen, kept = {}, {}
    fields = ("pk", "piece_id", "piece__run", "piece__ended_at", "row", "reason", *(f"piece__{name}" for name in place))
    for pk, piece, run, seen, row, reason, *where in Reject.objects.order_by("pk").values_list(*fields).iterator():
        source, collection, race, session, car = where
        row_of = row if isinstance(row, dict) else {}
        race = race or integer(row_of.get("meeting_key"))
        session = session or integer(row_of.get("session_key"))
        key = digest(source, collection, race, session, row)
        first_seen.setdefault(key, seen)
        if piece == newest[tuple(where)] and tuple(where) not in accepted:
            car = car if car is not None else integer(row_of.get("driver_number"))
            columns = {"collection": collection, "race_id": race, "session_id": session, "driver_number": car, "source": source}
            columns |= {"season": integer(row_of.get("year")), "run_id": run, "last_seen": seen, "digest": key}
            kept[key] = Reject(pk=pk, piece_id=piece, row=row, reason=reason, **columns)
    for key, reject in kept.items():
        reject.first_seen = first_seen[key]
    Reject.objects.all().delete()
    Reject.objects.bulk_create(kept.values(), batch_size=500)
    schema_editor.connection.check_constraints()  # now, because PostgreSQL alters no table with checks to come


def none(apps, schema_editor):
    """Rejects without a piece cannot be kept by the former table."""
    apps.get_model("openf1", "Reject").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("openf1", "0004_leases_and_pace")]

    operations = [
        migrations.RenameField("reject", "id", "reject_id"),
        migrations.AlterField("reject", "reject_id", models.BigAutoField(primary_key=True, serialize=False)),
        migrations.AddField("reject", "collection", models.CharField(max_length=24, default="")),
        migrations.AddField("reject", "season", models.IntegerField(null=True)),
        migrations.AddField("reject", "race_id", models.IntegerField(null=True)),
        migrations.AddField("reject", "session_id", models.IntegerField(null=True)),
        migrations.AddField("reject", "driver_number", models.IntegerField(null=True)),
        migrations.AddField("reject", "source", models.CharField(max_length=8, default="openf1")),
        migrations.AddField("reject", "first_seen", models.DateTimeField(null=True)),
        migrations.AddField("reject", "last_seen", models.DateTimeField(null=True)),
        migrations.AddField("reject", "digest", models.BigIntegerField(null=True)),
        migrations.AddField(
            "reject", "run", models.ForeignKey(to="openf1.syncrun", on_delete=deletion.SET_NULL, null=True, related_name="+")
        ),
        migrations.AlterField(
            "reject", "piece", models.ForeignKey(to="openf1.syncpiece", on_delete=deletion.CASCADE, null=True, related_name="+")
        ),
        migrations.RunPython(keep_each_once, none),
    ]
