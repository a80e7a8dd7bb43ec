"""An outage of the database: a line in the log when it begins and when it is over, not one for each request."""

from __future__ import annotations

import time

from emporion.errors import Problem
from emporion.logs import log
from emporion.store.faults import unavailable

# Seconds for which a reason is not told again: on a disk that is almost full some writes succeed in between.
QUIET = 60.0


class Outage:
    """Whether something that the database does, such as "writes", fails just now."""

    def __init__(self, what: str) -> None:
        self._what = what
        # When each reason was told.
        self._told: dict[str, float] = {}
        # Whether it fails, as far as was told; callers ask before they say that it is over.
        self.is_told = False

    def problem(self, error: BaseException) -> Problem:
        """What a caller is told whose request met `error`; the log has the reason, once."""
        problem = unavailable(error)
        why = error.why if isinstance(error, Problem) else problem.why
        now = time.monotonic()
        if why not in self._told or now - self._told[why] > QUIET:
            self._told = {reason: at for reason, at in self._told.items() if now - at <= QUIET} | {why: now}
            self.is_told = True
            log.error(f"{self._what} fail, and are tried again with each request", why=why)
        elif self.is_told:
            self._told[why] = now
        problem.__cause__ = None  # the log would have it for each request
        return problem

    def over(self) -> None:
        """Note that it works."""
        if self.is_told:
            self.is_told = False
            log.info(f"{self._what} work again")
