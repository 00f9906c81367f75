"""How many requests OpenF1 allows, and how long a sync takes at that pace."""

import math

from django.conf import settings

from jobs.wording import plural


def pace_limits() -> tuple[int, int]:
    """Requests a second and a minute; 0 is no limit. A login raises the default to that of paying users."""
    per_second, per_minute = settings.OPENF1_REQUESTS_PER_SECOND, settings.OPENF1_REQUESTS_PER_MINUTE
    return (6, 60) if settings.OPENF1_USERNAME and (per_second, per_minute) == (3, 30) else (per_second, per_minute)


def expected_minutes(requests: int) -> float | None:
    """How long so many requests take at least at the pace that the settings allow; None without a limit."""
    per_second, per_minute = pace_limits()
    rates = [rate for rate in (per_second * 60, per_minute) if rate]
    return requests / min(rates) if rates else None


def estimate_text(requests: int) -> str:
    """ "About 1,920 requests, 64 minutes at OpenF1's pace."; the pace is that of the settings."""
    minutes = expected_minutes(requests)
    pace = "" if minutes is None else f", {plural(math.ceil(minutes), 'minute')} or more at the pace OpenF1 allows"
    return f"About {plural(requests, 'request')}{pace}."
