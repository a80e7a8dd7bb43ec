"""Who stands below whom, as ranges of numbers: all below a reseller have theirs within its own.

Then everything below a reseller is one range of an index, however deep or wide the tree is. A new reseller gets a part
of what its parent has left; where that is used up, all are numbered anew with room for many more (decision 0011).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

# Numbers from 0 to this one are given to the provider.
LAST = 2**62 - 1


class Span(NamedTuple):
    """The numbers of a reseller and of all below it, both ends included; `first` is its own."""

    first: int
    last: int


def span_below(parent: Span, taken: int | None) -> Span | None:
    """The span of a new reseller right below `parent`, or None if no room is left.

    taken: the last number of those below the parent already, None if there are none.
    """
    first = parent.first + 1 if taken is None else taken + 1
    room = parent.last - first + 1
    if room <= 0:
        return None
    # Half of all for the first one, and less for each next: as if there were n already, where 1/n of all is left. So
    # a chain goes down sixty times, and a fan has room for millions.
    size = max(1, room * room // (room + parent.last - parent.first))
    return Span(first, first + size - 1)


def spans(parents: Mapping[int, int | None]) -> dict[int, Span]:
    """Spans for a whole tree, given the parent of each (None for the top): each with an equal share of room."""
    below: dict[int, list[int]] = {}
    tops = []
    for reseller_id, parent_id in sorted(parents.items()):
        if parent_id is None:
            tops.append(reseller_id)
        else:
            below.setdefault(parent_id, []).append(reseller_id)
    order = _from_the_top(tops, below)
    sizes = dict.fromkeys(order, 1)
    for reseller_id in reversed(order):
        parent_id = parents[reseller_id]
        if parent_id is not None:
            sizes[parent_id] += sizes[reseller_id]
    share = (LAST + 1) // max(len(order), 1)
    found: dict[int, Span] = {}
    free: dict[int | None, int] = {None: 0}
    for reseller_id in order:
        parent_id = parents[reseller_id]
        first = free[parent_id]
        free[parent_id] = first + sizes[reseller_id] * share
        found[reseller_id] = Span(first, first + sizes[reseller_id] * share - 1)
        free[reseller_id] = first + 1
    return found


def _from_the_top(tops: Iterable[int], below: Mapping[int, list[int]]) -> list[int]:
    """All, each after its parent; without recursion, since a tree may be deeper than Python goes."""
    order = list(tops)
    for reseller_id in order:  # it grows on the way
        order += below.get(reseller_id, ())
    return order
