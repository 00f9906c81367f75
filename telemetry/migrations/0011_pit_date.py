
from django.db import migrations



class Migration(migrations.Migration):
    dependencies = [
        ("telemetry", "0010_delta_calibration"),
    ]

    operations = []  # limits of values, which change no table: they stand with the fields where these are made
