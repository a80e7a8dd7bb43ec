"""The promises that every store keeps. `tests/store/` holds each of them against each store.

For all methods:
- A write is one transaction that holds the row, its event and its counters. When it returns, the write is on disk;
  when it raises, nothing of it is left. One write's conflict never fails another's.
- `Problem(UNAVAILABLE)` is raised when the database cannot be reached or written in time. Then nothing was written;
  only where the connection broke after a write was sent nobody can know, as with any database over a network.
- Every method that reads or writes what belongs to a reseller is told which one, and sees nothing else.
- Times are milliseconds since 1970 in UTC, handed in by the caller. Ids are whole numbers of at most 63 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from msgspec import Struct

from emporion.credentials import Role
from emporion.errors import Fault
from emporion.events import Source
from emporion.limits import UNLIMITED, Limit
from emporion.spreadsheets import Format, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from emporion.accounts import Customer, Reseller, Status
    from emporion.credentials import SigningKey
    from emporion.events import Changes, Event, EventType, NewEvent, Origin, Subject
    from emporion.store.tables import Part, Row, Table


# The longest page without a filter for which nobody queues.
SHORT_PAGE = 20
# How many long reads of one account may wait.
MOST_WAITING = 128
# The most bytes that a page of whole customers has, and the longest page that cannot have more.
LARGEST_PAGE = 32 << 20
SMALL_PAGE = 64
# Milliseconds within which the content of an import has arrived: until then it is a file on this machine.
LONGEST_ARRIVAL = 600_000
# Milliseconds for which somebody has an import at most, with what clocks of several nodes may differ.
LONGEST_HOLD = 60_000


class Platform(Struct, frozen=True):
    """What holds for the whole platform. sandbox: its credentials are public."""

    sandbox: bool


class Once(Struct, frozen=True):
    """What makes a request that is sent twice be done once (draft-ietf-httpapi-idempotency-key-header).

    key: 64 hexadecimal digits for who asks for what under which Idempotency-Key. fingerprint: 32 bytes for what was
    sent. since: answers given before this time are forgotten.
    """

    key: str
    fingerprint: bytes
    since: int


class NewResellerRecord(Struct, frozen=True):
    """A reseller to be added under `parent_id`, None for the provider.

    account: its `id` and `reseller_id` are not read, the store gives them. id: None lets the store choose the next.
    changes: as in `NewEvent`.
    """

    parent_id: int | None
    account: Reseller
    logins: Sequence[AdministratorLogin]
    origin: Origin
    at: int
    id: int | None = None
    once: Once | None = None
    changes: Changes = {}


class User(Struct, frozen=True):
    """An API user. Its login is unique on the whole platform, whatever its case.

    version: of its credentials; tokens that were given for another one are over. used_at: when it last got a token.
    """

    login: str
    reseller_id: int
    marketplace: str
    password_hash: str
    role: Role = "owner"
    version: int = 1
    created_at: int = 0
    used_at: int | None = None
    disabled_at: int | None = None


class SubscriptionKey(Struct, frozen=True):
    """A subscription key. api_version: the contract version it is pinned to, if any."""

    digest: bytes
    reseller_id: int
    api_version: str | None = None
    name: str = ""
    limit: Limit = UNLIMITED
    created_at: int = 0
    used_at: int | None = None
    revoked_at: int | None = None

    @property
    def id(self) -> str:
        """What people call it by, since the key itself is shown only once."""
        return self.digest.hex()[:12]


class Client(Struct, frozen=True):
    """An OAuth client of a reseller; its id is unique within the realm. version: as in `User`."""

    realm: str
    id: str
    reseller_id: int
    secret_digest: bytes
    role: Role = "owner"
    name: str = ""
    version: int = 1
    created_at: int = 0
    used_at: int | None = None
    disabled_at: int | None = None

    @property
    def user(self) -> str:
        """What it is called where a user's login would stand; no login has a colon."""
        return f"client:{self.realm}/{self.id}"


