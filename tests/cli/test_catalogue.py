"""`emporion catalogue`."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Command, refused

CATALOGUE = """\
vendors: {acme: Acme GmbH}
services:
  MAIL: {vendor: acme, fulfillment: automatic}
plans:
  mail:
    service: MAIL
    name: Mail
    state: published
    periods: [1 month, 1 year]
    items:
      STD: {name: Standard, minimum: 1, prices: {EUR: 4.50}}
      ADD: {name: Add on, prices: {EUR: 2}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.yaml"
    path.write_text(CATALOGUE)
    return path


def products(database: Path) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(
            "SELECT mpn, period, products.state FROM products JOIN plans ON plans.id = plan_id WHERE key = 'mail'"
            " ORDER BY mpn, period"
        ).fetchall()


def test_a_file_is_checked_without_a_platform(emporion: Command, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPORION_DATABASE", "sqlite:////nowhere/at/all.db")
    ended = emporion("catalogue", "check", str(file))
    assert (ended.status, ended.out) == (0, f"{file}: 1 plan with 2 items, and no fault\n")
    assert emporion("catalogue", "check", str(file), "--json").json == {
        "vendors": 1, "services": 1, "plans": 1, "items": 2,
    }  # fmt: skip


@pytest.mark.parametrize("subcommand", ["check", "diff", "apply"])
def test_all_faults_are_listed_and_nothing_is_written(
    emporion: Command, file: Path, database: Path, subcommand: str
) -> None:
    file.write_text(CATALOGUE.replace("minimum", "minimun").replace("4.50", "'4,50'"))
    before = database.read_bytes()
    ended = emporion("catalogue", subcommand, str(file))
    assert ended.status == 1
    heading, first, second, last = ended.out.splitlines()
    assert heading.split() == ["line", "fault"]
    assert first.split(maxsplit=1) == ["11", "plans.mail.items.STD.minimun is unknown; did you mean minimum?"]
    assert second.split(maxsplit=1)[1].startswith("plans.mail.items.STD.prices.EUR must be an amount such as 4.50")
    assert last == f"{file} has 2 faults; nothing was written"
    assert database.read_bytes() == before
    told = emporion("catalogue", subcommand, str(file), "--json")
    assert told.status == 1
    assert '"path": "plans.mail.items.STD.minimun"' in told.out


def test_a_reseller_that_there_is_not_is_told_with_its_line(emporion: Command, file: Path) -> None:
    file.write_text(CATALOGUE.replace("    name: Mail\n", "    name: Mail\n    resellers: 1000077\n"))
    assert emporion("catalogue", "check", str(file)).status == 0
    ended = emporion("catalogue", "apply", str(file))
    assert ended.status == 1
    assert "names the reseller 1000077, and there is no such one" in ended.out


def test_a_file_is_compared_then_applied_then_there(emporion: Command, file: Path, database: Path) -> None:
    told = ["+ plan mail “Mail”: new, with 2 items"]
    lines = emporion("catalogue", "diff", str(file)).out.splitlines()
    assert told[0] in lines
    assert lines[-1].endswith("; nothing was written")
    assert products(database) == []
    ended = emporion("catalogue", "apply", str(file))
    assert ended.status == 0, ended.err
    assert told[0] in ended.out.splitlines()
    assert [row for row in products(database) if row[0] == "STD"] == [
        ("STD", "1 month", "published"),
        ("STD", "1 year", "published"),
    ]
    assert emporion("catalogue", "apply", str(file)).out == "nothing changes, so nothing was written\n"


def test_what_differs_is_told_in_words(emporion: Command, file: Path) -> None:
    emporion("catalogue", "apply", str(file))
    text = CATALOGUE.replace("4.50", "4.60").replace("      ADD: {name: Add on, prices: {EUR: 2}}\n", "")
    file.write_text(text.replace("minimum: 1, ", ""))
    lines = emporion("catalogue", "apply", str(file)).out.splitlines()
    at = lines.index("~ item STD of mail: changed")
    assert lines[at + 1 : at + 4] == [
        "    minimum: 1 → none",
        "    prices.EUR.price: 4.50 → 4.60",
        "- item ADD of mail: retired",
    ]
    assert lines[-1].startswith("1 item changed")
    file.write_text(CATALOGUE)
    assert "+ item ADD “Add on” of mail: there again" in emporion("catalogue", "diff", str(file)).out.splitlines()
    found = emporion("catalogue", "diff", str(file), "--json").json
    assert found["differences"][0]["changes"] == {"minimum": [None, 1], "prices.EUR.price": ["4.60", "4.50"]}


def test_an_export_changes_nothing_when_it_is_applied(emporion: Command, file: Path, tmp_path: Path) -> None:
    emporion("catalogue", "apply", str(file))
    to = tmp_path / "exported.yaml"
    assert emporion("catalogue", "export", str(to)).out == f"the catalogue is in {to}\n"
    assert emporion("catalogue", "apply", str(to)).out == "nothing changes, so nothing was written\n"


def test_at_a_terminal_it_is_asked_first(
    emporion: Command, file: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emporion.cli.catalogue.is_terminal", lambda: True)
    ended = emporion("catalogue", "apply", str(file), stdin=b"n\n")
    assert "Apply it?" in ended.out
    assert ended.err == "emporion: stopped\n"
    assert products(database) == []
    assert emporion("catalogue", "apply", str(file), stdin=b"y\n").status == 0
    assert len(products(database)) == 4
    file.write_text(CATALOGUE.replace("4.50", "5"))
    assert "Apply it?" not in emporion("catalogue", "apply", "--yes", str(file)).out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"- a\n", "the file is no catalogue"),
        (b"plans: {\n", "the file is no YAML"),
        (b"plans: \xff\n", "the file is no text in UTF-8"),
        (b"plans:\n  a: " + b"[" * 100_000, "the file is nested more than 16 deep"),
        (b"version: '3'\nservices: {web: {image: nginx}}\n", "version is unknown"),
    ],
)
def test_a_file_that_is_something_else_is_told_as_such(
    emporion: Command, file: Path, content: bytes, said: str
) -> None:
    file.write_bytes(content)
    ended = emporion("catalogue", "check", str(file))
    assert ended.status == 1
    assert said in ended.out


def test_a_file_that_cannot_be_read_is_told(emporion: Command, file: Path, tmp_path: Path) -> None:
    assert refused(emporion("catalogue", "check", str(tmp_path))) == f"{tmp_path} is a directory; name the file in it"
    missing = tmp_path / "missing.yaml"
    assert refused(emporion("catalogue", "check", str(missing))) == (
        f"{missing} cannot be read: No such file or directory"
    )
    workbook = tmp_path / "x.yaml"
    workbook.write_bytes(b"PK\x03\x04\x14\x00")
    assert "is a workbook" in refused(emporion("catalogue", "check", str(workbook)))
    large = tmp_path / "large.yaml"
    with large.open("wb") as sparse:
        sparse.write(b"# large\n")
        os.truncate(sparse.fileno(), 3 << 30)
    assert refused(emporion("catalogue", "check", str(large))) == f"{large} is larger than 2 GiB, and no catalogue"
