"""The same search over the pages: people who sign in to the console and the panel, and ask for what is not theirs."""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from html import unescape
from typing import Any
from urllib.parse import quote

from hypothesis import event, note
from hypothesis import strategies as st
from hypothesis.stateful import rule

from emporion.accounts.ids import PROVIDER_ID
from emporion.accounts.queries import CustomerQuery
from emporion.errors import AccessDenied, Problem
from emporion.events import Origin
from emporion.marketplace.imports import MOST_STORED
from emporion.marketplace.sessions import NO_ENTRY, WRONG
from emporion.marketplace.tokens import RESELLER_SUSPENDED
from tests.isolation import model
from tests.isolation.application import Answer
from tests.isolation.machine import OPERATOR, SECRET, STATUSES, Data, Isolation, _one, _origin, _person, _setter_up
from tests.isolation.model import (
    HIDDEN,
    ROLES,
    Account,
    Administrator,
    Holder,
    Import,
    Json,
    Key,
    Link,
    Refusal,
    Reseller,
    Session,
    changes,
    matches,
    reaches,
)

WORDS = re.compile(rf"{SECRET}[-\w]*", re.IGNORECASE)
# What the provider's own people and keys are called.
OPERATORS = re.compile(r"provider\.(?:user|key|client)|command line user")
ROWS = re.compile(r'data-label="Id" class="number">(\d+)<')
TREE = re.compile(r'<span class="muted small">(\d+)')
NUMBERS = re.compile(r"<strong>([\d,]+)</strong> <span>(\w+)</span>")
PICTURES = re.compile(r">([\d,]+) in 30 days<")
QUEUE = re.compile(r'</a> <span class="muted small">(\d+)</span></li>')
# Those whose name is not for the reader, by the account that they act for.
UNNAMED = {None: "a user", str(PROVIDER_ID): "the operator"}
MOMENTS = re.compile(r'<span class="muted">by (the platform|[^,<]*, [^,<]*), ')
REASONS = re.compile(r'<p class="small">.*?</p>', re.DOTALL)
SHOWN_ONCE = re.compile(r'<input id="(?:secret|link)" value="([^"]*)"')
KEY_ID = re.compile(r"<dt>Id</dt><dd>(\w+)</dd>")
LOGIN = re.compile(r"<dt>Login</dt><dd>([^<]*)</dd>")
COOKIE = re.compile(r"((?:__Host-)?emporion-(?:console|panel))=([^;]*)")
UNDER_WAY = ("checking", "checked", "running")
HISTORY = MOST_LISTED = 20
# What one person does before another has a turn.
AT_ONCE = 4
OWN_STATUS = "The status of your own account is set by the account above it."
FORGED = "0" * 64
LOOKS = ("dashboard", "customers", "customers", "customer", "customer", "edit", "resellers", "reseller", "reseller",
         "keys", "key", "users", "user", "forms", "forms", "forms", "export", "export")  # fmt: skip
ACTS = ("create", "edit", "status", "status", "link", "new reseller", "hold", "new key", "change key", "revoke key",
        "rotate key", "new user", "role", "disable", "enable", "password")  # fmt: skip
BOUGHT = ("/subscriptions", "/orders")
OWN = ("", *BOUGHT, "/address", "/address", "/contacts", "/contacts", "/password", "/sign-ins", "close")
PLAIN = (("GET", "/console/sign-in"), ("GET", "/panel/sign-in"), ("POST", "/panel/language"))
FILES = ("send", "send", "work", "work", "show", "list", "list", "confirm", "confirm", "cancel", "rejected")


