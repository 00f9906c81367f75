"""How fast to send requests."""

import time
from collections import deque
from collections.abc import Callable


class Pace:
    """At most `count` requests in any `seconds`, for every rule given as (count, seconds).

    It measures from when an answer *arrived* to when the next request *leaves*, so that upstream, however long either travels,
    never sees two requests closer together than a rule allows.
    """

    def __init__(
        self, *rules: tuple[int, float], clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ):
        self.rules: list[tuple[int, float, deque[float]]] = [
            (count, seconds, deque(maxlen=count)) for count, seconds in rules if count
        ]
        self.clock, self.sleep = clock, sleep

    def wait(self) -> None:
        """Sleep until the next request may leave."""
        now = self.clock()
        free_at = max((answers[0] + seconds for count, seconds, answers in self.rules if len(answers) == count), default=now)
        while free_at > now:
            self.sleep(free_at - now)
            now = self.clock()

    def answered(self) -> None:
        """Record that the request was answered or has failed."""
        for _, _, answers in self.rules:
            answers.append(self.clock())
