"""Files that travel in a hidden field, from the page that shows what they change to the one that applies them."""

from __future__ import annotations

import base64
import zlib

from emporion.errors import Code, Problem


def pack(content: bytes) -> str:
    """A file in letters that no browser rewrites."""
    return base64.urlsafe_b64encode(zlib.compress(content, 9)).decode()


def unpack(packed: str, largest: int) -> bytes:
    """The file. Raises Problem (MALFORMED, or TOO_LARGE) for what `pack` has not made of one of `largest` bytes."""
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(base64.b64decode(packed, b"-_", validate=True), largest + 1)
    except (ValueError, zlib.error):
        raise Problem(Code.MALFORMED, "The form cannot be read.") from None
    if len(content) > largest:
        raise Problem(Code.TOO_LARGE, f"The file is larger than {largest >> 20} MiB.")
    if not unpacking.eof:
        raise Problem(Code.MALFORMED, "The form cannot be read.")
    return content
