"""Customers: found, created, changed and verified, by those who may (contract: GET, POST and PATCH /customers)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import structs, to_builtins

from emporion.accounts.contacts import matching_administrators
from emporion.accounts.customers import Customer, NewCustomer
from emporion.accounts.documents import diff
from emporion.accounts.folding import fold
from emporion.accounts.ids import account_number
from emporion.accounts.queries import AccountQuery, CustomerQuery, CustomerSearch
from emporion.accounts.statuses import Status, check_status_change
from emporion.emails import fold_email
from emporion.errors import AccessDenied, Code, Fault, Problem, not_found, raise_invalid
from emporion.events import Origin
from emporion.marketplace.administrators import Administrators, Digests, changed_logins, created, kept_logins
from emporion.marketplace.patches import ATTEMPTS, check_expected, keep_spellings, patched, too_busy
from emporion.paging import LARGEST_PAGE, Pagination
from emporion.store.administrators import Administrator, AdministratorLogin
from emporion.store.customers import CustomerChange, NewRecord, VersionedDocument
from emporion.store.idempotency import IdempotentRequest
from emporion.store.records import Filter, Record
from emporion.store.resellers import ResellerChange
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.marketplace.actors import Actor
    from emporion.store.base import Store

DEFAULT_LANGUAGE = "en"
# What a customer may change of its own account.
OWN = ("contactPersons", "address", "language")
STAY = "must have you among them, as an administrator"
# How many customers are verified in one go, so that clients' writes get their turn in between.
VERIFIED_AT_ONCE = 32

decode = msgspec.json.Decoder(Customer).decode


class ListPage(msgspec.Struct, frozen=True):
    """A page of accounts and what is said of it. data: a JSON array."""

    data: msgspec.Raw
    pagination: Pagination


class Customers:
    """The customers of all resellers, for an actor who reaches some of them. clock: seconds since 1970."""

    def __init__(self, store: Store, administrators: Administrators, clock: Callable[[], float]) -> None:
        self._store = store
        self._administrators = administrators
        self._clock = clock

    async def find(self, actor: Actor, customer_id: str) -> VersionedDocument:
        """The customer's public JSON and version. Raises Problem (NOT_FOUND) if the actor reaches no such customer."""
        number = account_number(customer_id)
        if number is not None:
            found = await self._store.customers.document(actor.account_id, number)
            if found is not None:
                return found
            owner = await self._owner_below(actor, number)
            if owner is not None:
                found = await self._store.customers.document(owner, number)
                if found is not None:
                    return found
        raise _unknown(number)

    async def owner(self, actor: Actor, customer_id: str) -> tuple[int, int]:
        """The reseller that has the customer, and the customer's number. Raises Problem (NOT_FOUND) likewise."""
        number = account_number(customer_id)
        owner = None if number is None else await self._owner_below(actor, number)
        if number is None or owner is None:
            raise _unknown(number)
        return owner, number

    async def page(self, actor: Actor, query: CustomerQuery, *, whole: bool) -> ListPage:
        """The customers of the actor's account and of all below it, newest first.

        whole: with all their members, else as summaries. Raises Problem (NOT_FOUND) if `query.reseller_id` is no
        reseller that the actor reaches.
        """
        root = actor.account_id
        if query.reseller_id is not None:
            number = account_number(query.reseller_id)
            if number is None or not await self._store.resellers.is_within(number, root):
                raise not_found("there is no such reseller")
            root = number
        limit = min(query.limit, LARGEST_PAGE)
        listing = await self._store.customers.page(root, filter_of(query), query.offset, limit, whole=whole)
        return ListPage(msgspec.Raw(listing.data), Pagination(query.offset, limit, listing.total))

    async def create(
        self, actor: Actor, body: dict[str, Any], reseller_id: int | None = None, once: IdempotentRequest | None = None
    ) -> Record:
        """Create a customer from a client's JSON object, of `reseller_id` or else of the actor's account.

        reseller_id: one that the actor reaches. Raises Problem (INVALID) with every fault of the body, (CONFLICT) for
        a taken `externalId` or login, and AccessDenied (FORBIDDEN) for a reader.
        """
        actor.must_be("editor")
        owner = actor.account_id if reseller_id is None else reseller_id
        if once and (kept := await self._store.idempotency.get(owner, once)):
            return Record(owner, int(kept.subject_id), 1, kept.document, replayed=True)
        wanted, faults = read(NewCustomer, body)
        self._administrators.check(wanted, faults)
        customer = _render(wanted, "", wanted.status or "pending", str(owner))
        logins = await self._administrators.logins(actor.account_id, wanted.contact_persons, {}, {})
        changes = created(customer, logins)
        return await self._store.customers.add(
            NewRecord(owner, customer, logins, actor.origin(), self._now(), once, changes)
        )

    async def update(
        self,
        actor: Actor,
        customer_id: str,
        patch: dict[str, Any],
        expected: Collection[int] | None = None,
        stays: Mapping[int, int] | None = None,
        reason: str | None = None,
    ) -> Record:
        """Change a customer by a JSON Merge Patch (RFC 7396); what it is afterwards.

        expected: the versions in one of which it must be, if not any. stays: which contact persons are the same as
        before, position after → position before, where that is known; else `matching_administrators` tells it. reason:
        why the status changes, for the log. Raises Problem (NOT_FOUND) if the actor reaches no such customer, (INVALID)
        with every fault of the result, (PRECONDITION_FAILED) if it is in another version, (CONFLICT) for a taken
        `externalId` or login and for a status that cannot change that way, and AccessDenied (FORBIDDEN) for a reader.
        """
        return await self._update(actor, lambda: self._find(actor, customer_id), patch, expected, stays, reason)

    async def update_own(
        self,
        actor: Actor,
        administrator: Administrator,
        patch: dict[str, Any],
        expected: Collection[int] | None = None,
        stays: Mapping[int, int] | None = None,
    ) -> Record:
        """Change a customer as its own administrator, who may change contacts, address and language only.

        Raises Problem as `update` does, and AccessDenied (FORBIDDEN) for other members.
        """
        for member in patch:
            if member not in OWN:
                message = f"The {member} of your account is set by your provider."
                raise AccessDenied(Code.FORBIDDEN, message, administrator.reseller_id)
        if "contactPersons" in patch and not _has(patch["contactPersons"], administrator, stays or {}):
            raise_invalid([Fault("contactPersons", STAY)])

        async def find() -> Record:
            record = await self._store.customers.get(administrator.reseller_id, administrator.customer_id)
            if not record:
                raise _unknown(administrator.customer_id)
            return record

        return await self._update(actor, find, patch, expected, stays, None)

    async def _update(
        self,
        actor: Actor,
        find: Callable[[], Awaitable[Record]],
        patch: dict[str, Any],
        expected: Collection[int] | None,
        stays: Mapping[int, int] | None,
        reason: str | None,
    ) -> Record:
        actor.must_be("editor")
        digests: Digests = {}
        for _ in range(ATTEMPTS):
            record = await find()
            check_expected(record.version, expected)
            change = await self._change(record, patch, actor, digests, stays)
            if change is None:
                return record
            change = with_reason(change, reason)
            changed = await self._store.customers.update(change)
            if changed:
                return changed
        raise too_busy()

    async def verify_waiting(self) -> int:
        """Make pending customers active, some at a time; how many were found waiting."""
        # A change of a customer made meanwhile wins; it is still waiting then, or not any more.
        return await self._store.customers.verify(VERIFIED_AT_ONCE, self._verified)

    def _verified(self, record: Record) -> CustomerChange:
        before = decode(record.document)
        return CustomerChange(
            reseller_id=record.reseller_id,
            id=record.id,
            version=record.version,
            customer=structs.replace(before, status="active"),
            logins=None,
            event="customer.verified",
            changes={"status": (before.status, "active")},
            origin=Origin(user=None, source="worker"),
            at=self._now(),
        )

    async def _change(
        self,
        record: Record,
        patch: dict[str, Any],
        actor: Actor,
        digests: Digests,
        stays: Mapping[int, int] | None,
    ) -> CustomerChange | None:
        """What `patch` makes of the customer, or None if it stays as it is."""
        before = decode(record.document)
        wanted, status, faults = patched(before, patch, NewCustomer)
        self._administrators.check(wanted, faults)
        status = status or before.status
        check_status_change(before.status, status, operator=actor.is_operator)
        customer = keep_spellings(before, _render(wanted, before.id, status, before.reseller_id))
        changes = diff(to_builtins(before), to_builtins(customer))
        logins: list[AdministratorLogin] | None = None
        if "contactPersons" in patch:
            old = await self._store.administrators.logins(record.reseller_id, record.id)
            if stays is None:
                stays = matching_administrators(before.contact_persons, customer.contact_persons)
            kept = kept_logins(old, stays)
            logins = await self._administrators.logins(actor.account_id, wanted.contact_persons, kept, digests)
            changes |= changed_logins(kept, logins)
        if not changes:
            return None
        return CustomerChange(
            reseller_id=record.reseller_id,
            id=record.id,
            version=record.version,
            customer=customer,
            logins=logins,
            event="customer.updated",
            changes=changes,
            origin=actor.origin(),
            at=self._now(),
        )

    async def _find(self, actor: Actor, customer_id: str) -> Record:
        number = account_number(customer_id)
        if number is not None:
            owner = await self._owner_below(actor, number)
            if owner is not None:
                record = await self._store.customers.get(owner, number)
                if record:
                    return record
        raise _unknown(number)

    async def _owner_below(self, actor: Actor, number: int) -> int | None:
        """The reseller that the customer belongs to, if the actor reaches it."""
        owner = await self._store.customers.owner(number)
        if owner is None or not await self._store.resellers.is_within(owner, actor.account_id):
            return None
        return owner

    def _now(self) -> int:
        return int(self._clock() * 1000)


