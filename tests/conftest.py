"""What tests share: a platform with a few resellers, copied for each test, and clients that act for them."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from starlette.testclient import TestClient

from emporion.accounts import PROVIDER_ID, RESELLER_ID, Reseller
from emporion.app import build_app, build_marketplace
from emporion.credentials import TokenClaims, encode_token, hash_password, key_digest
from emporion.events import NewEvent, Origin
from emporion.marketplace import platforms
from emporion.marketplace.platforms import SANDBOX
from emporion.settings import Settings
from emporion.store.base import NewResellerRecord, SubscriptionKey, User
from emporion.store.sqlite import SqliteStore
from tests.document import CheckedClient
from tests.postgres import postgres

__all__ = ["postgres"]

# The same examples in each run, however long the machine takes for one.
hypothesis.settings.register_profile("emporion", derandomize=True, deadline=None)
hypothesis.settings.load_profile("emporion")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@dataclass(frozen=True)
class Caller:
    """An external system: a reseller's API user with its key, and a token that is good for the whole run."""

    reseller_id: int
    login: str
    password: str
    key: str
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Subscription-Key": self.key, "Authorization": f"Bearer {self.token}"}


ORIGIN = Origin(None, "command line")


def new_reseller(name: str, parent_id: int | None, id: int | None = None) -> NewResellerRecord:  # noqa: A002 - as there
    """A reseller as the store adds it."""
    account = Reseller(id="", name=name, status="active", language="en", currency="USD")
    return NewResellerRecord(parent_id, account, (), ORIGIN, 1, id)


# `sandbox` and `other` stand beside each other below the provider, `below` stands below `sandbox`.
CALLERS = {
    "provider": Caller(PROVIDER_ID, "provider", "Provider-1", "0" * 32),
    "sandbox": Caller(RESELLER_ID, SANDBOX.user, SANDBOX.password, SANDBOX.subscription_key),
    "other": Caller(900_001, "other", "Other-pass-1", "1" * 32),
    "below": Caller(900_002, "below", "Below-pass-1", "2" * 32),
    "pinned": Caller(RESELLER_ID, SANDBOX.user, SANDBOX.password, "3" * 32),
}


@dataclass(frozen=True)
class Template:
    """A database with the sandbox and all callers, to be copied."""

    path: Path
    callers: dict[str, Caller]


def settings_for(path: Path, **values: str) -> Settings:
    """Settings for the database at `path`, the rest by default."""
    return Settings.read({"database": f"sqlite:///{path}", **values})


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    path = tmp_path_factory.mktemp("template") / "emporion.db"

    async def make() -> dict[str, str]:
        store = SqliteStore(path)
        await store.migrate()
        await store.open()
        await platforms.found(store, SANDBOX, 1, sandbox=True)
        marketplace = build_marketplace(settings_for(path), store)
        await platforms.furnish_sandbox(marketplace)
        await store.add_reseller(new_reseller("Other", PROVIDER_ID, CALLERS["other"].reseller_id))
        await store.add_reseller(new_reseller("Below", RESELLER_ID, CALLERS["below"].reseller_id))
        for name in ("provider", "other", "below"):
            caller = CALLERS[name]
            event = NewEvent(caller.reseller_id, caller.reseller_id, "user.created", 1, ORIGIN)
            await store.add_user(User(caller.login, caller.reseller_id, "us", hash_password(caller.password)), event)
            await store.add_key(SubscriptionKey(key_digest(caller.key), caller.reseller_id), event)
        pinned = SubscriptionKey(key_digest(CALLERS["pinned"].key), RESELLER_ID, "1.15")
        await store.add_key(pinned, NewEvent(RESELLER_ID, RESELLER_ID, "key.created", 1, ORIGIN))
        now = time.time()
        signing_key = await marketplace.signing_keys.current()
        tokens = {}
        for name, caller in CALLERS.items():
            claims = TokenClaims(caller.reseller_id, caller.login, "owner", "us", now + 86400, 1)
            tokens[name] = encode_token(claims, now, signing_key, "test")
        await store.close()
        return tokens

    tokens = asyncio.run(make())
    return Template(path, {name: replace(caller, token=tokens[name]) for name, caller in CALLERS.items()})


@pytest.fixture
def database(template: Template, tmp_path: Path) -> Path:
    """A database of the test's own, with the sandbox and all callers."""
    return Path(shutil.copy(template.path, tmp_path / "emporion.db"))


@pytest.fixture
def callers(template: Template) -> dict[str, Caller]:
    return template.callers


Serve = Callable[..., CheckedClient]


@pytest.fixture
def serve(database: Path) -> Iterator[Serve]:
    """Starts the application in this process; settings by keyword. It ends with the test."""
    with ExitStack() as running:

        @contextmanager
        def app(**values: str) -> Iterator[CheckedClient]:
            with TestClient(build_app(settings_for(database, **values)), raise_server_exceptions=False) as client:
                yield CheckedClient(client, values.get("root_path", ""))

        def start(**values: str) -> CheckedClient:
            manager: AbstractContextManager[CheckedClient] = app(**{"verification": "manual", **values})
            return running.enter_context(manager)

        yield start


@pytest.fixture
def client(serve: Serve) -> CheckedClient:
    """The application with default settings, but without verification by itself."""
    return serve()


def new_customer(**members: Any) -> dict[str, Any]:
    """A body that POST /customers accepts, with `members` in place of its own; None leaves one out."""
    body = {
        "name": "München GmbH",
        "address": {"streetAddress": "Weg 1", "postalCode": "80331", "city": "München", "countryCode": "DE"},
        "contactPersons": [new_contact()],
        **members,
    }
    return {name: value for name, value in body.items() if value is not None}


def new_contact(**members: Any) -> dict[str, Any]:
    """A contact person that POST /customers accepts, with `members` in place of its own."""
    return {
        "type": "admin",
        "firstName": "Anna",
        "lastName": "Weiß",
        "email": "anna@example.com",
        "phoneNumber": "+49891234567",
        **members,
    }
