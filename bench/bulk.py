"""Millions of customers: the rows that the product would write for each, put in by the shortest way there is.

The customer with the ordinal N is always the same one. Batches are made in processes of their own.
"""

from __future__ import annotations

import gc
import random
import uuid
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec
from msgspec import structs

from bench import Failed
from bench.customers import brands
from emporion.accounts.customers import Customer
from emporion.credentials import new_login
from emporion.store import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BATCH = 10_000
# Milliseconds since 1970 when the first customer came, and from one to the next.
FIRST_AT, STEP = 1_700_000_000_000, 5_000

Task = TypeVar("Task")
Result = TypeVar("Result")


class Batch(msgspec.Struct, frozen=True):
    """Customers to be added. ahead: what their ids and their events' sequences are ahead of their ordinals."""

    ordinals: range
    ids_ahead: int
    sequences_ahead: int


class Entry(NamedTuple):
    """A customer as it is kept, in all its parts."""

    ordinal: int
    id: int
    sequence: int
    at: int
    customer: Customer
    summary: bytes
    document: bytes
    name: str
    emails: set[str]
    login: str
    correlation_id: str


def batches(present: int, wanted: int, next_id: int, next_sequence: int) -> list[Batch]:
    """What must be added to `present` customers so that there are `wanted` of them. Raises Failed if it is nothing."""
    if wanted <= present:
        raise Failed(
            f"there are {present} customers already, with those that were measured: {wanted} is too small a step"
        )
    first = present + 1
    return [
        Batch(range(start, min(start + BATCH, wanted + 1)), next_id - first, next_sequence - first)
        for start in range(first, wanted + 1, BATCH)
    ]


def entries(batch: Batch) -> Iterator[Entry]:
    """The customers of a batch."""
    chance = random.Random(batch.ordinals.start)
    for ordinal, new in zip(batch.ordinals, brands(batch.ordinals), strict=True):
        at = FIRST_AT + ordinal * STEP
        customer = structs.replace(new, id=str(ordinal + batch.ids_ahead))
        yield Entry(
            ordinal,
            ordinal + batch.ids_ahead,
            ordinal + batch.sequences_ahead,
            at,
            customer,
            rows.summary(customer),
            rows.document(customer),
            rows.folded_name(customer),
            rows.folded_emails(customer),
            new_login(at),
            str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        )


def makers(count: int) -> ProcessPoolExecutor:
    """Processes that make batches. The garbage collector would walk through each batch again and again, for nothing."""
    return ProcessPoolExecutor(count, initializer=gc.disable)


def in_order(
    pool: ProcessPoolExecutor, work: Callable[[Task], Result], tasks: Iterable[Task], ahead: int
) -> Iterator[Result]:
    """The results of the tasks in their order; no more than `ahead` of them are done before they are wanted."""
    rest = iter(tasks)
    running = deque(pool.submit(work, task) for task in islice(rest, ahead))
    while running:
        yield running.popleft().result()
        running.extend(pool.submit(work, task) for task in islice(rest, 1))