class Uses(Struct, frozen=True):
    """Who came in at `at`: users by reseller and login, keys by digest, clients by realm and id."""

    at: int
    users: Sequence[tuple[int, str]] = ()
    keys: Sequence[bytes] = ()
    clients: Sequence[tuple[str, str]] = ()


class Failures(Struct, frozen=True):
    """How often somebody failed to sign in. good_at: when it last went well, if it ever did."""

    count: int = 0
    last_at: int = 0
    good_at: int | None = None


class Administrator(Struct, frozen=True):
    """Who enters a customer's control panel. position: of the contact person within the customer, from 0."""

    login: str
    reseller_id: int
    customer_id: int
    position: int
    password_hash: str | None


class Session(Struct, frozen=True):
    """Somebody who signed in to the console, or to a control panel where there is a customer_id.

    digest: SHA-256 of the secret that his browser keeps. proof: of the credentials that he had then, SHA-256; with
    others the session is over. used_at: when it was last seen, to some minutes. address: of the network.
    agent: how his browser names itself. ended_at: when it was ended before its time.
    """

    digest: bytes
    login: str
    reseller_id: int
    customer_id: int | None
    proof: bytes
    created_at: int
    used_at: int
    ends_at: int
    address: str | None = None
    agent: str = ""
    ended_at: int | None = None

    @property
    def id(self) -> str:
        """What it is called by in pages."""
        return self.digest.hex()[:12]


class Link(Struct, frozen=True):
    """A one-time link by which an administrator sets a password. digest: SHA-256 of the secret in it."""

    digest: bytes
    login: str
    reseller_id: int
    customer_id: int
    created_at: int
    ends_at: int
    used_at: int | None = None


class Usage(Struct, frozen=True):
    """What came with a subscription key within a day, or was refused without a known one.

    key: its id, "" where it is not known. day: since 1970 in UTC. refusals: how many of the requests, and of the tries
    to sign in, were refused.
    """

    reseller_id: int
    key: str
    day: int
    requests: int = 0
    refusals: int = 0


class Counts(Struct, frozen=True):
    """Customers in numbers. by_status: each status that occurs. by_day: how many were created on which day."""

    by_status: dict[Status, int]
    by_day: dict[int, int]


class AdministratorLogin(Struct, frozen=True):
    """What an administrator signs in with. position: of the contact person within the customer, from 0."""

    position: int
    login: str
    password_hash: str | None


class NewRecord(Struct, frozen=True):
    """A customer to be added. Its `customer.id` is not read: the store gives it. changes: as in `NewEvent`."""

    reseller_id: int
    customer: Customer
    logins: Sequence[AdministratorLogin]
    origin: Origin
    at: int
    once: Once | None = None
    changes: Changes = {}


class Record(Struct, frozen=True):
    """A customer or reseller as it is kept.

    reseller_id: the owner of a customer; a reseller is kept under its own id. version: 1, then one more with each
    change. document: its public JSON. replayed: it is what the same request was answered before.
    """

    reseller_id: int
    id: int
    version: int
    document: bytes
    replayed: bool = False


class Found(Struct, frozen=True):
    """What is read most: an account's public JSON and its version."""

    document: bytes
    version: int


class Change(Struct, frozen=True):
    """A customer's new state, which holds only if its version is still `version`.

    logins: all of the customer's logins from now on, or None where they stay.
    changes: as in `Event`.
    """

    reseller_id: int
    id: int
    version: int
    customer: Customer
    logins: Sequence[AdministratorLogin] | None
    event: EventType
    changes: Changes
    origin: Origin
    at: int


class ResellerChange(Struct, frozen=True):
    """A reseller's new state, which holds only if its version is still `version`. logins, changes: as in `Change`."""

    id: int
    version: int
    account: Reseller
    logins: Sequence[AdministratorLogin] | None
    event: EventType
    changes: Changes
    origin: Origin
    at: int


