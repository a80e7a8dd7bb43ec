"""Who may see and do what, as plainly as it can be said: parents, owners, roles, statuses and versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Json = dict[str, Any]

ROLES = ("reader", "editor", "owner")
SHUT = ("adminHold", "cancelled")
CLOSED = ("cancelled", "error")
HIDDEN = "(hidden)"
MERGED = ("address", "attributes")


@dataclass(eq=False, repr=False)
class Account:
    """A customer of `owner`, or a reseller right below it. document: as GET by id gives it."""

    document: Json
    owner: Reseller | None
    mark: str = ""
    version: int = 1

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.id} of {self.owner.id if self.owner else 'none'}"

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def number(self) -> int:
        return int(self.id)

    @property
    def status(self) -> str:
        return str(self.document["status"])

    @property
    def log(self) -> Reseller:
        """In whose log stands what happens to it."""
        assert self.owner
        return self.owner


@dataclass(eq=False, repr=False)
class Reseller(Account):
    """A reseller. events: its log, of which the first has the sequence `before` + 1."""

    events: list[Event] = field(default_factory=list)
    before: int = 0

    @property
    def log(self) -> Reseller:
        return self

    @property
    def is_provider(self) -> bool:
        return self.owner is None


@dataclass(eq=False)
class Holder:
    """A user or an OAuth client. name: what the log calls it. id: what it signs in with."""

    kind: Literal["user", "client"]
    id: str
    name: str
    reseller: Reseller
    role: str
    secret: str
    version: int = 1
    disabled: bool = False


@dataclass(eq=False)
class Administrator:
    """The one administrator of a customer. login: None as long as it is unknown. secret: None without a password."""

    account: Account
    login: str | None = None
    secret: str | None = None

    @property
    def email(self) -> str:
        return str(self.account.document["contactPersons"][0]["email"])


@dataclass(eq=False)
class Session:
    """A cookie that was given for a password `secret`, when the credentials were in `version`, if of a user.

    ended: whether they have signed out.
    """

    cookie: str
    who: Holder | Administrator
    secret: str
    version: int = 0
    ended: bool = False


@dataclass(eq=False)
class Link:
    """A one-time link. over: whether it was used, or replaced by a newer one."""

    secret: str
    administrator: Administrator
    over: bool = False


@dataclass(eq=False)
class Import:
    """A file of one good customer and a faulty one, which `sender` has sent for `reseller`. mark: of the customer."""

    id: str
    reseller: Reseller
    sender: Holder
    file_name: str
    mark: str
    body: Json
    origin: Json = field(default_factory=dict)
    state: Literal["checking", "checked", "running", "done", "refused", "cancelled"] = "checking"


@dataclass(eq=False)
class Key:
    """A subscription key; id: what the log calls it. requests: how many came with it."""

    secret: str
    id: str
    reseller: Reseller
    api_version: str | None = None
    revoked: bool = False
    name: str = ""
    requests: int = 0
    version: int = 1


@dataclass(eq=False)
class Report:
    """A report, with what its owner was told of it."""

    owner: Reseller
    document: Json

    @property
    def id(self) -> str:
        return str(self.document["id"])


@dataclass(eq=False)
class Token:
    """A token that `holder` was given when its credentials were in `version`."""

    text: str
    holder: Holder
    version: int


class Refusal(NamedTuple):
    """A denied request. log: where it is written down. by, user: who it was, as far as that is known.

    victim: a user of another reseller whose login was tried; it is written down in that one's log as well.
    """

    status: int
    code: Literal["unauthenticated", "forbidden"]
    log: Reseller
    by: Reseller | None = None
    user: str | None = None
    victim: Holder | None = None


class Event(NamedTuple):
    """Something that happened to `account`. by: for whom acted who did it."""

    sequence: int
    type: str
    account: Account
    source: str
    by: Account | None = None
    user: str | None = None
    address: str | None = None
    correlation_id: str | None = None
    about: str | None = None
    changes: Json | None = None

    @property
    def subject(self) -> Json:
        """What it is about: of a user, key or client that stands in what is told."""
        kind = self.type.partition(".")[0]
        if self.about and kind in ("user", "key", "client", "report"):
            return {"type": kind, "id": self.about.partition(": ")[0].partition(" ")[2]}
        return {"type": "reseller" if isinstance(self.account, Reseller) else "customer", "id": self.account.id}

    def shown(self, root: Reseller) -> Json:
        """What a caller of `root` gets to see of it: of those above and beside only that they did it."""
        known = self.by is None or reaches(root, self.by)
        members = {
            "id": f"{self.account.log.id}-{self.sequence}",
            "type": self.type,
            "accountId": self.account.id,
            "resellerId": self.account.log.id,
            "subject": self.subject,
            "source": self.source,
            "actorId": self.by and self.by.id,
            "user": self.user if known else None,
            "address": self.address if known else None,
            "correlationId": self.correlation_id if known else None,
            "about": self.about,
            "changes": self.changes or None,
        }
        return {name: value for name, value in members.items() if value is not None}


class World:
    """All that there is. provider: what stands above all. background: by kind, how many others it has, too."""

    def __init__(self, provider: Reseller) -> None:
        self.provider = provider
        self.background: dict[str, int] = {}
        self.accounts: list[Account] = [provider]
        self.holders: list[Holder] = []
        self.administrators: list[Administrator] = []
        self.sessions: list[Session] = []
        self.links: list[Link] = []
        self.imports: list[Import] = []
        self.refusals: Counter[Reseller] = Counter()
        self.keys: list[Key] = []
        self.reports: list[Report] = []
        self.tokens: list[Token] = []
        self.logins: list[str] = []
        self.answers: dict[tuple[str, str, str], tuple[Json, bytes]] = {}

    @property
    def resellers(self) -> list[Reseller]:
        return [account for account in self.accounts if isinstance(account, Reseller)]

    @property
    def customers(self) -> list[Account]:
        return [account for account in self.accounts if not isinstance(account, Reseller)]

    def below(self, root: Account, accounts: list[Any]) -> list[Any]:
        """Those of `accounts` that `root` reaches, newest first."""
        return sorted((one for one in accounts if reaches(root, one)), key=lambda one: -one.number)

    def find(self, root: Reseller, accounts: list[Any], wanted: str) -> Any:
        """The one with this id, if `root` reaches it."""
        return next((one for one in self.below(root, accounts) if one.id == wanted), None)

    def refusal(self, key: Key | None, token: Token | None) -> Refusal | None:
        """Why a caller with this key and token is not let in, None if they are."""
        if key is None:
            return Refusal(401, "unauthenticated", self.provider)
        if key.revoked or token is None:
            return Refusal(401, "unauthenticated", key.reseller, key.reseller)
        holder = token.holder
        if holder.reseller is not key.reseller:
            return Refusal(403, "forbidden", key.reseller, key.reseller)
        if holder.disabled or holder.version != token.version:
            return unauthenticated(holder)
        return self.shut(holder)

    def refusal_of_login(self, user: Holder, password: str, place: Reseller) -> Refusal | None:
        """Why a user gets no token, None if they do. place: the reseller whose key or client they came with."""
        if user.disabled or user.secret != password:
            return wrong_login(user, place)
        if user.reseller is not place:
            return Refusal(403, "forbidden", place, place, victim=user)
        return self.shut(user)

    def is_open(self, session: Session) -> bool:
        """Whether it is good for a sign-in."""
        who = session.who
        is_over = isinstance(who, Holder) and (who.disabled or who.version != session.version)
        return not session.ended and not is_over and who.secret == session.secret

    def closed(self, who: Holder | Administrator) -> Refusal | None:
        """Why a user with the right password is not let in, None if they are."""
        if isinstance(who, Holder):
            return self.shut(who)
        owner = who.account.log
        if who.account.status in CLOSED or any(one.status in SHUT for one in upwards(owner)):
            return Refusal(403, "forbidden", owner, owner)
        return None

    def shut(self, holder: Holder) -> Refusal | None:
        """Whether the reseller or one above it is on hold or cancelled."""
        if any(one.status in SHUT for one in upwards(holder.reseller)):
            return Refusal(403, "forbidden", holder.reseller, holder.reseller, holder.name)
        return None

    def refusal_of_role(self, holder: Holder, needed: str) -> Refusal | None:
        """Why a user may not do what takes the role `needed`, None if they may."""
        if ROLES.index(holder.role) < ROLES.index(needed):
            return forbidden(holder)
        return None

    def is_taken(
        self, kind: type[Account], owner: Reseller | None, external_id: str | None, but: Account | None
    ) -> bool:
        """Whether another account of the same kind and owner has this external id."""
        return external_id is not None and any(
            one.owner is owner and one is not but and one.document.get("externalId") == external_id
            for one in self.accounts
            if isinstance(one, Reseller) == (kind is Reseller)
        )

    def note(self, account: Account, kind: str, **members: Any) -> None:
        """Put an event into the log that an account's stand in."""
        log = account.log
        log.events.append(Event(log.before + len(log.events) + 1, kind, account, **members))