class Pages(Isolation):
    """The same world, in which people use the pages as well."""

    def teardown(self) -> None:
        """Leave no file behind that would count for the next example."""
        for one in self.world.imports:
            # Where a step has failed, the model does not know what became of it.
            with suppress(Problem):
                self._run(self.marketplace.imports.cancel(OPERATOR, one.id))

    # Who gets in

    @rule(data=st.data(), area=st.sampled_from(("console", "console", "panel")))
    def sign_in(self, data: Data, area: str) -> None:
        """A person at either door, mostly with their own password."""
        users = self._holders("user")
        admins = [one for one in self.world.administrators if one.secret]
        is_own = data.draw(st.integers(0, 5)) < 5 or not admins
        people: list[Holder | Administrator] = [*users] if is_own == (area == "console") or not admins else [*admins]
        who = _one(data, people)
        password = who.secret or ""
        if not data.draw(st.integers(0, 3)):
            people = [*users, *admins]
            password = _one(data, people).secret or ""
        name = who.id if isinstance(who, Holder) else data.draw(st.sampled_from((who.login, who.email))) or who.email
        before = _one(data, [*(one for one in self.world.sessions if _area(one.who) == area), None])
        self._sign_in(area, who, name, password, before)

    def _sign_in(
        self, area: str, who: Holder | Administrator, name: str, password: str, before: Session | None = None
    ) -> Session | None:
        """The session, if they get in. before: of the browser that they use."""
        cookie = before.cookie if before else f"emporion-{area}={secrets.token_urlsafe(32)}"
        form = {"login": name, "password": password, "token": _token(cookie)}
        answer = self._browse("POST", f"/{area}/sign-in", cookie, form=form)
        is_in = before is not None and self.world.is_open(before)
        if before and is_in:
            if not self._let_in(before, answer):
                return None
            self._check_shown_to_visitor(answer, before.who)
        refusal: Refusal | None
        if _area(who) != area:
            refusal = Refusal(401, "unauthenticated", self.world.provider)
        elif isinstance(who, Holder):
            is_wrong = who.disabled or who.secret != password
            refusal = model.unauthenticated(who) if is_wrong else self.world.closed(who)
        elif who.secret != password:
            refusal = Refusal(401, "unauthenticated", who.account.log, who.account.log)
        else:
            refusal = self.world.closed(who)
        if refusal:
            told = WRONG if refusal.status == 401 else RESELLER_SUSPENDED if area == "console" else NO_ENTRY
            self._check_refused(answer, refusal, area, told)
            if isinstance(who, Administrator) and refusal.status == 403:
                self._check_shown_to_admin(answer, who)
            elif not is_in:
                self._check_page_of(answer, set(), set())
            return None
        assert answer.status == 303, answer
        if before:
            before.ended = True
        return self._new_session(answer, who)

    def _new_session(self, answer: Answer, who: Holder | Administrator) -> Session:
        """The one that began with this answer; its secret is new."""
        given = _cookies(answer)
        assert len(given) == 1
        assert given[0] not in answer.request.text
        assert given[0] not in [one.cookie for one in self.world.sessions]
        session = Session(given[0], who, who.secret or "", who.version if isinstance(who, Holder) else 0)
        self.world.sessions.append(session)
        return session

    @rule(data=st.data(), area=st.sampled_from(("console", "panel")))
    def shut_out(self, data: Data, area: str) -> None:
        """Who is signed in is out at once: by the operator, or by a sign-out elsewhere."""
        signed_in = [one for one in self.world.sessions if _area(one.who) == area and not self._is_out(one)]
        if not signed_in:
            return
        session = _one(data, signed_in)
        who = session.who
        reseller = who.reseller if isinstance(who, Holder) else who.account.log
        held = _one(data, [one for one in model.upwards(reseller) if one.id != self.world.provider.id] or [None])
        if held:
            self._set_status(held, "adminHold")
            assert not self._let_in(session, self._browse("GET", f"/{area}", session.cookie))
            self._set_status(held, "active")
        if isinstance(who, Administrator):
            elsewhere = self._sign_in(area, who, who.email, who.secret or "")
            assert elsewhere
            self._change_own(data, elsewhere, who, data.draw(st.sampled_from(("/sign-ins", "/password"))))
        elif data.draw(st.booleans()):
            self._rotate(who)
        else:
            self._disable_or_enable(who)
        assert self._let_in(session, self._browse("GET", f"/{area}", session.cookie)) == self.world.is_open(session)

    def _set_status(self, account: Account, status: str) -> None:
        """The operator's doing."""
        after = {**account.document, "status": status}
        of_kind = self.marketplace.resellers if isinstance(account, Reseller) else self.marketplace.customers
        self._run(of_kind.update(OPERATOR, account.id, {"status": status}))
        self._changed(account, after, {"source": OPERATOR.source, "by": self.world.provider, "user": OPERATOR.user})

    @rule(data=st.data())
    def use_a_cookie(self, data: Data) -> None:
        """Sign out, use a cookie at the other door, or send a form that is not from there."""
        if not self.world.sessions:
            return
        session = _one(data, self.world.sessions)
        area = _area(session.who)
        other = "panel" if area == "console" else "console"
        kind = data.draw(st.sampled_from(("out", "other", "forged", "stolen")))
        if kind == "other":
            cookie = session.cookie.replace(f"emporion-{area}", f"emporion-{other}")
            answer = self._browse("GET", f"/{other}", cookie)
            assert (answer.status, answer.headers["location"]) == (303, f"/{other}/sign-in")
            return
        forged = {"token": FORGED} if kind != "stolen" else {"token": _token(f"{area}={secrets.token_urlsafe(32)}")}
        form = {"token": _token(session.cookie)} if kind == "out" else forged
        answer = self._browse("POST", f"/{area}/sign-out", session.cookie, form=form)
        if not self._let_in(session, answer) and self.world.is_open(session):
            return
        if kind == "out":
            assert answer.status == 303
            session.ended = True
        else:
            assert answer.status == 403

    @rule(data=st.data(), place=st.sampled_from(PLAIN))
    def ask_for_nothing(self, data: Data, place: tuple[str, str]) -> None:
        """Pages that show nothing of any account: the forms of the doors, the language, a field of a form."""
        method, path = place
        area = path.split("/")[1]
        session = _one(data, [*(one for one in self.world.sessions if _area(one.who) == area), None])
        cookie = session.cookie if session else f"emporion-{area}={secrets.token_urlsafe(32)}"
        answer = self._browse(method, path, cookie, form={"token": _token(cookie)} if method == "POST" else None)
        is_in = session is not None and self.world.is_open(session)
        if session and is_in:
            if not self._let_in(session, answer):
                return
            self._check_shown_to_visitor(answer, session.who)
        else:
            self._check_page_of(answer, set(), set())
        is_form = path.endswith("sign-in") and not is_in
        assert answer.status == (200 if is_form or (is_in and path.endswith("state")) else 303)

    # What is asked

    @rule(data=st.data())
    def look(self, data: Data) -> None:
        """A user asks for some pages of the console, with ids from anywhere."""
        session = self._session(data, "console")
        if not session:
            return
        user = session.who
        assert isinstance(user, Holder)
        for _ in range(AT_ONCE):
            getattr(self, f"_look_at_{data.draw(st.sampled_from(LOOKS))}")(data, session, user)

    def _look_at_dashboard(self, data: Data, session: Session, user: Holder) -> None:
        self._run(self.marketplace.usage.keep())
        requests = dict.fromkeys(self.world.resellers, 0)
        for key in self.world.keys:
            requests[key.reseller] += key.requests
        refused = dict(self.world.refusals)
        answer = self._get_page(session, "/console")
        if not answer or user.reseller.is_provider:
            return
        found = self.world.below(user.reseller, self.world.customers)
        reached = self.world.below(user.reseller, self.world.resellers)
        by_status = {status: [one for one in found if one.status == status] for status in STATUSES}
        told = {name: int(number.replace(",", "")) for number, name in NUMBERS.findall(_text(answer))}
        assert told.pop("customers", 0) == len(found)
        assert {name: number for name, number in told.items() if number} == {
            status: len(some) for status, some in by_status.items() if some
        }
        pictures = [int(number.replace(",", "")) for number in PICTURES.findall(_text(answer))]
        sums = [sum(requests[one] for one in reached), sum(refused.get(one, 0) for one in reached)]
        assert pictures == [*([len(found)] if found else []), *sums], f"{pictures} are not {sums}"
        assert QUEUE.findall(_text(answer)) == [one.id for one in by_status["pending"][::-1][:5]]

    def _look_at_customers(self, data: Data, session: Session, user: Holder) -> None:
        filters, root, asked = self._asked(data, user)
        query = {**asked, "limit": "1000"}
        answer = self._get_page(session, "/console/customers", query, missing=root is None, told=400)
        if answer and root:
            found = [one.id for one in self.world.below(root, self.world.customers) if matches(one, filters)]
            shown = ROWS.findall(_text(answer))
            assert shown[: len(found)] == found
            assert root.is_provider or shown == found

    def _look_at_export(self, data: Data, session: Session, user: Holder) -> None:
        filters, root, asked = self._asked(data, user)
        if root and root.is_provider:
            return  # whose customers of all examples would be read
        kind = data.draw(st.sampled_from(("jsonl", "csv")))
        answer = self._get_page(session, f"/console/export.{kind}", asked, missing=root is None)
        if answer and root:
            found = [one for one in self.world.below(root, self.world.customers) if matches(one, filters)]
            if kind == "jsonl":
                documents = [json.loads(line) for line in answer.body.splitlines()]
                assert sorted(documents, key=lambda one: -int(one["id"])) == [one.document for one in found]
            else:
                assert len(answer.body.decode().strip().split("\r\n")) == len(found) + 1

    def _look_at_customer(self, data: Data, session: Session, user: Holder) -> None:
        wanted = self._target_of(data, user, self.world.customers)
        account = self.world.find(user.reseller, self.world.customers, wanted)
        answer = self._get_page(session, f"/console/customers/{wanted}", missing=account is None)
        if answer and account:
            text = unescape(_text(answer))
            assert account.document["name"] in text
            assert account.document["contactPersons"][0]["email"] in text
            self._check_history(answer, user.reseller, account)

    def _look_at_edit(self, data: Data, session: Session, user: Holder) -> None:
        wanted = self._target_of(data, user, self.world.customers)
        account = self.world.find(user.reseller, self.world.customers, wanted)
        answer = self._get_page(session, f"/console/customers/{wanted}/edit", missing=account is None, needed="editor")
        if answer and account:
            assert f'value="{account.document["name"]}"' in _text(answer)

    def _look_at_resellers(self, data: Data, session: Session, user: Holder) -> None:
        if data.draw(st.integers(0, 2)) == 0:
            name = data.draw(st.sampled_from(("mark.", _one(data, self.world.accounts).mark or "x")))
            answer = self._get_page(session, "/console/resellers", {"name": name})
            found = [one for one in self.world.below(user.reseller, self.world.resellers) if not one.is_provider]
            if answer and not user.reseller.is_provider:
                fitting = [one.id for one in found if matches(one, {"name": name})]
                assert ROWS.findall(_text(answer)) == fitting
            return
        wanted = self._target_of(data, user, self.world.resellers) if data.draw(st.integers(0, 3)) else None
        root = self.world.find(user.reseller, self.world.resellers, wanted) if wanted else user.reseller
        query = {"under": wanted} if wanted else {}
        answer = self._get_page(session, "/console/resellers", query, missing=root is None)
        if answer and root and not root.is_provider:
            shown, found = set(TREE.findall(_text(answer))), self.world.below(root, self.world.resellers)
            assert shown <= {one.id for one in found}
            assert len(found) > 5 or len(shown) == len(found)

    def _look_at_reseller(self, data: Data, session: Session, user: Holder) -> None:
        wanted = self._target_of(data, user, self.world.resellers)
        account = self.world.find(user.reseller, self.world.resellers, wanted)
        answer = self._get_page(session, f"/console/resellers/{wanted}", missing=account is None, has_log=True)
        if answer and account:
            self._check_history(answer, user.reseller, account)

    def _look_at_keys(self, data: Data, session: Session, user: Holder) -> None:
        query, root = self._whose(data, user)
        answer = self._get_page(session, "/console/keys", query, missing=root is None)
        if answer and root:
            shown = set(re.findall(r'data-label="Id"><code>(\w+)</code>', _text(answer)))
            known = {one.id for one in self.world.keys if one.reseller is root}
            assert known <= shown
            assert root.is_provider or shown == known

    def _look_at_key(self, data: Data, session: Session, user: Holder) -> None:
        key = _one(data, self.world.keys)
        query, root = self._whose(data, user, key.reseller)
        self._run(self.marketplace.usage.keep())
        is_there = root is not None and key.reseller is root
        answer = self._get_page(session, f"/console/keys/{key.id}", query, missing=not is_there)
        if answer and is_there:
            assert PICTURES.findall(_text(answer)) == [f"{key.requests:,}"]

    def _look_at_users(self, data: Data, session: Session, user: Holder) -> None:
        query, root = self._whose(data, user)
        answer = self._get_page(session, "/console/users", query, missing=root is None)
        if answer and root:
            shown = set(re.findall(r'href="/console/users/([^"?]+)"', _text(answer)))
            known = {one.id for one in self._holders("user") if one.reseller is root}
            assert known <= shown
            assert root.is_provider or shown == known

    def _look_at_user(self, data: Data, session: Session, user: Holder) -> None:
        other = _one(data, self._holders("user"))
        is_there = reaches(user.reseller, other.reseller)
        answer = self._get_page(session, f"/console/users/{quote(other.id)}", missing=not is_there)
        if answer and is_there:
            assert f"{other.role}: " in _text(answer)

    def _look_at_forms(self, data: Data, session: Session, user: Holder) -> None:
        """Those of what is new."""
        place = data.draw(st.sampled_from(("customers/new", "keys/new", "new-user", "resellers/new")))
        if place == "customers/new":
            self._get_page(session, f"/console/{place}", needed="editor")
            return
        query, root = self._whose(data, user)
        if place == "resellers/new":
            query = {"under": query["resellerId"]} if query else {}
        self._get_page(session, f"/console/{place}", query, missing=root is None, needed="owner")

    # What is done

    @rule(data=st.data())
    def act(self, data: Data) -> None:
        """A user sends some forms of the console about what is anywhere."""
        session = self._session(data, "console")
        if not session:
            return
        user = session.who
        assert isinstance(user, Holder)
        for _ in range(AT_ONCE):
            kind = data.draw(st.sampled_from(ACTS))
            if kind.endswith(" key"):
                self._act_on_key(data, session, user, kind)
            elif kind in ("role", "disable", "enable", "password"):
                self._act_on_user(data, session, user, kind)
            else:
                getattr(self, f"_act_{kind.replace(' ', '_')}")(data, session, user)

    def _act_create(self, data: Data, session: Session, user: Holder) -> None:
        body = self._body(data)
        wanted = self._target_of(data, user, self.world.resellers) if data.draw(st.booleans()) else ""
        owner = self.world.find(user.reseller, self.world.resellers, wanted) if wanted else user.reseller
        active = {"active": "yes"} if body.get("status") == "active" else {}
        body = {name: value for name, value in body.items() if name != "status" or active}
        form = {**_form(body), **active, "resellerId": wanted}
        answer = self._post_page(session, "/console/customers/new", form, needed="editor")
        if not answer:
            return
        if owner is None or self._cannot_add(Account, owner, body):
            assert answer.status == 400
            return
        assert answer.status == 303
        self._added(Account, body, answer.headers["location"].split("/")[-1].split("?")[0], owner, _by(user, answer))

    def _act_new_reseller(self, data: Data, session: Session, user: Holder) -> None:
        body = {**self._body(data), "currency": "EUR", "status": "active"}
        wanted = self._target_of(data, user, self.world.resellers) if data.draw(st.booleans()) else ""
        owner = self.world.find(user.reseller, self.world.resellers, wanted) if wanted else user.reseller
        form = {**_form(body), "currency": "EUR", "active": "yes"}
        query = {"under": wanted} if wanted else {}
        answer = self._post_page(session, "/console/resellers/new", form, query, needed="owner", missing=owner is None)
        if not answer or not owner:
            return
        if self._cannot_add(Reseller, owner, body):
            assert answer.status == 400
            return
        assert answer.status == 303
        number = answer.headers["location"].split("/")[-1].split("?")[0]
        self._added(Reseller, body, number, owner, _by(user, answer))

    def _cannot_add(self, kind: type[Account], owner: Reseller, body: Json) -> bool:
        logins = {person["login"] for person in body["contactPersons"] if "login" in person}
        is_taken = self.world.is_taken(kind, owner, body.get("externalId"), None)
        return is_taken or bool(logins & set(self.world.logins))

    def _act_edit(self, data: Data, session: Session, user: Holder) -> None:
        wanted = self._target_of(data, user, self.world.customers)
        account = self.world.find(user.reseller, self.world.customers, wanted)
        known = next((one for one in self.world.customers if one.id == wanted), None)
        mark = known.mark if known else "unknown"
        document = known.document if known else self._body()
        number = data.draw(st.integers(1, 3))
        after: Json = data.draw(
            st.sampled_from(
                (
                    {"name": f"Firm {mark} {number}"},
                    {"contactPersons": [_person(mark, f"{mark}@x{number}.com")]},
                    {"externalId": data.draw(st.sampled_from((mark, self.shared)))},
                )
            )
        )
        version = known.version if known and data.draw(st.integers(0, 3)) else 77
        form = {**_form({**document, **after}), "version": str(version), "contactPersons[0].position": "0"}
        place = f"/console/customers/{wanted}/edit"
        answer = self._post_page(session, place, form, needed="editor", missing=account is None)
        if not answer or not account:
            return
        if version != account.version:
            assert answer.status == 409
        elif self.world.is_taken(Account, account.owner, {**document, **after}.get("externalId"), account):
            assert answer.status == 400
        else:
            assert answer.status == 303
            self._changed(account, {**document, **after}, _by(user, answer))

    def _act_status(self, data: Data, session: Session, user: Holder) -> None:
        wanted = self._target_of(data, user, self.world.customers)
        account = self.world.find(user.reseller, self.world.customers, wanted)
        status = data.draw(st.sampled_from(STATUSES))
        mark = account.mark if account else ""
        place = f"/console/customers/{wanted}/status"
        form = {"status": status, "reason": f"since {mark} wants it"}
        answer = self._post_page(session, place, form, needed="editor", missing=account is None)
        if answer and account:
            self._check_status(answer, user, account, status, form["reason"])

    def _act_hold(self, data: Data, session: Session, user: Holder) -> None:
        wanted = self._target_of(data, user, self.world.resellers)
        account = self.world.find(user.reseller, self.world.resellers, wanted)
        status = data.draw(st.sampled_from(("adminHold", "active", "creditHold", "cancelled")))
        form = {"status": status, "reason": "", "sure": "yes"}
        place = f"/console/resellers/{wanted}/status"
        answer = self._browse("POST", place, session.cookie, form={**form, "token": _token(session.cookie)})
        if not self._let_in(session, answer) or not self._may(session, answer, "owner"):
            return
        if account is user.reseller and status != account.status:
            self._check_refused(answer, model.forbidden(user), "console", OWN_STATUS)
        elif account is None:
            assert answer.status == 404
        else:
            self._check_status(answer, user, account, status, "")
        self._check_shown_to(answer, user.reseller, has_log=True)

    def _check_status(self, answer: Answer, user: Holder, account: Account, status: str, reason: str) -> None:
        if not model.may_become(account.status, status, operator=user.reseller.is_provider):
            assert answer.status == (400 if isinstance(account, Reseller) else 409)
            return
        assert answer.status == 303
        self._changed(account, {**account.document, "status": status}, _by(user, answer), reason)

    def _changed(self, account: Account, after: Json, origin: Json, reason: str = "") -> None:
        if found := changes(account.document, after):
            account.document, account.version = after, account.version + 1
            found |= {"status.reason": {"after": reason}} if reason else {}
            kind = "reseller" if isinstance(account, Reseller) else "customer"
            self.world.note(account, f"{kind}.updated", **origin, changes=found)

    def _act_link(self, data: Data, session: Session, user: Holder) -> None:
        wanted = self._target_of(data, user, self.world.customers)
        account = self.world.find(user.reseller, self.world.customers, wanted)
        position = data.draw(st.sampled_from(("0", "0", "0", "1")))
        place, form = f"/console/customers/{wanted}/link", {"position": position}
        is_there = account is not None and position == "0"
        admin = next((one for one in self.world.administrators if one.account is account), None)
        allowed = admin.login if admin and admin.login else ""
        answer = self._post_page(session, place, form, needed="editor", missing=not is_there, allowed=allowed)
        if not answer or not account or not admin:
            return
        if self.world.closed(admin):
            assert answer.status == 409
            return
        assert answer.status == 200
        text = unescape(_text(answer))
        login, secret = LOGIN.findall(text)[0], SHOWN_ONCE.findall(text)[0].partition("code=")[2]
        assert admin.login in (None, login)
        admin.login = login
        self._note_link(Link(secret, admin), _by(user, answer))

    def _note_link(self, link: Link, origin: Json) -> None:
        """A link that was made; those before are over."""
        account = link.administrator.account
        for one in self.world.links:
            one.over = one.over or one.administrator is link.administrator
        self.world.links.append(link)
        about = "for the administrator at contactPersons[0]"
        self.world.note(account, "link.created", **origin, about=about)

    def _act_on_key(self, data: Data, session: Session, user: Holder, kind: str) -> None:
        key = _one(data, self.world.keys)
        query, root = self._whose(data, user, key.reseller)
        if kind == "new key":
            name = f"{self._mark_of(root or user.reseller)}.key"
            answer = self._post_page(
                session, "/console/keys/new", {"name": name}, query, needed="owner", missing=root is None
            )
            if answer and root:
                assert answer.status == 200
                self._add_key(answer, user, root, name, None)
            return
        stale = data.draw(st.integers(0, 3)) == 0
        shown_in = "another" if stale else str(key.version)
        form = {
            "change key": {"name": f"{key.name}.new", "apiVersion": key.api_version or "", "version": shown_in},
            "revoke key": {"revoke": "yes"},
            "rotate key": {"rotate": "yes"},
        }[kind]
        end = {"change key": "", "revoke key": "/revoke", "rotate key": "/rotate"}[kind]
        place, is_there = f"/console/keys/{key.id}{end}", root is not None and key.reseller is root
        answer = self._post_page(session, place, form, query, needed="owner", missing=not is_there)
        if not answer or not is_there:
            return
        if (key.revoked and kind != "revoke key") or (stale and kind == "change key"):
            assert answer.status == 409
            return
        assert answer.status == (200 if kind == "rotate key" else 303)
        origin = _by(user, answer)
        about = f"key {key.id}"
        found: Json = {"revoked": {"after": True}}
        if kind == "change key":
            found = {"name": {"before": key.name, "after": f"{key.name}.new"}}
            key.name += ".new"
            key.version += 1
        else:
            if kind == "rotate key":
                self._add_key(answer, user, key.reseller, key.name, key.api_version)
            if key.revoked:
                return
            key.revoked = True
            key.version += 1
        self._note_command(key.reseller, "key.updated", about, found, origin)

    def _add_key(self, answer: Answer, user: Holder, of: Reseller, name: str, api_version: str | None) -> None:
        text = _text(answer)
        key = Key(SHOWN_ONCE.findall(text)[0], KEY_ID.findall(text)[0], of, api_version, name=name)
        self.world.keys.append(key)
        found = {"name": {"after": name}, **({"apiVersion": {"after": api_version}} if api_version else {})}
        self._note_command(of, "key.created", f"key {key.id}", found, _by(user, answer))

    def _act_new_user(self, data: Data, session: Session, user: Holder) -> None:
        query, root = self._whose(data, user)
        role = data.draw(st.sampled_from(ROLES))
        login = f"{self._mark_of(root or user.reseller)}.user-{self.application.number()}"
        form = {"login": login, "role": role, "marketplace": "us"}
        answer = self._post_page(session, "/console/new-user", form, query, needed="owner", missing=root is None)
        if answer and root:
            assert answer.status == 200
            new = Holder("user", login, login, root, role, unescape(SHOWN_ONCE.findall(_text(answer))[0]))
            self.world.holders.append(new)
            found = {"role": {"after": role}, "marketplace": {"after": "us"}}
            self._note_access(new, "user.created", found, origin=_by(user, answer))

    def _act_on_user(self, data: Data, session: Session, user: Holder, kind: str) -> None:
        other = _one(data, self._holders("user"))
        role = data.draw(st.sampled_from(ROLES))
        place = f"/console/users/{quote(other.id)}{'' if kind == 'role' else '/' + kind}"
        is_there = reaches(user.reseller, other.reseller)
        stale = data.draw(st.integers(0, 3)) == 0
        shown_in = "another" if stale else str(other.version)
        form = {"role": role, "version": shown_in} if kind == "role" else {}
        answer = self._post_page(session, place, form, needed="owner", missing=not is_there)
        if not answer or not is_there:
            return
        if (other is user and kind in ("role", "disable")) or (stale and kind == "role"):
            assert answer.status == 409
            return
        found: Json = {}
        if kind == "password":
            assert answer.status == 200
            other.secret = unescape(SHOWN_ONCE.findall(_text(answer))[0])
            found = {"password": {"before": HIDDEN, "after": HIDDEN}}
        else:
            assert answer.status == 303
            if kind == "role" and other.role != role:
                found = {"role": {"before": other.role, "after": role}}
                other.role = role
            elif kind in ("disable", "enable") and other.disabled != (kind == "disable"):
                other.disabled = not other.disabled
                found = {"disabled": {"after" if other.disabled else "before": True}}
        if found:
            other.version += 1
            self._note_access(other, "user.updated", found, origin=_by(user, answer))

    # Files

    @rule(data=st.data())
    def use_files(self, data: Data) -> None:
        """People send files, and ask for those that others have sent."""
        for _ in range(AT_ONCE):
            self._use_file(data, data.draw(st.sampled_from(FILES)))

    def _use_file(self, data: Data, kind: str) -> None:
        if kind == "work":
            self._do_imports()
            return
        session = self._session(data, "console")
        # Rather one for whom a user above has sent a file.
        given = [one.reseller for one in self.world.imports if not reaches(one.reseller, one.sender.reseller)]
        receivers = [one for one in self._holders("user") if one.reseller in given]
        if receivers and kind != "send" and data.draw(st.booleans()):
            receiver = _one(data, receivers)
            session = self._sign_in("console", receiver, receiver.id, receiver.secret)
        if not session:
            return
        user = session.who
        assert isinstance(user, Holder)
        if kind == "send" or not self.world.imports:
            self._send_file(data, session, user)
        elif kind == "list":
            answer = self._get_page(session, "/console/imports", needed="editor")
            if answer and not user.reseller.is_provider:
                shown = re.findall(r'href="/console/imports/(\w+)">', _text(answer))
                known = [one.id for one in self.world.imports if reaches(user.reseller, one.reseller)]
                assert sorted(shown) == sorted(known)
        else:
            self._use_import(data, session, user, kind)

    def _send_file(self, data: Data, session: Session, user: Holder) -> None:
        wanted = self._target_of(data, user, self.world.resellers) if data.draw(st.integers(0, 3)) else ""
        owner = self.world.find(user.reseller, self.world.resellers, wanted) if wanted else user.reseller
        body = {**self._body(), "status": "active"}
        mark = body["attributes"]["mark"]
        body["externalId"] = mark
        faulty = {**body, "externalId": f"{mark}.2", "address": {**body["address"], "countryCode": "de"}}
        content = "".join(f"{json.dumps(row)}\n" for row in (body, faulty)).encode()
        form = {"token": _token(session.cookie), "resellerId": wanted, "format": ""}
        name = f"{mark}.jsonl"
        answer = self._browse("POST", "/console/imports", session.cookie, form=form, file=(name, content))
        if not self._let_in(session, answer) or not self._may(session, answer, "editor"):
            return
        self._check_shown_to(answer, user.reseller)
        waiting = [one for one in self.world.imports if one.reseller is owner and one.state in UNDER_WAY]
        if owner is None or len(waiting) >= MOST_STORED:
            assert answer.status == 400
            return
        assert answer.status == 303, answer
        number = answer.headers["location"].split("/")[-1]
        self.world.imports.append(Import(number, owner, user, name, mark, body))

    def _use_import(self, data: Data, session: Session, user: Holder, kind: str) -> None:
        if kind == "confirm":
            self._do_imports()
        reached = [one for one in self.world.imports if reaches(user.reseller, one.reseller)]
        checked = [one for one in reached if one.state == "checked"]
        others = [one for one in self.world.imports if one not in reached]
        choice = data.draw(st.integers(0, 3))
        wanted = checked if kind == "confirm" and choice else others if choice == 1 else []
        one = _one(data, wanted or self.world.imports)
        is_there = reaches(user.reseller, one.reseller)
        place = f"/console/imports/{one.id}"
        if kind in ("show", "rejected"):
            place += "/rejected" if kind == "rejected" else ""
            answer = self._get_page(session, place, needed="editor", missing=not is_there)
            if answer and is_there:
                text = _text(answer)
                assert kind == "rejected" or one.file_name in text
                assert kind == "show" or (one.mark in text) == (one.state == "done")
            return
        answer = self._post_page(session, f"{place}/{kind}", {}, needed="editor", missing=not is_there)
        if not answer or not is_there:
            return
        may = one.state == "checked" if kind == "confirm" else one.state in UNDER_WAY
        assert answer.status == (303 if may else 409)
        if may and kind == "confirm":
            one.state = "running"
            one.origin = {**_by(user, answer), "correlation_id": one.id}
            one.sender = user
        elif may:
            one.state = "cancelled"

    def _do_imports(self) -> None:
        """The platform's own doing."""
        while self._run(self.marketplace.import_runner.run_next("machine")):
            pass
        for one in self.world.imports:
            if one.state not in ("checking", "running"):
                continue
            is_shut = any(above.status in model.SHUT for above in model.upwards(one.sender.reseller))
            if is_shut or one.sender.disabled or one.sender.role == "reader":
                one.state = "refused"
            elif one.state == "checking":
                one.state = "checked"
            else:
                one.state = "done"
                query = CustomerQuery(external_id=one.mark)
                found = self._run(self.marketplace.customers.page(_setter_up(one.reseller), query, whole=False))
                number = json.loads(bytes(found.data))[0]["id"]
                # Those that were written in the meantime have higher numbers, but none has been here.
                self._added(Account, one.body, number, one.reseller, one.origin)

    # The panel

    @rule(data=st.data())
    def use_the_panel(self, data: Data) -> None:
        """An administrator looks at the account, changes it, or finds it closed."""
        session = self._session(data, "panel")
        if not session:
            return
        admin = session.who
        assert isinstance(admin, Administrator)
        for _ in range(AT_ONCE):
            kind = data.draw(st.sampled_from(OWN))
            if kind == "close":
                self._set_status(admin.account, "cancelled")
            elif kind and kind not in BOUGHT and data.draw(st.booleans()):
                self._change_own(data, session, admin, kind)
            else:
                self._look_at_own(session, admin, kind)

    def _look_at_own(self, session: Session, admin: Administrator, kind: str) -> None:
        answer = self._browse("GET", f"/panel{kind}", session.cookie)
        if not self._let_in(session, answer):
            return
        assert answer.status == 200
        self._check_shown_to_admin(answer, admin)
        assert kind or admin.account.document["name"] in unescape(_text(answer))
        if kind == "/sign-ins":
            mine = [one for one in self.world.sessions if one.who is admin]
            is_open = [one for one in mine if self.world.is_open(one) and one is not session]
            assert _text(answer).count('data-label="From"') == min(len(mine), MOST_LISTED)
            assert len(mine) > MOST_LISTED or _text(answer).count('class="badge pending"') == len(is_open)

    def _change_own(self, data: Data, session: Session, admin: Administrator, kind: str) -> None:
        account = admin.account
        form = {**_form(account.document), "version": str(account.version), "contactPersons[0].position": "0"}
        # A form that was made by hand: nothing of it may be taken but what is theirs.
        form |= {"name": "Mine", "status": "active", "resellerId": self._some_id(data), "id": self._some_id(data)}
        form |= {"externalId": "mine", "taxRegId": "mine", "attributes[0].name": "mine", "attributes[0].value": "mine"}
        after = dict(account.document)
        new = self._new_secret()
        if kind == "/address":
            street = f"{account.mark} {data.draw(st.integers(1, 3))}"
            form["address.streetAddress"] = street
            after["address"] = {**after["address"], "streetAddress": street}
        elif kind == "/contacts":
            email = f"{account.mark}@x{data.draw(st.integers(1, 3))}.com"
            form["contactPersons[0].email"] = email
            after["contactPersons"] = [{**after["contactPersons"][0], "email": email}]
        is_right = data.draw(st.integers(0, 3)) > 0
        if kind == "/password":
            form = {"old": admin.secret if is_right and admin.secret else "Wrong-one-1", "new": new, "again": new}
        email_before = admin.email
        answer = self._browse("POST", f"/panel{kind}", session.cookie, form={**form, "token": _token(session.cookie)})
        if not self._let_in(session, answer):
            return
        self._check_shown_to_admin(answer, admin)
        origin = _by_admin(admin, answer, email_before)
        if kind == "/password" and not is_right:
            assert answer.status == 400
            return
        assert answer.status == 303
        if kind == "/password":
            admin.secret = new
            found = {"contactPersons[0].password": {"before": HIDDEN, "after": HIDDEN}}
            self.world.note(account, "customer.updated", **origin, changes=found)
            self._new_session(answer, admin)
        elif kind == "/sign-ins":
            for one in self.world.sessions:
                one.ended = one.ended or (one.who is admin and one is not session)
        else:
            self._changed(account, after, origin)

    @rule(data=st.data(), member=st.sampled_from(("name", "status", "externalId", "attributes", "resellerId")))
    def change_what_is_not_theirs(self, data: Data, member: str) -> None:
        """Past the form, which has no field for it."""
        session = self._session(data, "panel")
        if not session or self._is_out(session):
            return
        visitor = self._run(self.marketplace.sessions.visitor(session.cookie.partition("=")[2]))
        assert visitor
        actor = visitor.actor(Origin(None, "panel"))
        try:
            self._run(self.marketplace.customers.update_own(actor, visitor.administrator, {member: "active"}))
        except AccessDenied:
            return
        raise AssertionError(f"an administrator has changed {member}")

    @rule(data=st.data())
    def use_a_link(self, data: Data) -> None:
        """Open a one-time link, with any browser, or send its form."""
        if not self.world.links:
            self._make_link(_one(data, self.world.administrators) if self.world.administrators else None)
            return
        self._use_link(_one(data, self.world.links), is_sent=data.draw(st.booleans()))

    def _make_link(self, admin: Administrator | None) -> Link | None:
        """One that the reseller itself has made; none for an account that is closed."""
        if admin is None or self.world.closed(admin):
            return None
        owner = admin.account.log
        made = self._run(self.marketplace.links.make(_setter_up(owner), admin.account.id, 0))
        admin.login = made.link.login
        link = Link(made.secret, admin)
        self._note_link(link, {"source": "command line", "by": owner, "user": owner.mark})
        return link

    def _use_link(self, link: Link, *, is_sent: bool) -> Session | None:
        admin, new = link.administrator, self._new_secret()
        cookie = f"emporion-panel={secrets.token_urlsafe(32)}"
        if is_sent:
            form = {"code": link.secret, "new": new, "again": new, "token": _token(cookie)}
            answer = self._browse("POST", "/panel/link", cookie, form=form)
        else:
            answer = self._browse("GET", "/panel/link", cookie, {"code": link.secret})
        self._check_shown_to_admin(answer, admin, admin.login or "")
        if link.over:
            assert answer.status == 404
            return None
        if refusal := self.world.closed(admin):
            self._check_refused(answer, refusal, "panel", NO_ENTRY)
            return None
        if not is_sent:
            assert answer.status == 200
            return None
        had = {"before": HIDDEN} if admin.secret else {}
        found = {"contactPersons[0].password": {**had, "after": HIDDEN}}
        self.world.note(admin.account, "customer.updated", **_by_admin(admin, answer, admin.email), changes=found)
        admin.secret, link.over = new, True
        assert answer.status == 303
        return self._new_session(answer, admin)

    # Who and what is drawn

    def _session(self, data: Data, area: str) -> Session | None:
        """Mostly of a person who is signed in, maybe as of now, who need not get in all the same."""
        sessions = [one for one in self.world.sessions if _area(one.who) == area]
        is_open = [one for one in sessions if self.world.is_open(one)]
        is_used = bool(is_open) and data.draw(st.integers(0, 3)) > 0
        if is_used or (sessions and data.draw(st.integers(0, 2)) == 0):
            return _one(data, is_open if is_used else sessions)
        if area == "console":
            user = _one(data, self._holders("user"))
            return self._sign_in(area, user, user.id, user.secret)
        if not self.world.administrators:
            return None
        admin = _one(data, self.world.administrators)
        if admin.secret:
            return self._sign_in(area, admin, admin.email, admin.secret)
        link = self._make_link(admin)
        return self._use_link(link, is_sent=True) if link else None

    def _target_of(self, data: Data, user: Holder, accounts: list[Any]) -> str:
        """The id of one of `accounts` that the user reaches, or of anything at all."""
        reached: list[str] = [one.id for one in accounts if reaches(user.reseller, one)]
        ids: list[str] = [*(one.id for one in accounts), *self._ids()]
        is_reached = data.draw(st.booleans())
        return _one(data, reached if reached and is_reached else ids)

    def _whose(self, data: Data, user: Holder, of: Reseller | None = None) -> tuple[dict[str, str], Reseller | None]:
        """A parameter `resellerId`, or none, and the reseller if the user reaches it. of: mostly this one."""
        if of and data.draw(st.integers(0, 3)):
            wanted = of.id
        elif data.draw(st.integers(0, 3)):
            wanted = self._target_of(data, user, self.world.resellers)
        else:
            return {}, user.reseller
        return {"resellerId": wanted}, self.world.find(user.reseller, self.world.resellers, wanted)

    def _asked(self, data: Data, user: Holder) -> tuple[dict[str, str], Reseller | None, dict[str, str]]:
        """Filters, the reseller whose customers they are about if the user reaches it, and both as parameters."""
        filters = self._filters(data)
        if data.draw(st.integers(0, 2)) == 0:
            filters["status"] = data.draw(st.sampled_from(("active", "pending", "creditHold")))
        query: dict[str, str] = {}
        root: Reseller | None = user.reseller
        if data.draw(st.booleans()):
            query, root = self._whose(data, user)
        return filters, root, {**filters, **query}

    # What must be

    def _browse(
        self,
        method: str,
        path: str,
        cookie: str,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        file: tuple[str, bytes] | None = None,
    ) -> Answer:
        answer = self.application.browse(method, path, cookie, query, form, file)
        event(f"{method} {re.sub(r'/(?=[^/]*[0-9.])[^/]+', '/-', path)} {answer.status}")
        note(f"{method} {path} {query} {answer.status}")
        assert answer.status != 500, answer
        return answer

    def _let_in(self, session: Session, answer: Answer) -> bool:
        """Whether they are; if not, the answer says so and nothing else."""
        area = _area(session.who)
        if not self.world.is_open(session):
            if not answer.request.path.endswith(("/sign-in", "/sign-out")):
                assert answer.status == 303, answer
                assert answer.headers["location"].startswith(f"/{area}/sign-in")
            return False
        if refusal := self.world.closed(session.who):
            self._check_refused(answer, refusal, area, RESELLER_SUSPENDED if area == "console" else NO_ENTRY)
            self._check_shown_to_visitor(answer, session.who)
            return False
        return True

    def _is_out(self, session: Session) -> bool:
        return not self.world.is_open(session) or self.world.closed(session.who) is not None

    def _may(self, session: Session, answer: Answer, needed: str | None) -> bool:
        """Whether the user's role is enough; if not, the answer says so."""
        user = session.who
        assert isinstance(user, Holder)
        refusal = self.world.refusal_of_role(user, needed) if needed else None
        if refusal:
            told = f"The role {user.role} may not do this; it takes the role {needed}."
            self._check_refused(answer, refusal, "console", told)
            assert told in unescape(_text(answer))
        return refusal is None

    def _get_page(
        self,
        session: Session,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        needed: str | None = None,
        missing: bool = False,
        told: int = 404,
        has_log: bool = False,
    ) -> Answer | None:
        """The page, if the user may see it. missing: whether there must be none, which is answered with `told`."""
        answer = self._browse("GET", path, session.cookie, query)
        return self._seen(session, answer, needed, missing=missing, told=told, success=200, has_log=has_log)

    def _post_page(
        self,
        session: Session,
        path: str,
        form: Mapping[str, str],
        query: Mapping[str, str] | None = None,
        *,
        needed: str | None = None,
        missing: bool = False,
        allowed: str = "",
    ) -> Answer | None:
        """The answer to a form, if the user may send it. allowed: a login that it may show."""
        sent = {**form, "token": _token(session.cookie)}
        answer = self._browse("POST", path, session.cookie, query, sent)
        return self._seen(session, answer, needed, missing=missing, allowed=allowed)

    def _seen(
        self,
        session: Session,
        answer: Answer,
        needed: str | None,
        *,
        missing: bool,
        told: int = 404,
        success: int | None = None,
        has_log: bool = False,
        allowed: str = "",
    ) -> Answer | None:
        if not self._let_in(session, answer) or not self._may(session, answer, needed):
            self._check_nothing_happened(answer)
            return None
        user = session.who
        assert isinstance(user, Holder)
        self._check_shown_to(answer, user.reseller, has_log=has_log, allowed=allowed)
        if missing:
            assert answer.status == told, answer
            self._check_nothing_happened(answer)
            return None
        assert success in (None, answer.status), answer
        return answer

    def _check_nothing_happened(self, answer: Answer) -> None:
        """After a form that was refused no log goes further than the model's."""
        for one in self.world.resellers if answer.request.method == "POST" else ():
            end = one.before + len(one.events)
            assert not self._run(self.application.store.events.log(one.number, end, 1)), f"{answer} has changed {one}"

    def _check_shown_to(self, answer: Answer, root: Reseller, *, has_log: bool = False, allowed: str = "") -> None:
        """A page of the console shows nothing of an account that `root` does not reach.

        has_log: whether it tells what the account's own people have asked for; that is compared moment by moment.
        """
        if root.is_provider:
            self._check_secrets(answer, allowed)
            return
        accounts = [one for one in self.world.accounts if reaches(root, one)]
        ids = {one.id for one in accounts} | {root.owner.id if root.owner else ""}
        marks = {one.mark for one in accounts}
        marks |= {one.mark for one in self.world.imports if reaches(root, one.reseller)}
        self._check_page_of(answer, marks, ids, has_log=has_log, allowed=allowed)

    def _check_shown_to_visitor(self, answer: Answer, who: Holder | Administrator) -> None:
        if isinstance(who, Administrator):
            self._check_shown_to_admin(answer, who)
        else:
            self._check_shown_to(answer, who.reseller)

    def _check_shown_to_admin(self, answer: Answer, admin: Administrator, allowed: str = "") -> None:
        """A page of the panel shows the administrator's own account, and of its reseller the name and whom to ask."""
        owner = admin.account.log
        marks = {admin.account.mark, owner.mark}
        self._check_page_of(answer, marks, {admin.account.id}, allowed=allowed)

    def _check_page_of(
        self, answer: Answer, marks: set[str], ids: set[str], *, has_log: bool = False, allowed: str = ""
    ) -> None:
        self._check_secrets(answer, allowed)
        text = REASONS.sub("", answer.text) if has_log else answer.text
        assert not set(OPERATORS.findall(text)) - set(OPERATORS.findall(answer.request.text)), answer
        self._check_known(answer, text, marks, ids)

    def _check_secrets(self, answer: Answer, allowed: str) -> None:
        """No password, and no login but the `allowed` one and those that were sent."""
        for found in set(WORDS.findall(answer.text)):
            assert "kept" not in found.lower(), answer
            assert found == allowed or found in answer.request.text, f"the login {found} is in {answer}"

    def _check_history(self, answer: Answer, root: Reseller, account: Account) -> None:
        """Of those above and beside it tells only that they did something."""
        expected = []
        for entry in account.log.events[::-1]:
            if entry.account is account:
                user = entry.shown(root).get("user")
                unnamed = UNNAMED.get(entry.by.id if entry.by else None, "a user above")
                name = f"{user or unnamed}, {entry.source}"
                expected.append("the platform" if entry.source == "worker" and not user else name)
        shown = [unescape(found) for found in MOMENTS.findall(_text(answer))]
        part = expected[:HISTORY]
        assert shown[: len(part)] == part, f"{shown} is not {part}"
        assert account is self.world.provider or len(shown) == len(part)


