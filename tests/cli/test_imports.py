"""`emporion import` and `emporion export`."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from emporion.accounts.ids import RESELLER_ID
from emporion.cli import imports
from emporion.store.imports import Import
from tests.cli.conftest import Command, refused
from tests.conftest import CALLERS
from tests.postgres import Databases

HEADER = "externalid,companyname,givenname,familyname,contactemail,telvoice,streetaddress,postalcode,city,countrycode"
INTO = ("--reseller", str(RESELLER_ID))


def line(external_id: str, email: str = "a@example.com") -> str:
    return f"{external_id},Acme,Anna,Weiß,{email},'+49891234567,Weg 1,1,Bonn,de"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of two customers."""
    return written(tmp_path / "customers.csv", line("007"), line("008"))


def written(path: Path, *lines: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines, ""]))
    return path


def customers(database: Path) -> list[str | None]:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT external_id FROM customers WHERE id > 1000002 ORDER BY id")
        return [external_id for (external_id,) in found]


def test_customers_are_imported(emporion: Command, file: Path, database: Path) -> None:
    ended = emporion("import", str(file), *INTO)
    assert ended.status == 0, ended.err
    assert ended.out == "2 rows: 2 created, 0 changed, 0 unchanged\n"
    assert ended.err == ""
    assert customers(database) == ["007", "008"]
    assert emporion("import", str(file), *INTO).out == "2 rows: 0 created, 0 changed, 2 unchanged\n"


def test_a_dry_run_writes_nothing(emporion: Command, file: Path, database: Path) -> None:
    before = database.read_bytes()
    ended = emporion("import", str(file), *INTO, "--dry-run")
    assert (ended.status, ended.out) == (0, "2 rows, none of them faulty; nothing was written\n")
    assert database.read_bytes() == before


@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--dry-run", "--skip-faulty")])
def test_faulty_rows_are_listed_and_nothing_is_written(
    emporion: Command, tmp_path: Path, database: Path, options: tuple[str, ...]
) -> None:
    file = written(tmp_path / "x.csv", line("1"), line("2", "nonsense"), line("3"))
    ended = emporion("import", str(file), *INTO, *options)
    assert ended.status == 1
    heading, fault, summary = ended.out.splitlines()
    assert heading.split() == ["line", "field", "fault"]
    assert fault.startswith("3     contactemail  must be an e-mail address such as")
    assert summary == "1 of 3 rows is faulty; nothing was written"
    assert customers(database) == []
    assert list(tmp_path.glob("*.rejected.*")) == []


def test_an_external_id_that_two_rows_have_is_told(emporion: Command, tmp_path: Path) -> None:
    file = str(written(tmp_path / "x.csv", line("1"), line("2"), line("1")))
    note = "externalid 1 is in lines 2 and 4: they are one customer, and each changes what the one before it made"
    for options in (["--dry-run"], []):
        ended = emporion("import", file, *INTO, *options)
        assert ended.status == 0
        assert ended.err == f"note: {note}\n"
    assert emporion("import", file, *INTO, "--dry-run", "--json").json["notes"] == [note]


def test_external_ids_that_a_spreadsheet_has_rounded_are_not_written(
    emporion: Command, tmp_path: Path, database: Path
) -> None:
    file = str(written(tmp_path / "x.csv", line("4.917E+11"), line("4.917E+11")))
    for options in (["--dry-run"], ["--skip-faulty"], []):
        told = refused(emporion("import", file, *INTO, *options))
        assert "externalid 4.917E+11 is in lines 2 and 3: a spreadsheet has rounded long numbers" in told
    assert customers(database) == []


@pytest.mark.parametrize("name", ["customers.xlsx", "customers.csv", "customers"])
def test_a_workbook_is_told_whatever_its_name(emporion: Command, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"PK\x03\x04\x14\x00\x06\x00")
    told = refused(emporion("import", str(file), *INTO))
    assert told == (
        f"{file} is a workbook (.xlsx, .ods, .numbers) or another ZIP archive; open it in a spreadsheet and save it "
        "as CSV in UTF-8, or unpack it"
    )
    assert refused(emporion("import", str(file), *INTO, "--format", "csv")) == told


