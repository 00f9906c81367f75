"""Addresses of pages in people's words."""

from collections import defaultdict

from django.db import migrations, models


def fill(apps, schema_editor):
    from races.slugs import free, race_slug, session_slug

    for name, group, base in (
        ("Race", "year", lambda race: race_slug(race.race_name) or f"race-{race.pk}"),
        ("Session", "race_id", lambda session: session_slug(session.session_name) or f"session-{session.pk}"),
    ):
        taken = defaultdict(set)
        rows = list(apps.get_model("races", name).objects.order_by("date_start", "pk"))
        for row in rows:
            used = taken[getattr(row, group)]
            row.slug = free(base(row)[:90], used)
            used.add(row.slug)
        apps.get_model("races", name).objects.bulk_update(rows, ["slug"], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("races", "0003_neutralisations")]

    operations = [
        migrations.AddField(
            model_name='race',
            name='former_slugs',
            field=models.CharField(blank=True, default='', editable=False, help_text='Slugs it had before.', max_length=500),
        ),
        migrations.AddField(
            model_name='race',
            name='slug',
            field=models.SlugField(blank=True, db_index=False, default='', help_text='In the address of its page, unique within the season; filled by the sync where it is left empty.', max_length=100),
        ),
        migrations.AddField(
            model_name='session',
            name='former_slugs',
            field=models.CharField(blank=True, default='', editable=False, help_text='Slugs it had before.', max_length=500),
        ),
        migrations.AddField(
            model_name='session',
            name='slug',
            field=models.SlugField(blank=True, db_index=False, default='', help_text='In the address of its page, unique within the weekend; filled by the sync where it is left empty.', max_length=100),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
