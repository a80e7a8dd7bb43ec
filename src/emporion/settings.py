"""What an operator can set. Each setting is declared once, as a field of `Settings`.

From the declaration come its option of `emporion serve`, its environment variable, the messages about it, and its row
in docs/operating.md.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from emporion.credentials import PasswordQuality

LogLevel = Literal["debug", "info", "warning", "error"]
ApiVersion = Literal["1.6", "1.15"]
Verification = Literal["automatic", "manual"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
T = TypeVar("T")

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")


class BadSetting(Exception):
    """A setting whose value cannot be used, as one line for the operator."""


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """Where everything is kept, by the URL that the operator gave."""

    url: str

    @property
    def path(self) -> Path | None:
        """The SQLite file, or None for PostgreSQL."""
        return Path(self.url.removeprefix(SQLITE)) if self.url.startswith(SQLITE) else None

    def __str__(self) -> str:
        """What may be shown: without the password."""
        return str(
            self.path or re.sub(r"(//[^/:@]*):[^/]*@", r"\1:***@", re.sub(r"(password=)[^&]*", r"\1***", self.url))
        )


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """The values that a setting takes. wanted: says which; read: makes one of a text, or raises ValueError."""

    wanted: str
    read: Callable[[str], T]


def _number(low: int, high: int) -> Kind[int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ValueError
        return int(text)

    return Kind(f"a number from {low} to {high}", read)


def _one_of(literal: object) -> Kind[Any]:
    choices = get_args(literal)

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError
        return text

    *most, last = choices
    return Kind(f"{', '.join(most)} or {last}", read)


def _text(wanted: str) -> Kind[str]:
    def read(text: str) -> str:
        if not text:
            raise ValueError
        return text

    return Kind(wanted, read)


def _database(text: str) -> DatabaseUrl:
    if "\0" in text or not text.startswith((SQLITE, *POSTGRES)) or text == SQLITE:
        raise ValueError
    return DatabaseUrl(text)


def _postgres(text: str) -> DatabaseUrl | None:
    if text and not text.startswith(POSTGRES):
        raise ValueError
    return _database(text) if text else None


def _root_path(text: str) -> str:
    if text and (not text.startswith("/") or text.endswith("/") or "//" in text or not text.isascii()):
        raise ValueError
    return text


def _web_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname or text.endswith("/") or parts.query):
        raise ValueError
    return text


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(one.strip(), strict=False) for one in text.split(",") if one.strip())


def _redis(text: str) -> str | None:
    parts = urlsplit(text)
    if text and not (parts.scheme in ("redis", "rediss") and parts.hostname and (parts.port or parts.port is None)):
        raise ValueError
    return text or None


def _file(text: str) -> Path | None:
    path = Path(text)
    if text and not path.is_file():
        raise ValueError
    return path if text else None


FILE = Kind("the path of a file", _file)
WEB_URL = Kind("an http:// or https:// URL without a slash at its end", _web_url)
CLAIM = _text("the name of a claim; dots lead into it")


@dataclass(frozen=True, slots=True)
class Setting:
    """What is declared of one setting.

    default: as an operator would write it, "" for none. help: what it is for; a number of seconds says so here.
    old_name: what it was called before, which still works. secret: its value may have a password in it and is never
    shown. server_only: commands but `serve` make nothing of it, so it is not even checked there.
    """

    name: str
    default: str
    help: str
    kind: Kind[Any]
    old_name: str | None
    secret: bool
    server_only: bool

    @property
    def option(self) -> str:
        return option_of(self.name)

    @property
    def variable(self) -> str:
        return variable_of(self.name)

    @property
    def wanted(self) -> str:
        return self.kind.wanted

    @property
    def description(self) -> str:
        """What it is for and what it takes, for the help and the docs."""
        return f"{self.help} It is {self.wanted}."

    def read(self, text: str | None) -> Any:
        """The value of `text`, or of the default for None. Raises BadSetting."""
        if text is None:
            text = self.default
        try:
            return self.kind.read(text)
        except ValueError:
            what = "" if self.secret else f", not {text!r}"
            raise BadSetting(f"{_shown(self.name)} must be {self.wanted}{what}") from None


def option_of(name: str) -> str:
    """The command-line option of a setting by its name, the old one or that of today."""
    return "--" + name.replace("_", "-")


def variable_of(name: str) -> str:
    """The environment variable, likewise."""
    return "EMPORION_" + name.upper()


def _shown(name: str) -> str:
    return f"{option_of(name)} ({variable_of(name)})"


def setting(
    default: str,
    help_text: str,
    kind: Kind[T],
    *,
    old_name: str | None = None,
    secret: bool = False,
    server_only: bool = False,
) -> T:
    """A field of Settings, of the type that `kind` reads. See Setting for what each parameter means."""
    flags = {"old_name": old_name, "secret": secret, "server_only": server_only}
    declared: T = field(metadata={"default": default, "help": help_text, "kind": kind, **flags})
    return declared


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked. A number whose help begins with "Seconds" is in seconds."""

    host: str = setting("127.0.0.1", "Address to listen on.", _text("a host name or address"))
    port: int = setting("8000", "Port to listen on.", _number(1, 65535))
    workers: int = setting("1", "Processes that answer requests.", _number(1, 256), server_only=True)
    database: DatabaseUrl = setting(
        "sqlite:///emporion.db",
        "Where everything is kept; a fourth slash makes the path absolute.",
        Kind("sqlite:/// and a path, or a postgresql:// URL", _database),
        secret=True,
    )
    read_database: DatabaseUrl | None = setting(
        "",
        "A standby of the database, for lists and searches.",
        Kind("a postgresql:// URL", _postgres),
        secret=True,
        server_only=True,
    )
    database_pool_size: int = setting(
        "10",
        "Connections to PostgreSQL, for each worker at most.",
        _number(2, 1000),
        old_name="database_connections",
    )
    statement_timeout: int = setting("5", "Seconds that the database has for one statement.", _number(1, 3600))
    lock_timeout: int = setting("2", "Seconds that one statement waits for another's lock.", _number(1, 3600))
    root_path: str = setting(
        "",
        "Path before all addresses, for clients that have one in their base URL.",
        Kind("a path such as /marketplace/eu, without a slash at its end", _root_path),
    )
    tls_cert: Path | None = setting("", "Certificate chain for HTTPS, PEM.", FILE)
    tls_key: Path | None = setting("", "Private key of the certificate, PEM in PKCS#8.", FILE)
    log_level: LogLevel = setting("info", "What is logged; debug has a line for each request.", _one_of(LogLevel))
    default_api_version: ApiVersion = setting(
        "1.6", "Contract version for requests that name none.", _one_of(ApiVersion), old_name="api_version"
    )
    password_quality: PasswordQuality = setting(
        "medium", "What a customer's password must have.", _one_of(PasswordQuality)
    )
    verification: Verification = setting(
        "automatic",
        "Who makes pending customers active: the platform, or resellers by hand.",
        _one_of(Verification),
    )
    statement_day: int = setting(
        "1",
        "Day of the month on which periods of the type statement_day begin; what is sold keeps that of its order.",
        _number(1, 28),
    )
    public_url: str = setting("", "The URL under which clients reach it; tokens name it as their issuer.", WEB_URL)
    trusted_proxies: tuple[Network, ...] = setting(
        "",
        "Proxies before it, whose X-Forwarded-For is believed.",
        Kind("addresses or networks with commas between, such as 10.0.0.0/8", _networks),
        old_name="proxies",
    )
    rate_limit_storage: str | None = setting(
        "",
        "Where all nodes count the requests of each subscription key together.",
        Kind("a redis:// or rediss:// URL", _redis),
        old_name="limits",
        secret=True,
        server_only=True,
    )
    oidc_issuer: str = setting("", "An identity provider whose tokens are taken, too.", WEB_URL)
    oidc_audience: str = setting("emporion", "Whom its tokens must be for (aud).", _text("a text"))
    oidc_account_claim: str = setting("account", "The claim of its tokens that has the account's id.", CLAIM)
    oidc_role_claim: str = setting("role", "The claim of its tokens that has reader, editor or owner.", CLAIM)
    oidc_leeway: int = setting("60", "Seconds by which its clock may differ from ours.", _number(0, 3600))
    token_lifetime: int = setting("1500", "Seconds for which a token is good.", _number(1, 86400))

    @classmethod
    def read(cls, values: Mapping[str, str | None]) -> Settings:
        """Check `values`, by setting name; what is None or absent has its default.

        Raises BadSetting for the first that cannot be used, and TypeError for a name that no setting has.
        """
        if unknown := sorted(values.keys() - SETTINGS.keys()):
            raise TypeError(f"no setting is called {', '.join(unknown)}")
        settings = cls(**{name: setting.read(values.get(name)) for name, setting in SETTINGS.items()})
        if (settings.tls_cert is None) != (settings.tls_key is None):
            raise BadSetting("--tls-cert and --tls-key must be given together")
        if settings.read_database and settings.database.path:
            raise BadSetting("--read-database needs PostgreSQL as --database, of which it is a standby")
        return settings

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """The settings in EMPORION_ variables. Raises BadSetting."""
        return cls.read(in_environment(environment, SETTINGS.values()))

    @property
    def scheme(self) -> str:
        return "https" if self.tls_cert else "http"

    @property
    def address(self) -> str:
        """The URL under which the API answers, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.root_path}"

    @property
    def issuer(self) -> str:
        """Who our tokens say has given them."""
        return self.public_url or self.address

    @property
    def only_this_machine(self) -> bool:
        """Whether no other machine can reach the server."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return self.host == "localhost"
        # Python itself looks into ::ffff:127.0.0.1 only from 3.13 on.
        return ((address.version == 6 and address.ipv4_mapped) or address).is_loopback


