"""Customers: found, created, changed and verified, by those who may (contract: GET, POST and PATCH /customers)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, structs, to_builtins

from emporion import accounts
from emporion.accounts import Customer, CustomerQuery, CustomerUpdate, NewContactPerson, NewCustomer
from emporion.credentials import new_login
from emporion.errors import Code, Fault, Problem, not_found, refuse
from emporion.events import Origin
from emporion.paging import LARGEST_PAGE, Pagination
from emporion.store.base import AdministratorLogin, Change, Filter, NewRecord, Record
from emporion.validation import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emporion.marketplace.actors import Actor
    from emporion.marketplace.passwords import Passwords
    from emporion.store.base import Store

DEFAULT_LANGUAGE = "en"
# How often a change is tried again because another one came between; each round one of them gets through.
ATTEMPTS = 50
# How many customers are verified in one go, so that clients' writes get their turn in between.
VERIFIED_AT_ONCE = 32
LONGEST_ID = 18

decode = msgspec.json.Decoder(Customer).decode


class Page(msgspec.Struct, frozen=True):
    """A page of customers and what is said of it. data: a JSON array."""

    data: msgspec.Raw
    pagination: Pagination


class Customers:
    """The customers of all resellers, for an actor who reaches some of them. clock: seconds since 1970."""

    def __init__(self, store: Store, passwords: Passwords, clock: Callable[[], float]) -> None:
        self._store = store
        self._passwords = passwords
        self._clock = clock

    async def document(self, actor: Actor, customer_id: str) -> bytes:
        """The customer's public JSON. Raises Problem (NOT_FOUND) if the actor reaches no such customer."""
        number = _account_id(customer_id)
        if number is not None:
            found = await self._store.document(actor.account_id, number)
            if found is not None:
                return found
            owner = await self._owner_below(actor, number)
            if owner is not None:
                found = await self._store.document(owner, number)
                if found is not None:
                    return found
        raise _unknown(number)

    async def page(self, actor: Actor, query: CustomerQuery, *, whole: bool) -> Page:
        """The customers of the actor's account and of all below it, newest first.

        whole: with all their members, else as summaries. Raises Problem (NOT_FOUND) if `query.reseller_id` is no
        reseller that the actor reaches.
        """
        root = actor.account_id
        if query.reseller_id is not None:
            number = _account_id(query.reseller_id)
            if number is None or not await self._store.is_within(number, root):
                raise not_found("there is no such reseller")
            root = number
        wanted = Filter(
            name=None if query.name is None else accounts.fold(query.name),
            email=None if query.email is None else accounts.fold_email(query.email),
            external_id=query.external_id,
        )
        if wanted.name == "":
            refuse([Fault("name", "must have more than accents")])
        limit = min(query.limit, LARGEST_PAGE)
        listing = await self._store.customers(root, wanted, query.offset, limit, whole=whole)
        return Page(msgspec.Raw(listing.data), Pagination(query.offset, limit, listing.total))

    async def create(self, actor: Actor, body: dict[str, Any]) -> bytes:
        """Create a customer of the actor's account from a client's JSON object; its public JSON.

        Raises Problem (INVALID) with every fault of the body, or (CONFLICT) for a taken `externalId` or login.
        """
        wanted, faults = read(NewCustomer, body)
        self._check(wanted, faults)
        customer = _render(wanted, "", wanted.status or "pending", str(actor.account_id))
        logins = await self._logins(wanted.contact_persons, {}, {})
        new = NewRecord(actor.account_id, customer, logins, actor.origin(), self._now())
        return (await self._store.add_customer(new)).document

    async def update(self, actor: Actor, customer_id: str, patch: dict[str, Any]) -> bytes:
        """Change a customer by a JSON Merge Patch (RFC 7396); its public JSON afterwards.

        Raises Problem (NOT_FOUND) if the actor reaches no such customer, (INVALID) with every fault of the result,
        or (CONFLICT) for a taken `externalId` or login and for a status that cannot change that way.
        """
        digests: dict[int, str] = {}
        for _ in range(ATTEMPTS):
            record = await self._find(actor, customer_id)
            change = await self._change(record, patch, actor.origin(), digests)
            if change is None:
                return record.document
            changed = await self._store.change_customer(change)
            if changed:
                return changed.document
        raise Problem(
            Code.UNAVAILABLE,
            "The customer is being changed by many at a time; try again.",
            headers={"Retry-After": "1"},
        )

    async def verify_waiting(self) -> int:
        """Make pending customers active, some at a time; how many were found waiting."""
        # Whoever changed a customer meanwhile wins; it is still waiting then, or not any more.
        return await self._store.verify(VERIFIED_AT_ONCE, self._verified)

    def _verified(self, record: Record) -> Change:
        before = decode(record.document)
        return Change(
            reseller_id=record.reseller_id,
            id=record.id,
            version=record.version,
            customer=structs.replace(before, status="active"),
            logins=None,
            event="customer.verified",
            changes={"status": (before.status, "active")},
            origin=Origin(user=None, door="worker"),
            at=self._now(),
        )

    async def _change(
        self, record: Record, patch: dict[str, Any], origin: Origin, digests: dict[int, str]
    ) -> Change | None:
        """What `patch` makes of the customer, or None if it stays as it is."""
        before = decode(record.document)
        wanted, faults = read(NewCustomer, accounts.merge(accounts.as_sent(before), {**patch, "status": None}))
        faults = [_cannot_be_cleared(fault, patch) for fault in faults]
        update, status_faults = read(CustomerUpdate, {"status": patch.get("status")})
        if "status" in patch and patch["status"] is None:
            status_faults = [_cannot_be_cleared(Fault("status", "is required"), patch)]
        self._check(wanted, faults + status_faults)
        status = update.status or before.status
        accounts.check_status_change(before.status, status)
        customer = _render(wanted, before.id, status, before.reseller_id)
        changes = accounts.changes(to_builtins(before), to_builtins(customer))
        logins: list[AdministratorLogin] | None = None
        if "contactPersons" in patch:
            old = {login.position: login for login in await self._store.logins(record.reseller_id, record.id)}
            stays = accounts.staying(before.contact_persons, customer.contact_persons)
            kept = {new: old[position] for new, position in stays.items() if position in old}
            logins = await self._logins(wanted.contact_persons, kept, digests)
            changes |= _changed_logins(kept, logins)
        if not changes:
            return None
        return Change(
            reseller_id=record.reseller_id,
            id=record.id,
            version=record.version,
            customer=customer,
            logins=logins,
            event="customer.updated",
            changes=changes,
            origin=origin,
            at=self._now(),
        )

    def _check(self, wanted: NewCustomer, faults: list[Fault]) -> None:
        """Refuse the body for `faults` and for passwords that are too weak for this platform."""
        persons = wanted.contact_persons if isinstance(wanted.contact_persons, list) else []
        for position, person in enumerate(persons):
            password = person.password if isinstance(person, NewContactPerson) else None
            if isinstance(password, str) and (message := self._passwords.fault(password)):
                faults.append(Fault(f"contactPersons[{position}].password", message))
        if faults:
            refuse(faults)

    async def _logins(
        self, persons: Sequence[NewContactPerson], kept: dict[int, AdministratorLogin], digests: dict[int, str]
    ) -> list[AdministratorLogin]:
        """A login for each administrator: the one given, else the one kept for his position, else a new one.

        digests: of the passwords in this request, by position; they take long, so a second attempt finds them here.
        """
        logins = []
        for position, person in enumerate(persons):
            if person.type != "admin":
                continue
            before = kept.get(position)
            login = person.login or (before.login if before else new_login(self._now()))
            digest = before.password_hash if before else None
            if person.password is not None:
                if position not in digests:
                    digests[position] = await self._passwords.hash(person.password)
                digest = digests[position]
            logins.append(AdministratorLogin(position, login, digest))
        _check_different(logins)
        return logins

    async def _find(self, actor: Actor, customer_id: str) -> Record:
        number = _account_id(customer_id)
        if number is not None:
            owner = await self._owner_below(actor, number)
            if owner is not None:
                record = await self._store.customer(owner, number)
                if record:
                    return record
        raise _unknown(number)

    async def _owner_below(self, actor: Actor, number: int) -> int | None:
        """The reseller that the customer belongs to, if the actor reaches it."""
        owner = await self._store.owner(number)
        if owner is None or not await self._store.is_within(owner, actor.account_id):
            return None
        return owner

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _check_different(logins: Sequence[AdministratorLogin]) -> None:
    """One person may be given the login that another one keeps. Raises Problem (CONFLICT)."""
    seen: set[str] = set()
    for login in logins:
        if login.login.lower() in seen:
            refuse(
                [Fault(f"contactPersons[{login.position}].login", "is that of another contact person; choose another")],
                Code.CONFLICT,
            )
        seen.add(login.login.lower())


