from django.db import migrations, models


def create(apps, schema_editor):
    """In OpenF1's order, in which null is the smallest. SQLite has no other; Django cannot say it for PostgreSQL alone."""
    nulls = " NULLS FIRST" if schema_editor.connection.vendor == "postgresql" else ""
    schema_editor.execute(f"CREATE INDEX lap_time ON telemetry_lap (lap_duration{nulls})")


def drop(apps, schema_editor):
    schema_editor.execute("DROP INDEX lap_time")


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0008_best_sectors")]

    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunPython(create, drop)],
            [migrations.AddIndex("lap", models.Index(fields=["lap_duration"], name="lap_time"))],
        )
    ]
