"""The catalogue as a file in the console, for the operator: checked, compared, applied, and taken away.

What is applied comes back with the form that shows it (decision 0039), so nothing has to be kept between the two.
"""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import StreamingResponse

from emporion.api.problems import STATUS
from emporion.catalogue.differences import Difference, Summary, value_in_words
from emporion.errors import AccessDenied, Code, Fault, Problem
from emporion.files.file_types import SIGNATURE_BYTES, unreadable_kind
from emporion.web.console.packed import pack, unpack
from emporion.web.forms import LARGEST as LARGEST_FORM
from emporion.web.forms import Form, by_field, whole
from emporion.web.pages import Page, check_token
from emporion.web.uploads import read_upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.responses import Response

    from emporion.catalogue.yaml_nodes import FileFault
    from emporion.marketplace.catalogue_content import CatalogueContent
    from emporion.web.pages import PageRequest

# Larger files are for `emporion catalogue apply`: a server has others to serve.
LARGEST = 4 << 20
# What a form has besides the packed file.
REST = 16 << 10
# Faults and differences on a page.
LISTED = 200
_PLACE = "/catalogue"
_TOO_LARGE = f"is larger than {LARGEST >> 20} MiB; apply it by `emporion catalogue apply` on the server"


class ToldDifference(NamedTuple):
    """A difference in words. changes: what was before and is after, each as one line."""

    words: str
    changes: list[tuple[str, str, str]]


class Compared(NamedTuple):
    """What a file would change. version: of the catalogue with which it was compared."""

    version: int
    told: list[ToldDifference]
    summary: Summary
    faults: list[FileFault]
    fault_count: int
    plans: int
    items: int


async def show(visit: PageRequest) -> Response:
    """The form that takes a file, and the file that there is."""
    _must_be_operator(visit)
    return await _page(visit, [])


async def check(visit: PageRequest) -> Response:
    """Take a file, and show what is wrong with it or what it would change; nothing is written."""
    _must_be_operator(visit)
    visit.actor.must_be("owner")

    def check_form(form: Form) -> None:
        visit.form = form
        check_token(visit)

    uploads, account = visit.area.site.uploads, visit.actor.account_id
    try:
        async with read_upload(visit.scope, visit.receive, "file", LARGEST, check_form, uploads, account) as upload:
            name = upload.name
            text = b"".join([part async for part in upload.parts])
            if len(text) > LARGEST:
                raise _too_large()
            if fault := _fault_of(name, text):
                return await _page(visit, [fault])
            packed = await asyncio.to_thread(pack, text)
            if len(packed) > LARGEST_FORM - REST:
                raise _too_large()
            return await _compared(visit, name, text, packed)
    except Problem as problem:
        if problem.code is not Code.TOO_LARGE:
            raise
        return await _page(visit, [Fault("file", _TOO_LARGE)])


async def apply(visit: PageRequest) -> Response:
    """Apply the file that was shown, unless the catalogue has changed since."""
    _must_be_operator(visit)
    visit.actor.must_be("owner")
    packed = visit.form.typed("packed")
    text = await asyncio.to_thread(unpack, packed, LARGEST)
    name, seen = visit.form.typed("name"), whole(visit.form.text("version"))
    if seen is None:
        raise Problem(Code.MALFORMED, "The form cannot be read.")
    content = await _read(text)
    with content:
        try:
            await visit.marketplace.catalogue_files.apply(visit.actor, content, seen)
        except Problem as problem:
            if problem.code not in (Code.CONFLICT, Code.INVALID):
                raise
            return await _compared(visit, name, text, packed, refused=problem)
    return visit.redirect(f"/console{_PLACE}", said="applied")


async def export(visit: PageRequest) -> Response:
    """The catalogue as it is, as a file that changes nothing when it is applied."""
    _must_be_operator(visit)
    pieces = visit.marketplace.catalogue_files.export(visit.actor)
    first = await anext(pieces, b"")

    async def all_of_them() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    headers = {
        "Content-Disposition": 'attachment; filename="catalogue.yaml"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return StreamingResponse(all_of_them(), media_type="application/yaml", headers=headers)


async def _page(visit: PageRequest, faults: list[Fault]) -> Response:
    return visit.render(
        "catalogue.html",
        STATUS[Code.INVALID].value if faults else 200,
        version=await visit.marketplace.catalogue_files.version(),
        faults=by_field(faults),
        largest=LARGEST >> 20,
        may_apply=visit.actor.role == "owner",
    )


async def _compared(
    visit: PageRequest, name: str, text: bytes, packed: str, *, refused: Problem | None = None
) -> Response:
    """What a file would change. refused: why it was not applied."""
    content = await _read(text)
    with content:
        compared = await _compare(visit, content)
    status = STATUS[refused.code if refused else Code.INVALID].value if refused or compared.fault_count else 200
    return visit.render(
        "catalogue_check.html", status, name=name, compared=compared, packed=packed, refused=refused, listed=LISTED
    )


async def _read(text: bytes) -> CatalogueContent:
    """What stands in a file, read beside the event loop."""
    # It brings YAML, which takes long to load.
    from emporion.marketplace.catalogue_content import CatalogueContent

    return await asyncio.to_thread(lambda: CatalogueContent(io.BytesIO(text)))


async def _compare(visit: PageRequest, content: CatalogueContent) -> Compared:
    files = visit.marketplace.catalogue_files
    # Before the comparison: what is applied meanwhile makes the form too old, not the other way round.
    version = await files.version()
    await files.check(visit.actor, content)
    summary = Summary()
    told: list[ToldDifference] = []
    if not content.faults.count:
        async for difference in files.differences(visit.actor, content):
            summary.add(difference)
            if len(told) < LISTED:
                told.append(_told(difference))
    faults = content.faults.in_order()[:LISTED]
    return Compared(version, told, summary, faults, content.faults.count, len(content), content.items)


def _told(difference: Difference) -> ToldDifference:
    changes = [
        (path, value_in_words(before), value_in_words(after)) for path, (before, after) in difference.changes.items()
    ]
    return ToldDifference(difference.in_words(), changes)


def _fault_of(name: str, text: bytes) -> Fault | None:
    """Why a file cannot be taken, by its name and its first bytes."""
    if not name:
        return Fault("file", "must be chosen first")
    if kind := unreadable_kind(text[:SIGNATURE_BYTES]):
        return Fault("file", f"is {kind.partition(';')[0]}, and no catalogue in YAML")
    return None


def _too_large() -> Problem:
    return Problem(Code.TOO_LARGE, f"The file {_TOO_LARGE}.")


def _must_be_operator(visit: PageRequest) -> None:
    if not visit.actor.is_operator:
        raise AccessDenied(
            Code.FORBIDDEN, "Only the provider's operator may do this.", visit.actor.account_id, visit.actor.user
        )


PAGES = (
    Page(_PLACE, show, check, uploads=True),
    Page(f"{_PLACE}/apply", None, apply),
    Page(f"{_PLACE}/catalogue.yaml", export),
)
