import datetime

from django.db import migrations, models

import mirror.limits


class Migration(migrations.Migration):
    dependencies = [
        ("telemetry", "0010_delta_calibration"),
    ]

    operations = [
        migrations.AlterField(
            model_name="pit",
            name="date",
            field=models.DateTimeField(
                blank=True,
                help_text="When the car left the pit lane (UTC). Between 1950 and 2100.",
                null=True,
                validators=[
                    mirror.limits.Least(datetime.datetime(1950, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                    mirror.limits.Most(datetime.datetime(2100, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                ],
            ),
        ),
    ]
