"""Both stores answer the same to the letter: the same history and the same questions, sent to each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from emporion.accounts import Customer, Status, fold, fold_email
from emporion.errors import Problem
from emporion.events import Origin
from emporion.marketplace.platforms import PROVIDER_ID, RESELLER_ID
from emporion.store.base import (
    AdministratorLogin,
    Change,
    Filter,
    NewRecord,
    NewReseller,
    Platform,
    Record,
    Store,
    SubscriptionKey,
    User,
)
from emporion.store.connections import Limits
from emporion.store.postgres import PostgresStore
from emporion.store.sqlite import SqliteStore
from tests.postgres import Databases
from tests.store.test_base import customer, person

# Parts of names that look alike, mean something to one of the databases, or are longer than one byte.
PIECES = ["a", "ab", "abc", "Acme", "acme inc", "Ä", "ä", "ß", "ss", "İ", "ﬁ", "é", "e\u0301", "日", "日本", "本語",
          "カ", "%", "_", "\\", '"', "'", "-", "--", "*", "(", " ", "  ", "😀", "Ω", "ж", "жук", "0",
          "1 OR 1=1"]  # fmt: skip
NAMES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join)
EMAILS = st.sampled_from(["a@example.com", "A@Example.com", "b@example.com", "ä@example.com", "straße@example.com"])
EXTERNAL_IDS = st.sampled_from([None, "x", "X", "y", "日本", "' OR 1=1", " x"])
LOGINS = st.sampled_from(["first", "FIRST", "second", "third@x", "api", "Sandbox"])
STATUSES: st.SearchStrategy[Status] = st.sampled_from(["pending", "active", "creditHold"])
SMALL = st.integers(0, 5)


class Add(NamedTuple):
    """A new customer of one of the resellers."""

    reseller: int
    name: str
    external_id: str | None
    status: Status
    emails: list[str]
    logins: list[str]


class Alter(NamedTuple):
    """A change of one of the customers, of its present version or of one that never was."""

    customer: int
    stale: bool
    to: Add
    rewrites_logins: bool


class Verify(NamedTuple):
    """One look at those who wait."""

    limit: int


class AddReseller(NamedTuple):
    """A reseller below one of the others, or below one that does not exist."""

    parent: int


class AddUser(NamedTuple):
    """An API user of one of the resellers."""

    reseller: int
    login: str


ADDS = st.builds(Add, SMALL, NAMES, EXTERNAL_IDS, STATUSES, st.lists(EMAILS, min_size=1, max_size=3),
                 st.lists(LOGINS, max_size=2, unique_by=str.lower))  # fmt: skip
STEPS = st.one_of(
    ADDS,
    ADDS,
    ADDS,
    st.builds(Alter, SMALL, st.booleans(), ADDS, st.booleans()),
    st.builds(Verify, st.integers(1, 3)),
    st.builds(AddReseller, SMALL),
    st.builds(AddUser, SMALL, LOGINS),
)
QUESTIONS = st.tuples(
    st.builds(
        Filter,
        st.none() | NAMES.map(fold).filter(bool) | st.sampled_from(PIECES).map(fold).filter(bool),
        st.none() | EMAILS.map(fold_email),
        EXTERNAL_IDS,
    ),
    st.sampled_from([0, 1, 2, 7, 2**63 - 1]),
    st.sampled_from([1, 2, 1000]),
    st.booleans(),
)


class History:
    """Does the same steps to one store, and keeps what came back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._resellers = [RESELLER_ID, PROVIDER_ID]
        self._records: list[Record] = []
        self.answers: list[object] = []

    async def take(self, step: object) -> None:
        if isinstance(step, Add):
            await self._keep(self._add(step))
        elif isinstance(step, Alter) and self._records:
            await self._keep(self._alter(step))
        elif isinstance(step, Verify):
            await self._keep(self._store.verify(step.limit, self._verified))
        elif isinstance(step, AddReseller):
            await self._keep(self._add_reseller(step))
        elif isinstance(step, AddUser):
            await self._keep(self._store.add_user(User(step.login, self._reseller(step.reseller), "us", "hash")))
        await self._keep(self._store.waiting())

    async def ask(self, question: tuple[Filter, int, int, bool]) -> None:
        wanted, offset, limit, whole = question
        for root in [*self._resellers, 77]:
            await self._keep(self._store.customers(root, wanted, offset, limit, whole=whole))

    async def look_at_everything(self) -> None:
        for reseller in self._resellers:
            await self._keep(self._store.events(reseller, 0, 1000))
            for other in self._resellers:
                await self._keep(self._store.is_within(reseller, other))
            for record in self._records:
                await self._keep(self._store.customer(reseller, record.id))
                await self._keep(self._store.document(reseller, record.id))
                await self._keep(self._store.logins(reseller, record.id))
        for record in self._records:
            await self._keep(self._store.owner(record.id))
        for login in ("first", "Second", "api", "SANDBOX", "\0", "ſandbox", "İ"):
            await self._keep(self._store.user(login))

    async def _keep(self, answer: Awaitable[object]) -> None:
        try:
            self.answers.append(await answer)
        except Problem as problem:
            self.answers.append((problem.code, problem.message, problem.faults))

    def _reseller(self, number: int) -> int:
        return self._resellers[number % len(self._resellers)]

    async def _add(self, step: Add) -> Record:
        wanted = _customer(step)
        record = await self._store.add_customer(
            NewRecord(self._reseller(step.reseller), wanted, _logins(step), Origin("api", "api", None), 1)
        )
        self._records.append(record)
        return record

    async def _alter(self, step: Alter) -> Record | None:
        number = step.customer % len(self._records)
        record = await self._store.customer(self._records[number].reseller_id, self._records[number].id)
        assert record
        return await self._store.change_customer(_change(record, _customer(step.to), step))

    async def _add_reseller(self, step: AddReseller) -> int:
        parent = 77 if step.parent == 5 else self._reseller(step.parent)
        reseller = await self._store.add_reseller(NewReseller("Next", parent))
        self._resellers.append(reseller)
        return reseller

    def _verified(self, record: Record) -> Change:
        self.answers.append(record)
        before = msgspec.json.decode(record.document, type=Customer)
        wanted = msgspec.structs.replace(before, status="active")
        changes: dict[str, tuple[object, object]] = {"status": ("pending", "active")}
        return Change(record.reseller_id, record.id, record.version, wanted, None, "customer.verified", changes,
                      Origin(None, "worker"), 3)  # fmt: skip