def _area(who: Holder | Administrator) -> str:
    return "console" if isinstance(who, Holder) else "panel"


def _token(cookie: str) -> str:
    """The one of all forms that a browser with this cookie gets."""
    return hmac.digest(cookie.partition("=")[2].encode(), b"form", "sha256").hex()


def _cookies(answer: Answer) -> list[str]:
    """Those of sessions, as a browser sends them back."""
    return [f"{found[1]}={found[2]}" for line in answer.cookies if (found := COOKIE.match(line))]


def _text(answer: Answer) -> str:
    return answer.body.decode()


def _form(document: Json) -> dict[str, str]:
    """The fields of a customer's form."""
    form: dict[str, str] = {name: document[name] for name in ("name", "externalId") if name in document}
    form |= {f"address.{name}": value for name, value in document["address"].items()}
    form |= {f"contactPersons[0].{name}": value for name, value in document["contactPersons"][0].items()}
    for number, (name, value) in enumerate(document.get("attributes", {}).items()):
        form |= {f"attributes[{number}].name": name, f"attributes[{number}].value": value}
    return {**form, "language": document.get("language", "en")}


def _by(user: Holder, answer: Answer) -> Json:
    """What the log says of a user of the console."""
    return _origin(user, answer, "console")


def _by_admin(admin: Administrator, answer: Answer, email: str) -> Json:
    """What the log says of an administrator, whose login it does not know."""
    request = answer.request
    return {
        "source": "panel",
        "by": admin.account,
        "user": email,
        "address": request.address,
        "correlation_id": request.correlation_id,
    }
