"""What a file is that cannot be read as CSV or JSON Lines, by its first bytes, whatever its name."""

from __future__ import annotations

import re

# As many of the first bytes as are looked at.
SIGNATURE_BYTES = 512
_AS_CSV = "open it in a spreadsheet and save it as CSV in UTF-8"
_WORKBOOK = f"a workbook (.xlsx, .ods, .numbers) or another ZIP archive; {_AS_CSV}, or unpack it"
_COMPRESSED = "compressed ({}); unpack it first"
_PICTURE = "a picture; export the customers as CSV"
# By what a file begins with.
_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", _WORKBOOK),
    (b"PK\x05\x06", _WORKBOOK),
    (b"PK\x07\x08", _WORKBOOK),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"an Excel workbook of the old kind (.xls) or a protected one; {_AS_CSV}"),
    (b"\x09\x08", f"an Excel workbook of the old kind (.xls); {_AS_CSV}"),
    (b"\x1f\x8b", _COMPRESSED.format("gzip")),
    (b"\x1f\x9d", _COMPRESSED.format("compress")),
    (b"BZh91AY&SY", _COMPRESSED.format("bzip2")),
    (b"\xfd7zXZ\x00", _COMPRESSED.format("xz")),
    (b"\x28\xb5\x2f\xfd", _COMPRESSED.format("Zstandard")),
    (b"\x04\x22\x4d\x18", _COMPRESSED.format("LZ4")),
    (b"7z\xbc\xaf\x27\x1c", _COMPRESSED.format("7-Zip")),
    (b"Rar!\x1a\x07", _COMPRESSED.format("RAR")),
    (b"%PDF-", "a PDF; export the customers as CSV where it came from"),
    (b"{\\rtf", "a document (RTF); export the customers as CSV where it came from"),
    (b"SQLite format 3\0", "a database (SQLite); export the customers as CSV"),
    (b"PAR1\x15", "a Parquet file; export the customers as CSV"),
    (b"\x89PNG\r\n\x1a\n", _PICTURE),
    (b"\xff\xd8\xff", _PICTURE),
    (b"GIF87a", _PICTURE),
    (b"GIF89a", _PICTURE),
    (b"BEGIN:VCARD", "a file of vCards; export the contacts as CSV"),
)
_MARKUP = re.compile(
    rb"(\xef\xbb\xbf)?\s*<(\?xml|!doctype|!--|html|head|body|meta|style|table|workbook|contacts|customers)",
    re.IGNORECASE,
)
# What no first line has; a value may, by mistake, and a NUL byte, too.
_CONTROLS = re.compile(rb"[\x01-\x08\x0e-\x19\x7f]")


def unreadable_kind(start: bytes) -> str | None:
    """What a file is that begins so, and what to do with it; None for what may be a text in UTF-8."""
    start = start[:SIGNATURE_BYTES]
    for beginning, kind in _BEGINNINGS:
        if start.startswith(beginning):
            return kind
    if start[257:262] == b"ustar":
        return "an archive (tar); unpack it first"
    if _MARKUP.match(start):
        return f"a web page or XML, whatever it is called; {_AS_CSV}"
    if start and not start.strip(b"\0"):
        return "nothing but zero bytes; copy or export it again"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start[:2]:
        return "in UTF-16; save it in UTF-8"
    if _CONTROLS.search(start[:64].partition(b"\n")[0]):
        return "in a binary format, and no text; export the customers as CSV"
    return None