def _cannot_be_cleared(fault: Fault, patch: dict[str, Any]) -> Fault:
    """What a missing member is told when it is a null of this very patch that would take it away."""
    value: Any = patch
    for name in fault.field.split("."):
        value = value.get(name, UNSET) if isinstance(value, dict) else UNSET
    if value is None and fault.message == "is required":
        return Fault(fault.field, "cannot be cleared; leave it out to keep it")
    return fault


def _account_id(text: str) -> int | None:
    """The number of an account id, None for anything that the platform never gave."""
    if len(text) <= LONGEST_ID and text.isascii() and text.isdigit() and text[0] != "0":
        return int(text)
    return None


def _unknown(number: int | None) -> Problem:
    return not_found("there is no customer with this id" if number is None else f"there is no customer {number}")


def _render(wanted: NewCustomer, customer_id: str, status: accounts.Status, reseller_id: str) -> Customer:
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


def _changed_logins(
    kept: dict[int, AdministratorLogin], new: list[AdministratorLogin]
) -> dict[str, tuple[object, object]]:
    """Which logins and passwords changed, without showing any: path → (before, after)."""
    hidden = accounts.NEVER_SHOWN
    changes: dict[str, tuple[object, object]] = {}
    for login in new:
        before = kept.get(login.position)
        path = f"contactPersons[{login.position}]"
        if not before or before.login != login.login:
            changes[f"{path}.login"] = (hidden if before else None, hidden)
        if login.password_hash != (before.password_hash if before else None):
            changes[f"{path}.password"] = (hidden if before and before.password_hash else None, hidden)
    return changes
