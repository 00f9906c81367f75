"""Tokens that programs send instead of a password, and attempts to log in."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

SHOWN = 6  # characters of a token that lists show


def digest_of(key: str) -> str:
    """What is stored of a token. A key has 256 random bits, so it needs no salt and no slow hash, as passwords do."""
    return hashlib.sha256(key.encode()).hexdigest()


class Token(models.Model):
    """A user's token for programs. It is shown once, when it is made; what is stored cannot be turned back into it."""

    token_id = models.BigAutoField("token ID", primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    beginning = models.CharField(max_length=SHOWN, editable=False, help_text="The first characters of the token.")
    created_at = models.DateTimeField("created", auto_now_add=True)
    expires_at = models.DateTimeField(
        "expires", null=True, blank=True, help_text="When it ends; empty: not before it is revoked."
    )

    class Meta:
        ordering = ["token_id"]

    def __str__(self) -> str:
        return f"{self.beginning}…"

    def set_key(self, key: str) -> None:
        self.digest, self.beginning = digest_of(key), key[:SHOWN]

    @classmethod
    def issue(cls, user: Any, *, lifetime: timedelta | None = None, key: str = "") -> tuple["Token", str]:
        """Make a token; returns it and the key that the program sends. Expired tokens of anybody are removed meanwhile."""
        now = timezone.now()
        cls.objects.filter(expires_at__lte=now).delete()
        token = cls(user=user, expires_at=now + lifetime if lifetime else None)
        token.set_key(key := key or secrets.token_urlsafe(32))
        token.save()
        return token, key

    @classmethod
    def find(cls, key: str) -> "Token | None":
        """The token with this key, unless it has expired or its user may not log in; with its user."""
        valid = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        return cls.objects.select_related("user").filter(valid, digest=digest_of(key), user__is_active=True).first()


class LoginAttempt(models.Model):
    """An attempt to log in: wrong ones are kept as long as they count, the last right one of a name from an address longer."""

    name = models.CharField(max_length=64)  # a digest: people type passwords into the field of the name
    address = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)
    succeeded = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["name", "at"]), models.Index(fields=["address", "at"])]

    def __str__(self) -> str:
        return f"{self.address} at {self.at}"
