"""What callers are told when the store refuses or cannot be reached, in the same words by every store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from emporion.errors import Code, Fault, Problem, not_found
from emporion.store.customers import LARGEST_PAGE_BYTES

RETRY = {"Retry-After": "2"}


class Away(Problem):
    """The database cannot be reached or written at all now, as against one request that it cannot do."""


def taken_external_id(holder: int, kind: str = "customer") -> Fault:
    """For an external id that the account `holder` under the same reseller has."""
    return Fault("externalId", f"is taken: {kind} {holder} has it")


def taken_login(position: int) -> Fault:
    """For the login of the contact person at `position`; whose it is stays untold."""
    return Fault(f"contactPersons[{position}].login", "is taken; choose another")


def taken_user() -> Problem:
    """For an API user whose login is taken."""
    return Problem(Code.CONFLICT, "login is taken", [Fault("login", "is taken")])


def taken_client() -> Problem:
    """For an OAuth client whose id is taken."""
    return Problem(Code.CONFLICT, "The realm has a client with this id already.", [Fault("id", "is taken")])


def no_reseller(reseller_id: int | None) -> Problem:
    """For what was to be added to a reseller that is not there."""
    return not_found(f"there is no reseller {reseller_id}")


def used_for_another() -> Problem:
    """For an Idempotency-Key that comes with another body than the first time."""
    return Problem(
        Code.IDEMPOTENCY_KEY_REUSED, "The Idempotency-Key was used for another request; use a new one for each."
    )


def founded_already() -> Problem:
    """For a second platform in one database."""
    return Problem(Code.CONFLICT, "There is a platform in this database already.")


def unfinished_copy() -> Problem:
    """For a platform to be made where one is being copied to."""
    return Problem(
        Code.CONFLICT,
        "There is an unfinished copy in this database: go on with emporion copy, or make the database anew.",
    )


def unavailable(error: BaseException) -> Problem:
    """When the database cannot read or write; the reason is for the log alone."""
    problem = Away(Code.UNAVAILABLE, "The database cannot be reached now; try again shortly.", headers=RETRY)
    problem.__cause__ = error
    return problem


def busy(error: BaseException | None = None) -> Problem:
    """When others are in the way for too long; the reason is for the log alone."""
    problem = Problem(Code.UNAVAILABLE, "The database is busy with other requests; try again shortly.", headers=RETRY)
    problem.__cause__ = error
    return problem


@contextmanager
def temporary_files() -> Iterator[None]:
    """Errors of temporary files, such as for want of room, as Problem (UNAVAILABLE)."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        message = "Temporary files cannot be written now, or not be read; try again shortly."
        raise Problem(Code.UNAVAILABLE, message, headers=RETRY) from error


def too_long(error: BaseException) -> Problem:
    """When one statement takes longer than it may; the reason is for the log alone."""
    problem = Problem(
        Code.UNAVAILABLE, "This takes the database too long; ask for less, or try again later.", headers=RETRY
    )
    problem.__cause__ = error
    return problem


def too_large() -> Problem:
    """For a page of whole customers that no client could take."""
    return Problem(
        Code.INVALID,
        "limit must be lower: these customers are too large for one page",
        [Fault("limit", f"must be lower: these customers have more than {LARGEST_PAGE_BYTES >> 20} MiB")],
    )


def too_many_reports(most: int) -> Problem:
    """For one report more than a reseller may wait for."""
    return Problem(
        Code.CONFLICT,
        f"{most} reports of this reseller are not made yet; ask again when one is completed.",
        headers={"Retry-After": "5"},
    )


def closed() -> Problem:
    """For those who come after the store was closed."""
    return Away(Code.UNAVAILABLE, "The server is shutting down.", headers=RETRY)


def written_by_others() -> Problem:
    """For a copy into a database that another program has written to meanwhile."""
    return Problem(Code.CONFLICT, "Another program has written to the database to copy to; it must be empty.")