def wrong_login(user: Holder, place: Reseller) -> Refusal:
    """Of a user who was tried with the key or client of `place`, whose log does not tell that there is one."""
    if user.reseller is place:
        return unauthenticated(user)
    return Refusal(401, "unauthenticated", place, place, victim=user)


def unauthenticated(holder: Holder) -> Refusal:
    """A user or client whose credentials are wrong or of no more use."""
    return Refusal(401, "unauthenticated", holder.reseller, holder.reseller, holder.name)


def forbidden(holder: Holder) -> Refusal:
    """A user or client who got in, but may not do this."""
    return Refusal(403, "forbidden", holder.reseller, holder.reseller, holder.name)


def upwards(account: Account) -> Iterator[Account]:
    """The account, its owner, the one above that, up to the provider."""
    one: Account | None = account
    while one:
        yield one
        one = one.owner


def reaches(root: Account, account: Account) -> bool:
    """Whether `account` is `root` or stands below it."""
    return root in upwards(account)


def may_become(before: str, after: str, *, operator: bool) -> bool:
    """Whether a status may change that way (contract: PATCH, Statuses)."""
    if before == after:
        return True
    if operator:
        return before != "cancelled" and after in ("active", "creditHold", *SHUT)
    return (before, after) in (("active", "creditHold"), ("creditHold", "active"), ("pending", "active"))


