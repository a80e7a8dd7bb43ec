"""No caller sees or does what they may not, whatever others do before: searched for with random trees and callers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from emporion.settings import Settings
from tests.conftest import Caller
from tests.document import CheckedClient
from tests.effort import effort
from tests.isolation.application import OPERATIONS, Application, running
from tests.isolation.pages import Pages
from tests.isolation.sales import SALES_TAGS, Selling
from tests.postgres import Databases

EXAMPLES = effort(quick=6, thorough=500)
# Fewer than these do not come to an order.
EXAMPLES_OF_SALES = effort(quick=12, thorough=500)
STEPS = 22
# Operations that the search of sales asks; and those of them that it asks only of others' things, always in vain.
OF_SALES = {operation.id for operation in OPERATIONS.values() if operation.tag in SALES_TAGS}
NEVER_OTHERS = {"updateOrder", "updateSubscription", "updateSubscriptionSpecialPricing", "validateParameters"}


@pytest.fixture(params=["sqlite", "postgres"])
def application(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Application]:
    with (
        _database(request, tmp_path) as url,
        running(Settings.read({"database": url, "verification": "manual"})) as app,
    ):
        yield app


@contextmanager
def _database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'isolation.db'}"
        return
    server: Databases = request.getfixturevalue("postgres")
    with server.temporary() as name:
        yield server.url(name)


@pytest.mark.timeout(600)
def test_each_answer_is_what_the_model_says(application: Application) -> None:
    # To make a failure smaller would take minutes; its steps can be read as they are. Phase.shrink does it.
    searched = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, phases=[Phase.generate])
    run_state_machine_as_test(partial(Pages, application), settings=searched)  # type: ignore[arg-type]
    answered = _answered(application)
    others = len(OPERATIONS) - len(OF_SALES)
    # A short search meets most of them.
    assert len(answered) >= effort(quick=others // 2, thorough=others)
    assert {area for _, area in application.shown} == {"console", "panel"}


@pytest.mark.timeout(600)
def test_no_reseller_learns_what_others_sell_for_how_much_and_to_whom(application: Application) -> None:
    searched = settings(max_examples=EXAMPLES_OF_SALES, stateful_step_count=STEPS, phases=[Phase.generate])
    run_state_machine_as_test(partial(Selling, application), settings=searched)  # type: ignore[arg-type]
    assert _answered(application) >= OF_SALES - NEVER_OTHERS


def _answered(application: Application) -> set[str]:
    """The operations that were answered at least once."""
    return {operation_id for (operation_id, status), _ in application.done.items() if status == 200}


def test_a_taken_external_id_does_not_tell_of_the_reseller_beside(
    client: CheckedClient, callers: dict[str, Caller]
) -> None:
    mine, theirs = (f"/resellers/{callers[name].reseller_id}" for name in ("sandbox", "other"))
    client.patch(theirs, callers["provider"], json={"externalId": "theirs"})
    answer = client.patch(mine, callers["sandbox"], json={"externalId": "theirs"})
    assert answer.status_code in (403, 409)
    assert str(callers["other"].reseller_id) not in answer.text
