"""Credentials: what must differ differs, also in processes that were forked from one another."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from emporion.credentials import (
    PASSWORD_RULES,
    key_digest,
    new_client_secret,
    new_password,
    new_subscription_key,
    password_fault,
)
from tests.server import PATIENCE

FORKED = """
import os
from emporion.credentials import new_login
for _ in range(2):
    if os.fork() == 0:
        print(*[new_login(1) for _ in range(10)], sep="\\n", flush=True)
        os._exit(0)
    os.wait()
print(new_login(1), flush=True)
"""


def test_workers_that_were_forked_do_not_give_the_same_login() -> None:
    # In a process of its own: what forks beside the threads of other tests may wait for their locks for ever.
    output = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    logins = output.stdout.split()
    assert len(logins) == len(set(logins)) == 21


@pytest.mark.parametrize("new", [new_client_secret, new_subscription_key, new_password])
def test_secrets_that_are_made_up_differ_and_cannot_be_guessed(new: Callable[[], str]) -> None:
    secrets = {new() for _ in range(100)}
    assert len(secrets) == 100
    assert min(len(secret) for secret in secrets) >= 27


@pytest.mark.parametrize(
    ("new", "characters"), [(new_client_secret, "[A-Za-z0-9_-]{43}"), (new_subscription_key, "[0-9a-f]{32}")]
)
def test_secrets_that_are_made_up_are_of_a_form_that_any_client_can_send(
    new: Callable[[], str], characters: str
) -> None:
    assert re.fullmatch(characters, new())


def test_of_a_key_only_a_digest_is_kept() -> None:
    key = new_subscription_key()
    assert len(key_digest(key)) == 32
    assert key.encode() not in key_digest(key)
    assert key_digest(key) == key_digest(key) != key_digest(new_subscription_key())


def test_a_new_password_passes_every_level() -> None:
    assert [password_fault(new_password(), quality) for quality in PASSWORD_RULES] == [None, None, None]
