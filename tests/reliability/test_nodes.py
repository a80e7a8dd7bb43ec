"""Several nodes over one PostgreSQL are one platform, also while one of them is killed."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx2 as httpx
import msgspec
import pytest

from emporion.accounts.customers import Customer
from emporion.accounts.ids import RESELLER_ID
from emporion.marketplace.platforms import SANDBOX_CUSTOMERS
from emporion.store import rows
from tests.conftest import new_contact, new_customer
from tests.effort import effort
from tests.postgres import Databases, Postgres, server, wait_until
from tests.server import PATIENCE, Server, serving

CLIENTS = 4
ROUNDS = effort(quick=6, thorough=20)
KILLS = effort(quick=1, thorough=8)
# Created by way of the node before it is killed.
BEFORE_A_KILL = 20
# Seconds that a client lets pass before it asks again.
BACKOFF = 0.02

# The customers that every sandbox has, which all clients change.
SHARED = ("1000001", "1000002")
CHANGE = {"attributes": {"changed": "x"}}

# Each rule with the rows that break it.
RULES = {
    "ordinals are 1, 2, 3… in the order of ids": """
        SELECT * FROM (
            SELECT reseller_id, id, ordinal, row_number() OVER (PARTITION BY reseller_id ORDER BY id) AS place
            FROM customers
        ) c WHERE ordinal <> place
    """,
    "no two accounts have one id": "SELECT id FROM accounts GROUP BY id HAVING count(*) > 1",
    "no two customers have one id": "SELECT id FROM customers GROUP BY id HAVING count(*) > 1",
    "the next id is a new one": "SELECT id FROM accounts WHERE id > (SELECT last_value FROM account_ids)",
    "counters are exact": """
        SELECT * FROM (
            SELECT reseller_id, customers, events,
                (SELECT count(*) FROM customers c WHERE c.reseller_id = r.reseller_id) AS all_customers,
                (SELECT count(*) FROM events e WHERE e.reseller_id = r.reseller_id) AS all_events
            FROM resellers r
        ) r WHERE customers <> all_customers OR events <> all_events
    """,
    "sequences are 1, 2, 3…": """
        SELECT * FROM (
            SELECT reseller_id, sequence, row_number() OVER (PARTITION BY reseller_id ORDER BY sequence) AS place
            FROM events
        ) e WHERE sequence <> place
    """,
    "a customer's first event is its creation, and each version has one": """
        SELECT c.id, c.version, e.types FROM customers c LEFT JOIN (
            SELECT reseller_id, account_id, array_agg(type ORDER BY sequence) AS types FROM events
            WHERE type LIKE 'customer.%' GROUP BY 1, 2
        ) e ON e.reseller_id = c.reseller_id AND e.account_id = c.id
        WHERE cardinality(e.types) IS DISTINCT FROM c.version OR e.types[1] <> 'customer.created'
            OR 'customer.created' = ANY (e.types[2:])
    """,
    "a reseller's first event is its creation, and each version has one": """
        SELECT a.reseller_id, a.version, e.types FROM reseller_accounts a LEFT JOIN (
            SELECT reseller_id, array_agg(type ORDER BY sequence) AS types FROM events
            WHERE account_id = reseller_id AND type LIKE 'reseller.%' GROUP BY 1
        ) e ON e.reseller_id = a.reseller_id
        WHERE cardinality(e.types) IS DISTINCT FROM a.version OR e.types[1] <> 'reseller.created'
            OR 'reseller.created' = ANY (e.types[2:])
    """,
    "each event is about an account that is there": """
        SELECT e.* FROM events e LEFT JOIN customers c ON c.reseller_id = e.reseller_id AND c.id = e.account_id
        LEFT JOIN resellers r ON r.reseller_id = e.account_id
        WHERE c.id IS NULL AND r.reseller_id IS NULL
    """,
    "accounts and customers are the same": """
        SELECT a.id, c.id FROM (SELECT * FROM accounts WHERE kind = 'customer') a
        FULL JOIN customers c ON c.id = a.id AND c.reseller_id = a.reseller_id
        WHERE a.id IS NULL OR c.id IS NULL
    """,
    "accounts and resellers are the same": """
        SELECT a.id, r.reseller_id, b.reseller_id FROM (SELECT * FROM accounts WHERE kind = 'reseller') a
        FULL JOIN resellers r ON r.reseller_id = a.id AND r.parent_id IS NOT DISTINCT FROM a.reseller_id
        FULL JOIN reseller_accounts b
            ON b.reseller_id = r.reseller_id AND b.parent_id IS NOT DISTINCT FROM r.parent_id
        WHERE a.id IS NULL OR r.reseller_id IS NULL OR b.reseller_id IS NULL
    """,
    "the numbers of those below a reseller are among its own, and no others are": """
        SELECT b.reseller_id, t.reseller_id FROM reseller_accounts b JOIN reseller_accounts t
        ON (b.parent_id = t.reseller_id AND NOT (b.first > t.first AND b.last <= t.last))
            OR (b.parent_id = t.parent_id AND b.first < t.first AND b.last >= t.first)
        UNION ALL
        SELECT reseller_id, NULL FROM reseller_accounts WHERE first IS NULL OR last IS NULL OR first > last
    """,
    "a reseller that shuts is counted by all below": """
        SELECT * FROM (
            SELECT b.reseller_id, b.shuts, (
                SELECT count(*) FROM reseller_accounts t
                WHERE b.first BETWEEN t.first AND t.last AND t.status IN ('adminHold', 'cancelled')
            ) AS all_shuts
            FROM reseller_accounts b
        ) b WHERE shuts <> all_shuts
    """,
    "an answer is of what belongs to the reseller": """
        SELECT a.* FROM answers a LEFT JOIN accounts b
            ON b.id::text = a.subject_id AND b.kind = a.subject_type AND b.reseller_id = a.reseller_id
        LEFT JOIN reports r ON r.id = a.subject_id AND a.subject_type = 'report' AND r.reseller_id = a.reseller_id
        WHERE b.id IS NULL AND r.id IS NULL
    """,
    "positions are 1, 2, 3… and each part begins where the reseller's last one ended": """
        SELECT * FROM (
            SELECT *, coalesce(lag(until) OVER (ORDER BY until), 0) AS before,
                coalesce(lag(last) OVER (PARTITION BY reseller_id ORDER BY until), 0) AS fed
            FROM feed
        ) f WHERE until <> before + last - first + 1 OR first <> fed + 1
    """,
}


def say(text: str) -> None:
    """A number for readers who ask for it with `pytest -s`."""
    print(text)  # noqa: T201


def node(folder: Path, url: str, *arguments: str) -> AbstractContextManager[Server]:
    """`emporion serve --sandbox` with two workers over the database at `url`."""
    folder.mkdir(exist_ok=True)
    return serving(folder, "--workers", "2", "--database", url, *arguments)


def unique_customer(external_id: str) -> dict[str, Any]:
    """A body for POST /customers whose name, address and login no other customer has."""
    contact = new_contact(login=f"login-{external_id}", email=f"{external_id}@example.com")
    return new_customer(externalId=external_id, name=f"Customer {external_id}", contactPersons=[contact])


def holder(answer: httpx.Response) -> str:
    """The id that a 409 for a taken externalId names."""
    assert answer.status_code == 409, answer.text
    messages = {detail["field"]: detail["message"] for detail in answer.json()["details"]}
    found = re.fullmatch(r"is taken: customer (\d+) has it", messages["externalId"])
    assert found, messages
    return found[1]


def but_for_its_status(customer: dict[str, Any]) -> dict[str, Any]:
    """What stays the same when the platform verifies the customer."""
    return {**customer, "status": "any"}


def check_database(databases: Databases, name: str) -> None:
    """Whatever is kept twice agrees, nothing is half-written, and each pending customer was verified once.

    All customers but the sandbox's own must have been created as pending, and a node must be running.
    """
    waiting = "SELECT w.*, c.status FROM waiting_customers w LEFT JOIN customers c USING (reseller_id, id)"
    wait_until(lambda: not databases.query(waiting, name), lambda: f"waiting: {databases.query(waiting, name)}")
    for rule, sql in RULES.items():
        assert databases.query(sql, name) == [], rule
    _check_verified(databases, name)
    _check_documents(databases, name)


def _check_verified(databases: Databases, name: str) -> None:
    times_verified = """
        SELECT id, external_id, status, (
            SELECT count(*) FROM events e
            WHERE e.reseller_id = c.reseller_id AND account_id = id AND type = 'customer.verified'
        ) FROM customers c
    """
    active = {customer["externalId"] for customer in SANDBOX_CUSTOMERS}
    for id_, external_id, status, times in databases.query(times_verified, name):
        assert (status, times) == ("active", 0 if external_id in active else 1), f"{id_} {external_id}"


def _check_documents(databases: Databases, name: str) -> None:
    """The tables by which customers are found say what their documents say."""
    emails: dict[tuple[int, int], set[str]] = {}
    for reseller_id, ordinal, email in databases.query("SELECT reseller_id, ordinal, email FROM customer_emails", name):
        emails.setdefault((reseller_id, ordinal), set()).add(email)
    names = {
        (reseller_id, ordinal): (id_, folded)
        for reseller_id, ordinal, id_, folded in databases.query(
            "SELECT reseller_id, ordinal, id, name_folded FROM customer_names", name
        )
    }
    positions: dict[int, list[int]] = {}
    whose = "SELECT customer_id, position FROM logins WHERE customer_id <> reseller_id ORDER BY customer_id, position"
    for customer_id, position in databases.query(whose, name):
        positions.setdefault(customer_id, []).append(position)
    kept = databases.query(
        "SELECT reseller_id, ordinal, id, external_id, status, summary, document FROM customers", name
    )
    assert len(kept) == len(emails) == len(names) == len(positions)
    for reseller_id, ordinal, id_, external_id, status, summary, document in kept:
        customer = msgspec.json.decode(document, type=Customer)
        assert (customer.id, customer.external_id, customer.status) == (str(id_), external_id, status)
        assert summary == rows.summary(customer)
        assert names[reseller_id, ordinal] == (id_, rows.folded_name(customer))
        assert emails[reseller_id, ordinal] == rows.folded_emails(customer)
        admins = [at for at, person in enumerate(customer.contact_persons) if person.type == "admin"]
        assert positions[id_] == admins


@pytest.fixture(scope="module")
def durable() -> Iterator[Postgres]:
    with server(durable=True) as postgres:
        yield postgres


# --- two nodes that live ---------------------------------------------------------------------------------------------


def test_two_nodes_over_one_database_are_one_platform(durable: Postgres, tmp_path: Path) -> None:
    together = threading.Barrier(CLIENTS)
    with durable.temporary() as name, ExitStack() as running:
        nodes = [running.enter_context(node(tmp_path / which, durable.url(name))) for which in ("one", "two")]
        headers = nodes[0].headers()  # a token of one is good at the other
        with ThreadPoolExecutor(CLIENTS) as clients:
            working = [clients.submit(_work, client, nodes, headers, together) for client in range(CLIENTS)]
            outcomes = [client.result() for client in working]
        for statuses in zip(*outcomes, strict=True):
            assert sorted(statuses) == [200] + [409] * (CLIENTS - 1)

        # The sandbox's own, each client's, and those that all wanted to have.
        total = len(SANDBOX_CUSTOMERS) + CLIENTS * ROUNDS + ROUNDS
        check_database(durable, name)
        assert durable.query("SELECT count(*) FROM customers", name) == [(total,)]
        for each in nodes:
            _check_list(each, headers, total)
            _check_attributes(each, headers)


def _work(client: int, nodes: list[Server], headers: dict[str, str], together: threading.Barrier) -> list[int]:
    """What a client does at both nodes in turn; the statuses it got for the customers that all clients create."""
    statuses = []
    with ExitStack() as connections:
        doors = [
            connections.enter_context(httpx.Client(base_url=each.url, headers=headers, timeout=PATIENCE))
            for each in nodes
        ]
        for number in range(ROUNDS):
            here, there = doors[(client + number) % 2], doors[(client + number + 1) % 2]
            together.wait(PATIENCE)
            body = unique_customer(f"shared-{number}")
            statuses.append(here.post("/customers", json=body).status_code)
            _check_taken(there, body)
            _create_and_find(here, there, f"own-{client}-{number}x")
            patch = {"attributes": {f"{client}-{number}": "x"}}
            answer = here.patch(f"/customers/{SHARED[number % 2]}", json=patch)
            assert answer.status_code == 200, answer.text
            assert answer.json()["attributes"][f"{client}-{number}"] == "x"
            _check_page(there)
    return statuses


def _check_taken(there: httpx.Client, body: dict[str, Any]) -> None:
    """Each customer is seen by all now, whatever client and node created it."""
    id_ = holder(there.post("/customers", json=body))
    assert there.get(f"/customers/{id_}").json()["externalId"] == body["externalId"]


def _create_and_find(here: httpx.Client, there: httpx.Client, external_id: str) -> None:
    """What one node has answered, the other one shows in every way."""
    created = here.post("/customers", json=unique_customer(external_id)).raise_for_status().json()
    assert created["status"] == "pending"
    read = there.get(f"/customers/{created['id']}").json()
    assert but_for_its_status(read) == but_for_its_status(created)
    for query in ({"externalId": external_id}, {"email": f"{external_id}@example.com"}, {"name": external_id}):
        found = there.get("/customers", params=query).json()
        assert [customer["id"] for customer in found["data"]] == [created["id"]], query
        assert found["pagination"]["total"] == 1


def _check_page(there: httpx.Client) -> None:
    """A page is of one moment: as many as there are, each once, newest first."""
    page = there.get("/customers?limit=200").json()
    ids = [int(customer["id"]) for customer in page["data"]]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) == page["pagination"]["total"]


def _check_list(each: Server, headers: dict[str, str], total: int) -> None:
    with httpx.Client(base_url=each.url, headers=headers, timeout=PATIENCE) as http:
        _check_page(http)
        assert http.get("/customers").json()["pagination"]["total"] == total


def _check_attributes(each: Server, headers: dict[str, str]) -> None:
    """No change was lost to another one of the same customer."""
    with httpx.Client(base_url=each.url, headers=headers, timeout=PATIENCE) as http:
        for which, id_ in enumerate(SHARED):
            wanted = {f"{client}-{number}": "x" for client in range(CLIENTS) for number in range(which, ROUNDS, 2)}
            assert http.get(f"/customers/{id_}").json()["attributes"] == wanted


# --- one node that dies ----------------------------------------------------------------------------------------------


class Nodes:
    """The node that stays, and the one that is killed and started again. created: external ids, in that order."""

    def __init__(self, steady: Server) -> None:
        self.steady = steady
        self.victim = steady
        self.ended = threading.Event()
        self.created: dict[str, dict[str, Any]] = {}
        self.at_the_victim = 0
        self.broken = 0

    def broke(self, error: httpx.TransportError) -> bool:
        """Whether a request that met this may have been carried out; else a moment passes, for no server listened."""
        if isinstance(error, httpx.ConnectError):
            self.ended.wait(BACKOFF)
            return False
        self.broken += 1
        return True

    def in_turn(self, first: int) -> Iterator[Server]:
        """Where a client asks, one after the other, until it is answered."""
        for which in cycle((first % 2, (first + 1) % 2)):
            yield (self.victim, self.steady)[which]


@pytest.mark.timeout(300)
def test_a_node_that_is_killed_again_and_again_loses_and_doubles_nothing(durable: Postgres, tmp_path: Path) -> None:
    with durable.temporary() as name, node(tmp_path / "steady", durable.url(name)) as steady:
        nodes, headers = Nodes(steady), steady.headers()
        with ThreadPoolExecutor(CLIENTS) as clients:
            creating = [clients.submit(_create, client, nodes, headers) for client in range(CLIENTS)]
            try:
                for _ in range(KILLS):
                    _kill_one(nodes, tmp_path / "victim", durable.url(name), lambda: any(c.done() for c in creating))
            finally:
                nodes.ended.set()
            for client in creating:
                client.result()
        say(f"{len(nodes.created)} customers; {KILLS} kills broke {nodes.broken} requests")
        assert nodes.broken, "no kill met a request; nothing was tested"
        check_database(durable, name)
        _check_created(durable, name, nodes.created)


def _kill_one(nodes: Nodes, folder: Path, url: str, failed: Callable[[], bool]) -> None:
    """Start the second node, let clients create customers there, and kill it with all its workers."""
    with node(folder, url) as victim:
        nodes.at_the_victim = 0
        nodes.victim = victim
        wait_until(
            lambda: nodes.at_the_victim >= BEFORE_A_KILL or failed(), lambda: f"{nodes.at_the_victim} were created"
        )
        threading.Event().wait(random.uniform(0, 0.1))  # the random moment
        victim.kill()


def _create(client: int, nodes: Nodes, headers: dict[str, str]) -> None:
    """Create customers and change them until told to stop, at the other node where one is away."""
    with httpx.Client(headers=headers, timeout=PATIENCE) as http:
        number = 0
        while not nodes.ended.is_set():
            external_id = f"{client}-{number}"
            first = client + number // 4
            customer = _created(http, nodes, first, unique_customer(external_id))
            changed = _changed(http, nodes, first, customer["id"])
            assert but_for_its_status(changed) == but_for_its_status({**customer, **CHANGE})
            nodes.created[external_id] = changed
            number += 1


def _created(http: httpx.Client, nodes: Nodes, first: int, body: dict[str, Any]) -> dict[str, Any]:
    """The customer with this externalId, created now or by an attempt whose answer was lost."""
    lost = False
    for each in nodes.in_turn(first):
        try:
            answer = http.post(f"{each.url}/customers", json=body)
            if answer.status_code == 409:
                assert lost, answer.text
                answer = http.get(f"{each.url}/customers/{holder(answer)}")
        except httpx.TransportError as error:
            lost |= nodes.broke(error)
            continue
        assert answer.status_code == 200, answer.text
        nodes.at_the_victim += each is nodes.victim
        return dict(answer.json())
    raise AssertionError


def _changed(http: httpx.Client, nodes: Nodes, first: int, id_: str) -> dict[str, Any]:
    """The customer after a change that was acknowledged."""
    for each in nodes.in_turn(first):
        try:
            answer = http.patch(f"{each.url}/customers/{id_}", json=CHANGE)
        except httpx.TransportError as error:
            nodes.broke(error)
            continue
        assert answer.status_code == 200, answer.text
        return dict(answer.json())
    raise AssertionError


def _check_created(databases: Databases, name: str, created: dict[str, dict[str, Any]]) -> None:
    """Each is there once and whole. That there are no others says that no attempt made a second one."""
    sql = f"SELECT external_id, document FROM customers WHERE reseller_id = {RESELLER_ID} AND id > {SHARED[-1]}"
    kept = databases.query(sql, name)
    assert len(kept) == len({external_id for external_id, _ in kept})
    found = {external_id: but_for_its_status(msgspec.json.decode(document)) for external_id, document in kept}
    assert found == {external_id: but_for_its_status(customer) for external_id, customer in created.items()}