@pytest.mark.parametrize(
    ("lines", "summary"),
    [
        ([line("1")], "1 row, not faulty"),
        ([line("1", "x")], "1 of 1 row is faulty"),
        ([line("1", "x"), line("2", "x")], "2 of 2 rows are faulty"),
    ],
)
def test_one_row_is_told_as_one(emporion: Command, tmp_path: Path, lines: list[str], summary: str) -> None:
    ended = emporion("import", str(written(tmp_path / "x.csv", *lines)), *INTO, "--dry-run")
    assert ended.out.splitlines()[-1] == f"{summary}; nothing was written"


def test_every_faulty_row_is_listed(emporion: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emporion.cli.imports.TABLE", 100)
    file = written(tmp_path / "x.csv", *(line(str(number), "x") for number in range(250)))
    ended = emporion("import", str(file), *INTO, "--dry-run")
    assert [
        int(row.split()[0]) for row in ended.out.splitlines() if row[0].isdigit() and "contactemail" in row
    ] == list(range(2, 252))


def test_the_other_rows_are_imported_where_that_is_wanted(emporion: Command, tmp_path: Path, database: Path) -> None:
    file = written(tmp_path / "x.csv", line("1"), line("2", "nonsense"), line("3"))
    ended = emporion("import", str(file), *INTO, "--skip-faulty")
    rejected = tmp_path / "x.rejected.csv"
    assert ended.status == 1
    assert ended.out == f"3 rows: 2 created, 0 changed, 0 unchanged, 1 rejected: see {rejected}\n"
    assert customers(database) == ["1", "3"]
    head, row = rejected.read_text().splitlines()
    assert head == f"{HEADER},error"
    assert row.startswith(f"{line('2', 'nonsense')},contactemail must be")
    rejected.write_text(rejected.read_text().replace("nonsense,", "b@example.com,"))
    assert emporion("import", str(rejected), *INTO).out == "1 row: 1 created, 0 changed, 0 unchanged\n"


def test_scripts_get_json(emporion: Command, file: Path, tmp_path: Path) -> None:
    shown = emporion("import", str(file), *INTO, "--json").json
    assert shown["id"]
    assert {name: shown[name] for name in ("state", "rows", "created", "rejected", "faults")} == {
        "state": "done",
        "rows": 2,
        "created": 2,
        "rejected": 0,
        "faults": [],
    }
    faulty = emporion("import", str(written(tmp_path / "x.csv", line("1", "x"))), *INTO, "--json")
    assert faulty.status == 1
    shown = json.loads(faulty.out)
    assert (shown["state"], shown["rows"], shown["faulty"]) == ("checked", 1, 1)
    assert [(one["line"], one["field"]) for one in shown["faults"]] == [(2, "contactemail")]


def test_json_lines_are_imported_and_exported(emporion: Command, database: Path, tmp_path: Path) -> None:
    out, again = tmp_path / "out.jsonl", tmp_path / "again.jsonl"
    assert emporion("export", str(out), *INTO).out == f"2 customers in {out}\n"
    assert emporion("import", str(out), *INTO).out == "2 rows: 0 created, 0 changed, 2 unchanged\n"
    emporion("export", str(again), *INTO)
    assert again.read_bytes() == out.read_bytes()
    assert out.stat().st_mode & 0o777 == 0o600


def test_an_export_goes_to_standard_output(emporion: Command) -> None:
    ended = emporion("export", "-", *INTO, "--format", "csv")
    assert ended.status == 0
    assert ended.out.startswith("id,externalId,name,")
    assert len(ended.out.splitlines()) == 3
    assert ended.err == ""


def test_an_export_of_all_resellers_is_the_default(emporion: Command, file: Path) -> None:
    below = str(CALLERS["below"].reseller_id)
    emporion("import", str(file), "--reseller", below)
    lines = emporion("export", "-", "--format", "jsonl").out.splitlines()
    assert [json.loads(row)["resellerId"] for row in lines] == [below, below, str(RESELLER_ID), str(RESELLER_ID)]


def test_customers_are_imported_and_exported_on_postgresql(emporion: Command, postgres: Databases, file: Path) -> None:
    with postgres.temporary() as name:
        exported = str(file.with_name("out.csv"))
        database = ("--database", postgres.url(name))
        assert emporion("init", *database).status == 0
        ended = emporion("import", str(file), *INTO, *database)
        assert ended.out == "2 rows: 2 created, 0 changed, 0 unchanged\n", ended.err
        assert emporion("export", exported, *INTO, *database).out == f"2 customers in {exported}\n"
        again = emporion("import", exported, *INTO, *database)
        assert again.out == "2 rows: 0 created, 0 changed, 2 unchanged\n"


def test_the_operator_is_told_what_an_import_has_not_done(emporion: Command, tmp_path: Path) -> None:
    file = written(tmp_path / "x.csv", f"{line('1')},yes", header=f"{HEADER},sendinvitation")
    ended = emporion("import", str(file), *INTO)
    assert ended.status == 0
    assert ended.err.startswith("note: sendinvitation: nothing is sent; hand out a one-time link")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        (b"nmae,city\nA,B\n", "The header cannot be used: nmae is no column that is known, did you mean name?"),
        ("name\nKöln\n".encode("latin-1"), "Line 2 is not in UTF-8"),
    ],
)
def test_a_file_of_which_nothing_can_be_taken_is_told_in_one_line(
    emporion: Command, tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(content)
    assert f"{file}: {message}" in refused(emporion("import", str(file), *INTO))


def test_what_cannot_be_done_is_told_in_one_line(emporion: Command, file: Path, tmp_path: Path) -> None:
    assert "there is no reseller 5" in refused(emporion("import", str(file), "--reseller", "5"))
    assert "cannot be read: No such file" in refused(emporion("import", str(tmp_path / "none.csv"), *INTO))
    assert "cannot be read: Is a directory" in refused(emporion("import", str(tmp_path), *INTO, "--format", "csv"))
    end, other = os.pipe()
    os.close(other)
    assert "write its content into a file" in refused(emporion("import", f"/dev/fd/{end}", *INTO, "--format", "csv"))
    os.close(end)
    unnamed = written(tmp_path / "customers.dat", line("1"))
    assert "say --format csv or --format jsonl" in refused(emporion("import", str(unnamed), *INTO))
    end, other = os.pipe()
    os.close(other)
    assert "write its content into a file" in refused(emporion("import", f"/dev/fd/{end}", *INTO, "--format", "csv"))
    os.close(end)
    unnamed = written(tmp_path / "customers.dat", line("1"))
    assert "say --format csv or --format jsonl" in refused(emporion("export", "-", *INTO))
    assert "cannot be written: No such file" in refused(emporion("export", str(tmp_path / "no" / "x.csv"), *INTO))


def test_a_refused_export_leaves_nothing_behind(emporion: Command, tmp_path: Path) -> None:
    assert "there is no reseller 5" in refused(emporion("export", str(tmp_path / "x.csv"), "--reseller", "5"))
    assert list(tmp_path.glob("x.csv*")) == []


@pytest.fixture
def cut_short(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Ends an import after its first rows, as Ctrl-C does."""

    def tell(self: object, now: Import) -> None:
        if now.state == "running":
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(imports._Tell, "__call__", tell)
        yield patched


def test_only_a_process_of_this_machine_that_has_ended_has_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    here = socket.gethostname()
    assert imports._has_gone(f"{here}/{process.pid}/x")
    assert not imports._has_gone(f"{here}/{os.getpid()}/x")
    assert not imports._has_gone(f"{here}x/{process.pid}/x")
    assert not imports._has_gone("")


def test_an_import_that_was_cut_short_goes_on(
    emporion: Command, tmp_path: Path, database: Path, cut_short: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "x.csv", *(line("") for _ in range(100)))
    assert emporion("import", str(file), *INTO).status == 130
    assert 0 < len(customers(database)) < 100
    cut_short.undo()
    ended = emporion("import", str(file), *INTO)
    assert ended.status == 0
    assert ended.err == "goes on with the import that was cut short after row 0\n"
    assert ended.out.startswith("100 rows: ")
    assert len(customers(database)) == 100
