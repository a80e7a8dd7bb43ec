"""Limits: how many requests a subscription key may send."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from emporion.errors import Code, Fault, Problem

DAY = 86_400


class Quota(NamedTuple):
    """So many requests in so many seconds."""

    requests: int
    seconds: int


class Limit(Struct, frozen=True):
    """How many requests are allowed, each number at least 1; None: any number.

    rate: requests per second. burst: how many may come at once, None or fewer than `rate`: as many as `rate`.
    per_day: requests in a day of UTC. Raises Problem (INVALID) for numbers that make no sense.
    """

    rate: int | None = None
    burst: int | None = None
    per_day: int | None = None

    def __post_init__(self) -> None:
        given = [("rate", self.rate), ("burst", self.burst), ("perDay", self.per_day)]
        faults = [Fault(name, "must be at least 1") for name, number in given if number is not None and number < 1]
        if self.burst is not None and self.rate is None:
            faults.append(Fault("rate", "is required where there is a burst"))
        if faults:
            raise Problem(Code.INVALID, f"{faults[0].field} {faults[0].message}", faults)

    @property
    def unlimited(self) -> bool:
        """Whether there is nothing to count."""
        return self.rate is None and self.per_day is None

    @property
    def moving(self) -> Quota | None:
        """What any stretch of time may have: the shortest of whole seconds in which `rate` allows the burst."""
        if self.rate is None:
            return None
        seconds = max(1, -(-(self.burst or 1) // self.rate))
        return Quota(self.rate * seconds, seconds)

    @property
    def daily(self) -> Quota | None:
        """What a day may have."""
        return None if self.per_day is None else Quota(self.per_day, DAY)


UNLIMITED = Limit()