ImportState = Literal["arriving", "checking", "checked", "running", "done", "refused", "cancelled"]
# Of an import of which nothing more will become.
OVER: frozenset[ImportState] = frozenset({"done", "refused", "cancelled"})


class Import(Struct, frozen=True):
    """An import of customers from a file into a reseller, and how far it has come.

    account_id, user, source, role, address: who lets it in, as in an Actor. stored: its content is kept here, until it
    is over. size, digest: of the content, in bytes, and its SHA-256. state: it arrives, is checked, waits for a person,
    writes, and is done; or is refused as a whole (`refusal` says why), or cancelled. at: how far the present state has
    come. total, faulty: rows, and those with faults, by the check. created, changed, unchanged, rejected: what became
    of the rows. headers, delimiter: of CSV. notes: what whoever sent it should know. newest: the highest id of a
    customer when it began. holder: the process that is at it. let_in: it was.
    """

    id: str
    reseller_id: int
    account_id: int
    user: str
    source: Source
    role: Role
    file_name: str
    format: Format
    state: ImportState
    stored: bool
    created_at: int
    address: str | None = None
    size: int = 0
    digest: bytes = b""
    at: Place = Place()
    total: int = 0
    faulty: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    headers: tuple[str, ...] = ()
    delimiter: str = ","
    notes: tuple[str, ...] = ()
    refusal: str | None = None
    newest: int = 0
    holder: str = ""
    updated_at: int = 0
    let_in: bool = False

    @property
    def may_have_written(self) -> bool:
        """Whether rows may be written, of which the last ones may not be counted yet."""
        # An older program has not kept whether it let one in.
        return self.let_in or self.state in ("running", "done") or self.created + self.changed > 0


class FaultyRow(Struct, frozen=True):
    """A row of an import that is faulty or was refused. number, line: from 1. kept: as `spreadsheets.Row.kept`."""

    number: int
    line: int
    faults: Sequence[Fault]
    kept: bytes | None = None


class Walked(NamedTuple):
    """A customer as a walk meets it."""

    ordinal: int
    document: bytes


class Filter(Struct, frozen=True):
    """Which accounts of a list are wanted; filters combine with and.

    name: folded, is part of the folded name. email: folded, is that of a contact person. external_id: is equal.
    status: is equal; only lists of customers know it.
    """

    name: str | None = None
    email: str | None = None
    external_id: str | None = None
    status: Status | None = None


class Listing(Struct, frozen=True):
    """A part of a list and the size of the whole. data: a JSON array of documents, newest first."""

    data: bytes
    total: int


class Child(NamedTuple):
    """A reseller right below another one: its public JSON, and how many stand below it at any depth."""

    document: bytes
    below: int


class Children(NamedTuple):
    """A part of those right below a reseller, and how many there are in all."""

    children: list[Child]
    total: int


class Ahead(NamedTuple):
    """Whether there are events that a reader has not read. end: the last position that was given."""

    is_more: bool
    end: int


class Entry(NamedTuple):
    """An event and its position among all of the platform, by which readers know how far they are."""

    position: int
    event: Event


