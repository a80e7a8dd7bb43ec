"""A file is read plan by plan: what it takes does not grow with it."""

from __future__ import annotations

import io
import tracemalloc

from emporion.marketplace.catalogue_content import CatalogueContent

HEAD = "vendors: {a: A}\nservices: {S: {vendor: a, fulfillment: manual}}\nplans:\n"


def plan(number: int) -> str:
    items = "".join(
        f"      X{n}: {{name: Thing, prices: {{EUR: {{price: 1.50, cost: 1, setup: 2}}, USD: 2}}}}\n" for n in range(30)
    )
    return f"  p{number}:\n    service: S\n    name: P\n    periods: 1 year\n    items:\n{items}"


def peak(plans: int) -> int:
    """The most bytes that reading so many plans takes at a time."""
    text = (HEAD + "".join(map(plan, range(plans)))).encode()
    tracemalloc.start()
    with CatalogueContent(io.BytesIO(text)) as content:
        assert len(content) == plans
        _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_a_file_of_many_plans_takes_no_more_memory_than_one_of_few() -> None:
    peak(2)
    assert peak(100) < peak(10) + 100_000
