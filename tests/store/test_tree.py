"""Ranges of numbers nest exactly as the resellers do, however the tree has grown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emporion.store.tree import LAST, Span, span_below, spans

Parents = dict[int, int | None]

TOP = 0
# For each reseller to be added, who of those that are there is to be its parent: by number, or the newest one.
CHOICES = st.lists(st.integers(0, 1000) | st.just(-1), max_size=150)


class Tree:
    """A tree that grows as a store lets it grow. renumbered: how often there was no room left."""

    def __init__(self) -> None:
        self.parents: Parents = {TOP: None}
        self.spans = {TOP: Span(0, LAST)}
        self.renumbered = 0

    def add(self, parent: int) -> None:
        """Add a reseller below `parent`."""
        span = self._free(parent)
        if span is None:
            self.renumbered += 1
            self.spans = spans(self.parents)
            span = self._free(parent)
        assert span
        new = len(self.parents)
        self.parents[new] = parent
        self.spans[new] = span

    def _free(self, parent: int) -> Span | None:
        taken = [self.spans[one].last for one, above in self.parents.items() if above == parent]
        return span_below(self.spans[parent], max(taken, default=None))


def grown(choices: list[int]) -> Tree:
    tree = Tree()
    for choice in choices:
        tree.add(choice % len(tree.parents))
    return tree


def above(parents: Parents, reseller: int) -> set[int]:
    """The reseller and all above it."""
    found = {reseller}
    while (parent := parents[reseller]) is not None:
        reseller = parent
        found.add(reseller)
    return found


def check(parents: Parents, numbered: dict[int, Span]) -> None:
    """A reseller's own number is within just the spans of itself and of those above it, and its whole span with it."""
    assert numbered.keys() == parents.keys()
    assert len({span.first for span in numbered.values()}) == len(numbered)
    for reseller, span in numbered.items():
        assert 0 <= span.first <= span.last <= LAST
        around = {other for other, its in numbered.items() if its.first <= span.first <= its.last}
        assert around == above(parents, reseller)
        assert all(numbered[other].last >= span.last for other in around)


@given(CHOICES)
def test_however_a_tree_grows_its_spans_nest_as_it_does(choices: list[int]) -> None:
    tree = grown(choices)
    check(tree.parents, tree.spans)


@given(CHOICES)
def test_a_tree_that_is_numbered_anew_has_room_below_each(choices: list[int]) -> None:
    parents = grown(choices).parents
    anew = spans(parents)
    check(parents, anew)
    for reseller in parents:
        taken = [anew[one].last for one, parent in parents.items() if parent == reseller]
        assert span_below(anew[reseller], max(taken, default=None))


@pytest.mark.parametrize("newest", [True, False], ids=["chain", "fan"])
def test_a_tree_in_which_room_runs_out_goes_on_growing(newest: bool) -> None:
    tree = grown([-1 if newest else TOP] * 300)
    assert tree.renumbered < 30
    check(tree.parents, tree.spans)


def test_a_chain_deeper_than_python_goes_is_numbered() -> None:
    depth = 20_000
    numbered = spans({TOP: None, **{number: number - 1 for number in range(1, depth)}})
    assert all(
        numbered[number - 1].first < numbered[number].first <= numbered[number].last <= numbered[number - 1].last
        for number in range(1, depth)
    )


def test_the_order_in_which_resellers_are_told_makes_no_difference() -> None:
    parents: Parents = {5: 3, 3: None, 4: 3, 1: 4}
    assert spans(parents) == spans(dict(sorted(parents.items())))


def test_no_resellers_have_no_spans() -> None:
    assert spans({}) == {}


def test_room_ends_with_the_last_number_of_the_parent() -> None:
    assert span_below(Span(5, 5), None) is None
    assert span_below(Span(5, 9), 9) is None
    assert span_below(Span(5, 6), None) == Span(6, 6)
    assert span_below(Span(5, 9), 8) == Span(9, 9)