C = TypeVar("C", CustomerChange, ResellerChange)


def with_reason(change: C, reason: str | None) -> C:
    """Add the reason to a change of status, for the log; any other change is returned as it is."""
    if not reason or "status" not in change.changes:
        return change
    return structs.replace(change, changes={**change.changes, "status.reason": (None, reason)})


def filter_of(query: AccountQuery) -> Filter:
    """What a list's query asks the store for. Raises Problem (INVALID) for a name of which nothing is left."""
    name = None if query.name is None else fold(query.name)
    if name == "":
        raise_invalid([Fault("name", "must have more than accents and what cannot be seen")])
    return Filter(
        name=name,
        # No address has a blank: it is a + that was not encoded.
        email=None if query.email is None else fold_email(query.email.replace(" ", "+")),
        external_id=query.external_id,
        status=query.status if isinstance(query, CustomerSearch) else None,
    )


def _has(persons: object, administrator: Administrator, stays: Mapping[int, int]) -> bool:
    """Whether an administrator stays one among new contact persons."""
    return isinstance(persons, list) and any(
        before == administrator.position and after < len(persons) and persons[after].get("type") == "admin"
        for after, before in stays.items()
    )


def _unknown(number: int | None) -> Problem:
    return not_found("there is no customer with this id" if number is None else f"there is no customer {number}")


def _render(wanted: NewCustomer, customer_id: str, status: Status, reseller_id: str) -> Customer:
    return Customer(
        id=customer_id,
        external_id=wanted.external_id,
        attributes=wanted.attributes,
        name=wanted.name,
        tax_reg_id=wanted.tax_reg_id,
        status=status,
        address=wanted.address,
        contact_persons=[person.shown() for person in wanted.contact_persons],
        language=wanted.language or DEFAULT_LANGUAGE,
        reseller_id=reseller_id,
    )