def created(body: Json, number: str, owner: Reseller) -> Json:
    """What a POST makes of its body."""
    members = ("externalId", "attributes", "name", "taxRegId", "address", "currency")
    persons = [{name: value for name, value in person.items() if name not in ("login", "password")}
               for person in body["contactPersons"]]  # fmt: skip
    return {
        "id": number,
        **{name: body[name] for name in members if name in body},
        "status": body.get("status", "pending"),
        "contactPersons": persons,
        "language": "en",
        "resellerId": owner.id,
    }


def patched(document: Json, patch: Json) -> Json:
    """What a PATCH makes of a document; whom an account belongs to, and its id, stay."""
    after = dict(document)
    for name, value in patch.items():
        if name in ("id", "resellerId"):
            continue
        if value is None:
            after.pop(name, None)
        else:
            after[name] = {**after.get(name, {}), **value} if name in MERGED else value
    return after


def changes(before: Json, after: Json) -> Json:
    """What the log says of the way from one document to the other."""
    old, new = dict(_flat(before)), dict(_flat(after))
    found = {}
    for path in {**old, **new}:
        if old.get(path) != new.get(path):
            found[path] = {name: side[path] for name, side in (("before", old), ("after", new)) if path in side}
    return found


def _flat(document: Json) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if name in MERGED:
            yield from ((f"{name}.{key}", item) for key, item in value.items())
        elif name not in ("id", "resellerId"):
            yield name, value


def summary(document: Json) -> Json:
    """What a list shows of a customer."""
    return {name: document[name] for name in ("id", "externalId", "name", "status") if name in document}


def matches(account: Account, filters: dict[str, str]) -> bool:
    """Whether a list with these filters has the account."""
    document = account.document
    emails = [person["email"].lower() for person in document.get("contactPersons", ())]
    return (
        filters.get("name", "").lower() in document["name"].lower()
        and ("email" not in filters or filters["email"].lower() in emails)
        and filters.get("externalId") in (None, document.get("externalId"))
        and filters.get("status") in (None, account.status)
    )
