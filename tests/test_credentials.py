"""Credentials: what must differ differs, also in processes that were forked from one another."""

from __future__ import annotations

import multiprocessing

import pytest

from emporion.credentials import PASSWORD_RULES, new_login, new_password, password_fault


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # Granian forks its workers just so
def test_workers_that_were_forked_do_not_give_the_same_login() -> None:
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        logins = [new_login(1), *pool.map(new_login, [1] * 20, chunksize=10)]
    assert len(set(logins)) == 21


def test_a_new_password_passes_every_level() -> None:
    assert [password_fault(new_password(), quality) for quality in PASSWORD_RULES] == [None, None, None]
