"""The requests whose cost is counted: each kind with many different ones, as clients send them."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import uvloop

from bench.counters import mark
from bench.inside import LOGIN, Asked, Inside, bare, emporion_inside

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

CUSTOMERS = 5_000
# Resellers below the caller in the second half.
BELOW = 8
# Requests of each kind that are counted, after some that are not.
COUNTED, BEFORE = 15, 5

BARE, BY_ID = "bare ASGI application", "GET by id"
SOLD = ("order", "subscription", "product", "plan", "orders", "orders, completed", "orders of a customer",
        "orders of a subscription", "products", "products by mpn")  # fmt: skip
READS = (BY_ID, "list of 10", "externalId", "email", "name", "resellers", "resellers, externalId", "resellers, email",
         "events without news", *SOLD)  # fmt: skip
WRITES = ("POST", "PATCH", "token", "estimate", "POST order")
# How many there are of what is sold.
PRODUCTS, SUBSCRIPTIONS, ORDERS = 400, 500, 5_000
_new = itertools.count(int(time.time() * 1000))
# No two requests of a kind are the same, as long as there are others: a server remembers the queries it has read.
_numbers = itertools.count(1)


def account(**more: Any) -> bytes:
    """The body of a new account."""
    number = next(_new)
    address = {"streetAddress": "1 High Street", "postalCode": "10115", "city": "Berlin", "countryCode": "DE"}
    email = f"counted-{number}@example.com"
    person = {"type": "admin", "firstName": "A", "lastName": "B", "email": email, "phoneNumber": "+4930123456"}
    made = {
        "name": f"Counted {number}", "externalId": f"counted-{number}", "language": "en", "status": "active",
        "address": address, "contactPersons": [person],
    }  # fmt: skip
    return json.dumps(made | more).encode()


async def add_resellers(client: Inside, many: int) -> None:
    """Put resellers below the caller, with external ids and addresses by number."""
    for number in range(many):
        email = f"below-{number}@example.com"
        person = {"type": "admin", "firstName": "A", "lastName": "B", "email": email, "phoneNumber": "+4930123456"}
        body = account(externalId=f"below-{number}", currency="EUR", contactPersons=[person])
        await client.answer(Asked("POST", "/resellers", body))


async def reads(ask: Callable[[str], Awaitable[bytes]]) -> dict[str, Callable[[int], str]]:
    """The paths of each kind of read, by number. ask: gives the body of the answer to a GET."""
    total = json.loads(await ask("/customers?limit=1"))["pagination"]["total"]
    oldest = int(json.loads(await ask(f"/customers?limit=1&offset={total - 1}"))["data"][0]["id"])
    end = json.loads(await ask("/events?after=latest"))["next"]
    return {
        BY_ID: lambda number: f"/customers/{oldest + number % CUSTOMERS}",
        "list of 10": lambda _: "/customers?limit=10",
        "externalId": lambda number: f"/customers?externalId=loaded-{number % CUSTOMERS + 1}",
        "email": lambda number: f"/customers?email=robin@loaded-{number % CUSTOMERS + 1}.test",
        "name": lambda _: "/customers?name=schafer",
        "resellers": lambda _: "/resellers?limit=10",
        "resellers, externalId": lambda number: f"/resellers?externalId=below-{number % 2000}",
        "resellers, email": lambda number: f"/resellers?email=below-{number % 2000}@example.com",
        "events without news": lambda _: f"/events?after={end}",
        **await _reads_of_what_is_sold(ask),
    }


async def _reads_of_what_is_sold(ask: Callable[[str], Awaitable[bytes]]) -> dict[str, Callable[[int], str]]:
    async def rows(path: str) -> list[Any]:
        found: list[Any] = json.loads(await ask(path))["data"]
        return found

    products, plans = await rows("/products?limit=400"), await rows("/plans?limit=400")
    orders, subscriptions = await rows("/orders?limit=500"), await rows("/subscriptions?limit=500")

    def of(rows: list[Any], path: str, member: str = "id") -> Callable[[int], str]:
        return lambda number: path.format(rows[number % len(rows)][member])

    return {
        "order": of(orders, "/orders/{}"),
        "subscription": of(subscriptions, "/subscriptions/{}"),
        "product": of(products, "/products/{}"),
        "plan": of(plans, "/plans/{}"),
        "orders": lambda number: f"/orders?limit=10&offset={number % 1000}",
        "orders, completed": lambda number: f"/orders?limit=10&status=completed&offset={number % 1000}",
        "orders of a customer": of(orders, "/orders?limit=10&customerId={}", "customerId"),
        "orders of a subscription": of(subscriptions, "/orders?limit=10&subscriptionId={}"),
        "products": lambda number: f"/products?limit=10&offset={number % 300}",
        "products by mpn": of(products, "/products?limit=10&mpn={}", "mpn"),
    }


def _get(path: Callable[[int], str]) -> Callable[[int], Asked]:
    return lambda number: Asked("GET", path(number))


async def _requests(client: Inside) -> dict[str, tuple[Callable[[int], Asked], Mapping[str, str] | None]]:
    """Each kind of request, by number, and the headers that it has instead of the client's own."""
    paths = await reads(lambda path: client.answer(Asked("GET", path)))
    changed = paths[BY_ID]
    products = json.loads(await client.answer(Asked("GET", "/products?limit=400")))["data"]

    def body(number: int) -> bytes:
        line = {"mpn": products[number % len(products)]["mpn"], "quantity": number % 20 + 1}
        return json.dumps({"customerId": paths[BY_ID](number).rpartition("/")[2], "products": [line]}).encode()

    return {
        **{kind: (_get(path), None) for kind, path in paths.items()},
        "POST": (lambda _: Asked("POST", "/customers", account()), None),
        "PATCH": (lambda number: Asked("PATCH", changed(number), b'{"name": "Now %d"}' % next(_new)), None),
        "token": (lambda _: Asked("POST", "/token"), LOGIN),
        "estimate": (lambda number: Asked("POST", "/orders/estimate", body(number)), None),
        "POST order": (lambda number: Asked("POST", "/orders", body(number)), None),
    }


async def ask_all(database: str, below: int, around: Callable[[str, str], None]) -> None:
    """Send requests of each kind to Emporion on this database, and of a bare application.

    below: how many resellers to put below the caller first. around: called with "begin" and "end" and the kind.
    """

    async def ask(client: Inside, kind: str, asked: Callable[[int], Asked], headers: Mapping[str, str] | None) -> None:
        for number in range(BEFORE + COUNTED):
            request = asked(next(_numbers))
            if number >= BEFORE:
                around("begin", kind)
            await client.answer(request, headers)
            if number >= BEFORE:
                around("end", kind)

    async with emporion_inside(database) as client:
        await add_resellers(client, below)
        requests = await _requests(client)
        await ask(Inside(bare, client.headers), BARE, requests[BY_ID][0], None)
        for kind, (asked, headers) in requests.items():
            await ask(client, kind, asked, headers)


if __name__ == "__main__":  # under strace: the database's URL, and how many resellers to put below the caller
    uvloop.install()
    asyncio.run(ask_all(sys.argv[1], int(sys.argv[2]), mark))
