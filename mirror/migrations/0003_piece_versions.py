from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('openf1', '0002_corrections_and_states'),
    ]

    operations = [
        migrations.CreateModel(
            name='PieceVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('collection', models.CharField(max_length=24)),
                ('session_id', models.IntegerField(help_text="OpenF1's session_key; 0 for lists of races and sessions.")),
                ('stamp', models.BigIntegerField(help_text='A random number, another at every change.')),
                ('changed_at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('collection', 'session_id'), name='piece_version_key')],
            },
        ),
    ]
