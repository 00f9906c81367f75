from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("races", "0004_slugs")]

    operations = [
        migrations.AddConstraint(
            model_name='race',
            constraint=models.UniqueConstraint(condition=models.Q(('slug', ''), _negated=True), fields=('year', 'slug'), name='race_slug'),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.UniqueConstraint(condition=models.Q(('slug', ''), _negated=True), fields=('race', 'slug'), name='session_slug'),
        ),
    ]
