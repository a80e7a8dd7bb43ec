"""What callers are told when the store refuses or cannot be reached, in the same words by every store."""

from __future__ import annotations

from emporion.errors import Code, Fault, Problem

RETRY = {"Retry-After": "2"}


def taken_external_id(holder: int) -> Fault:
    """For an external id that the customer `holder` of the same reseller has."""
    return Fault("externalId", f"is taken: customer {holder} has it")


def taken_login(position: int) -> Fault:
    """For the login of the contact person at `position`; whose it is stays untold."""
    return Fault(f"contactPersons[{position}].login", "is taken; choose another")


def taken_user() -> Problem:
    """For an API user whose login is taken."""
    return Problem(Code.CONFLICT, "login is taken", [Fault("login", "is taken")])


def founded_already() -> Problem:
    """For a second platform in one database."""
    return Problem(Code.CONFLICT, "There is a platform in this database already.")


def unavailable(error: BaseException) -> Problem:
    """When the database cannot read or write; the reason is for the log alone."""
    problem = Problem(Code.UNAVAILABLE, "The database cannot be reached now; try again shortly.", headers=RETRY)
    problem.__cause__ = error
    return problem


def closed() -> Problem:
    """For those who come after the store was closed."""
    return Problem(Code.UNAVAILABLE, "The server is shutting down.", headers=RETRY)
