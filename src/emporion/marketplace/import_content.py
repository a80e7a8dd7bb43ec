"""The content of an import that was sent to the platform, in parts as the store keeps them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from emporion.errors import Code, Problem

if TYPE_CHECKING:
    from emporion.store.base import Store
    from emporion.store.imports import Import

# Bytes of a part of the content, and of all of it.
PART, LARGEST = 256 << 10, 64 << 20


class LeaseLost(Exception):
    """An import that was cancelled, or that another process has taken over."""


async def store_content(store: Store, imported: Import, parts: AsyncIterator[bytes]) -> tuple[int, bytes]:
    """Keep the content; its size and digest. Raises Problem (CONFLICT) once the import was cancelled."""
    digest, size, number = hashlib.sha256(), 0, 0
    rest = bytearray()
    async for data in parts:
        size += len(data)
        if size > LARGEST:
            raise too_large(LARGEST)
        digest.update(data)
        rest += data
        while len(rest) >= PART:
            if not await store.imports.add_part(imported, number, bytes(rest[:PART])):
                raise cancelled()
            del rest[:PART]
            number += 1
    if rest and not await store.imports.add_part(imported, number, bytes(rest)):
        raise cancelled()
    return size, digest.digest()


async def read_content(store: Store, imported: Import, offset: int) -> AsyncIterator[bytes]:
    """The content from a byte on. Raises Lost if it is gone: the import is over then."""
    while offset < imported.size:
        number, skip = divmod(offset, PART)
        part = await store.imports.part(imported, number)
        if part is None:
            raise LeaseLost
        yield part[skip:]
        offset += len(part) - skip


def too_large(most: int) -> Problem:
    """For a file with more bytes than that."""
    return Problem(Code.TOO_LARGE, f"The file is larger than {most >> 20} MiB; split it, or use emporion import.")


def cancelled() -> Problem:
    """For an import that was cancelled while its content came."""
    return Problem(Code.CONFLICT, "The import was cancelled.")
