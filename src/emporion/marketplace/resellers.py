"""Resellers: found, created, changed, held and released, by those above them (contract: Resellers)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs, to_builtins

from emporion.accounts.contacts import matching_administrators
from emporion.accounts.documents import diff
from emporion.accounts.ids import account_number
from emporion.accounts.queries import AccountQuery
from emporion.accounts.resellers import NewReseller, Reseller
from emporion.accounts.statuses import Status, check_status_change
from emporion.errors import AccessDenied, Code, Problem, not_found
from emporion.events import Origin
from emporion.marketplace.actors import check_reach
from emporion.marketplace.administrators import Administrators, Digests, changed_logins, created, kept_logins
from emporion.marketplace.customers import DEFAULT_LANGUAGE, ListPage, filter_of, with_reason
from emporion.marketplace.patches import ATTEMPTS, check_expected, keep_spellings, patched, too_busy
from emporion.paging import LARGEST_PAGE, Pagination
from emporion.store.customers import VersionedDocument
from emporion.store.idempotency import IdempotentRequest
from emporion.store.records import Record
from emporion.store.resellers import NewResellerRecord, ResellerChange
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.marketplace.actors import Actor
    from emporion.store.administrators import Administrator, AdministratorLogin
    from emporion.store.base import Store
    from emporion.store.resellers import Children

# What an account may not change of itself: those above it set it. The external id is theirs, and a taken one would tell
# of those beside it.
SET_FROM_ABOVE = ("status", "currency", "externalId")
# How many resellers are verified in one go.
VERIFIED_AT_ONCE = 32

decode = msgspec.json.Decoder(Reseller).decode


class Resellers:
    """The resellers of the platform, for an actor who reaches some of them. clock: seconds since 1970."""

    def __init__(self, store: Store, administrators: Administrators, clock: Callable[[], float]) -> None:
        self._store = store
        self._administrators = administrators
        self._clock = clock

    async def reached(self, actor: Actor, reseller_id: str) -> int:
        """The number of a reseller that the actor reaches: the actor's own account or one below it.

        Raises Problem (NOT_FOUND) for any other.
        """
        number = account_number(reseller_id)
        if number is None or not await self._store.resellers.is_within(number, actor.account_id):
            raise _unknown(number)
        return number

    async def find(self, actor: Actor, reseller_id: str) -> VersionedDocument:
        """The reseller's public JSON and its version. Raises Problem (NOT_FOUND) if the actor reaches no such one."""
        record = await self._find(actor, reseller_id)
        return VersionedDocument(record.document, record.version)

    async def above(self, administrator: Administrator) -> Reseller:
        """The reseller to which the customer of an administrator belongs. Raises Problem (NOT_FOUND)."""
        record = await self._store.resellers.get(administrator.reseller_id)
        if not record:
            raise _unknown(administrator.reseller_id)
        return decode(record.document)

    async def page(self, actor: Actor, query: AccountQuery, root_id: int | None = None) -> ListPage:
        """A reseller and all below it, newest first. root_id: one that the actor reaches, or else its own account."""
        limit = min(query.limit, LARGEST_PAGE)
        root = actor.account_id if root_id is None else root_id
        listing = await self._store.resellers.page(root, filter_of(query), query.offset, limit)
        return ListPage(msgspec.Raw(listing.data), Pagination(query.offset, limit, listing.total))

    async def children(self, actor: Actor, parent_id: int, offset: int, limit: int) -> Children:
        """Those right below a reseller, newest first. Raises Problem (NOT_FOUND) if the actor does not reach it."""
        await check_reach(self._store.resellers, actor, parent_id)
        return await self._store.resellers.children(parent_id, offset, limit)

    async def create(
        self, actor: Actor, body: dict[str, Any], once: IdempotentRequest | None = None, parent_id: int | None = None
    ) -> Record:
        """Create a reseller from a client's JSON object, right below `parent_id` or else the actor's account.

        parent_id: one that the actor reaches. Raises Problem (INVALID) with every fault of the body, (CONFLICT) for a
        taken `externalId` or login, and AccessDenied (FORBIDDEN) for who is not an owner.
        """
        actor.must_be("owner")
        above = actor.account_id if parent_id is None else parent_id
        if once and (kept := await self._store.idempotency.get(above, once)):
            return Record(int(kept.subject_id), int(kept.subject_id), 1, kept.document, replayed=True)
        wanted, faults = read(NewReseller, body)
        self._administrators.check(wanted, faults)
        account = _render(wanted, "", wanted.status or "pending", str(above))
        logins = await self._administrators.logins(actor.account_id, wanted.contact_persons, {}, {})
        changes = created(account, logins)
        return await self._store.resellers.add(
            NewResellerRecord(above, account, logins, actor.origin(), self._now(), once=once, changes=changes)
        )

    async def update(
        self,
        actor: Actor,
        reseller_id: str,
        patch: dict[str, Any],
        expected: Collection[int] | None = None,
        reason: str | None = None,
    ) -> Record:
        """Change a reseller by a JSON Merge Patch (RFC 7396); what it is afterwards.

        expected, reason: as for customers. Raises Problem (NOT_FOUND) if the actor reaches
        no such reseller, (INVALID) with every fault of the result, (PRECONDITION_FAILED) if it is in another version,
        (CONFLICT) for what is taken and for a status that cannot change that way, and AccessDenied (FORBIDDEN) for who
        is not an owner and for what only those above may change.
        """
        actor.must_be("owner")
        digests: Digests = {}
        for _ in range(ATTEMPTS):
            record = await self._find(actor, reseller_id)
            check_expected(record.version, expected)
            change = await self._change(record, patch, actor, digests)
            if change is None:
                return record
            changed = await self._store.resellers.update(with_reason(change, reason))
            if changed:
                return changed
        raise too_busy()

    async def verify_waiting(self) -> int:
        """Make pending resellers active, some at a time; how many were found waiting."""
        waiting = await self._store.resellers.pending(VERIFIED_AT_ONCE)
        for record in waiting:
            before = decode(record.document)
            # A change made meanwhile wins; the next look finds it again if it still waits.
            await self._store.resellers.update(
                ResellerChange(
                    id=record.id,
                    version=record.version,
                    account=structs.replace(before, status="active"),
                    logins=None,
                    event="reseller.verified",
                    changes={"status": (before.status, "active")},
                    origin=Origin(user=None, source="worker"),
                    at=self._now(),
                )
            )
        return len(waiting)

    async def _change(
        self, record: Record, patch: dict[str, Any], actor: Actor, digests: Digests
    ) -> ResellerChange | None:
        """What `patch` makes of the reseller, or None if it stays as it is."""
        before = decode(record.document)
        wanted, status, faults = patched(before, patch, NewReseller)
        self._administrators.check(wanted, faults)
        status = status or before.status
        account = keep_spellings(before, _render(wanted, before.id, status, before.reseller_id))
        changes = diff(to_builtins(before), to_builtins(account))
        if record.id == actor.account_id:
            _check_own(actor, changes)
        check_status_change(before.status, status, operator=actor.is_operator)
        logins: list[AdministratorLogin] | None = None
        if "contactPersons" in patch:
            old = await self._store.administrators.logins(record.id, record.id)
            kept = kept_logins(old, matching_administrators(before.contact_persons, account.contact_persons))
            logins = await self._administrators.logins(actor.account_id, wanted.contact_persons, kept, digests)
            changes |= changed_logins(kept, logins)
        if not changes:
            return None
        return ResellerChange(
            id=record.id,
            version=record.version,
            account=account,
            logins=logins,
            event="reseller.updated",
            changes=changes,
            origin=actor.origin(),
            at=self._now(),
        )

    async def _find(self, actor: Actor, reseller_id: str) -> Record:
        number = await self.reached(actor, reseller_id)
        record = await self._store.resellers.get(number)
        if not record:
            raise _unknown(number)
        return record

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _check_own(actor: Actor, changes: Collection[str]) -> None:
    for member in SET_FROM_ABOVE:
        if member in changes:
            raise AccessDenied(
                Code.FORBIDDEN,
                f"The {member} of your own account is set by the account above it.",
                actor.account_id,
                actor.user,
            )


def _unknown(number: int | None) -> Problem:
    return not_found("there is no reseller with this id" if number is None else f"there is no reseller {number}")


def _render(wanted: NewReseller, reseller_id: str, status: Status, parent_id: str | None) -> Reseller:
    """What is missing of a platform's first accounts is UNSET, and stays out."""
    return Reseller(
        id=reseller_id,
        external_id=wanted.external_id,
        attributes=wanted.attributes,
        name=wanted.name,
        tax_reg_id=wanted.tax_reg_id,
        status=status,
        address=wanted.address or None,
        contact_persons=[person.shown() for person in wanted.contact_persons or ()],
        language=wanted.language or DEFAULT_LANGUAGE,
        currency=wanted.currency or None,
        reseller_id=parent_id,
    )
