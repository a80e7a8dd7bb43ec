"""What tests share: a platform with a few resellers, copied for each test, and clients that act for them."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import httpcore2
import hypothesis
import pytest
from starlette.testclient import TestClient
from xdist.scheduler import LoadFileScheduling

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.accounts.resellers import Reseller
from emporion.app import build_app
from emporion.credentials import TokenClaims, encode_token, hash_password, key_digest
from emporion.events import NewEvent, Origin
from emporion.marketplace import platforms
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.platforms import SANDBOX
from emporion.marketplace.sandbox import stock_sandbox
from emporion.settings import Settings
from emporion.store.resellers import NewResellerRecord
from emporion.store.sqlite import SqliteStore
from emporion.store.subscription_keys import SubscriptionKey
from emporion.store.users import User
from tests import server_logs
from tests.document import CheckedClient
from tests.effort import be_thorough, is_thorough
from tests.password_digests import use_argon2, use_real_argon2
from tests.postgres import postgres
from tests.programs import advice, missing

__all__ = ["postgres"]

# The same examples in each run, however long the machine takes for one.
hypothesis.settings.register_profile("emporion", derandomize=True, deadline=None)
hypothesis.settings.load_profile("emporion")

# Where data of a quick run lies if the machine has as much memory to spare: a kill -9 needs no disk.
MEMORY, ENOUGH = Path("/dev/shm"), 3 << 30

# The files that take longest are begun first, so that at the end no process waits for another.
LONGEST = ("tests/browser/", "tests/reliability/", "tests/contract/", "tests/isolation/", "tests/cli/")


# --- the run ---------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="try everything at full size, as make test-all does")


def pytest_configure(config: pytest.Config) -> None:
    be_thorough(config.option.thorough)
    # Servers and commands that tests start find what they started with before, compiled.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if not is_thorough() and "TMPDIR" not in os.environ and _has_room(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def _has_room(folder: Path) -> bool:
    """Whether data and programs of a run may lie there."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize >= ENOUGH and not disk.f_flag & os.ST_NOEXEC


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say before the first test what cannot be tested on this machine."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal and (lacking := missing()):
        terminal.write_line(advice(lacking))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not is_thorough():
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
    items.sort(key=lambda item: next((at for at, path in enumerate(LONGEST) if item.nodeid.startswith(path)), 99))


def pytest_xdist_auto_num_workers() -> int:
    """A process more than cores: many tests wait for servers."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Gives each process whole files, so that what the tests of a file share is made once."""
    return LoadFileScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails shows what its servers have printed."""
    report = yield
    if report.failed:
        report.sections += [(f"printed into {output}", text) for output, text in server_logs.tails()]
    if report.when == "teardown":
        server_logs.forget_ended()
    return report


# --- what tests share ------------------------------------------------------------------------------------------------


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
        await platforms.seed_sandbox(marketplace)
        await store.resellers.add(new_reseller("Other", PROVIDER_ID, CALLERS["other"].reseller_id))
        await store.resellers.add(new_reseller("Below", RESELLER_ID, CALLERS["below"].reseller_id))
        for name in ("provider", "other", "below"):
            caller = CALLERS[name]
            event = NewEvent(caller.reseller_id, caller.reseller_id, "user.created", 1, ORIGIN)
            await store.users.add(User(caller.login, caller.reseller_id, "us", hash_password(caller.password)), event)
            await store.subscription_keys.add(SubscriptionKey(key_digest(caller.key), caller.reseller_id), event)
        pinned = SubscriptionKey(key_digest(CALLERS["pinned"].key), RESELLER_ID, "1.15")
        await store.subscription_keys.add(pinned, NewEvent(RESELLER_ID, RESELLER_ID, "key.created", 1, ORIGIN))
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


@pytest.fixture(scope="session")
def stocked_template(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template's database, whose sandbox sells and has sold."""
    path = Path(shutil.copy(template.path, tmp_path_factory.mktemp("stocked") / "emporion.db"))

    async def stock() -> None:
        store = SqliteStore(path)
        await store.open()
        await stock_sandbox(build_marketplace(settings_for(path), store), int(time.time() * 1000))
        await store.close()

    asyncio.run(stock())
    return path


@pytest.fixture
def database(template: Template, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A database of the test's own, with the sandbox and all callers; stocked for tests that are marked so."""
    path = template.path
    if request.node.get_closest_marker("stocked"):
        path = request.getfixturevalue("stocked_template")
    return Path(shutil.copy(path, tmp_path / "emporion.db"))


@pytest.fixture
def callers(template: Template) -> dict[str, Caller]:
    return template.callers


@pytest.fixture(scope="session", autouse=True)
def cheap_argon2() -> Iterator[None]:
    """Digests that take no time: no password of a test protects anything. Servers that are processes have real ones."""
    with pytest.MonkeyPatch.context() as patch:
        use_argon2(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_tls_context() -> Iterator[None]:
    """Root certificates that are read once: each client of httpx reads them, for http as well, in 55 ms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpcore2, "default_ssl_context", cache(httpcore2.default_ssl_context))
        yield


@pytest.fixture
def real_argon2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests as the program makes them."""
    use_real_argon2(monkeypatch)


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
