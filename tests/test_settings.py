"""Settings: each is checked, and a bad one is told in one line that names it."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from emporion.settings import SETTINGS, BadSetting, DatabaseUrl, Settings
from tests.settings_table import PAGE, page

ROOT = Path(__file__).parent.parent


def test_the_defaults_serve_this_machine_only() -> None:
    settings = Settings.from_environment({})
    assert settings.address == "http://127.0.0.1:8000"
    assert settings.only_this_machine
    assert settings.database.path == Path("emporion.db")
    assert settings.token_lifetime == 1500


def test_by_default_no_other_system_is_trusted() -> None:
    settings = Settings.from_environment({})
    assert settings.trusted_proxies == ()
    assert settings.oidc_issuer == ""
    assert settings.rate_limit_storage is None


@pytest.mark.parametrize(
    ("public_url", "issuer"), [("", "http://127.0.0.1:8000/eu"), ("https://x.test", "https://x.test")]
)
def test_tokens_are_given_in_the_name_of_the_url_that_clients_know(public_url: str, issuer: str) -> None:
    assert Settings.read({"root_path": "/eu", "public_url": public_url}).issuer == issuer


@pytest.mark.parametrize(
    ("variable", "value", "name", "expected"),
    [
        ("EMPORION_PORT", "65535", "port", 65535),
        (
            "EMPORION_DATABASE",
            "sqlite:////var/lib/emporion.db",
            "database",
            DatabaseUrl("sqlite:////var/lib/emporion.db"),
        ),
        ("EMPORION_DATABASE", "sqlite:///data/emporion.db", "database", DatabaseUrl("sqlite:///data/emporion.db")),
        ("EMPORION_DATABASE", "postgresql://db/emporion", "database", DatabaseUrl("postgresql://db/emporion")),
        ("EMPORION_ROOT_PATH", "/marketplace/eu", "root_path", "/marketplace/eu"),
        ("EMPORION_PASSWORD_QUALITY", "high", "password_quality", "high"),
        ("EMPORION_DEFAULT_API_VERSION", "1.15", "default_api_version", "1.15"),
        ("EMPORION_PUBLIC_URL", "https://eu.example.com/shop", "public_url", "https://eu.example.com/shop"),
        (
            "EMPORION_TRUSTED_PROXIES",
            "10.0.0.7, 2001:db8::/32",
            "trusted_proxies",
            (ip_network("10.0.0.7"), ip_network("2001:db8::/32")),
        ),
        ("EMPORION_TRUSTED_PROXIES", "10.1.2.3/8", "trusted_proxies", (ip_network("10.0.0.0/8"),)),
        (
            "EMPORION_RATE_LIMIT_STORAGE",
            "redis://:s3cret@cache:6379/1",
            "rate_limit_storage",
            "redis://:s3cret@cache:6379/1",
        ),
        ("EMPORION_RATE_LIMIT_STORAGE", "rediss://cache", "rate_limit_storage", "rediss://cache"),
        ("EMPORION_OIDC_ISSUER", "https://id.example.com/realms/a", "oidc_issuer", "https://id.example.com/realms/a"),
        ("EMPORION_OIDC_LEEWAY", "0", "oidc_leeway", 0),
    ],
)
def test_the_environment_sets(variable: str, value: str, name: str, expected: object) -> None:
    assert getattr(Settings.from_environment({variable: value}), name) == expected


# Each setting that was renamed: its old name, that of today, and a value which is not the default.
RENAMED = [
    ("limits", "rate_limit_storage", "redis://cache/1"),
    ("proxies", "trusted_proxies", "10.0.0.0/8"),
    ("database_connections", "database_pool_size", "20"),
    ("api_version", "default_api_version", "1.15"),
]


def test_every_renamed_setting_is_tested() -> None:
    renamed = {(setting.old_name, setting.name) for setting in SETTINGS.values() if setting.old_name}
    assert renamed == {(old, name) for old, name, _ in RENAMED}
    assert not {old for old, _ in renamed} & set(SETTINGS)


@pytest.mark.parametrize(("old", "name", "value"), RENAMED)
def test_the_old_variable_of_a_setting_works_and_says_what_it_is_called_now(
    capsys: pytest.CaptureFixture[str], old: str, name: str, value: str
) -> None:
    variable = f"EMPORION_{old.upper()}"
    assert Settings.from_environment({variable: value}) == Settings.read({name: value})
    (said,) = capsys.readouterr().err.splitlines()
    option = f"--{old.replace('_', '-')}"
    assert said == f"emporion: {option} ({variable}) is an old name; use {SETTINGS[name].option} " + (
        f"({SETTINGS[name].variable})"
    )


@pytest.mark.parametrize(("old", "name", "value"), RENAMED)
def test_both_names_of_a_setting_must_have_the_same_value(
    capsys: pytest.CaptureFixture[str], old: str, name: str, value: str
) -> None:
    both = {f"EMPORION_{old.upper()}": value, SETTINGS[name].variable: value}
    assert Settings.from_environment(both) == Settings.read({name: value})
    assert capsys.readouterr().err.count("is an old name") == 1
    with pytest.raises(BadSetting) as raised:
        Settings.from_environment({**both, SETTINGS[name].variable: f"{value}0"})
    message = str(raised.value)
    assert message.startswith(f"{SETTINGS[name].option} ({SETTINGS[name].variable}) and its old name --")
    assert f"EMPORION_{old.upper()}" in message
    assert "have different values; leave out the old name" in message
    assert value not in message
    assert capsys.readouterr().err == ""


def test_an_empty_old_variable_is_one_that_is_not_set(capsys: pytest.CaptureFixture[str]) -> None:
    environment = {"EMPORION_API_VERSION": "", "EMPORION_DEFAULT_API_VERSION": "1.15"}
    assert Settings.from_environment(environment).default_api_version == "1.15"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", ""),
        ("port", "0"),
        ("port", "65536"),
        ("port", "http"),
        ("port", "٨٠"),
        ("port", ""),
        ("workers", "0"),
        ("workers", "257"),
        ("database_pool_size", "1"),
        ("statement_timeout", "0"),
        ("lock_timeout", "soon"),
        ("root_path", "eu"),
        ("root_path", "/eu/"),
        ("root_path", "//eu"),
        ("tls_cert", "/nowhere/cert.pem"),
        ("log_level", "loud"),
        ("default_api_version", "1.7"),
        ("password_quality", "best"),
        ("verification", "sometimes"),
        ("token_lifetime", "0"),
        ("public_url", "example.com"),
        ("public_url", "https://example.com/"),
        ("public_url", "ftp://example.com"),
        ("public_url", "https:///eu"),
        ("public_url", "https://example.com?x=1"),
        ("trusted_proxies", "10.0.0.0/33"),
        ("trusted_proxies", "10.0.0.1,proxy.example.com"),
        ("oidc_issuer", "id.example.com"),
        ("oidc_audience", ""),
        ("oidc_account_claim", ""),
        ("oidc_role_claim", ""),
        ("oidc_leeway", "-1"),
        ("oidc_leeway", "3601"),
    ],
)
def test_a_bad_value_is_told_in_one_line_with_both_its_names(name: str, value: str) -> None:
    with pytest.raises(BadSetting) as raised:
        Settings.read({name: value})
    message = str(raised.value)
    assert SETTINGS[name].option in message
    assert SETTINGS[name].variable in message
    assert SETTINGS[name].wanted in message
    assert repr(value) in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////var/lib/emporion.db", "/var/lib/emporion.db"),
        ("postgresql://db.example.com/emporion", "postgresql://db.example.com/emporion"),
        ("postgresql://me:s3cr:et@db:5432/emporion", "postgresql://me:***@db:5432/emporion"),
        ("postgres://me:s3cr@et@db/x?sslmode=require", "postgres://me:***@db/x?sslmode=require"),
        ("postgresql://db/x?user=me&password=s3cret&sslmode=require",
         "postgresql://db/x?user=me&password=***&sslmode=require"),
    ],
)  # fmt: skip
def test_a_database_is_shown_without_its_password(url: str, shown: str) -> None:
    assert str(Settings.read({"database": url}).database) == shown


def test_a_standby_needs_postgresql() -> None:
    with pytest.raises(BadSetting, match="--read-database needs PostgreSQL"):
        Settings.read({"read_database": "postgresql://standby/emporion"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database", "/var/lib/data.db"),
        ("database", "mysql://me:s3cret@host/name"),
        ("database", "postgre://me:s3cret@host/name"),
        ("read_database", "sqlite:///emporion.db"),
        ("rate_limit_storage", "redis:s3cret@host"),
        ("rate_limit_storage", "http://me:s3cret@host"),
    ],
)
def test_a_bad_database_is_told_without_its_value_which_may_have_a_password(name: str, value: str) -> None:
    with pytest.raises(BadSetting) as raised:
        Settings.read({name: value})
    assert SETTINGS[name].option in str(raised.value)
    assert SETTINGS[name].wanted in str(raised.value)
    assert value not in str(raised.value)


def test_a_url_may_have_several_hosts() -> None:
    url = "postgresql://one:5432,two:5433/emporion?target_session_attrs=read-write"
    assert Settings.read({"database": url}).database.url == url


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert Settings.from_environment({setting.variable: "" for setting in SETTINGS.values()}) == Settings.read({})


def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    certificate = tmp_path / "cert.pem"
    certificate.touch()
    with pytest.raises(BadSetting, match="together"):
        Settings.read({"tls_cert": str(certificate)})


@pytest.mark.parametrize(
    ("host", "only"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.168.1.5", False), ("example.com", False), ("localhost.example.com", False),
     ("::ffff:127.0.0.1", True), ("::ffff:192.168.1.5", False)],
)  # fmt: skip
def test_which_hosts_only_this_machine_can_reach(host: str, only: bool) -> None:
    assert Settings.read({"host": host}).only_this_machine is only


def test_every_setting_is_explained_in_the_docs() -> None:
    documented = (ROOT / "docs" / "operating.md").read_text()
    for setting in SETTINGS.values():
        row = f"| `{setting.option}` | `{setting.variable}` | {f'`{setting.default}`' if setting.default else 'none'} |"
        assert row in documented
        assert setting.help in documented


def test_the_table_in_the_docs_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: .venv/bin/python -m tests.settings_table"


def test_a_name_that_no_setting_has_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="no setting is called prot"):
        Settings.read({"prot": "8000"})
