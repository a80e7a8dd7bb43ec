"""What is no text is known by its first bytes, whatever its name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sqlite3
import tarfile
import zipfile

import pytest

from emporion.errors import Problem
from emporion.files.file_types import unreadable_kind
from emporion.files.rows import Format
from tests.customer_files.files import rows_of

CSV = "externalid,companyname\n1,Müller\n"


def zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
    return content.getvalue()


def tarred() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("customers.csv"))
    return content.getvalue()


def database() -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE customers (id)")
    content = connection.serialize()
    connection.close()
    return content


FILES = {
    "a workbook (.xlsx, .ods, .numbers) or another ZIP archive; open it in a spreadsheet and save it as CSV": zipped(),
    "an Excel workbook of the old kind (.xls) or a protected one": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
    "an Excel workbook of the old kind (.xls); open it": b"\x09\x08\x10\x00\x00\x06\x05\x00" + bytes(500),
    "compressed (gzip); unpack it first": gzip.compress(CSV.encode()),
    "compressed (bzip2); unpack it first": bz2.compress(CSV.encode()),
    "compressed (xz); unpack it first": lzma.compress(CSV.encode()),
    "an archive (tar); unpack it first": tarred(),
    "a database (SQLite)": database(),
    "a PDF; export the customers as CSV": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "a web page or XML, whatever it is called; open it in": b"\xef\xbb\xbf\n<TABLE border=1><tr><td>externalid",
    "a web page or XML": b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>',
    "a file of vCards; export the contacts as CSV": b"BEGIN:VCARD\r\nVERSION:3.0\r\n",
    "in UTF-16; save it in UTF-8": CSV.encode("utf-16"),
    "in UTF-16; ": CSV.encode("utf-16-be"),
    "nothing but zero bytes": bytes(100),
    "in a binary format, and no text": b"\x01\x02\x03\x04name",
}


@pytest.mark.parametrize(("kind", "content"), FILES.items(), ids=FILES)
def test_what_is_no_text_says_what_it_is(kind: str, content: bytes) -> None:
    told = unreadable_kind(content)
    assert told
    assert told.startswith(kind)


@pytest.mark.parametrize("format", ["csv", "jsonl"])
@pytest.mark.parametrize("piece", [1, 1000])
def test_a_file_of_rows_that_is_no_text_is_refused_in_whatever_pieces_it_comes(format: Format, piece: int) -> None:  # noqa: A002
    for kind, content in FILES.items():
        with pytest.raises(Problem) as raised:
            rows_of(content, format, piece)
        assert raised.value.message.startswith(f"The file is {kind}")


@pytest.mark.parametrize(
    "content",
    ["", "n", CSV, "\ufeff" + CSV, "PK,name\n", "PAR1,name\n", "BZh,name\n", "Rar!,name\n", "<name>,city\n", "\tname\n",
     "\f\n", '{"name": "\x00"}', "ID;PLZ\n"],
)  # fmt: skip
def test_a_text_is_taken_for_one(content: str) -> None:
    assert unreadable_kind(content.encode()) is None
