"""The command line, as a person or a service manager uses it."""

from __future__ import annotations

import re
import socket
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2 as httpx
import pytest

from emporion import __version__
from emporion.settings import SETTINGS, Setting, option_of, variable_of
from tests.certificates import make_certificate
from tests.cli.conftest import Command, refused
from tests.conftest import new_customer
from tests.server import PATIENCE, Server, run, serving


def test_the_version(tmp_path: Path) -> None:
    assert run("--version", cwd=tmp_path).stdout == f"emporion {__version__}\n"


def test_help_names_every_option_and_its_variable(command: Command) -> None:
    text = command("serve", "--help").out
    for setting in SETTINGS.values():
        assert setting.option in text
        assert setting.variable in text
        if setting.old_name:
            assert option_of(setting.old_name) not in text
            assert variable_of(setting.old_name) not in text
    assert "init" in command("--help").out


def test_old_names_of_settings_work_and_are_told_once_however_many_workers_there_are(tmp_path: Path) -> None:
    options = ("--api-version", "1.15", "--workers", "2")
    with serving(tmp_path, *options, EMPORION_DATABASE_CONNECTIONS="5") as server:
        answer = httpx.get(f"{server.url}/customers", headers=server.headers(), timeout=PATIENCE)
        assert answer.headers["X-Api-Version"] == "1.15"
        lines = server.output.read_text().splitlines()
    assert [line for line in lines if "old name" in line] == [
        "emporion: --database-connections (EMPORION_DATABASE_CONNECTIONS) is an old name; "
        "use --database-pool-size (EMPORION_DATABASE_POOL_SIZE)",
        "emporion: --api-version (EMPORION_API_VERSION) is an old name; "
        "use --default-api-version (EMPORION_DEFAULT_API_VERSION)",
    ]


@pytest.mark.parametrize(
    "setting", [setting for setting in SETTINGS.values() if setting.old_name], ids=lambda setting: setting.name
)
def test_each_old_option_gives_the_setting_of_today(emporion: Command, setting: Setting) -> None:
    old = option_of(setting.old_name or "")
    ended = emporion("serve", old, "of-no-kind")
    assert ended.status == 2
    told, refused = ended.err.splitlines()
    assert told.startswith(f"emporion: {old} (")
    assert told.endswith(f" is an old name; use {setting.option} ({setting.variable})")
    assert refused.startswith(f"emporion: {setting.option} ({setting.variable}) must be {setting.wanted}")


@pytest.mark.parametrize(
    ("words", "variable"),
    [
        (("--proxies", "10.0.0.0/8", "--trusted-proxies", "192.168.0.0/16"), None),
        (("--trusted-proxies", "192.168.0.0/16"), "EMPORION_PROXIES"),
        (("--proxies", "192.168.0.0/16"), "EMPORION_TRUSTED_PROXIES"),
    ],
)
def test_an_old_name_with_another_value_than_the_new_one_is_refused(
    emporion: Command, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], variable: str | None
) -> None:
    if variable:
        monkeypatch.setenv(variable, "10.0.0.0/8")
    stops = ("--workers", "0")  # it would serve if the names were taken
    assert refused(emporion("serve", *words, *stops)) == (
        "--trusted-proxies (EMPORION_TRUSTED_PROXIES) and its old name --proxies (EMPORION_PROXIES) "
        "have different values; leave out the old name"
    )


def test_without_a_command_the_help_is_shown(command: Command) -> None:
    shown = command()
    assert "serve" in shown.out + shown.err


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--port", "abc"], {}, "--port (EMPORION_PORT) must be a number from 1 to 65535, not 'abc'"),
        ([], {"EMPORION_WORKERS": "many"}, "--workers (EMPORION_WORKERS) must be a number from 1 to 256, not 'many'"),
        (["--database", "mysql://x"], {}, "must be sqlite:/// and a path, or a postgresql:// URL"),
        (["--database", "postgresql://u:secret@127.0.0.1:1/x"], {}, "The database cannot be reached: "),
        (["--sandbox", "--database", "sqlite:////no/such/folder/x.db"], {}, "there is no folder /no/such/folder"),
        (["--database", "sqlite:////etc/hostname"], {}, "cannot be opened: file is not a database"),
        (["--host", "host.invalid"], {}, "cannot listen on host.invalid port"),
        ([], {}, "there is no platform in emporion.db; make one with: emporion init --database sqlite:///emporion.db"),
        (["--sandbox", "--host", "0.0.0.0"], {}, "a sandbox does not listen on 0.0.0.0"),
    ],
)
def test_what_stops_the_start_is_told_in_one_line(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    environment: dict[str, str],
    message: str,
) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    ended = command("serve", *arguments)
    assert ended.status == 2
    assert ended.err.startswith("emporion: ")
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert ended.out == ""


