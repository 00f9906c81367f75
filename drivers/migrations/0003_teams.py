from django.db import migrations, models


def fill(apps, schema_editor):
    from drivers.teams import team_slug
    from races.slugs import free

    names = apps.get_model("drivers", "Entry").objects.exclude(team_name=None).exclude(team_name="").order_by()
    taken = set()
    teams = []
    for name in sorted(set(names.values_list("team_name", flat=True).distinct())):
        slug = free(team_slug(name)[:90], taken)
        taken.add(slug)
        teams.append(apps.get_model("drivers", "Team")(name=name, slug=slug))
    apps.get_model("drivers", "Team").objects.bulk_create(teams)


class Migration(migrations.Migration):

    dependencies = [
        ('drivers', '0002_results_and_standings'),
    ]

    operations = [
        migrations.CreateModel(
            name='Team',
            fields=[
                ('team_id', models.BigAutoField(primary_key=True, serialize=False, verbose_name='team ID')),
                ('name', models.CharField(help_text='As the entries have it, e.g. Ferrari.', max_length=100, unique=True)),
                ('slug', models.SlugField(blank=True, help_text='In the address of its page; made from the name where it is left empty.', max_length=100, unique=True)),
                ('former_slugs', models.CharField(blank=True, default='', editable=False, help_text='Slugs it had before.', max_length=500)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
