"""Which address a request comes from: clients cannot make one up, and none behind our proxies is taken for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emporion.api.client_addresses import ClientAddresses
from emporion.settings import BadSetting, Settings
from tests.marketplace.test_security_log import all_logged, server_for


def address_of(client: str | None, forwarded: str | None, proxies: str) -> str | None:
    headers = {} if forwarded is None else {b"x-forwarded-for": forwarded.encode("latin-1")}
    scope: dict[str, Any] = {"client": client and (client, 50_000), "named_headers": headers}
    return ClientAddresses(Settings.read({"trusted_proxies": proxies}).trusted_proxies).of(scope)


@pytest.mark.parametrize("forwarded", [None, "", "192.0.2.1", "nonsense", "10.0.0.1"])
def test_without_proxies_it_is_the_peer_of_the_connection(forwarded: str | None) -> None:
    assert address_of("198.51.100.1", forwarded, "") == "198.51.100.1"


@pytest.mark.parametrize("forwarded", ["192.0.2.1", "10.0.0.1", "10.0.0.1, 192.0.2.1"])
def test_who_is_no_proxy_is_not_believed(forwarded: str) -> None:
    assert address_of("198.51.100.1", forwarded, "10.0.0.0/8") == "198.51.100.1"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:DB8:0::1]:4711", "2001:db8::1"),
        # What the client wrote itself stands before what our proxies have added.
        ("203.0.113.9, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.9, 192.0.2.1", "192.0.2.1"),
        ("nonsense, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("203.0.113.9, 192.0.2.1, 172.16.0.1, 10.0.0.2", "192.0.2.1"),
        # Only proxies: the first of them has sent it.
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
    ],
)
def test_behind_proxies_it_is_the_last_one_that_is_none_of_them(forwarded: str, address: str) -> None:
    assert address_of("10.0.0.1", forwarded, "10.0.0.0/8, 172.16.0.1") == address


@pytest.mark.parametrize("forwarded", [None, "", ",", "unknown", "_hidden", "192.0.2.1, unknown", "1.2.3", "\xe4"])
def test_a_proxy_that_does_not_say_for_whom_it_asks_is_taken_for_itself(forwarded: str | None) -> None:
    assert address_of("10.0.0.1", forwarded, "10.0.0.0/8") == "10.0.0.1"


def test_a_proxy_of_ipv6_is_believed() -> None:
    assert address_of("fd00::1", "2001:db8::7", "fd00::/8") == "2001:db8::7"
    assert address_of("2001:db8::1", "2001:db8::7", "fd00::/8") == "2001:db8::1"


def test_a_proxy_is_believed_where_the_server_listens_to_ipv6_and_ipv4_at_once() -> None:
    assert address_of("::ffff:10.0.0.1", "192.0.2.1", "10.0.0.0/8") == "192.0.2.1"


@pytest.mark.parametrize("proxies", ["", "10.0.0.0/8"])
def test_a_request_that_comes_from_nowhere_has_no_address(proxies: str) -> None:
    assert address_of(None, "192.0.2.1", proxies) is None


@pytest.mark.parametrize("client", ["testclient", "unix:"])
def test_what_is_no_address_is_no_proxy(client: str) -> None:
    assert address_of(client, "192.0.2.1", "10.0.0.0/8") == client


def test_a_network_that_is_none_ends_the_start() -> None:
    with pytest.raises(BadSetting):
        Settings.read({"trusted_proxies": "10.0.0.0/8, our-proxy"})


def test_the_log_has_the_address_behind_the_proxy(database: Path) -> None:
    with server_for("10.0.0.1", database, trusted_proxies="10.0.0.0/8") as client:
        client.get("/customers", headers={"X-Forwarded-For": "203.0.113.9, 192.0.2.1"})
    assert [event.origin.address for event in all_logged(database)] == ["192.0.2.1"]


def test_a_change_has_the_address_behind_the_proxy(database: Path, callers: Any) -> None:
    with server_for("10.0.0.1", database, trusted_proxies="10.0.0.0/8") as client:
        headers = {"X-Forwarded-For": "192.0.2.1"}
        client.patch("/customers/1000001", callers["sandbox"], json={"name": "New"}, headers=headers).raise_for_status()
        events = client.get("/customers/1000001/events", callers["sandbox"]).json()["data"]
    assert events[-1]["address"] == "192.0.2.1"
