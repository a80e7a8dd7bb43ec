"""Imports and exports in the console: files of customers, sent, checked, confirmed, and taken away."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, get_args

from starlette.responses import StreamingResponse

from emporion.accounts.queries import CustomerSearch
from emporion.api.problems import STATUS
from emporion.errors import Code, Fault, Problem, not_found, raise_invalid
from emporion.files.file_types import unreadable_kind
from emporion.files.rows import Format
from emporion.marketplace.import_content import LARGEST
from emporion.store.imports import FINISHED
from emporion.validation import read
from emporion.web.forms import Form, by_field
from emporion.web.pages import Page, check_token
from emporion.web.uploads import read_upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.responses import Response

    from emporion.store.imports import Import
    from emporion.web.pages import PageRequest

KINDS: dict[str, tuple[str, str]] = {"csv": ("text/csv", "CSV"), "jsonl": ("application/jsonl", "JSON Lines")}
BY_ENDING: dict[str, Format] = {".csv": "csv", ".txt": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
# Faulty rows on a page; the file has all of them.
LISTED = 200
WORDS = {
    "arriving": "arriving",
    "checking": "being checked",
    "checked": "waits for you",
    "running": "running",
    "done": "done",
    "refused": "refused",
    "cancelled": "cancelled",
}
BADGES = {"checked": "pending", "running": "pending", "checking": "pending", "done": "active", "refused": "error"}


async def show_all(visit: PageRequest) -> Response:
    """The last imports, and the form to begin one."""
    return await _list(visit, [])


async def start(visit: PageRequest) -> Response:
    """Take a file; it is checked in the background."""
    visit.actor.must_be("editor")

    def check(form: Form) -> None:
        visit.form = form
        check_token(visit)

    uploads, account = visit.area.site.uploads, visit.actor.account_id
    async with read_upload(visit.scope, visit.receive, "file", LARGEST, check, uploads, account) as upload:
        reseller = visit.form.text("resellerId")
        first = await anext(upload.parts, b"")
        chosen = visit.form.text("format") or BY_ENDING.get(PurePath(upload.name).suffix.lower(), "")
        if fault := _fault_of(upload.name, first, chosen):
            return await _list(visit, [fault])
        kind: Format = "jsonl" if chosen == "jsonl" else "csv"
        try:
            owner = await visit.marketplace.resellers.reached(visit.actor, reseller or str(visit.actor.account_id))
            started = await visit.marketplace.imports.start(
                visit.actor, owner, upload.name, kind, _with(first, upload.parts)
            )
        except Problem as problem:
            if problem.code is Code.NOT_FOUND:
                return await _list(visit, [Fault("resellerId", "is no reseller of yours")])
            if problem.code not in (Code.TOO_LARGE, Code.CONFLICT, Code.INVALID):
                raise
            return await _list(visit, [Fault("file", f"was not taken: {problem.message}")])
    return visit.redirect(f"/console/imports/{started.id}")


async def show(visit: PageRequest) -> Response:
    """How far an import has come, and what is wrong with its rows."""
    imported = await visit.marketplace.imports.get(visit.actor, visit.path["id"])
    faulty = await visit.marketplace.imports.faults(visit.actor, imported.id)
    return visit.render(
        "import.html",
        imported=imported,
        faulty=faulty[:LISTED],
        listed=LISTED,
        working=imported.state in ("arriving", "checking", "running"),
        over=imported.state in FINISHED,
        percent=_percent(imported),
        words=WORDS,
        badges=BADGES,
    )


async def confirm(visit: PageRequest) -> Response:
    """Let it write."""
    imported = await visit.marketplace.imports.confirm(visit.actor, visit.path["id"])
    return visit.redirect(f"/console/imports/{imported.id}")


async def cancel(visit: PageRequest) -> Response:
    """End it."""
    imported = await visit.marketplace.imports.cancel(visit.actor, visit.path["id"])
    return visit.redirect(f"/console/imports/{imported.id}")


async def rejected(visit: PageRequest) -> Response:
    """The rows that were refused, to correct and send again."""
    imported = await visit.marketplace.imports.get(visit.actor, visit.path["id"])
    name = f"{PurePath(imported.file_name).stem}.rejected.{imported.format}"
    return await _file(visit.marketplace.imports.rejected(visit.actor, imported.id), name, imported.format)


async def export(visit: PageRequest) -> Response:
    """The customers that a list shows, as a file."""
    kind: Format = "jsonl" if visit.path["format"] == "jsonl" else "csv"
    if visit.path["format"] != kind:
        raise not_found(f"there is no export as {visit.path['format']}")
    asked = {name: value for name, value in visit.parameters.items() if name in CustomerSearch.__struct_encode_fields__}
    query, faults = read(CustomerSearch, asked)
    if faults:
        raise_invalid(faults)
    return await _file(visit.marketplace.exports.export(visit.actor, None, kind, query), f"customers.{kind}", kind)


async def _list(visit: PageRequest, faults: list[Fault]) -> Response:
    return visit.render(
        "imports.html",
        STATUS[Code.INVALID].value if faults else 200,
        imports=await visit.marketplace.imports.of(visit.actor),
        faults=by_field(faults),
        values={name: visit.form.text(name) for name in ("resellerId", "format")},
        kinds=[(name, words) for name, (_, words) in KINDS.items()],
        largest=LARGEST >> 20,
        words=WORDS,
        badges=BADGES,
    )


def _fault_of(name: str, start: bytes, chosen: str) -> Fault | None:
    """Why a file cannot be taken, by its name, its first bytes and its format."""
    if not name:
        return Fault("file", "must be chosen first")
    if kind := unreadable_kind(start):
        return Fault("file", f"is {kind}")
    if chosen not in get_args(Format):
        return Fault("format", "must be chosen: the name of the file does not tell it")
    return None


async def _with(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in others:
        yield part


def _percent(imported: Import) -> int:
    """How far the present state has come, of a hundred."""
    return min(100, 100 * imported.at.offset // imported.size) if imported.size else 0


async def _file(pieces: AsyncIterator[bytes], name: str, kind: Format) -> Response:
    """A file to keep. Raises the Problem of its first piece, as long as there can be another answer."""
    first = await anext(pieces, b"")

    async def all_of_them() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    safe = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in name)
    headers = {
        "Content-Disposition": f'attachment; filename="{safe}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return StreamingResponse(all_of_them(), media_type=KINDS[kind][0], headers=headers)


PAGES = (
    Page("/imports", show_all, start, uploads=True),
    Page("/imports/{id}", show),
    Page("/imports/{id}/confirm", None, confirm),
    Page("/imports/{id}/cancel", None, cancel),
    Page("/imports/{id}/rejected", rejected),
    Page("/export.{format}", export),
)
