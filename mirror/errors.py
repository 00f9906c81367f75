"""The errors of upstream and of storing what it sent.

The pipeline catches them and turns each into a report line. Any other exception is a bug of this site and is not caught.
"""


class OpenF1Error(Exception):
    """A request gave no rows; the message tells the person who started the sync why."""

    def __init__(self, message: str, *, retry_after: float | None = None):
        super().__init__(message)
        self.retry_after = retry_after  # seconds until upstream wants to be asked again, where it says


class Unavailable(OpenF1Error):
    """Upstream could not be reached, or kept answering with its own errors."""


class Locked(OpenF1Error):
    """A session is on track, and OpenF1 is closed to anonymous users, history included."""


class BadRequest(OpenF1Error):
    """Upstream understood the request and refuses it; asking again would not help."""


class TooLarge(BadRequest):
    """Upstream refuses to answer so many rows at once; narrower requests work."""


class BadResponse(OpenF1Error):
    """Upstream answered with something that is not a list of rows."""


class OverLimit(BadResponse):
    """Upstream's answer is larger, or takes longer, than the settings allow; asking again would cost as much."""


class NothingMatched(OpenF1Error):
    """Neither upstream nor this site knows a race weekend or session of the scope."""


class NotStored(OpenF1Error):
    """What upstream sent could not be written to a file."""
