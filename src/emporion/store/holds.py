"""How long anybody has an import, which every store asks of its rows."""

from __future__ import annotations

from emporion.store.base import LONGEST_HOLD

# Later than any time.
NEVER = 2**62


def too_late(now: int) -> int:
    """The time after which no hold lasts that is still good at `now`; `now` is 0 where nobody is to lose his."""
    return now + LONGEST_HOLD if now else NEVER
