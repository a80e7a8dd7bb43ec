"""Resellers: accounts like customers, at any depth, each reached from above and from nowhere else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.accounts.queries import AccountQuery, CustomerQuery
from emporion.credentials import verify_password
from emporion.errors import Code, Problem
from emporion.events import Origin
from emporion.marketplace.actors import Actor
from emporion.marketplace.administrators import Administrators
from emporion.marketplace.customers import Customers
from emporion.marketplace.passwords import Passwords
from emporion.marketplace.resellers import Resellers
from emporion.store.sqlite import SqliteStore
from tests.conftest import Caller, Serve, new_contact, new_customer
from tests.contract import test_cases

PROVIDER = Actor(PROVIDER_ID, "provider", "api")
SANDBOX = Actor(RESELLER_ID, "sandbox", "api")
NOW = 1_795_417_952.0
DEPTH = 40
CASES = Path(test_cases.__file__).parent / "cases"


def cases(name: str, *without: str) -> list[Any]:
    """The conversations in a file of customers' cases in which none of the texts `without` occurs."""
    found = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    return [
        pytest.param(case, id=f"{name}: {case['name']}")
        for case in found
        if not any(text in json.dumps(case) for text in without)
    ]


def at(path: str, case: dict[str, Any]) -> dict[str, Any]:
    """The same conversation about the accounts at `path`."""
    text = json.dumps(case).replace('"path": "/customers?', f'"path": "{path}?')
    return dict(json.loads(text.replace('"path": "/customers"', f'"path": "{path}"')))


def as_reseller(case: dict[str, Any]) -> dict[str, Any]:
    """The same conversation about resellers, each with a currency; lists are left out, since others stand in them."""
    case = at("/resellers", case)
    case["steps"] = [step for step in case["steps"] if step["request"]["method"] != "GET"]
    for step in case["steps"]:
        for sent in ("customer", "body"):
            if sent in step["request"]:
                step["request"][sent]["currency"] = "EUR"
    return dict(json.loads(json.dumps(case).replace("customer 1000", "reseller 1000")))


# `externalId1` is that of a customer of the sandbox, and a `text` cannot be given a currency.
@pytest.mark.parametrize("case", cases("create", "externalId1", '"text"'))
def test_what_holds_for_a_new_customer_holds_for_a_new_reseller(
    case: dict[str, Any], serve: Serve, callers: dict[str, Caller]
) -> None:
    test_cases.test_case(as_reseller(case), serve, callers)


@pytest.mark.parametrize("case", [*cases("create"), *cases("list", "resellerId=")])
def test_what_holds_for_customers_holds_for_those_of_a_reseller_that_is_named(
    case: dict[str, Any], serve: Serve, callers: dict[str, Caller]
) -> None:
    test_cases.test_case(at(f"/resellers/{RESELLER_ID}/customers", case), serve, callers)


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(database)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def resellers(store: SqliteStore) -> Resellers:
    return Resellers(store, Administrators(Passwords("medium"), lambda: NOW), lambda: NOW)


@pytest.fixture
def customers(store: SqliteStore) -> Customers:
    return Customers(store, Administrators(Passwords("medium"), lambda: NOW), lambda: NOW)


def new_reseller(**members: Any) -> dict[str, Any]:
    return new_customer(**{"currency": "EUR", **members})


async def create(resellers: Resellers, actor: Actor = SANDBOX, **members: Any) -> int:
    return (await resellers.create(actor, new_reseller(**members))).id


async def read(resellers: Resellers, reseller_id: int, actor: Actor = PROVIDER) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode((await resellers.find(actor, str(reseller_id))).document)
    return found


async def chain(resellers: Resellers) -> list[int]:
    """Resellers that stand each below the one before, the first one below the sandbox."""
    found = [RESELLER_ID]
    for number in range(DEPTH):
        found.append(await create(resellers, Actor(found[-1], "x", "api"), name=f"Reseller {number}"))
    return found[1:]