def _customer(step: Add) -> Customer:
    persons = [person(email) for email in step.emails]
    return customer(step.name, step.external_id, step.status, *persons)


def _logins(step: Add) -> list[AdministratorLogin]:
    return [AdministratorLogin(position, login, None) for position, login in enumerate(step.logins)]


def _change(record: Record, wanted: Customer, step: Alter) -> Change:
    before: dict[str, Any] = msgspec.json.decode(record.document)
    after = msgspec.structs.replace(wanted, id=str(record.id))
    members = msgspec.to_builtins(after)
    changes = {
        name: (before.get(name), members.get(name))
        for name in ("name", "externalId", "status", "contactPersons")
        if before.get(name) != members.get(name)
    }
    return Change(
        record.reseller_id,
        record.id,
        record.version + step.stale,
        after,
        _logins(step.to) if step.rewrites_logins else None,
        "customer.updated",
        changes,
        Origin("api", "api", "id"),
        2,
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
# To make a history that fails smaller takes minutes: take `phases` out for that.
@settings(
    max_examples=60,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=1, max_size=25), questions=st.lists(QUESTIONS, min_size=1, max_size=12))
def test_both_stores_answer_the_same(
    postgres: Databases, steps: list[object], questions: list[tuple[Filter, int, int, bool]]
) -> None:
    async def answers(store: Store) -> list[object]:
        await store.migrate()
        await store.open()
        try:
            await store.found(
                Platform(b"key", sandbox=True),
                NewReseller("Provider", None, PROVIDER_ID),
                NewReseller("Reseller", PROVIDER_ID, RESELLER_ID),
                User("sandbox", RESELLER_ID, "us", "hash"),
                SubscriptionKey(b"digest", RESELLER_ID),
            )
            history = History(store)
            for step in steps:
                await history.take(step)
            for question in questions:
                await history.ask(question)
            await history.look_at_everything()
        finally:
            await store.close()
        return history.answers

    with TemporaryDirectory() as folder, postgres.temporary() as name:
        ours = asyncio.run(answers(SqliteStore(Path(folder) / "store.db")))
        theirs = asyncio.run(answers(PostgresStore(postgres.url(name), Limits(connections=2))))
    assert theirs == ours
