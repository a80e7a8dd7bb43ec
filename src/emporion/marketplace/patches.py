"""A JSON Merge Patch of an account, read by the rules of its creation (contract: PATCH, RFC 7396)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple, TypeVar

from msgspec import UNSET, structs

from emporion.accounts.customers import Customer, CustomerUpdate, NewCustomer
from emporion.accounts.documents import as_sent, merge_patch
from emporion.accounts.resellers import Reseller
from emporion.accounts.statuses import Status
from emporion.emails import one_spelling
from emporion.errors import Code, Fault, Problem
from emporion.validation import Stored, read

A = TypeVar("A", Customer, Reseller)

# How often a change is tried again because another one came between; each round one of them gets through.
ATTEMPTS = 50


class Patched(NamedTuple):
    """What an account would be after a patch, with every fault of it. status: None to leave it."""

    wanted: Any
    status: Status | None
    faults: list[Fault]


def patched(before: Customer | Reseller, patch: dict[str, Any], new: type[NewCustomer]) -> Patched:
    """What `patch` makes of `before`, which must pass every rule of `new`; a text that stays is taken as it is."""
    sent = as_sent(before)
    wanted, faults = read(new, _as_stored(merge_patch(sent, {**patch, "status": None}), sent))
    if faults:
        # What a platform's first accounts have never had is no fault of a request that changes something else.
        lacking = {fault.field for fault in read(new, sent)[1]}
        faults = [cannot_be_cleared(fault, patch) for fault in faults if not _is_as_before(fault, lacking, patch)]
    update, status_faults = read(CustomerUpdate, {"status": patch.get("status")})
    if "status" in patch and patch["status"] is None:
        status_faults = [cannot_be_cleared(Fault("status", "is required"), patch)]
    return Patched(wanted, update.status or None, faults + status_faults)


def _as_stored(after: Any, before: Any) -> Any:
    """`after` with each text that is in `before` at the same place, or of any contact person, as Stored."""
    if isinstance(after, dict) and isinstance(before, dict):
        return {
            Stored(name) if name in before else name: _as_stored(value, before.get(name))
            for name, value in after.items()
        }
    if isinstance(after, list) and isinstance(before, list):
        return [_as_stored_person(person, before) for person in after]
    return Stored(after) if isinstance(after, str) and after == before else after


def _as_stored_person(person: Any, before: list[dict[str, str]]) -> Any:
    if not isinstance(person, dict):
        return person
    return {
        name: Stored(value) if any(value == other.get(name) for other in before) and isinstance(value, str) else value
        for name, value in person.items()
    }


def keep_spellings(before: A, after: A) -> A:
    """`after`, where each e-mail address that the account had already is written as it was: another spelling of it,
    such as a browser makes, is no change.
    """
    if after.contact_persons == before.contact_persons:
        return after
    written = {one_spelling(person.email): person.email for person in before.contact_persons}
    as_before = {person.email for person in before.contact_persons}
    persons = [
        person
        if person.email in as_before
        else structs.replace(person, email=written.get(one_spelling(person.email), person.email))
        for person in after.contact_persons
    ]
    return structs.replace(after, contact_persons=persons)


def check_expected(version: int, expected: Collection[int] | None, noun: str = "account") -> None:
    """Raise Problem (PRECONDITION_FAILED) if what is to be changed is in no version that its changer knows.

    noun: what it is called. (RFC 9110 §13.1.1)
    """
    if expected is not None and version not in expected:
        raise Problem(
            Code.PRECONDITION_FAILED,
            f"The {noun} is not in the state that If-Match names: read it again, then change what is there now.",
        )


def too_busy(noun: str = "account") -> Problem:
    """For what others have changed each time in between. noun: what it is called."""
    return Problem(
        Code.UNAVAILABLE,
        f"The {noun} is being changed by many at a time; try again.",
        headers={"Retry-After": "1"},
    )


def _is_as_before(fault: Fault, lacking: Collection[str], patch: dict[str, Any]) -> bool:
    return fault.message == "is required" and fault.field in lacking and fault.field not in patch


def cannot_be_cleared(fault: Fault, patch: dict[str, Any]) -> Fault:
    """What a missing member is told when it is a null of this very patch that would take it away."""
    value: Any = patch
    for name in fault.field.split("."):
        value = value.get(name, UNSET) if isinstance(value, dict) else UNSET
    if value is None and fault.message == "is required":
        return Fault(fault.field, "cannot be cleared; leave it out to keep it")
    return fault