class Store(Protocol):
    """A platform's memory."""

    async def migrate(self) -> list[str]:
        """Bring the schema up to date, before `open`; what was done, in words.

        However many start at once, each migration runs once and whole. Raises Problem (UNAVAILABLE) if the database
        cannot be reached or was made by a newer Emporion.
        """

    async def open(self) -> None:
        """Make ready. Raises Problem (UNAVAILABLE) if there is no database or its schema is not up to date."""

    def stop(self) -> None:
        """Refuse those whose long reads wait for their turn, since the server stops."""

    async def close(self) -> None:
        """Finish the writes under way, then let go of everything. May be called twice."""

    # The platform

    async def found(
        self,
        platform: Platform,
        provider: NewResellerRecord,
        reseller: NewResellerRecord,
        user: User,
        key: SubscriptionKey,
        events: Sequence[NewEvent] = (),
    ) -> None:
        """Make the platform with its first accounts, all or nothing; both resellers' logs begin with their creation.

        events: what follows in the logs.

        Raises Problem (CONFLICT) if there is one already.
        """

    async def platform(self) -> Platform | None:
        """The platform, or None before it was founded."""

    async def signing_keys(self) -> list[SigningKey]:
        """The keys that sign tokens or have signed them, newest first (by created_at, then id)."""

    async def add_signing_key(self, key: SigningKey, until: int, event: NewEvent) -> None:
        """Let a new key sign from now on; those that sign until now end at `until`."""

    async def end_signing_key(self, key_id: str, at: int, event: NewEvent) -> bool:
        """Let the tokens of a key end at `at`; whether there is such a key."""

    # Resellers

    async def add_reseller(self, new: NewResellerRecord) -> Record:
        """Add a reseller, and `reseller.created` as the first event of its log.

        Raises Problem (NOT_FOUND) if there is no such parent, (CONFLICT) as `add_customer` does; an external id is
        unique among those with the same parent. `new.once` is kept under the parent.
        """

    async def change_reseller(self, change: ResellerChange) -> Record | None:
        """Put a reseller into its new state; its record, or None if it has moved on from its version.

        Raises Problem (CONFLICT) as `add_reseller` does; then nothing has changed. Where its status begins or ends
        to shut (`accounts.SHUT`), that holds for all below it, too, when this returns.
        """

    async def reseller(self, reseller_id: int) -> Record | None:
        """The reseller."""

    async def resellers(self, root_id: int, wanted: Filter, offset: int, limit: int) -> Listing:
        """The reseller `root_id` and all below it, whole: `limit` of them after `offset`, by descending id."""

    async def children(self, parent_id: int, offset: int, limit: int) -> Children:
        """The resellers right below another one: `limit` of them after `offset`, by descending id."""

    async def waiting_resellers(self, limit: int) -> list[Record]:
        """Up to `limit` pending resellers of the whole platform, oldest first."""

    async def is_within(self, reseller_id: int, root_id: int) -> bool:
        """Whether the reseller is `root_id` or stands below it, at any depth; by one look-up."""

    async def is_shut(self, reseller_id: int) -> bool:
        """Whether the reseller or one above it has a status in `accounts.SHUT`; by one look-up. True if unknown."""

    # Who gets in

    async def add_user(self, user: User, event: NewEvent) -> None:
        """Add an API user. Raises Problem (CONFLICT) if the login is taken, (NOT_FOUND) without such a reseller."""

    async def change_user(self, user: User, version: int, event: NewEvent) -> bool:
        """Put a user's role, marketplace, password, version and disabling into effect, if its version is still
        `version`; whether it was."""

    async def user(self, login: str) -> User | None:
        """The API user with this login, whatever its case; never a customer's administrator."""

    async def users(self, reseller_id: int) -> list[User]:
        """The reseller's users, by login."""

    async def add_key(self, key: SubscriptionKey, event: NewEvent) -> None:
        """Add a subscription key. Raises Problem (NOT_FOUND) if there is no such reseller."""

    async def change_key(self, key: SubscriptionKey, event: NewEvent) -> None:
        """Put a key's name, limits, pinned version and revocation into effect; what is revoked stays so."""

    async def key(self, digest: bytes) -> SubscriptionKey | None:
        """The subscription key with this digest, also if it is revoked."""

    async def keys(self, reseller_id: int) -> list[SubscriptionKey]:
        """The reseller's keys, oldest first (by created_at, then digest)."""

    async def add_client(self, client: Client, event: NewEvent) -> None:
        """Add a client. Raises Problem (CONFLICT) if the realm has its id, (NOT_FOUND) if there is no such reseller."""

    async def change_client(self, client: Client, version: int, event: NewEvent) -> bool:
        """Put a client's name, role, secret, version and disabling into effect, if its version is still `version`;
        whether it was."""

    async def client(self, realm: str, client_id: str) -> Client | None:
        """The client, also if it is disabled."""

    async def clients(self, reseller_id: int) -> list[Client]:
        """The reseller's clients, by realm and id."""

    async def note_uses(self, uses: Uses) -> None:
        """Keep when somebody last came in; a time before the one that is kept changes nothing."""

    async def failures(self, subjects: Sequence[bytes]) -> list[Failures]:
        """What is kept of each of `subjects`, in their order."""

    async def note_failure(self, subjects: Sequence[bytes], at: int, since: int) -> None:
        """Count one more failure for each; those whose last one was before `since` begin at one again."""

    async def note_success(self, subject: bytes, at: int) -> None:
        """Forget the subject's failures, and keep that it went well at `at`."""

    async def forget_failures(self, before: int, good_before: int, limit: int) -> int:
        """Remove up to `limit` subjects of which nothing was kept since `before`, and no success since `good_before`;
        how many there were.
        """

    # Sessions of people

    async def add_session(self, session: Session) -> None:
        """Keep a session."""

    async def session(self, digest: bytes) -> Session | None:
        """The session with this digest, also if it is over."""

    async def sessions(self, login: str, limit: int) -> list[Session]:
        """The last sessions of a login, whatever its case, newest first (by created_at, then digest)."""

    async def use_session(self, digest: bytes, at: int) -> None:
        """Keep when a session was last seen; a time before the one that is kept changes nothing."""

    async def end_sessions(self, login: str, digests: Sequence[bytes], at: int) -> int:
        """End those of the login's sessions that have one of the digests and have not ended; how many there were."""

    async def end_other_sessions(self, login: str, digest: bytes, at: int) -> int:
        """End all sessions of the login but the one with the digest; how many had not ended."""

    async def forget_sessions(self, before: int, limit: int) -> int:
        """Remove up to `limit` sessions that began before `before` and whose time is over; how many there were."""

    async def administrator(self, login: str) -> Administrator | None:
        """The administrator of a customer with this login, whatever its case; never an API user, never a reseller's."""

    async def administrators(self, email: str, limit: int) -> list[Administrator]:
        """Up to `limit` administrators of customers of the whole platform whose folded e-mail address this is.

        Those of one customer who share the address are all given; by customer and position. None at all are given
        where more than 64 customers have the address.
        """

    async def set_password(self, before: Administrator, password_hash: str, event: NewEvent) -> bool:
        """Give an administrator another password, if he is still as `before` has him; whether he was."""

    async def add_link(self, link: Link, event: NewEvent) -> None:
        """Keep a one-time link; those that the login has had until now are of no more use."""

    async def link(self, digest: bytes) -> Link | None:
        """The link with this digest, also if it was used or is over; None once another one took its place."""

    async def use_link(self, link: Link, password_hash: str, at: int, event: NewEvent) -> bool:
        """Give the administrator of a link its password, once; whether it could be.

        It cannot if the link was used, has ended by `at` or was replaced, or if the login is no more that customer's.
        """

    async def forget_links(self, before: int, limit: int) -> int:
        """Remove up to `limit` links that ended before `before`; how many there were."""

    # Numbers

    async def note_usage(self, usage: Sequence[Usage]) -> None:
        """Add to what is kept of each reseller, key and day."""

    async def usage(self, root_id: int, since: int, key: str | None = None) -> list[Usage]:
        """What is kept of the reseller `root_id` and of all below it from the day `since` on, by day.

        One entry a day, with the reseller `root_id` and the key "", that sums up all; or, with `key`, what came with
        this key of the reseller `root_id` itself.
        """

    async def forget_usage(self, before: int, limit: int) -> int:
        """Remove up to `limit` entries of days before the day `before`; how many there were."""

    async def counts(self, root_id: int, since: int) -> Counts:
        """The customers of the reseller `root_id` and of all below it; by_day from the day `since` on.

        Exact, and costs no more with a million customers than with ten.
        """

    # Customers

    async def add_customer(self, new: NewRecord) -> Record:
        """Add a customer under the next id and the reseller's next ordinal.

        Ids increase on the whole platform, from 1000001 on a new one. Ordinals are 1, 2, 3… within the reseller,
        without gaps, in the order of ids. Raises Problem (CONFLICT) with a fault for each that is taken: at
        `externalId`, whose message gives the id of the customer that has it, and at `contactPersons[N].login`.
        Where a request with the same `new.once.key` was answered since `new.once.since`, that answer is given again
        and nothing is added; Problem (REUSED) is raised if its fingerprint is another one.
        """

    async def change_customer(self, change: Change) -> Record | None:
        """Put a customer into its new state; its record, or None if it has moved on from its version.

        Raises Problem (CONFLICT) as `add_customer` does; then nothing has changed.
        """

    async def verify(self, limit: int, verified: Callable[[Record], Change]) -> int:
        """Put up to `limit` pending customers of the whole platform into the state that `verified` gives for each.

        The oldest come first, and no two callers get the same customer at a time. How many there were; those of a
        reseller whose writes must wait are left for later.
        """

    async def waiting(self) -> int:
        """How many customers of the whole platform are pending."""

    async def owner(self, customer_id: int) -> int | None:
        """The reseller that the customer belongs to."""

    async def document(self, reseller_id: int, customer_id: int) -> Found | None:
        """The public JSON and the version of the reseller's customer."""

    async def customer(self, reseller_id: int, customer_id: int) -> Record | None:
        """The reseller's customer."""

    async def logins(self, reseller_id: int, account_id: int) -> list[AdministratorLogin]:
        """The logins of the administrators of a customer, or of the reseller itself, by position."""

    async def given(self, reseller_id: int, once: Once) -> Record | None:
        """What the same request was answered before, of those kept under a reseller.

        Raises Problem (REUSED) if it was another request. Whether it is done now is decided where it is done.
        """

    async def forget_answers(self, before: int, limit: int) -> int:
        """Remove up to `limit` answers, of whatever request, that were given before `before`; how many there were."""

    async def customers(self, root_id: int, wanted: Filter, offset: int, limit: int, *, whole: bool) -> Listing:
        """The customers of the reseller `root_id` and of all below it: `limit` of them after `offset`.

        Newest first, which is by descending id. The total is exact and belongs to the same moment as the items.
        whole: items are whole documents, else summaries (id, externalId, name, status). Raises Problem (INVALID) at
        `limit` if they have more than LARGEST_PAGE bytes.
        """

    async def walk(self, reseller_id: int, after: int, limit: int) -> list[Walked]:
        """Up to `limit` of the reseller's own customers with an ordinal above `after`, oldest first.

        Whoever goes on after the last ordinal meets each customer once, and misses none, while others are added.
        """

    async def holders(self, reseller_id: int, external_ids: Sequence[str]) -> dict[str, Record]:
        """Those of the reseller's own customers that have one of the external ids, by these."""

    # Imports

    async def add_import(self, new: Import, until: int, most: int | None = None) -> bool:
        """Keep an import, which its holder has until `until`; whether it was.

        most: how many of its reseller, of those whose content is here and that are not over, there may be then; one
        that is still to arrive after LONGEST_ARRIVAL counts no more.
        """

    async def add_part(self, to: Import, number: int, content: bytes) -> bool:
        """Keep a part of the content of an import if it is still to arrive; whether it was. Numbers are 0, 1, 2…"""

    async def part(self, of: Import, number: int) -> bytes | None:
        """A part of its content."""

    async def an_import(self, import_id: str) -> Import | None:
        """The import with this id."""

    async def imports(self, root_id: int, limit: int) -> list[Import]:
        """The last imports of the reseller `root_id` and of all below it, newest first (by created_at, then id)."""

    async def arriving(self, before: int, limit: int) -> list[Import]:
        """Up to `limit` imports of the whole platform that are still to arrive, began before `before`; oldest first."""

    async def import_to_do(self, holder: str, now: int) -> str | None:
        """The id of an import of the whole platform that is stored, not over and not waiting for a person, and that
        only `holder` has, if anybody has it at `now`: the one whose last hold ended first, then the oldest.
        """

    async def hold_import(self, import_id: str, holder: str, now: int, until: int) -> bool:
        """Let `holder` have an import until `until`, unless somebody else has it at `now`; whether he has it.

        All times are milliseconds since 1970. Nobody has it until a time that is more than LONGEST_HOLD after `now`:
        that is of a clock which was ahead. now: 0 if nobody else is to lose it.
        """

    async def change_import(
        self,
        changed: Import,
        before: Import,
        faulty: Sequence[FaultyRow] = (),
        *,
        anew: bool = False,
        until: int | None = None,
    ) -> bool:
        """Put an import into its new state if it still has the state and the holder of `before`; whether it was.

        faulty: rows to be kept, besides those that are or, with `anew`, in their place. until: how long its holder has
        it from now on. The content of one that is over goes.
        """

    async def faulty_rows(self, of: Import, after: int, limit: int) -> list[FaultyRow]:
        """Up to `limit` of its faulty rows with a number above `after`, in order."""

    async def forget_imports(self, before: int, limit: int) -> int:
        """Remove up to `limit` imports, with all that belongs to them, that began before `before`; how many."""

    # Events

    async def add_events(self, events: Sequence[NewEvent]) -> None:
        """Put events into their resellers' logs, in their order; what names no reseller is left out."""

    async def events(self, reseller_id: int, after: int, limit: int) -> list[Event]:
        """The reseller's events with a sequence above `after`, in order."""

    async def account_events(self, reseller_id: int, account_id: int, after: int, limit: int) -> list[Event]:
        """The same, of those about one account."""

    async def last_account_events(self, reseller_id: int, account_id: int, before: int, limit: int) -> list[Event]:
        """The events about one account with a sequence below `before`, newest first."""

    async def last_subject_events(self, reseller_id: int, subject: Subject, before: int, limit: int) -> list[Event]:
        """The events of a reseller's log about something other than an account, with a sequence below `before`, newest
        first."""

    async def written(self, root_id: int) -> int:
        """How far the logs of a reseller and of all below it go: the sum of their sequences."""

    async def feed(self, root_id: int, after: int, limit: int) -> list[Entry]:
        """The events of a reseller and of all below it with a position above `after`, by position.

        Positions are 1, 2, 3… on the whole platform. An event gets its own when it is read here for the first time,
        after it was committed and under one lock; so whoever has read up to a position has missed none below it.
        Events of one reseller have theirs in the order of their sequences.
        """

    async def look_ahead(self, root_id: int, after: int) -> Ahead:
        """Whether `feed` has anything above a position now, and the last position that was given; it writes nothing."""

    async def subject_feed(self, root_id: int, subject: Subject, after: int, limit: int) -> list[Entry]:
        """Those of `feed` that are about `subject`; none where it belongs to no reseller below `root_id`."""

    async def feed_end(self) -> int:
        """The last position that was given."""

    # Copies

    async def count(self, table: Table) -> int:
        """How many rows the table has."""

    async def dump(self, table: Table, after: str | None, limit: int) -> Part:
        """Up to `limit` rows of a table, in an order of the store's own, that come after a part that ended there.

        A table that is not long is given whole.
        """

    async def load(self, table: Table, rows: Sequence[Row], after: str, count: int) -> None:
        """Put in rows that another store has dumped, and note in the same transaction how far it has come.

        after, count: what `copied` is to give for this table from now on.
        """

    async def copied(self) -> dict[str, tuple[str, int]]:
        """How far an unfinished copy into this store has come, by the tables' names."""
