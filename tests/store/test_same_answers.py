"""Both stores answer the same to the letter: the same history and the same questions, sent to each."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Awaitable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import structs

from emporion.accounts.customers import Customer
from emporion.accounts.folding import fold
from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.accounts.statuses import Status
from emporion.credentials import Role, SigningKey
from emporion.emails import fold_email
from emporion.errors import Problem
from emporion.events import NewEvent, Origin
from emporion.limits import Limit
from emporion.store.administrators import Administrator, AdministratorLogin, Link
from emporion.store.base import Store
from emporion.store.clients import Client
from emporion.store.customers import CustomerChange, NewRecord
from emporion.store.idempotency import IdempotentRequest
from emporion.store.platform import Platform
from emporion.store.postgres import PostgresStore
from emporion.store.postgres.connections import Limits
from emporion.store.records import Filter, Record
from emporion.store.sessions import Session
from emporion.store.sqlite import SqliteStore
from emporion.store.subscription_keys import SubscriptionKey
from emporion.store.usage import Usage, Uses
from emporion.store.users import User
from tests.effort import effort
from tests.postgres import Databases
from tests.store.conftest import new_reseller
from tests.store.test_base import customer, person
from tests.store.test_resellers import reseller_change

# Parts of names that look alike, mean something to one of the databases, or are longer than one byte.
PIECES = ["a", "ab", "abc", "Acme", "acme inc", "Ä", "ä", "ß", "ss", "İ", "ﬁ", "é", "e\u0301", "日", "日本", "本語",
          "カ", "%", "_", "\\", '"', "'", "-", "--", "*", "(", " ", "  ", "😀", "Ω", "ж", "жук", "0",
          "1 OR 1=1"]  # fmt: skip
NAMES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join)
EMAILS = st.sampled_from(["a@example.com", "A@Example.com", "b@example.com", "ä@example.com", "straße@example.com"])
EXTERNAL_IDS = st.sampled_from([None, "x", "X", "y", "日本", "' OR 1=1", " x"])
LOGINS = st.sampled_from(["first", "FIRST", "second", "third@x", "api", "Sandbox"])
STATUSES: st.SearchStrategy[Status] = st.sampled_from(["pending", "active", "creditHold"])
ALL_STATUSES: st.SearchStrategy[Status] = st.sampled_from(["pending", "active", "adminHold", "adminHold", "cancelled"])
ROLES: st.SearchStrategy[Role] = st.sampled_from(["reader", "editor", "owner"])
SUBJECTS = st.lists(st.sampled_from([b"a", b"b", b"\0", b"\xff"]), max_size=3, unique=True)
SMALL = st.integers(0, 5)


class Again(NamedTuple):
    """What makes a request that is sent twice be done once. ago: for how long answers are kept."""

    key: int
    sent: int
    ago: int


class Add(NamedTuple):
    """A new customer of one of the resellers, or a new reseller below it, or below one that does not exist."""

    kind: str
    reseller: int
    name: str
    external_id: str | None
    status: Status
    emails: list[str]
    logins: list[str]
    once: Again | None


class Repeat(NamedTuple):
    """One of the earlier requests that were to be done once, sent again, or another one under its key."""

    number: int
    sent: int
    ago: int


class Alter(NamedTuple):
    """A change of one of the accounts of a kind, of its present version or of one that never was."""

    account: int
    stale: bool
    to: Add
    rewrites_logins: bool


class Verify(NamedTuple):
    """One look at those who wait."""

    limit: int


class AddAccess(NamedTuple):
    """A user, a key or a client of one of the resellers, or of one that does not exist."""

    kind: str
    reseller: int
    name: str
    role: Role


class AlterAccess(NamedTuple):
    """A change of one of them, of its present version or of one that never was, by its own reseller or another."""

    number: int
    stale: bool
    foreign: bool
    role: Role
    off: bool


class Use(NamedTuple):
    """Some of them come in, at a time."""

    numbers: list[int]
    at: int


class Sign(NamedTuple):
    """A new key that signs, or the end of one."""

    name: str
    ends: bool


class Log(NamedTuple):
    """Events for some of the resellers."""

    resellers: list[int]


class Fail(NamedTuple):
    """Some fail to sign in, or the first of them does not, or what is long past is forgotten."""

    kind: str
    subjects: list[bytes]
    ago: int


class Read(NamedTuple):
    """A part of the feed."""

    reseller: int
    after: int
    limit: int


class Forget(NamedTuple):
    """Answers of long ago are removed."""

    ago: int
    limit: int


class SignIn(NamedTuple):
    """A session begins, is used, or some end or are forgotten."""

    kind: str
    number: int
    login: str
    at: int


class SetPassword(NamedTuple):
    """An administrator, as stored or with another password than that, gets a new one: by the form or by a link."""

    kind: str
    login: str
    stale: bool
    at: int


class Came(NamedTuple):
    """Requests with keys of some resellers, each on a day, or days of long ago are forgotten."""

    resellers: list[int]
    key: str
    day: int
    forgets: bool


ONCE = st.none() | st.builds(Again, st.integers(0, 1), st.just(0), st.integers(0, 40))
LOGIN_LISTS = st.lists(LOGINS, max_size=2, unique_by=str.lower)
ADDS = st.builds(Add, st.just("customer"), SMALL, NAMES, EXTERNAL_IDS, STATUSES,
                 st.lists(EMAILS, min_size=1, max_size=3), LOGIN_LISTS, ONCE)  # fmt: skip
ADDED_RESELLERS = st.builds(Add, st.just("reseller"), SMALL, NAMES, EXTERNAL_IDS, ALL_STATUSES,
                            st.lists(EMAILS, max_size=3), LOGIN_LISTS, ONCE)  # fmt: skip
STEPS = st.one_of(
    ADDS,
    ADDS,
    ADDS,
    ADDED_RESELLERS,
    ADDED_RESELLERS,
    st.builds(Repeat, SMALL, st.sampled_from([0, 0, 1]), st.integers(0, 40)),
    st.builds(Alter, SMALL, st.booleans(), ADDS, st.booleans()),
    st.builds(Alter, SMALL, st.booleans(), ADDED_RESELLERS, st.booleans()),
    st.builds(Alter, SMALL, st.just(False), ADDED_RESELLERS, st.just(False)),
    st.builds(Verify, st.integers(1, 3)),
    st.builds(AddAccess, st.sampled_from(["user", "key", "client"]), SMALL, LOGINS, ROLES),
    st.builds(AlterAccess, SMALL, st.booleans(), st.booleans(), ROLES, st.booleans()),
    st.builds(AlterAccess, SMALL, st.just(False), st.just(False), ROLES, st.booleans()),
    st.builds(Use, st.lists(SMALL, max_size=3), st.integers(0, 30)),
    st.builds(Sign, st.sampled_from("abc"), st.booleans()),
    st.builds(Log, st.lists(SMALL, max_size=4)),
    st.builds(Fail, st.sampled_from(["failure", "failure", "success", "forget"]), SUBJECTS, st.integers(0, 5)),
    st.builds(Read, SMALL, st.integers(0, 20), st.integers(1, 5)),
    st.builds(Forget, st.integers(0, 15), st.integers(1, 3)),
    st.builds(SignIn, st.sampled_from(["begin", "begin", "begin", "use", "end", "forget"]), SMALL, LOGINS,
              st.integers(0, 60)),
    st.builds(SetPassword, st.sampled_from(["self", "make", "make", "link", "forget"]), LOGINS, st.booleans(), SMALL),
    st.builds(Came, st.lists(SMALL, max_size=4), st.sampled_from(["", "a", "b"]), SMALL,
              st.sampled_from([False, False, True])),
)  # fmt: skip
FILTERS = st.tuples(
    st.none() | NAMES.map(fold).filter(bool) | st.sampled_from(PIECES).map(fold).filter(bool),
    st.none() | EMAILS.map(fold_email),
    EXTERNAL_IDS,
    st.none() | STATUSES,
).map(lambda values: Filter(*values)) | ALL_STATUSES.map(lambda status: Filter(status=status))
QUESTIONS = st.tuples(
    FILTERS,
    st.sampled_from([0, 1, 2, 7, 2**63 - 1]),
    st.sampled_from([1, 2, 1000]),
    st.booleans(),
)


class History:
    """Does the same steps to one store, and keeps what came back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._now = 0
        self._resellers = [RESELLER_ID, PROVIDER_ID]
        self._records: list[Record] = []
        self._sent: list[Add] = []
        self._access: list[User | SubscriptionKey | Client] = []
        self._begun = 0
        self._link = Link(b"none", "first", RESELLER_ID, 1, 0, 1000)
        self.answers: list[object] = []

    async def take(self, step: object) -> None:
        self._now += 1
        if isinstance(step, Repeat) and self._sent:
            first = self._sent[step.number % len(self._sent)]
            step = first._replace(once=first.once and first.once._replace(sent=step.sent, ago=step.ago))
        if isinstance(step, Add):
            if step.once:
                self._sent.append(step)
            await self._keep(self._add(step) if step.kind == "customer" else self._add_reseller(step))
        elif isinstance(step, Alter) and step.to.kind == "reseller":
            await self._keep(self._alter_reseller(step))
            await self._look_at_the_tree()
        elif isinstance(step, Alter) and self._records:
            await self._keep(self._alter(step))
        elif isinstance(step, Verify):
            await self._keep(self._store.customers.verify(step.limit, self._verified))
        elif isinstance(step, AddAccess):
            await self._keep(self._add_access(step))
        elif isinstance(step, AlterAccess) and self._access:
            await self._keep(self._alter_access(step))
        elif isinstance(step, Use):
            await self._keep(self._use(step))
        elif isinstance(step, Sign):
            await self._keep(self._sign(step))
        elif isinstance(step, Log):
            await self._keep(self._store.events.add([self._event(number) for number in step.resellers]))
        elif isinstance(step, Fail):
            await self._keep(self._fail(step))
        elif isinstance(step, Read):
            await self._keep(self._store.events.feed(self._reseller(step.reseller), step.after, step.limit))
            await self._keep(self._store.events.feed_end())
        elif isinstance(step, Forget):
            await self._keep(self._store.idempotency.purge(self._now - step.ago, step.limit))
        elif isinstance(step, SignIn):
            await self._keep(self._sign_in(step))
        elif isinstance(step, SetPassword):
            await self._keep(self._set_password(step))
        elif isinstance(step, Came):
            await self._keep(self._came(step))
        await self._keep(self._store.customers.count_pending())

    async def ask(self, question: tuple[Filter, int, int, bool]) -> None:
        wanted, offset, limit, whole = question
        for root in [*self._resellers, 77]:
            await self._keep(self._store.customers.page(root, wanted, offset, limit, whole=whole))
            await self._keep(self._store.resellers.page(root, wanted, offset, limit))

    async def look_at_everything(self) -> None:
        await self._look_at_the_tree()
        for reseller in [*self._resellers, 77]:
            await self._look_at(reseller)
        for record in self._records:
            await self._keep(self._store.customers.owner(record.id))
        for login in ("first", "Second", "api", "SANDBOX", "\0", "ſandbox", "İ"):
            await self._keep(self._store.users.get(login))
            await self._keep(self._store.subscription_keys.get(login.encode()))
            await self._keep(self._store.clients.get("realm", login))
            await self._keep(self._store.administrators.get(login))
            await self._keep(self._store.sessions.by_login(login, 3))
        for number in range(6):
            await self._keep(self._store.sessions.get(bytes([number])))
        for email in ("a@example.com", "b@example.com", fold_email("ä@example.com"), "\0"):
            for limit in (1, 100):
                await self._keep(self._store.administrators.by_email(email, limit))
        await self._keep(self._store.signing_keys.all())
        await self._keep(self._store.resellers.pending(3))
        await self._keep(self._store.login_failures.get([b"a", b"\0", b"b", b"\xff"]))

    async def read_the_feed(self, limits: list[int]) -> None:
        """All of it for each reseller, in parts of these lengths."""
        for reseller in self._resellers:
            after, lengths = 0, itertools.cycle(limits)
            while part := await self._store.events.feed(reseller, after, next(lengths)):
                self.answers.append(part)
                after = part[-1].position
            await self._keep(self._store.events.feed_end())

    async def _look_at(self, reseller: int) -> None:
        await self._keep(self._store.resellers.get(reseller))
        await self._keep(self._store.events.log(reseller, 0, 1000))
        await self._keep(self._store.events.log(reseller, 2, 2))
        await self._keep(self._store.events.log_position(reseller))
        for since in (-1, 1, 3):
            counts = await self._store.customers.counts(reseller, since)
            self.answers.append((sorted(counts.by_status.items()), sorted(counts.by_day.items())))
            for name in (None, "", "a", "\0"):
                await self._keep(self._store.usage.by_day(reseller, since, name))
        await self._keep(self._store.users.by_reseller(reseller))
        await self._keep(self._store.subscription_keys.by_reseller(reseller))
        await self._keep(self._store.clients.by_reseller(reseller))
        for record in self._records:
            await self._keep(self._store.customers.get(reseller, record.id))
            await self._keep(self._store.customers.document(reseller, record.id))
        for account_id in [*self._resellers, *(record.id for record in self._records)]:
            await self._keep(self._store.administrators.logins(reseller, account_id))
            await self._keep(self._store.events.by_account(reseller, account_id, 1, 3))
        for kind, key, sent in itertools.product(("customer", "reseller"), range(2), range(2)):
            once = self._once(kind, Again(key, sent, 8))
            assert once
            await self._keep(self._store.idempotency.get(reseller, once))

    async def _look_at_the_tree(self) -> None:
        for reseller in [*self._resellers, 77]:
            await self._keep(self._store.resellers.is_suspended(reseller))
            for other in [*self._resellers, 77]:
                await self._keep(self._store.resellers.is_within(reseller, other))

    async def _keep(self, answer: Awaitable[object]) -> None:
        try:
            self.answers.append(await answer)
        except Problem as problem:
            self.answers.append((problem.code, problem.message, problem.faults))

    def _reseller(self, number: int) -> int:
        return self._resellers[number % len(self._resellers)]

    def _any_reseller(self, number: int) -> int:
        """One of them, or one that does not exist."""
        return 77 if number == 5 else self._reseller(number)

    def _once(self, kind: str, again: Again | None) -> IdempotentRequest | None:
        """A customer and a reseller are never asked for under the same key."""
        return again and IdempotentRequest(f"{kind} {again.key}", bytes([again.sent]) * 32, self._now - again.ago)

    def _event(self, number: int) -> NewEvent:
        origin = Origin("api", "worker", "correlation", PROVIDER_ID, "192.0.2.1")
        reseller_id = self._any_reseller(number)
        return NewEvent(reseller_id, PROVIDER_ID, "access.refused", self._now, origin, {}, "Why not")

    async def _add(self, step: Add) -> Record:
        wanted = _customer(step)
        record = await self._store.customers.add(
            NewRecord(
                self._reseller(step.reseller),
                wanted,
                _logins(step),
                Origin("api", "api", None, RESELLER_ID, "::1"),
                self._now,
                self._once(step.kind, step.once),
                {"status": (None, step.status)},
            )
        )
        self._records.append(record)
        return record

    async def _alter(self, step: Alter) -> Record | None:
        number = step.account % len(self._records)
        record = await self._store.customers.get(self._records[number].reseller_id, self._records[number].id)
        assert record
        return await self._store.customers.update(_change(record, _customer(step.to), step))

    async def _add_reseller(self, step: Add) -> Record:
        # An id that was to be given to what could not be added is lost in one of the stores.
        wanted = new_reseller(step.name, self._any_reseller(step.reseller), 500_000 + self._now, **_members(step))
        record = await self._store.resellers.add(
            structs.replace(
                wanted,
                logins=_logins(step),
                at=self._now,
                once=self._once(step.kind, step.once),
                changes={"status": (None, step.status)},
            )
        )
        if record.id not in self._resellers:
            self._resellers.append(record.id)
        return record

    async def _alter_reseller(self, step: Alter) -> Record | None:
        record = await self._store.resellers.get(self._reseller(step.account))
        assert record
        logins = _logins(step.to) if step.rewrites_logins else None
        change = reseller_change(record, logins, name=step.to.name, **_members(step.to))
        return await self._store.resellers.update(structs.replace(change, version=change.version + step.stale))

    async def _add_access(self, step: AddAccess) -> None:
        reseller_id = self._any_reseller(step.reseller)
        one: User | SubscriptionKey | Client
        if step.kind == "user":
            one = User(step.name, reseller_id, "us", "hash", step.role, created_at=self._now)
            await self._store.users.add(one, self._event(step.reseller))
        elif step.kind == "key":
            digest = f"{step.name}{self._now}".encode()
            one = SubscriptionKey(digest, reseller_id, None, step.name, Limit(1, None, 3), self._now % 3)
            await self._store.subscription_keys.add(one, self._event(step.reseller))
        else:
            one = Client("realm", step.name, reseller_id, b"\0", step.role, created_at=self._now)
            await self._store.clients.add(one, self._event(step.reseller))
        self._access.append(one)

    async def _alter_access(self, step: AlterAccess) -> bool | None:
        number = step.number % len(self._access)
        one = self._access[number]
        off = self._now if step.off else None
        if step.foreign:
            one = structs.replace(one, reseller_id=self._reseller(step.number))
        version = one.version + step.stale
        if isinstance(one, SubscriptionKey):
            key = structs.replace(one, name="New", api_version="1.6", limit=Limit(), revoked_at=off)
            key = structs.replace(key, version=one.version + 1)
            done = await self._store.subscription_keys.update(key, version, self._event(0))
            if done:
                self._access[number] = key
            return done
        changed = structs.replace(one, role=step.role, version=one.version + 1, disabled_at=off)
        if isinstance(changed, User):
            done = await self._store.users.update(changed, version, self._event(0))
        else:
            done = await self._store.clients.update(changed, version, self._event(0))
        if done:
            self._access[number] = changed
        return done

    async def _use(self, step: Use) -> None:
        used = [self._access[number % len(self._access)] for number in step.numbers if self._access]
        await self._store.usage.record_uses(
            Uses(
                step.at,
                sorted({(one.reseller_id, one.login) for one in used if isinstance(one, User)}),
                sorted({one.digest for one in used if isinstance(one, SubscriptionKey)}),
                sorted({(one.realm, one.id) for one in used if isinstance(one, Client)}),
            )
        )

    async def _sign(self, step: Sign) -> bool | None:
        name = f"{step.name}{self._now}"
        if step.ends:
            keys = await self._store.signing_keys.all()
            return await self._store.signing_keys.end(keys[0].id if keys else name, self._now, self._event(1))
        await self._store.signing_keys.add(SigningKey(name, b"\0" * 32, self._now // 2), 99, self._event(1))
        return None

    async def _fail(self, step: Fail) -> object:
        if step.kind == "forget":
            return await self._store.login_failures.purge(self._now - step.ago, self._now - step.ago, 2)
        if step.kind == "success" and step.subjects:
            await self._store.login_failures.reset(step.subjects[0], self._now)
        else:
            await self._store.login_failures.record(step.subjects, self._now, self._now - step.ago)
        return await self._store.login_failures.get(step.subjects)

    async def _sign_in(self, step: SignIn) -> int:
        digests = [bytes([number]) for number in range(6)]
        if step.kind == "end":
            return await self._store.sessions.end(step.login, digests[: step.number], self._now)
        if step.kind == "forget":
            return await self._store.sessions.purge(step.at, 2)
        if step.kind == "use":
            await self._store.sessions.touch(digests[step.number], step.at)
        elif self._begun < len(digests):
            customer_id = self._records[0].id if self._records and step.number % 2 else None
            await self._store.sessions.add(
                Session(
                    digest=digests[self._begun],
                    login=step.login,
                    reseller_id=self._reseller(step.number),
                    customer_id=customer_id,
                    proof=b"\0",
                    created_at=self._now // 3,
                    used_at=self._now,
                    ends_at=step.at,
                )
            )
            self._begun += 1
        return self._begun

    async def _set_password(self, step: SetPassword) -> object:
        who = await self._store.administrators.get(step.login) or Administrator(step.login, 77, 78, 0, None)
        if step.stale:
            who = structs.replace(who, customer_id=self._records[0].id if self._records else 1)
        if step.kind == "self":
            return await self._store.administrators.set_password(who, f"hash {self._now}", self._event(2))
        if step.kind == "forget":
            return await self._store.links.purge(self._now - step.at, 2)
        if step.kind == "make":
            self._link = Link(
                digest=f"{self._now}".encode(),
                login=who.login,
                reseller_id=who.reseller_id,
                customer_id=who.customer_id,
                created_at=self._now,
                ends_at=self._now + 4 * step.at,
            )
            await self._keep(self._store.links.add(self._link, self._event(step.at)))
        else:
            await self._keep(self._store.links.use(self._link, f"hash {self._now}", self._now, self._event(step.at)))
        return await self._store.links.get(self._link.digest)

    async def _came(self, step: Came) -> int:
        if step.forgets:
            return await self._store.usage.purge(step.day, 2)
        usage = [Usage(self._any_reseller(number), step.key, step.day, number, self._now) for number in step.resellers]
        await self._store.usage.record(usage)
        return 0

    def _verified(self, record: Record) -> CustomerChange:
        self.answers.append(record)
        before = msgspec.json.decode(record.document, type=Customer)
        wanted = structs.replace(before, status="active")
        changes: dict[str, tuple[object, object]] = {"status": ("pending", "active")}
        return CustomerChange(record.reseller_id, record.id, record.version, wanted, None, "customer.verified", changes,
                      Origin(None, "worker"), 3)  # fmt: skip


def _members(step: Add) -> dict[str, Any]:
    """The members of a reseller, but for its name."""
    persons = [person(email) for email in step.emails]
    return {"external_id": step.external_id, "status": step.status, "contact_persons": persons}


def _customer(step: Add) -> Customer:
    persons = [person(email) for email in step.emails]
    return customer(step.name, step.external_id, step.status, *persons)


def _logins(step: Add) -> list[AdministratorLogin]:
    return [AdministratorLogin(position, login, None) for position, login in enumerate(step.logins)]


def _change(record: Record, wanted: Customer, step: Alter) -> CustomerChange:
    before: dict[str, Any] = msgspec.json.decode(record.document)
    after = structs.replace(wanted, id=str(record.id))
    members = msgspec.to_builtins(after)
    changes = {
        name: (before.get(name), members.get(name))
        for name in ("name", "externalId", "status", "contactPersons")
        if before.get(name) != members.get(name)
    }
    return CustomerChange(
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


@pytest.mark.timeout(300)
# To make a history that fails smaller takes minutes: take `phases` out for that.
@settings(
    max_examples=effort(quick=6, thorough=40),
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=st.lists(STEPS, min_size=25, max_size=50),
    questions=st.lists(QUESTIONS, min_size=1, max_size=12),
    limits=st.lists(st.integers(1, 7), min_size=1, max_size=4),
)
def test_both_stores_answer_the_same(
    postgres: Databases,
    migrated_database: str,
    migrated_file: Path,
    steps: list[object],
    questions: list[tuple[Filter, int, int, bool]],
    limits: list[int],
) -> None:
    async def answers(store: Store) -> list[object]:
        await store.open()
        try:
            await store.platform.create(
                Platform(sandbox=True),
                new_reseller("Provider", None, PROVIDER_ID),
                new_reseller("Reseller", PROVIDER_ID, RESELLER_ID),
                User("sandbox", RESELLER_ID, "us", "hash"),
                SubscriptionKey(b"digest", RESELLER_ID),
            )
            history = History(store)
            for step in steps:
                await history.take(step)
            for question in questions:
                await history.ask(question)
            await history.look_at_everything()
            await history.read_the_feed(limits)
        finally:
            await store.close()
        return history.answers

    with TemporaryDirectory() as folder, postgres.temporary(migrated_database) as name:
        ours = asyncio.run(answers(SqliteStore(Path(shutil.copy(migrated_file, folder)))))
        theirs = asyncio.run(answers(PostgresStore(postgres.url(name), Limits(connections=2))))
    assert theirs == ours
