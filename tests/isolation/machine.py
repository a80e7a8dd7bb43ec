"""A search for callers who see or do what they may not: random ones, whose answers are held against the model."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from hypothesis import event, note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from msgspec import structs

from emporion.accounts.ids import PROVIDER_ID
from emporion.limits import UNLIMITED
from emporion.marketplace.actors import Actor
from emporion.marketplace.subscription_keys import NewKey
from emporion.marketplace.users import NewUser
from emporion.store.reports import MOST_UNFINISHED, REPORTS
from tests.isolation import model
from tests.isolation.application import Answer, Application, basic
from tests.isolation.model import (
    HIDDEN,
    ROLES,
    Account,
    Administrator,
    Holder,
    Json,
    Key,
    Refusal,
    Reseller,
    Token,
    World,
    changes,
    matches,
    reaches,
)

# Every account has a mark of its own in all that is said of it, and every secret begins with the same word.
MARK = re.compile(r"mark\.(\d+)\.")
MARKS = re.compile(r"mark\.\d+\.x")
SECRET = "secretly"
IDS = re.compile(r"\b\d{6,9}\b")
# Random ids, which may have such digits in them.
UUIDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
REALM = "shared"
UNKNOWN_ID = "999999999"
MISSING = "No entity has been found: there is no"

STATUSES = ("active", "creditHold", "pending", "adminHold", "cancelled", "error")
TYPES = ("customer.created,customer.updated", "access.refused", "reseller.updated,user.created")
PUBLIC = ("getDiscovery", "getRealmDiscovery", "getKeys", "getRealmKeys")
OPERATOR = Actor(PROVIDER_ID, "operator", "command line")

Data = st.DataObject
T = TypeVar("T")


class Caller(NamedTuple):
    """A caller with a key and a token, which need not fit together, or without."""

    key: Key | None
    token: Token | None

    def __str__(self) -> str:
        key = f"with a key of {self.key.reseller}" if self.key else "without a key"
        return f"{self.token.holder.name if self.token else 'none'} {key}"

    @property
    def headers(self) -> dict[str, str]:
        key = {"X-Subscription-Key": self.key.secret} if self.key else {}
        return {**key, "Authorization": f"Bearer {self.token.text if self.token else 'forged'}"}


class Posted(NamedTuple):
    """A request that a caller has sent and may send again."""

    operation_id: str
    owner: str | None
    body: Json
    idempotency_key: str


@dataclass(eq=False)
class Follower:
    """Who reads all that happens below `root`. after: where to go on. seen: the last sequence, by whose log it is."""

    root: Reseller
    types: str | None
    after: str
    seen: dict[Reseller, int] = field(default_factory=dict)

    def wants(self, entry: model.Event) -> bool:
        return self.types is None or entry.type in self.types.split(",")

    def left(self, log: Reseller) -> list[model.Event]:
        """What the reader has not seen yet of a log."""
        seen = self.seen.get(log, log.before)
        return [entry for entry in log.events[max(seen - log.before, 0) :] if self.wants(entry)]


class Isolation(RuleBasedStateMachine):
    """Two trees and more below one provider, beside those of all examples before, in one database."""

    def __init__(self, application: Application) -> None:
        super().__init__()
        self.application = application
        self.marketplace = application.marketplace
        self.posted: list[Posted] = []
        self.followers: list[Follower] = []
        # An external id that all would have, if they could.
        self.shared = f"shared-{application.number()}"

    # How it begins

    @initialize(data=st.data())
    def plant(self, data: Data) -> None:
        """Two to four resellers, each with a customer and a user who has a key and a token."""
        self._verify_all()  # of examples before
        self._run(self._end_reports())
        self.marketplace.security_log.sum_up()
        provider = Reseller({"id": str(PROVIDER_ID)}, None)
        provider.before = self._log_of_the_provider()
        self.world = World(provider)
        roles = ["owner"]
        for number in range(data.draw(st.integers(2, 4))):
            above = provider if number < 2 else _one(data, self.world.resellers)
            body = {**self._body(), "status": "active", "currency": "EUR"}
            if number == 0:
                body["externalId"] = self.shared
            record = self._run(self.marketplace.resellers.create(_setter_up(above), body))
            reseller = self._added(Reseller, body, str(record.id), above, _set_up_by(above))
            self.followers.append(Follower(reseller, None, "0"))  # type: ignore[arg-type]
            roles.append(data.draw(st.sampled_from(("owner", "editor", "reader"))))
        self._run(self._furnish(list(zip(self.world.resellers, roles, strict=True))))
        caller = Caller(self.world.keys[0], self.world.tokens[0])
        shown = self.application.ask("getResellerById", caller.headers, {"id": provider.id})
        self._count(caller.key)
        provider.document, provider.version = shown.json, int(shown.headers["etag"].strip('"'))
        self.followers.append(self._new_follower(caller, provider, None, "latest"))

    async def _furnish(self, resellers: list[tuple[Reseller, Any]]) -> None:
        """Let a user in for each reseller and give it a customer; for all at a time, which share transactions."""
        added = await asyncio.gather(*(self._furnish_one(*one) for one in resellers))
        for (reseller, _), (user, token, key, body, number) in zip(resellers, added, strict=True):
            holder = self._note_user(reseller, user)
            self.world.tokens.append(Token(token, holder, 1))
            self._note_access(holder, "user.updated", {}, ": a token was given without the password")
            self._note_key(reseller, key, None)
            if not reseller.is_provider:
                self._added(Account, body, number, reseller, _set_up_by(reseller))

    async def _furnish_one(self, reseller: Reseller, role: Any) -> tuple[NewUser, str, NewKey, Json, str]:
        user = await self._new_user(reseller, role)
        token = await self.marketplace.tokens.issue_for_user(OPERATOR, user.user)
        key = await self._new_key(reseller, None)
        body = {**self._body(), "status": "active", "externalId": self.shared}
        if reseller.is_provider:
            return user, token, key, body, ""
        record = await self.marketplace.customers.create(_setter_up(reseller), body)
        return user, token, key, body, str(record.id)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.application.run(work)

    def _log_of_the_provider(self) -> int:
        """How far it goes; it has the entries of all examples before."""
        while events := self._run(
            self.application.store.events.log(PROVIDER_ID, self.application.log_of_the_provider, 1000)
        ):
            self.application.log_of_the_provider = events[-1].sequence
        return self.application.log_of_the_provider

    # What is asked

    @rule(data=st.data())
    def get(self, data: Data) -> None:
        if data.draw(st.booleans()):
            self._get(data, "getCustomerById", "customer", self.world.customers)
        else:
            self._get(data, "getResellerById", "reseller", self.world.resellers)

    def _get(self, data: Data, operation_id: str, kind: str, accounts: list[Any]) -> None:
        caller = self._caller(data)
        wanted = self._target(data, caller, accounts)
        known = data.draw(st.sampled_from((None, '"1"', '"2"')))
        headers = {"If-None-Match": known} if known else {}
        answer, holder = self._ask(caller, operation_id, {"id": wanted}, headers=headers)
        if not holder:
            return
        account = self.world.find(holder.reseller, accounts, wanted)
        if account is None:
            self._check_missing(answer, f"{kind} {wanted}")
        elif known == _tag(account):
            assert (answer.status, answer.body) == (304, b"")
        else:
            self._check_shown(answer, account)

    @rule(data=st.data())
    def list_customers(self, data: Data) -> None:
        caller = self._caller(data)
        wanted = self._target(data, caller, self.world.resellers) if data.draw(st.booleans()) else None
        in_path = wanted is not None and data.draw(st.booleans())
        filters, page = self._filters(data), self._page(data)
        version = data.draw(st.sampled_from((None, "1.6", "1.15")))
        answer, holder = self._ask(
            caller,
            "getResellerCustomers" if in_path else "getCustomers",
            {"id": wanted} if wanted and in_path else {},
            {**filters, **page, **({"resellerId": wanted} if wanted and not in_path else {})},
            headers={"X-Api-Version": version} if version else {},
        )
        if not holder:
            return
        root = holder.reseller if wanted is None else self.world.find(holder.reseller, self.world.resellers, wanted)
        if root is None:
            self._check_missing(answer, "such reseller")
            return
        assert caller.key
        whole = (version or caller.key.api_version) == "1.15"
        found = [one for one in self.world.below(root, self.world.customers) if matches(one, filters)]
        documents = [one.document if whole else model.summary(one.document) for one in found]
        self._check_page(answer, documents, page, root, "filtered customers" if filters else "customers")

    @rule(data=st.data())
    def list_resellers(self, data: Data) -> None:
        filters, page = self._filters(data), self._page(data)
        answer, holder = self._ask(self._caller(data), "getResellers", query={**filters, **page})
        if not holder:
            return
        found = [one for one in self.world.below(holder.reseller, self.world.resellers) if matches(one, filters)]
        documents = [one.document for one in found if not one.is_provider]
        self._check_page(answer, documents, page, holder.reseller, "filtered resellers" if filters else "resellers")

    @rule(data=st.data())
    def follow(self, data: Data) -> None:
        caller = self._caller(data)
        root = caller.token.holder.reseller if caller.token else self.world.provider
        known = [one for one in self.followers if one.root is root]
        follower = _one(data, [*known, None])
        types = data.draw(st.none() | st.sampled_from(TYPES)) if follower is None else follower.types
        if follower is None:
            begin = "latest" if root.is_provider else data.draw(st.sampled_from(("latest", "0")))
            follower = self._new_follower(caller, root, types, begin)
            if follower is not None:
                self.followers.append(follower)
        else:
            self._read_on(caller, follower, data.draw(st.sampled_from((1, 2, 5, 100))))

    @rule(data=st.data())
    def follow_to_the_end(self, data: Data) -> None:
        follower = _one(data, self.followers)
        caller = self._caller_of(follower.root)
        while caller and self._read_on(caller, follower, 100):
            pass

    def _new_follower(self, caller: Caller, root: Reseller, types: str | None, after: str) -> Any:
        query = {"after": after, **({"type": types} if types else {})}
        if after != "latest":
            follower = Follower(root, types, after)
            return follower if self._read_on(caller, follower, 2) is not None else None
        answer, holder = self._ask(caller, "getEvents", query=query)
        if not holder:
            return None
        assert answer.status == 200
        assert answer.json["data"] == []
        seen = {log: log.before + len(log.events) for log in self.world.below(root, self.world.resellers)}
        return Follower(root, types, answer.json["next"], seen)

    def _read_on(self, caller: Caller, follower: Follower, limit: int) -> bool | None:
        """Whether there is more, None if the caller was not let in."""
        query = {"after": follower.after, "limit": str(limit), **({"type": follower.types} if follower.types else {})}
        answer, holder = self._ask(caller, "getEvents", query=query)
        if not holder:
            return None
        assert answer.status == 200
        root, page = follower.root, answer.json
        for entry in page["data"]:
            log = self.world.find(root, self.world.resellers, entry["resellerId"])
            assert log, f"{root.id} is shown what happened to {entry['resellerId']}"
            left = follower.left(log)
            assert left, f"{root.id} is shown {entry} too often"
            assert _without_time(entry) == left[0].shown(root), f"{entry} is not {left[0].shown(root)}"
            follower.seen[log] = left[0].sequence
        if page["more"]:
            assert len(page["data"]) == limit
        else:
            for log in self.world.below(root, self.world.resellers):
                assert not follower.left(log), f"{root.id} misses what happened to {log.id}"
        follower.after = page["next"]
        return bool(page["more"])

    @rule(data=st.data())
    def get_events_about_one_thing(self, data: Data) -> None:
        caller = self._caller(data)
        everything = [entry for log in self.world.resellers for entry in log.events]
        if not everything:
            return
        subject = data.draw(st.sampled_from(everything)).subject
        query = {"subjectType": subject["type"], "subjectId": subject["id"], "limit": "1000"}
        answer, holder = self._ask(caller, "getEvents", query=query)
        if not holder:
            return
        assert answer.status == 200
        reached = self.world.below(holder.reseller, self.world.resellers)
        expected = [entry for entry in everything if entry.subject == subject and entry.account.log in reached]
        given = [_without_time(entry) for entry in answer.json["data"]]
        known = [entry for entry in given if int(entry["id"].partition("-")[2]) > self._before(entry["resellerId"])]
        assert known == [entry.shown(holder.reseller) for entry in expected]
        assert given == known or expected, f"{holder.reseller.id} is shown what is about {subject}"

    def _before(self, reseller_id: str) -> int:
        """The last event of a reseller's log of which the model knows nothing."""
        return next(log.before for log in self.world.resellers if log.id == reseller_id)

    @rule(data=st.data())
    def get_events(self, data: Data) -> None:
        if data.draw(st.booleans()):
            self._get_events(data, "getCustomerEvents", "customer", self.world.customers)
        else:
            self._get_events(data, "getResellerEvents", "reseller", self.world.resellers)

    def _get_events(self, data: Data, operation_id: str, kind: str, accounts: list[Any]) -> None:
        caller = self._caller(data)
        wanted = self._target(data, caller, accounts)
        after = data.draw(st.sampled_from((0, 1, 3)))
        if wanted == self.world.provider.id:
            after += self.world.provider.before
        query = {"after": str(after), "limit": "1000"}
        answer, holder = self._ask(caller, operation_id, {"id": wanted}, query)
        if not holder:
            return
        account = self.world.find(holder.reseller, accounts, wanted)
        if account is None:
            self._check_missing(answer, f"{kind} {wanted}")
            return
        if after > account.log.before + len(account.log.events):  # no answer has ever given that
            assert answer.status == 400
            return
        expected = [
            entry.shown(holder.reseller)
            for entry in account.log.events
            if entry.account is account and entry.sequence > after
        ]
        assert answer.status == 200
        assert [_without_time(entry) for entry in answer.json["data"]] == expected

    @rule(operation_id=st.sampled_from(PUBLIC))
    def read_what_is_public(self, operation_id: str) -> None:
        answer = self.application.ask(operation_id, {}, {"realm": REALM})
        assert answer.status == 200
        self._check_nothing_leaks(answer, None)

    # What is done

    @rule(data=st.data())
    def create_customer(self, data: Data) -> None:
        caller = self._caller(data)
        owner = self._target(data, caller, self.world.resellers) if data.draw(st.booleans()) else None
        self._create(data, caller, "createCustomerForReseller" if owner else "createCustomer", owner, self._body(data))

    @rule(data=st.data())
    def create_reseller(self, data: Data) -> None:
        body = {**self._body(data), "currency": "EUR"}
        self._create(data, self._caller(data), "createReseller", None, body)

    def _create(self, data: Data, caller: Caller, operation_id: str, owner: str | None, body: Json) -> None:
        key = data.draw(st.none() | st.sampled_from(("once-1", "once-2")))
        if key:
            self.posted.append(Posted(operation_id, owner, body, key))
        self._post(caller, operation_id, owner, body, key)

    @rule(data=st.data())
    def ask_for_report(self, data: Data) -> None:
        period = {"startDate": "2026-09-01T00:00:00Z", "endDate": "2026-10-01T00:00:00Z"}
        name, format_ = data.draw(st.sampled_from(("Customers", "Events"))), data.draw(st.sampled_from(("csv", "json")))
        body = {"name": name, "format": format_, **period}
        caller = self._caller(data)
        answer, holder = self._ask(caller, "createReport", body=body)
        if not holder:
            return
        if refusal := self.world.refusal_of_role(holder, "editor"):
            self._check_refused(answer, refusal)
            return
        if sum(report.owner is holder.reseller for report in self.world.reports) == MOST_UNFINISHED:
            assert answer.status == 409, answer
            return
        assert answer.status == 200, answer
        assert answer.json.items() >= {**body, "status": "submitted"}.items()
        self.world.reports.append(model.Report(holder.reseller, answer.json))
        found = {member: {"after": value} for member, value in answer.json.items()}
        about = f"report {answer.json['id']}"
        self._note_command(holder.reseller, "report.created", about, found, _origin(holder, answer))
        read, _ = self._ask(caller, "getReportById", {"reportId": answer.json["id"]})
        assert (read.status, read.json) == (200, answer.json)

    @rule(data=st.data())
    def read_reports(self, data: Data) -> None:
        caller = self._caller(data)
        by_id: bool = data.draw(st.booleans())
        if self.world.reports and by_id:
            report = _one(data, self.world.reports)
            answer, holder = self._ask(caller, "getReportById", {"reportId": report.id})
            if holder and reaches(holder.reseller, report.owner):
                assert (answer.status, answer.json) == (200, report.document)
            elif holder:
                self._check_missing(answer, f"report {report.id}")
            return
        format_ = data.draw(st.none() | st.sampled_from(("csv", "json")))
        query = {"limit": "1000", **({"format": format_} if format_ else {})}
        answer, holder = self._ask(caller, "getReports", query=query)
        if not holder:
            return
        assert answer.status == 200, answer
        reached = [one.document for one in self.world.reports if reaches(holder.reseller, one.owner)]
        wanted = [document for document in reached if format_ in (None, document["format"])]
        # Those of the examples before are others' now, or are of resellers of which the model knows nothing.
        known = {report.id for report in self.world.reports}
        given = [document for document in answer.json["data"] if document["id"] in known]
        assert sorted(given, key=lambda one: one["id"]) == sorted(wanted, key=lambda one: one["id"])
        if holder.reseller is not self.world.provider:
            assert answer.json["pagination"]["total"] == len(wanted)

    @rule(data=st.data())
    def send_again(self, data: Data) -> None:
        """The same request once more, maybe by another caller, maybe with another body."""
        if not self.posted:
            return
        posted = _one(data, self.posted)
        body = posted.body if data.draw(st.integers(0, 3)) else {**posted.body, "taxRegId": "other"}
        self._post(self._caller(data), posted.operation_id, posted.owner, body, posted.idempotency_key)

    def _post(self, caller: Caller, operation_id: str, target: str | None, body: Json, once: str | None) -> None:
        headers = {"Idempotency-Key": once} if once else {}
        answer, holder = self._ask(caller, operation_id, {"id": target} if target else {}, body=body, headers=headers)
        if not holder:
            return
        owner = holder.reseller if target is None else self.world.find(holder.reseller, self.world.resellers, target)
        kind, needed = (Reseller, "owner") if operation_id == "createReseller" else (Account, "editor")
        if owner is None:
            self._check_missing(answer, f"reseller {target}")
            return
        if refusal := self.world.refusal_of_role(holder, needed):
            self._check_refused(answer, refusal)
            return
        name = (holder.name, answer.request.path, once or "")
        if once and name in self.world.answers:
            first, document = self.world.answers[name]
            assert answer.status == (200 if body == first else 422)
            if body == first:
                assert answer.body == document
                assert answer.headers["idempotency-replayed"] == "true"
            return
        logins = [person["login"] for person in body["contactPersons"] if "login" in person]
        if self.world.is_taken(kind, owner, body.get("externalId"), None) or set(logins) & set(self.world.logins):
            assert answer.status == 409
            return
        assert answer.status == 200, answer
        assert "idempotency-replayed" not in answer.headers
        assert int(answer.json["id"]) > max(one.number for one in self.world.accounts)
        account = self._added(kind, body, answer.json["id"], owner, _origin(holder, answer))
        self._check_shown(answer, account)
        if once:
            self.world.answers[name] = body, answer.body

    def _added(self, kind: type[Account], body: Json, number: str, owner: Reseller, origin: Json) -> Account:
        """A new account in the model, with the first event about it."""
        account = kind(model.created(body, number, owner), owner, body["attributes"]["mark"])
        self.world.accounts.append(account)
        hidden = {"contactPersons[0].login": {"after": HIDDEN}}
        if "login" in body["contactPersons"][0]:
            self.world.logins.append(body["contactPersons"][0]["login"])
            hidden["contactPersons[0].password"] = {"after": HIDDEN}
        name = "reseller" if kind is Reseller else "customer"
        if kind is Account:
            person = body["contactPersons"][0]
            self.world.administrators.append(Administrator(account, person.get("login"), person.get("password")))
        self.world.note(account, f"{name}.created", **origin, changes={**changes({}, account.document), **hidden})
        return account

    @rule(data=st.data())
    def change_customer(self, data: Data) -> None:
        self._patch(data, "updateCustomer", "editor", self.world.customers)

    @rule(data=st.data())
    def change_reseller(self, data: Data) -> None:
        self._patch(data, "updateReseller", "owner", self.world.resellers)

    @rule(data=st.data(), status=st.sampled_from(("adminHold", "adminHold", "active", "cancelled")))
    def hold_or_release(self, data: Data, status: str) -> None:
        """The provider's doing."""
        caller = self._caller_of(self.world.provider)
        below = [one for one in self.world.resellers if not one.is_provider]
        if caller and below:
            wanted = _one(data, below).id
            self._change(caller, "updateReseller", "owner", self.world.resellers, wanted, {"status": status}, None)

    def _patch(self, data: Data, operation_id: str, needed: str, accounts: list[Any]) -> None:
        caller = self._caller(data)
        wanted = self._target(data, caller, accounts)
        patch = self._some_changes(data, wanted, is_reseller=operation_id == "updateReseller")
        expected = data.draw(st.sampled_from((None, None, '"1"', '"2"')))
        self._change(caller, operation_id, needed, accounts, wanted, patch, expected)

    def _change(
        self,
        caller: Caller,
        operation_id: str,
        needed: str,
        accounts: list[Any],
        wanted: str,
        patch: Json,
        expected: str | None,
    ) -> None:
        kind = Reseller if operation_id == "updateReseller" else Account
        headers = {"If-Match": expected} if expected else {}
        answer, holder = self._ask(caller, operation_id, {"id": wanted}, body=patch, headers=headers)
        if not holder:
            return
        if refusal := self.world.refusal_of_role(holder, needed):
            self._check_refused(answer, refusal)
            return
        root = holder.reseller
        account = self.world.find(root, accounts, wanted)
        if account is None:
            self._check_missing(answer, f"{'reseller' if kind is Reseller else 'customer'} {wanted}")
            return
        after = model.patched(account.document, patch)
        is_own = account is root and any(
            after.get(name) != account.document.get(name) for name in ("status", "currency", "externalId")
        )
        is_taken = self.world.is_taken(kind, account.owner, after.get("externalId"), account)
        if expected and expected != _tag(account):
            assert answer.status == 412
        elif is_own:
            self._check_refused(answer, model.forbidden(holder))
        elif is_taken or not model.may_become(account.status, after["status"], operator=root.is_provider):
            assert answer.status == 409
        else:
            if found := changes(account.document, after):
                account.document, account.version = after, account.version + 1
                name = "reseller" if kind is Reseller else "customer"
                self.world.note(account, f"{name}.updated", **_origin(holder, answer), changes=found)
            self._check_shown(answer, account)

    @rule()
    def verify(self) -> None:
        """The platform's own doing."""
        self._verify_all()
        for kind, accounts in (("customer", self.world.customers), ("reseller", self.world.resellers)):
            for account in accounts:
                if account.status == "pending":
                    after = {**account.document, "status": "active"}
                    found = changes(account.document, after)
                    account.document, account.version = after, account.version + 1
                    self.world.note(account, f"{kind}.verified", source="worker", changes=found)

    async def _end_reports(self) -> None:
        """End the reports of examples before: those of the provider would count among this one's."""
        store = self.marketplace.reports._store
        for item in await store.due(2**53, 1000):
            kept = REPORTS.decode(item.document)
            ended = structs.replace(kept, report=structs.replace(kept.report, status="error"), due=None)
            await store.update(item, ended, None)

    def _verify_all(self) -> None:
        while self._run(self.marketplace.customers.verify_waiting()):
            pass
        while self._run(self.marketplace.resellers.verify_waiting()):
            pass

    # Who gets in

    @rule(data=st.data())
    def get_token(self, data: Data) -> None:
        user = self._holder(data, "user")
        key = _one(data, [*self._keys_of(user.reseller), *self.world.keys, None])
        password = self._some_secret(data, user)
        headers = {"Authorization": basic(user.id, password), **({"X-Subscription-Key": key.secret} if key else {})}
        answer = self.application.ask("generateAuthToken", headers)
        self._check_nothing_leaks(answer, None)
        self._count(key)
        refusal = (
            self.world.refusal(key, None)
            if key is None or key.revoked
            else self.world.refusal_of_login(user, password, key.reseller)
        )
        if refusal:
            self._check_refused(answer, refusal)
        else:
            assert answer.status == 200
            self.world.tokens.append(Token(answer.json["token"], user, user.version))

    @rule(data=st.data())
    def get_access_token(self, data: Data) -> None:
        if not self._holders("client"):
            self._add_client(_one(data, self.world.resellers), "owner")
        client = self._holder(data, "client")
        secret = self._some_secret(data, client)
        user = self._holder(data, "user") if data.draw(st.booleans()) else None
        password = self._some_secret(data, user) if user else ""
        form = {"client_id": client.id, "client_secret": secret, "grant_type": "client_credentials"}
        if user:
            form |= {"grant_type": "password", "username": user.id, "password": password}
        answer = self.application.ask("createAccessToken", {}, {"realm": REALM}, body=form)
        self._check_nothing_leaks(answer, None)
        if client.disabled or client.secret != secret:
            self._check_refused(answer, model.unauthenticated(client))
            return
        refusal = self.world.shut(client)
        if user:
            is_own = user.reseller is client.reseller  # OAuth has one word for all that is wrong with a login
            refusal = self.world.refusal_of_login(user, password, client.reseller)
            refusal = refusal if is_own else model.wrong_login(user, client.reseller)
        if refusal:
            self._check_refused(answer, refusal._replace(status=400))
            assert answer.json["error"] == "invalid_grant"
        else:
            assert answer.status == 200
            holder = user or client
            self.world.tokens.append(Token(answer.json["access_token"], holder, holder.version))

    @rule(data=st.data(), kind=st.sampled_from(("user", "client", "key")))
    def add(self, data: Data, kind: str) -> None:
        reseller = _one(data, self.world.resellers)
        if kind == "key":
            api_version = data.draw(st.sampled_from((None, "1.15")))
            self._note_key(reseller, self._run(self._new_key(reseller, api_version)), api_version)
        elif kind == "client":
            self._add_client(reseller, data.draw(st.sampled_from(ROLES)))
        else:
            self._note_user(reseller, self._run(self._new_user(reseller, data.draw(st.sampled_from(ROLES)))))

    @rule(data=st.data(), kind=st.sampled_from(("rotate", "role", "key")))
    def change(self, data: Data, kind: str) -> None:
        if kind == "rotate":
            self._rotate(_one(data, self.world.holders))
        elif kind == "role":
            self._change_role(_one(data, self._holders("user")), data.draw(st.sampled_from(ROLES)))
        else:
            self._revoke(_one(data, self.world.keys))

    def _new_user(self, reseller: Reseller, role: Any) -> Coroutine[Any, Any, NewUser]:
        name = f"{self._mark_of(reseller)}.user-{self.application.number()}"
        return self.marketplace.users.add(OPERATOR, reseller.number, name, role, "us", self._new_secret())

    def _note_user(self, reseller: Reseller, new: NewUser) -> Holder:
        """A user who was added."""
        name, role = new.user.login, new.user.role
        user = Holder("user", name, name, reseller, role, new.password)
        self.world.holders.append(user)
        self._note_access(user, "user.created", {"role": {"after": role}, "marketplace": {"after": "us"}})
        return user

    def _add_client(self, reseller: Reseller, role: Any) -> None:
        name = f"{self._mark_of(reseller)}.client-{self.application.number()}"
        secret = self._new_secret()
        added = self.marketplace.clients.add(OPERATOR, reseller.number, REALM, name, role=role, secret=secret)
        self._run(added)
        client = Holder("client", name, f"client:{REALM}/{name}", reseller, role, secret)
        self.world.holders.append(client)
        self._note_access(client, "client.created", {"role": {"after": role}, "name": {"after": ""}})

    def _rotate(self, holder: Holder) -> None:
        if holder.kind == "user":
            holder.secret = self._new_secret()
            self._run(self.marketplace.users.rotate(OPERATOR, holder.id, holder.secret))
            hidden = "password"
        else:
            holder.secret = self._run(self.marketplace.clients.rotate(OPERATOR, REALM, holder.id)).secret
            hidden = "secret"
        holder.version += 1
        self._note_access(holder, f"{holder.kind}.updated", {hidden: {"before": HIDDEN, "after": HIDDEN}})

    @rule(data=st.data())
    def disable_or_enable(self, data: Data) -> None:
        self._disable_or_enable(_one(data, self.world.holders))

    def _disable_or_enable(self, holder: Holder) -> None:
        done = "enable" if holder.disabled else "disable"
        if holder.kind == "user":
            self._run(getattr(self.marketplace.users, done)(OPERATOR, holder.id))
        else:
            self._run(getattr(self.marketplace.clients, done)(OPERATOR, REALM, holder.id))
        holder.disabled = not holder.disabled
        holder.version += 1
        side = "after" if holder.disabled else "before"
        self._note_access(holder, f"{holder.kind}.updated", {"disabled": {side: True}})

    def _change_role(self, user: Holder, role: Any) -> None:
        if user.role == role:
            return
        self._run(self.marketplace.users.change_role(OPERATOR, user.id, role))
        self._note_access(user, "user.updated", {"role": {"before": user.role, "after": role}})
        user.role, user.version = role, user.version + 1

    def _new_key(self, reseller: Reseller, api_version: str | None) -> Coroutine[Any, Any, NewKey]:
        name = f"{self._mark_of(reseller)}.key"
        return self.marketplace.subscription_keys.add(OPERATOR, reseller.number, name, UNLIMITED, api_version)

    def _note_key(self, reseller: Reseller, new: NewKey, api_version: str | None) -> None:
        """A key that was added."""
        self.world.keys.append(Key(new.secret, new.key.id, reseller, api_version, name=new.key.name))
        pinned = {"apiVersion": {"after": api_version}} if api_version else {}
        self._note_command(reseller, "key.created", f"key {new.key.id}", {"name": {"after": new.key.name}, **pinned})

    def _count(self, key: Key | None) -> None:
        """A request came with a key."""
        if key and not key.revoked:
            key.requests += 1

    def _revoke(self, key: Key) -> None:
        if key.revoked:
            return
        keys = self.marketplace.subscription_keys
        known = self._run(keys.get(key.reseller.number, key.id))
        self._run(keys.revoke(OPERATOR, known))
        key.revoked = True
        key.version += 1
        self._note_command(key.reseller, "key.updated", f"key {key.id}", {"revoked": {"after": True}})

    def _note_access(self, holder: Holder, kind: str, found: Json, more: str = "", origin: Json | None = None) -> None:
        about = holder.name.replace("client:", "client ") if holder.kind == "client" else f"user {holder.name}"
        self._note_command(holder.reseller, kind, about + more, found, origin)

    def _note_command(self, reseller: Reseller, kind: str, about: str, found: Json, origin: Json | None = None) -> None:
        """origin: of the caller who did it, if not the operator."""
        operator = {"source": OPERATOR.source, "by": self.world.provider, "user": OPERATOR.user}
        self.world.note(reseller, kind, **(origin or operator), about=about, changes=found)

    # Who and what is drawn

    def _caller(self, data: Data) -> Caller:
        """Mostly one with a token and a key of the same reseller, who need not get in all the same."""
        token = _one(data, self.world.tokens)
        keys = self._keys_of(token.holder.reseller)
        if keys and data.draw(st.integers(0, 7)) < 7:
            return Caller(_one(data, keys), token)
        return Caller(_one(data, [*self.world.keys, None]), _one(data, [*self.world.tokens, None]))

    def _caller_of(self, reseller: Reseller) -> Caller | None:
        """One who gets in for a reseller, if there is one; with the role owner, if there is one."""
        found = [
            Caller(key, token)
            for token in self.world.tokens
            for key in self._keys_of(reseller)
            if token.holder.reseller is reseller and not self.world.refusal(key, token)
        ]
        return max(found, key=lambda one: ROLES.index(one.token.holder.role) if one.token else 0, default=None)

    def _keys_of(self, reseller: Reseller) -> list[Key]:
        return [key for key in self.world.keys if key.reseller is reseller and not key.revoked]

    def _holders(self, kind: str) -> list[Holder]:
        return [holder for holder in self.world.holders if holder.kind == kind]

    def _ids(self) -> list[str]:
        return [*(account.id for account in self.world.accounts), UNKNOWN_ID]

    def _some_id(self, data: Data) -> str:
        return data.draw(st.sampled_from(self._ids()))

    def _target(self, data: Data, caller: Caller, accounts: list[Any]) -> str:
        """The id of one of `accounts` that the caller would reach, or of anything at all."""
        reached: list[str] = [one.id for one in accounts if caller.token and reaches(caller.token.holder.reseller, one)]
        if data.draw(st.booleans()) and reached:
            return _one(data, reached)
        ids: list[str] = [*(one.id for one in accounts), *self._ids()]
        return _one(data, ids)

    def _holder(self, data: Data, kind: str) -> Holder:
        """One of them, rather one who does not get in."""
        holders = self._holders(kind)
        out = [holder for holder in holders if holder.disabled]
        return _one(data, out if out and data.draw(st.integers(0, 2)) == 2 else holders)

    def _some_secret(self, data: Data, holder: Holder) -> str:
        """Mostly the caller's own."""
        mostly = data.draw(st.integers(0, 4)) < 4
        return holder.secret if mostly else _one(data, self.world.holders).secret

    def _new_secret(self) -> str:
        return f"{SECRET}-Kept-{self.application.number()}"

    def _mark_of(self, reseller: Reseller) -> str:
        """The provider has none."""
        return reseller.mark or "provider"

    def _body(self, data: Data | None = None) -> Json:
        """A new account; without `data` a plain one."""
        mark = f"mark.{self.application.number()}.x"
        person = _person(mark, f"{mark}@example.com")
        body: Json = {
            "name": f"Company {mark}",
            "attributes": {"mark": mark},
            "address": {"streetAddress": mark, "postalCode": "80331", "city": "Ulm", "countryCode": "DE"},
            "contactPersons": [person],
        }
        if not data:
            return body
        external_id = data.draw(st.sampled_from((None, mark, self.shared)))
        if external_id:
            body["externalId"] = external_id
        if status := data.draw(st.sampled_from((None, "active", "active", "pending"))):
            body["status"] = status
        login = data.draw(st.sampled_from((None, f"{SECRET}-{self.application.number()}", *self.world.logins)))
        if login:
            person |= {"login": login, "password": self._new_secret()}
        if data.draw(st.booleans()):
            body |= {"id": self._some_id(data), "resellerId": self._some_id(data)}
        return body

    def _some_changes(self, data: Data, wanted: str, *, is_reseller: bool) -> Json:
        """A patch of the account with the id `wanted`, whosever it is."""
        account = next((one for one in self.world.accounts if one.id == wanted), None)
        mark = account.mark if account and account.mark else "provider"
        kinds = ["nothing", "name", "externalId", "status", "status", "attributes"]
        kinds += ["currency"] if is_reseller else []
        kinds += ["contactPersons"] if wanted != self.world.provider.id else []
        kind = data.draw(st.sampled_from(kinds))
        number = data.draw(st.integers(1, 3))
        patch: Json = {}
        if kind == "name":
            patch["name"] = f"Firm {mark} {number}"
        elif kind == "externalId":
            patch["externalId"] = data.draw(st.sampled_from((None, mark, self.shared, self.shared)))
        elif kind == "status":
            patch["status"] = data.draw(st.sampled_from(STATUSES))
        elif kind == "attributes":
            patch["attributes"] = {f"more-{number}": mark}
        elif kind == "currency":
            patch["currency"] = data.draw(st.sampled_from(("EUR", "USD")))
        elif kind == "contactPersons":
            patch["contactPersons"] = [_person(mark, f"{mark}@x{number}.com")]
        if data.draw(st.booleans()):
            patch |= {"id": self._some_id(data), "resellerId": self._some_id(data)}
        return patch

    def _filters(self, data: Data) -> dict[str, str]:
        """What a list is filtered by: often nothing, else what one account has, whosever it is."""
        kind = data.draw(st.sampled_from((None, None, None, "name", "email", "externalId")))
        if kind is None:
            return {}
        one = _one(data, self.world.accounts).mark or "provider"
        values = {
            "name": ("mark.", "co", one, one.upper()),
            "email": (f"{one}@example.com", f"{one.upper()}@example.com", f"{one}@x1.com"),
            "externalId": (one, self.shared),
        }[kind]
        return {kind: data.draw(st.sampled_from(values))}

    def _page(self, data: Data) -> dict[str, str]:
        offset, limit = data.draw(st.sampled_from(((0, 1000), (0, 2), (1, 2), (3, 10))))
        return {"offset": str(offset), "limit": str(limit)}

    # What must be

    def _ask(
        self,
        caller: Caller,
        operation_id: str,
        path: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[Answer, Holder | None]:
        """The answer, and who has asked if they are let in."""
        answer = self.application.ask(operation_id, {**caller.headers, **(headers or {})}, path, query, body)
        event(f"{operation_id} {answer.status}")
        note(f"{answer.request.method} {answer.request.path} by {caller}: {answer.status}")
        self._count(caller.key)
        refusal = self.world.refusal(caller.key, caller.token)
        holder = caller.token.holder if caller.token and not refusal else None
        if refusal:
            self._check_refused(answer, refusal)
        self._check_nothing_leaks(answer, holder.reseller if holder else None)
        return answer, holder

    def _check_refused(self, answer: Answer, refusal: Refusal, source: str = "api", why: str | None = None) -> None:
        """why: what the log says of it, if not the message of the answer."""
        assert answer.status == refusal.status, answer
        request = answer.request
        message = why or answer.json["message"]
        self.world.refusals[refusal.log] += 1
        told: list[tuple[Reseller, Reseller | None, str | None]] = [(refusal.log, refusal.by, refusal.user)]
        if refusal.victim:
            told.append((refusal.victim.reseller, refusal.victim.reseller, refusal.victim.name))
        for log, by, user in told:
            self.world.note(
                log,
                "access.refused",
                source=source,
                by=by,
                user=user,
                address=request.address,
                correlation_id=request.correlation_id,
                about=f"{refusal.code} {request.method} {request.path}: {message}",
            )

    def _check_nothing_leaks(self, answer: Answer, root: Reseller | None) -> None:
        """No secret, and nothing of an account that `root` does not reach, unless the caller sent it."""
        assert SECRET not in answer.text.lower()
        if root is self.world.provider:
            return
        accounts = [one for one in self.world.accounts if root and reaches(root, one)]
        ids = {one.id for one in accounts} | {root.owner.id if root and root.owner else ""}
        marks = {one.mark for one in accounts}
        if not answer.request.path.endswith("/events"):
            self._check_known(answer, answer.text, marks, ids)
            return
        # Events tell for whom a caller acted, and what was asked for; they are compared word by word.
        for one in accounts:
            if isinstance(one, Reseller):
                marks |= {mark for entry in one.events if entry.about for mark in MARKS.findall(entry.about)}
        self._check_known(answer, answer.text, marks, None)

    def _check_known(self, answer: Answer, text: str, marks: set[str], ids: set[str] | None) -> None:
        """No other marks and ids than these in `text`, unless they were sent. ids: None for any."""
        for found in set(MARK.findall(text)) - set(MARK.findall(answer.request.text)):
            assert f"mark.{found}.x" in marks, f"mark {found} of another is in {answer}"
        newest = max(one.number for one in self.world.accounts)
        told = set(IDS.findall(UUIDS.sub("", text))) - set(IDS.findall(answer.request.text))
        for found in told if ids is not None else ():
            assert found in (ids or ()) or int(found) > newest, f"the id {found} of another is in {answer}"

    def _check_missing(self, answer: Answer, what: str) -> None:
        assert answer.status == 404, answer
        assert answer.json["message"] == f"{MISSING} {what}."

    def _check_shown(self, answer: Answer, account: Account) -> None:
        assert answer.status == 200, answer
        assert answer.json == account.document
        assert answer.headers["etag"] == _tag(account)

    def _check_page(
        self, answer: Answer, documents: list[Json], page: dict[str, str], root: Reseller, kind: str
    ) -> None:
        """documents: of all of a kind that `root` reaches. The provider has those of the examples before, too."""
        assert answer.status == 200, answer
        offset, limit = int(page["offset"]), int(page["limit"])
        part = documents[offset : offset + limit]
        total = answer.json["pagination"]["total"]
        others = 0
        if root.is_provider:
            others = total - len(documents) if "filtered" in kind else self._others(kind, total - len(documents))
        assert total == len(documents) + others
        assert others >= 0
        assert answer.json["data"][: len(part)] == part
        assert len(answer.json["data"]) == max(0, min(limit, total - offset))

    def _others(self, kind: str, first: int) -> int:
        """How many accounts there are of examples before, as the first list of this example tells it."""
        return self.world.background.setdefault(kind, first)


def _setter_up(reseller: Reseller) -> Actor:
    return Actor(reseller.number, reseller.mark, "command line")


def _set_up_by(reseller: Reseller) -> Json:
    """What the log says of the operator who made a reseller."""
    return {"source": "command line", "by": reseller, "user": reseller.mark}


def _one(data: Data, items: Sequence[T]) -> T:
    """One of `items`, drawn by its place: shown whole they would fill pages."""
    return items[data.draw(st.integers(0, len(items) - 1))]


def _person(mark: str, email: str) -> Json:
    return {"type": "admin", "firstName": "Ada", "lastName": mark, "email": email, "phoneNumber": "+49891234"}


def _tag(account: Account) -> str:
    return f'"{account.version}"'


def _origin(holder: Holder, answer: Answer, source: str = "api") -> Json:
    """What the log says of the sender of a request."""
    request = answer.request
    return {
        "source": source,
        "by": holder.reseller,
        "user": holder.name,
        "address": request.address,
        "correlation_id": request.correlation_id,
    }


def _without_time(entry: Json) -> Json:
    return {name: value for name, value in entry.items() if name != "at"}
