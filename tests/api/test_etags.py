"""ETags: two clients with one customer do not undo each other's work, and no client gets what it has already."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from emporion.accounts.ids import RESELLER_ID
from emporion.api.etags import content_tag, expected_versions, idempotency_key, stands, version_tag
from emporion.errors import Code, Problem
from emporion.marketplace.actors import Actor
from emporion.marketplace.administrators import Administrators
from emporion.marketplace.customers import Customers
from emporion.marketplace.passwords import Passwords
from emporion.store.sqlite import SqliteStore
from tests.conftest import Caller, new_contact, new_customer
from tests.document import CheckedClient
from tests.effort import promised
from tests.server import PATIENCE, serving

CUSTOMER = "/customers/1000001"
LISTS = ("/customers", "/resellers", f"/resellers/{RESELLER_ID}/customers", "/events", f"{CUSTOMER}/events")


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_a_strong_tag_that_changes_with_what_is_in_it(
    client: CheckedClient, callers: dict[str, Caller], path: str
) -> None:
    caller = callers["sandbox"]
    first = client.get(path, caller)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert client.get(path, caller).headers["etag"] == tag
    unchanged = client.get(path, caller, headers={"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    client.patch(CUSTOMER, caller, json={"name": "Changed"})
    client.patch("/resellers/900002", caller, json={"name": "Changed"})
    changed = client.get(path, caller, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert changed.content != first.content


def test_pages_filters_and_versions_of_a_list_have_tags_of_their_own(
    client: CheckedClient, callers: dict[str, Caller]
) -> None:
    tags = [
        client.get(f"/customers?{query}", callers["sandbox"], headers={"X-Api-Version": version}).headers["etag"]
        for query, version in (("", "1.6"), ("", "1.15"), ("limit=1", "1.6"), ("offset=1", "1.6"), ("name=2", "1.6"))
    ]
    assert len(set(tags)) == len(tags)


def test_documents_for_everybody_can_be_asked_for_by_tag(client: CheckedClient) -> None:
    for path in ("/.well-known/openid-configuration", "/.well-known/jwks.json"):
        tag = client.get(path).headers["etag"]
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304


def test_a_sign_in_gets_no_tag(client: CheckedClient, callers: dict[str, Caller]) -> None:
    caller = callers["sandbox"]
    answer = client.post("/token", headers={"X-Subscription-Key": caller.key}, auth=(caller.login, caller.password))
    assert answer.status_code == 200
    assert "etag" not in answer.headers


def test_what_a_tag_names_is_the_same_byte_for_byte(client: CheckedClient, callers: dict[str, Caller]) -> None:
    caller = callers["sandbox"]
    created = client.post("/customers", caller, json=new_customer(attributes={"b": "1", "a": "2"}))
    path = f"/customers/{created.json()['id']}"
    seen = {created.headers["etag"]: created.content}
    for patch in ({"name": "New"}, {}, {"contactPersons": [new_contact(password="Ecx$cvdazv")]}, {"status": "active"}):
        changed = client.patch(path, caller, json=patch)
        assert seen.setdefault(changed.headers["etag"], changed.content) == changed.content
        for reader in ("sandbox", "provider", "pinned"):
            read = client.get(path, callers[reader])
            assert (read.headers["etag"], read.content) == (changed.headers["etag"], changed.content)
    assert len(seen) == 4


def test_of_two_clients_with_the_same_tag_at_once_exactly_one_wins(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as server:
        headers = server.headers()

        def change(name: str, tag: str) -> httpx.Response:
            # A connection of its own, so that any worker may take it.
            return httpx.patch(
                f"{server.url}{CUSTOMER}", headers={**headers, "If-Match": tag}, json={"name": name}, timeout=PATIENCE
            )

        with ThreadPoolExecutor(6) as clients:
            for round_ in range(10):
                tag = httpx.get(f"{server.url}{CUSTOMER}", headers=headers, timeout=PATIENCE).headers["etag"]
                names = [f"{round_}-{client}" for client in range(6)]
                answers = list(clients.map(change, names, [tag] * 6))
                assert sorted(answer.status_code for answer in answers) == [200] + [412] * 5
                (winner,) = [answer for answer in answers if answer.status_code == 200]
                read = httpx.get(f"{server.url}{CUSTOMER}", headers=headers, timeout=PATIENCE)
                assert read.content == winner.content
                assert read.headers["etag"] == winner.headers["etag"] != tag


async def test_a_change_that_came_between_reading_and_writing_is_noticed(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(database)
    await store.open()
    customers = Customers(store, Administrators(Passwords("low"), time.time), time.time)
    actor = Actor(RESELLER_ID, "sandbox", "api")
    change_customer = store.customers.update

    async def slowly(change: Any) -> Any:
        was_read.set()
        await meanwhile.wait()
        return await change_customer(change)

    was_read, meanwhile = asyncio.Event(), asyncio.Event()
    with monkeypatch.context() as patched:
        patched.setattr(store.customers, "update", slowly)
        late = asyncio.create_task(customers.update(actor, "1000001", {"name": "Late"}, [1]))
        await was_read.wait()
    await customers.update(actor, "1000001", {"attributes": {"first": "x"}}, [1])
    meanwhile.set()
    with pytest.raises(Problem) as raised:
        await late
    assert raised.value.code is Code.PRECONDITION_FAILED
    assert b"Late" not in (await customers.find(actor, "1000001")).document
    await store.close()


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        (None, None),
        (b"*", None),
        (b" * ", None),
        (b'"1"', {1}),
        (b'"1","2" , "3"', {1, 2, 3}),
        (b'W/"1", "2"', {2}),
        (b'W/"1"', set()),
        (b'"0", "01", "+1", "1x", "", "a,b", "1,2"', set()),
        (b'"999999999999999999"', {999999999999999999}),
        (b'"9999999999999999999"', set()),
        (b'"\xe4", "5"', {5}),
    ],
)
def test_the_versions_that_if_match_allows(header: bytes | None, versions: set[int] | None) -> None:
    assert expected_versions({} if header is None else {b"if-match": header}) == versions


@pytest.mark.parametrize(
    "header", [b"", b"1", b'"1', b'"1" x', b'"1",', b',"1"', b'*,"1"', b"W/1", b'"a b"', b'"\x7f"']
)
def test_an_if_match_without_tags_is_refused(header: bytes) -> None:
    with pytest.raises(Problem) as raised:
        expected_versions({b"if-match": header})
    assert raised.value.code is Code.INVALID
    assert [fault.field for fault in raised.value.faults] == ["If-Match"]


def test_a_long_header_takes_no_longer_than_its_length() -> None:
    for header in (
        b'"1",' * 20_000 + b"x",
        b" " * 80_000 + b"x",
        b'"1" ' * 20_000,
        b'W/"1' * 20_000,
        b'"1" , ' * 13_000,
    ):
        began = time.perf_counter()
        stands({b"if-none-match": header}, b'"5"')
        idempotency = b"x" * 80_000
        for read, name in ((expected_versions, b"if-match"), (idempotency_key, b"idempotency-key")):
            with pytest.raises(Problem):
                read({name: header if name == b"if-match" else idempotency})
        assert time.perf_counter() - began < promised(1)


@pytest.mark.parametrize("known", [b'"5"', b'W/"5"', b'"1", "5"', b'"1",W/"5"', b"*", b'"a,b" , "5"'])
def test_a_client_that_has_it_is_told_so(known: bytes) -> None:
    assert not stands({b"if-none-match": known}, version_tag(5))


@pytest.mark.parametrize("known", [b'"6"', b'W/"55"', b'"1", "15"', b"5", b'"5x"', b""])
def test_a_client_that_has_something_else_gets_it(known: bytes) -> None:
    assert stands({b"if-none-match": known}, version_tag(5))


def test_the_tag_of_a_version_is_none_of_a_content() -> None:
    assert version_tag(12) == b'"12"'
    assert content_tag(b"x") != content_tag(b"y")
    assert len(content_tag(b"x")) == 26


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (b"abc", "abc"),
        (b'"abc"', "abc"),
        (b'  "abc" ', "abc"),
        (b'" "', " "),
        (b"x" * 255, "x" * 255),
        (b'"' + b"x" * 255 + b'"', "x" * 255),
    ],
)
def test_an_idempotency_key_with_or_without_quotes(header: bytes, key: str) -> None:
    assert idempotency_key({b"idempotency-key": header}) == key


@pytest.mark.parametrize(
    "header", [b"", b'""', b'"', b'"a', b'a"b', b"a b", b'"a\\b"', b"x" * 256, b"\xe4", b'"\xe4"', b"a\x00"]
)
def test_an_idempotency_key_that_cannot_be_one(header: bytes) -> None:
    with pytest.raises(Problem) as raised:
        idempotency_key({b"idempotency-key": header})
    assert [fault.field for fault in raised.value.faults] == ["Idempotency-Key"]
