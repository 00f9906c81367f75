from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from api.logins.models import Token


class Command(BaseCommand):
    help = "Make a token with which a program may do over REST what a user may do, and print it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="whose token it is")
        parser.add_argument("--days", type=int, help="after how many days it ends; without it, when it is revoked")

    def handle(self, *args: Any, username: str, days: int | None, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}; `manage.py createsuperuser` or the admin makes one.")
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError(f"--days {days}: give 1 to 36500, or leave it out for a token that does not end.")
        _, key = Token.issue(user, lifetime=timedelta(days=days) if days else None)
        self.stdout.write(key)