def test_a_port_in_use_is_told(command: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = command("serve", "--sandbox", "--port", port)
    assert ended.status == 2
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use; another port is" in ended.err


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A sandbox that is served under a name."""
    with serving(tmp_path_factory.mktemp("sandbox"), "--host", "localhost") as server:
        yield server


def test_a_sandbox_says_what_it_serves_and_how_to_try_it(sandbox: Server) -> None:
    said = sandbox.output.read_text()
    assert f"serves the sandbox in sandbox.db at {sandbox.url.replace('127.0.0.1', 'localhost')}" in said
    command = re.search(r"^ *(curl .*)$", said, re.MULTILINE)
    assert command
    answer = subprocess.run(command[1], shell=True, capture_output=True, text=True, check=True)
    assert answer.stdout.startswith('{"token":"')


def test_a_sandbox_listens_on_this_machine_only_also_when_it_is_served_later(command: Command, sandbox: Server) -> None:
    ended = command("serve", "--host", "0.0.0.0", "--database", f"sqlite:///{sandbox.output.parent}/sandbox.db")
    assert ended.status == 2
    assert "everybody knows its password and key" in ended.err


def _values(said: str) -> dict[str, str]:
    return dict(re.findall(r"^  (\S+(?: \S+)*?) {2,}(\S+)$", said, re.MULTILINE))


def test_init_makes_a_platform_with_secrets_that_are_shown_once(command: Command, tmp_path: Path) -> None:
    made = command("init", "--reseller", "Acme", "--user", "acme-api", "--marketplace", "de")
    assert made.status == 0, made.err
    access = _values(made.out)
    assert access["reseller"] == "Acme"
    file = (tmp_path / "emporion.db").read_bytes()
    for secret in (access["password"], access["subscription key"]):
        assert secret.encode() not in file
    again = command("init")
    assert again.status == 2
    assert again.err == "emporion: There is a platform in this database already.\n"
    with closing(sqlite3.connect(tmp_path / "emporion.db")) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (1,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--user", "ap:i"], "--user must begin with a letter or digit"),
        (["--user", ""], "--user must not be empty"),
        (["--reseller", " "], "--reseller must not be empty"),
        (["--marketplace", "US EU"], "--marketplace must be a code"),
    ],
)
def test_init_makes_no_platform_that_cannot_be_logged_in_to(
    command: Command, tmp_path: Path, arguments: list[str], message: str
) -> None:
    ended = command("init", *arguments)
    assert ended.status == 2
    assert ended.err.startswith(f"emporion: {message}")
    assert not (tmp_path / "emporion.db").exists()


def test_a_start_that_is_refused_leaves_no_file(command: Command, tmp_path: Path) -> None:
    assert "there is no platform" in command("migrate").err
    command("serve")
    command("serve", "--sandbox", "--host", "0.0.0.0")
    assert list(tmp_path.iterdir()) == []


def test_a_platform_of_ones_own_is_served_with_its_credentials_and_no_others(command: Command, tmp_path: Path) -> None:
    access = _values(command("init", "--marketplace", "de", "--database", "sqlite:///sandbox.db").out)
    ended = command("serve", "--sandbox")
    assert "is no sandbox" in ended.err
    (tmp_path / "sandbox.db").rename(tmp_path / "emporion.db")
    with serving(tmp_path, sandbox=False) as server:
        url = server.url
        key = {"X-Subscription-Key": access["subscription key"]}
        auth = (access["user"], access["password"])
        token = httpx.post(f"{url}/token", auth=auth, headers=key, json={"marketplace": "de"}).json()["token"]
        headers = {**key, "Authorization": f"Bearer {token}"}
        assert httpx.get(f"{url}/customers", headers=headers).json()["pagination"]["total"] == 0
        created = httpx.post(f"{url}/customers", headers=headers, json=new_customer()).json()
        assert created["id"] == "1000001"
        assert httpx.post(f"{url}/token", auth=("sandbox", "sandbox-password-1"), headers=key).status_code == 401


def test_other_users_of_the_machine_cannot_read_the_database(command: Command, tmp_path: Path) -> None:
    command("init")
    assert stat.S_IMODE((tmp_path / "emporion.db").stat().st_mode) == 0o600


def test_a_host_may_be_a_name(sandbox: Server) -> None:
    assert "http://localhost:" in sandbox.output.read_text()


def test_https(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    with serving(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(key), scheme="https") as server:
        with httpx.Client(verify=False, http2=False, timeout=PATIENCE) as http:
            assert http.get(f"{server.url}/openapi.json").status_code == 200
        assert f"at {server.url}" in server.output.read_text()


def test_a_key_that_is_not_of_the_certificate_is_told(command: Command, tmp_path: Path) -> None:
    certificate, _ = make_certificate(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    _, key = make_certificate(other)
    ended = command("serve", "--sandbox", "--tls-cert", str(certificate), "--tls-key", str(key))
    assert ended.status == 2
    assert ended.err.startswith("emporion: --tls-cert and --tls-key cannot be used: ")
    assert ended.err.count("\n") == 1
