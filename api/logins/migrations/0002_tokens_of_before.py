"""Take over the tokens of Django REST framework, which were stored as they are sent: they stay valid, only their hashes stay."""

from django.db import migrations

from api.logins.models import SHOWN, digest_of

OLD = "authtoken_token"


def take_over(apps, schema_editor):
    connection = schema_editor.connection
    if OLD not in connection.introspection.table_names():
        return
    Token = apps.get_model("logins", "Token")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT key, user_id FROM {OLD}")
        for key, user in cursor.fetchall():
            Token.objects.create(user_id=user, digest=digest_of(key), beginning=key[:SHOWN])
        cursor.execute(f"DROP TABLE {OLD}")


class Migration(migrations.Migration):
    dependencies = [("logins", "0001_initial")]

    operations = [migrations.RunPython(take_over, migrations.RunPython.noop)]
