"""Credentials: what must differ differs, also in processes that were forked from one another."""

from __future__ import annotations

import multiprocessing
import re
from collections.abc import Callable

import pytest

from emporion.credentials import (
    PASSWORD_RULES,
    key_digest,
    new_client_secret,
    new_login,
    new_password,
    new_subscription_key,
    password_fault,
)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # Granian forks its workers just so
def test_workers_that_were_forked_do_not_give_the_same_login() -> None:
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        logins = [new_login(1), *pool.map(new_login, [1] * 20, chunksize=10)]
    assert len(set(logins)) == 21


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
