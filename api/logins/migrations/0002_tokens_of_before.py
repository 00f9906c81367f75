"""Take over the tokens of Django REST framework, which were stored as they are sent: they stay valid, only their hashes stay."""

from django.db import migrations

from api.logins.models import SHOWN, digest_of


def take_over(apps, schema_editor):
    connection = schema_editor.connection
    if "authtoken_token" not in connection.introspection.table_names():
        return
    Token = apps.get_model("logins", "Token")
    with connection.cursor() as cursor:
        cursor.execute("SELECT key, user_id FROM authtoken_token")
        for key, user in cursor.fetchall():
            Token.objects.create(user_id=user, digest=digest_of(key), beginning=key[:SHOWN])
        cursor.execute("DROP TABLE authtoken_token")


class Migration(migrations.Migration):
    dependencies = [("logins", "0001_initial")]

    operations = [migrations.RunPython(take_over, migrations.RunPython.noop)]