SETTINGS = {declared.name: Setting(declared.name, **declared.metadata) for declared in fields(Settings)}


def in_environment(environment: Mapping[str, str], settings: Iterable[Setting]) -> dict[str, str | None]:
    """What the variables of `settings` say, by setting name; an empty variable is one that is not set.

    Old names are read as `by_current_name` does. Raises BadSetting.
    """
    names = [name for setting in settings for name in (setting.name, setting.old_name) if name]
    return by_current_name({name: environment.get(variable_of(name)) or None for name in names})


def by_current_name(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """The values of all settings by the names of today, where `values` may have old ones; None for what is not given.

    Prints a line on standard error for each old name that is used. Raises BadSetting where a setting is given by both
    names with different values.
    """
    return {name: _current(setting, values) for name, setting in SETTINGS.items()}


def _current(setting: Setting, values: Mapping[str, str | None]) -> str | None:
    value = values.get(setting.name)
    old_value = values.get(setting.old_name) if setting.old_name else None
    if setting.old_name is None or old_value is None:
        return value
    current, old = _shown(setting.name), _shown(setting.old_name)
    if value is not None and value != old_value:
        raise BadSetting(f"{current} and its old name {old} have different values; leave out the old name")
    sys.stderr.write(f"emporion: {old} is an old name; use {current}\n")
    return old_value