async def test_each_of_a_deep_chain_reaches_itself_and_all_below_and_nothing_above(resellers: Resellers) -> None:
    ids = await chain(resellers)
    for position in (0, 1, DEPTH // 2, DEPTH - 1):
        actor = Actor(ids[position], "x", "api")
        for reached in ids[position:]:
            assert (await read(resellers, reached, actor))["id"] == str(reached)
        for above in (PROVIDER_ID, RESELLER_ID, *ids[:position]):
            with pytest.raises(Problem) as raised:
                await resellers.find(actor, str(above))
            assert raised.value.code is Code.NOT_FOUND
        page = await resellers.page(actor, AccountQuery(limit=1000))
        listed = [int(reseller["id"]) for reseller in msgspec.json.decode(page.data)]
        assert listed == ids[position:][::-1]
        assert page.pagination.total == len(listed)


async def test_customers_anywhere_in_a_deep_chain_are_listed_for_all_above(
    resellers: Resellers, customers: Customers
) -> None:
    ids = await chain(resellers)
    for reseller in ids:
        await customers.create(Actor(reseller, "x", "api"), new_customer(name=f"Of {reseller}"))
    for position in (0, DEPTH // 2, DEPTH - 1):
        for actor, query in (
            (Actor(ids[position], "x", "api"), CustomerQuery(limit=1000)),
            (SANDBOX, CustomerQuery(limit=1000, reseller_id=str(ids[position]))),
        ):
            page = await customers.page(actor, query, whole=True)
            owners = [int(customer["resellerId"]) for customer in msgspec.json.decode(page.data)]
            assert owners == ids[position:][::-1]


async def test_of_the_same_external_id_below_one_parent_at_once_one_gets_through(resellers: Resellers) -> None:
    async def attempt() -> int | str:
        try:
            return await create(resellers, externalId="once")
        except Problem as problem:
            return problem.message

    found = await asyncio.gather(*(attempt() for _ in range(20)))
    (winner,) = [one for one in found if isinstance(one, int)]
    assert [one for one in found if one != winner] == [f"externalId is taken: reseller {winner} has it"] * 19


async def test_changes_at_the_same_time_are_all_kept(resellers: Resellers) -> None:
    reseller = await create(resellers)
    patches = [{"attributes": {str(number): "x"}} for number in range(20)]
    await asyncio.gather(*(resellers.update(SANDBOX, str(reseller), patch) for patch in patches))
    assert (await read(resellers, reseller))["attributes"] == {str(number): "x" for number in range(20)}


async def test_an_administrator_who_stays_keeps_login_and_password(resellers: Resellers, store: SqliteStore) -> None:
    contact = new_contact(login="north-admin", password="Ecx$cvdazv")
    reseller = await create(resellers, contactPersons=[contact])
    (before,) = await store.administrators.logins(reseller, reseller)
    assert verify_password(before.password_hash, "Ecx$cvdazv")
    await resellers.update(SANDBOX, str(reseller), {"contactPersons": [new_contact(email="new@example.com")]})
    assert await store.administrators.logins(reseller, reseller) == [before]
    await resellers.update(SANDBOX, str(reseller), {"contactPersons": [new_contact(password="New$passw0rd")]})
    (after,) = await store.administrators.logins(reseller, reseller)
    assert after.login == "north-admin"
    assert verify_password(after.password_hash, "New$passw0rd")


async def test_a_pending_reseller_is_verified_once_and_the_log_says_by_whom(
    resellers: Resellers, store: SqliteStore
) -> None:
    reseller = await create(resellers)
    assert (await read(resellers, reseller))["status"] == "pending"
    await resellers.verify_waiting()
    assert await resellers.verify_waiting() == 0
    assert (await read(resellers, reseller))["status"] == "active"
    verified = [event for event in await store.events.log(reseller, 0, 100) if event.type == "reseller.verified"]
    assert [(event.account_id, event.origin) for event in verified] == [(reseller, Origin(None, "worker"))]
    assert verified[0].changes == {"status": ("pending", "active")}


async def test_verification_does_not_undo_what_came_between(
    resellers: Resellers, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    reseller = await create(resellers)
    waiting = await store.resellers.pending(10)
    await resellers.update(PROVIDER, str(reseller), {"status": "adminHold"})

    async def as_it_was(_: int) -> list[Any]:
        return list(waiting)

    monkeypatch.setattr(store.resellers, "pending", as_it_was)
    assert await resellers.verify_waiting() == 1
    assert (await read(resellers, reseller))["status"] == "adminHold"


@pytest.mark.parametrize("role", ["reader", "editor"])
async def test_only_an_owner_makes_and_changes_resellers(resellers: Resellers, role: Any) -> None:
    actor = Actor(RESELLER_ID, "sandbox", "api", role)
    before = await resellers.page(SANDBOX, AccountQuery())
    for attempt in (resellers.create(actor, new_reseller()), resellers.update(actor, "900002", {"name": "X"})):
        with pytest.raises(Problem) as raised:
            await attempt
        assert raised.value.code is Code.FORBIDDEN
    assert await resellers.page(actor, AccountQuery()) == before


async def test_a_held_reseller_can_still_be_read_and_released_from_above(resellers: Resellers) -> None:
    reseller = await create(resellers)
    for status in ("active", "adminHold", "active", "adminHold", "cancelled"):
        record = await resellers.update(PROVIDER, str(reseller), {"status": status})
        assert msgspec.json.decode(record.document)["status"] == status
        assert (await read(resellers, reseller, SANDBOX))["status"] == status
    with pytest.raises(Problem) as raised:
        await resellers.update(PROVIDER, str(reseller), {"status": "active"})
    assert raised.value.code is Code.CONFLICT
