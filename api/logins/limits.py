"""The limit of wrong passwords (THROTTLE_LOGINS): by name and by address, over a window that slides.

An attempt counts as wrong from its beginning until its password was found right, so that many at once get no further than one
after another. Strangers who guess at a name lock out strangers: from an address from which the name has logged in before, only
the wrong attempts of that address count. The attempts are rows of the database, which others cannot push out, as they could the
entries of a cache, and which all processes share.
"""

import math
import unicodedata
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.forms import AuthenticationForm
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.exceptions import Throttled

from api.logins.models import LoginAttempt
from api.throttling import client_address, parse_rate

KNOWN_FOR = timedelta(days=90)  # how long an address is known after a login


class TooManyLogins(Throttled):
    """No password is looked at before `wait` seconds have passed."""

    wait: int
    default_detail = "Too many wrong passwords."
    extra_detail_singular = extra_detail_plural = "Try again in {wait} s."


class LimitedBackend(ModelBackend):
    """Django's users and passwords, with the limit; every way to log in with a password ends here."""

    def authenticate(self, request: Any, username: str | None = None, password: str | None = None, **options: Any) -> Any:
        attempt = begin(request, username) if request is not None and username is not None and password is not None else None
        user = super().authenticate(request, username=username, password=password, **options)
        if user is not None and attempt is not None:
            succeed(attempt)
        return user


def log_in(request: HttpRequest, username: str, password: str) -> Any:
    """The user, by the rules of the admin's form (a name is stripped and normalised); None where name or password is wrong."""
    form = AuthenticationForm(request, {"username": username, "password": password})
    return form.get_user() if form.is_valid() else None


def begin(request: HttpRequest, username: str) -> LoginAttempt | None:
    """Note an attempt before the password is looked at; raises TooManyLogins. None where there is no limit."""
    rate = parse_rate("logins")
    if rate is None:
        return None
    maximum, period = rate[0], timedelta(seconds=rate[1])
    now, address, name = timezone.now(), client_address(request), digest_of_name(username)
    LoginAttempt.objects.filter(Q(succeeded=False, at__lte=now - period) | Q(at__lte=now - KNOWN_FOR)).delete()
    attempt = LoginAttempt.objects.create(name=name, address=address, at=now)
    wrong = LoginAttempt.objects.filter(succeeded=False).exclude(pk=attempt.pk)
    counted = [wrong.filter(address=address)]
    if not LoginAttempt.objects.filter(name=name, address=address, succeeded=True).exists():
        counted.append(wrong.filter(name=name))
    if wait := max(seconds_until_below(maximum, attempts, period=period, now=now) for attempts in counted):
        attempt.delete()  # one that was not looked at does not count, or the window would never end
        raise TooManyLogins(wait)
    return attempt


def seconds_until_below(maximum: int, attempts: QuerySet[LoginAttempt], *, period: timedelta, now: datetime) -> int:
    """Seconds until fewer than `maximum` of the attempts are in the window; 0 if they are now."""
    decisive = attempts.order_by("-at").values_list("at", flat=True)[maximum - 1 : maximum]
    return max((math.ceil((at + period - now).total_seconds()) for at in decisive), default=0)


def succeed(attempt: LoginAttempt) -> None:
    """The password was right: the address is known for this name from now on."""
    LoginAttempt.objects.filter(name=attempt.name, address=attempt.address, succeeded=True).delete()
    attempt.succeeded = True
    attempt.save()


def digest_of_name(username: str) -> str:
    """The same text for names that Django takes for the same: without outer spaces, in one Unicode form, in this case."""
    return salted_hmac("api.logins", unicodedata.normalize("NFKC", username.strip())).hexdigest()
