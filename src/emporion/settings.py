"""What an operator can set, each by an option of `emporion serve` or by an environment variable."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from emporion.credentials import PasswordQuality

LogLevel = Literal["debug", "info", "warning", "error"]
ApiVersion = Literal["1.6", "1.15"]
Verification = Literal["automatic", "manual"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")


class BadSetting(Exception):
    """A setting whose value cannot be used, as one line for whoever started the program."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its option's name, default and explanation. wanted: what a good value is."""

    name: str
    default: str
    help: str
    wanted: str
    read: Callable[[str], object]

    @property
    def option(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "EMPORION_" + self.name.upper()


def _number(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ValueError
        return int(text)

    return read


def _one_of(kind: object) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in get_args(kind):
            raise ValueError
        return text

    return read


def _either(kind: object) -> str:
    *most, last = get_args(kind)
    return f"{', '.join(most)} or {last}"


def _some(text: str) -> str:
    if not text:
        raise ValueError
    return text


@dataclass(frozen=True, slots=True)
class Database:
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


def database(text: str) -> Database:
    """The database at a URL. Raises ValueError for one that cannot be used."""
    if "\0" in text or not text.startswith((SQLITE, *POSTGRES)) or text == SQLITE:
        raise ValueError
    return Database(text)


def _postgres(text: str) -> Database | None:
    if text and not text.startswith(POSTGRES):
        raise ValueError
    return database(text) if text else None


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


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("host", "127.0.0.1", "Address to listen on.", "a host name or address", _some),
        Setting("port", "8000", "Port to listen on.", "a number from 1 to 65535", _number(1, 65535)),
        Setting("workers", "1", "Processes that answer requests.", "a number from 1 to 256", _number(1, 256)),
        Setting(
            "database",
            "sqlite:///emporion.db",
            "Where everything is kept; a fourth slash makes the path absolute.",
            "sqlite:/// and a path, or a postgresql:// URL",
            database,
        ),
        Setting(
            "read_database",
            "",
            "A standby of the database, for lists and searches.",
            "a postgresql:// URL",
            _postgres,
        ),
        Setting("database_connections", "10", "Connections to PostgreSQL, for each worker at most.",
                "a number from 2 to 1000", _number(2, 1000)),
        Setting("statement_timeout", "5", "Seconds that the database has for one statement.",
                "a number from 1 to 3600", _number(1, 3600)),
        Setting("lock_timeout", "2", "Seconds that one statement waits for another's lock.",
                "a number from 1 to 3600", _number(1, 3600)),
        Setting(
            "root_path",
            "",
            "Path before all addresses, for clients that have one in their base URL.",
            "a path such as /marketplace/eu, without a slash at its end",
            _root_path,
        ),
        Setting("tls_cert", "", "Certificate chain for HTTPS, PEM.", "the path of a file", _file),
        Setting("tls_key", "", "Private key of the certificate, PEM in PKCS#8.", "the path of a file", _file),
        Setting("log_level", "info", "What is logged; debug has a line for each request.",
                _either(LogLevel), _one_of(LogLevel)),
        Setting("api_version", "1.6", "Contract version for requests that name none.",
                _either(ApiVersion), _one_of(ApiVersion)),
        Setting("password_quality", "medium", "What a customer's password must have.",
                _either(PasswordQuality), _one_of(PasswordQuality)),
        Setting("verification", "automatic", "Who makes pending customers active: the platform, or resellers by hand.",
                _either(Verification), _one_of(Verification)),
        Setting("public_url", "", "The URL under which clients reach it; tokens name it as their issuer.",
                "an http:// or https:// URL without a slash at its end", _web_url),
        Setting("proxies", "", "Proxies before it, whose X-Forwarded-For is believed.",
                "addresses or networks with commas between, such as 10.0.0.0/8", _networks),
        Setting("limits", "", "Where all nodes count the requests of each subscription key together.",
                "a redis:// or rediss:// URL", _redis),
        Setting("oidc_issuer", "", "An identity provider whose tokens are taken, too.",
                "an http:// or https:// URL without a slash at its end", _web_url),
        Setting("oidc_audience", "emporion", "Whom its tokens must be for (aud).", "a text", _some),
        Setting("oidc_account_claim", "account", "The claim of its tokens that has the account's id.",
                "the name of a claim; dots lead into it", _some),
        Setting("oidc_role_claim", "role", "The claim of its tokens that has reader, editor or owner.",
                "the name of a claim; dots lead into it", _some),
        Setting("oidc_leeway", "60", "Seconds by which its clock may differ from ours.",
                "a number from 0 to 3600", _number(0, 3600)),
        Setting("token_lifetime", "1500", "Seconds for which a token is good.",
                "a number from 1 to 86400", _number(1, 86400)),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked. token_lifetime, oidc_leeway, statement_timeout, lock_timeout: in seconds."""

    host: str
    port: int
    workers: int
    database: Database
    read_database: Database | None
    database_connections: int
    statement_timeout: int
    lock_timeout: int
    root_path: str
    tls_cert: Path | None
    tls_key: Path | None
    log_level: LogLevel
    api_version: ApiVersion
    password_quality: PasswordQuality
    verification: Verification
    public_url: str
    proxies: tuple[Network, ...]
    limits: str | None
    oidc_issuer: str
    oidc_audience: str
    oidc_account_claim: str
    oidc_role_claim: str
    oidc_leeway: int
    token_lifetime: int

    @classmethod
    def read(cls, values: Mapping[str, str | None]) -> Settings:
        """Check `values`, by setting name; what is None or absent has its default.

        Raises BadSetting for the first that cannot be used.
        """
        read: dict[str, Any] = {
            field.name: _read(SETTINGS[field.name], values.get(field.name)) for field in fields(cls)
        }
        settings = cls(**read)
        if (settings.tls_cert is None) != (settings.tls_key is None):
            raise BadSetting("--tls-cert and --tls-key must be given together")
        if settings.read_database and settings.database.path:
            raise BadSetting("--read-database needs PostgreSQL as --database, of which it is a standby")
        return settings

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """The settings in EMPORION_ variables. Raises BadSetting."""
        return cls.read({name: environment.get(setting.variable) or None for name, setting in SETTINGS.items()})

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
        """Whether nobody but this machine can reach the server."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return self.host == "localhost"
        # Python itself looks into ::ffff:127.0.0.1 only from 3.13 on.
        return ((address.version == 6 and address.ipv4_mapped) or address).is_loopback


def _read(setting: Setting, text: str | None) -> object:
    if text is None:
        text = setting.default
    try:
        return setting.read(text)
    except ValueError:
        # A URL may have a password in it.
        what = "" if setting.name in ("database", "read_database", "limits") else f", not {text!r}"
        raise BadSetting(f"{setting.option} ({setting.variable}) must be {setting.wanted}{what}") from None
