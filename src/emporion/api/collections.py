"""Operations of nouns that are lists of documents: their handlers are made, their texts and examples are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from emporion.api.auth import unknown_version
from emporion.api.etags import expected_versions, idempotency_key
from emporion.api.operations import REPLAYED, Answer, Call, Operation
from emporion.errors import Code, Problem, not_found

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection

    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.customers import ListPage
    from emporion.store.collections import Item
    from emporion.store.idempotency import IdempotentRequest

    Lists = Callable[[Marketplace], Callable[[Actor, Any], Awaitable[ListPage]]]
    Reads = Callable[[Marketplace], Callable[[Actor, str], Awaitable[Item]]]
    Creates = Callable[[Marketplace], Callable[[Actor, dict[str, Any], IdempotentRequest | None], Awaitable[Item]]]
    Updates = Callable[[Marketplace], Callable[[Actor, str, dict[str, Any], Collection[int] | None], Awaitable[Item]]]


class Noun(msgspec.Struct, frozen=True):
    """A noun of the API. path: of its list. noun: what one is called. type, example: of a document."""

    path: str
    tag: str
    noun: str
    type: type[msgspec.Struct]
    example: Mapping[str, Any]

    @property
    def unknown(self) -> Problem:
        """For an id that nothing of the caller's has."""
        return not_found(f"there is no {self.noun} {self.example['id']}")


def list_operation(
    noun: Noun, id_: str, summary: str, description: str, page: Lists, *, query: type[msgspec.Struct],
    answer: type[msgspec.Struct], invalid: Problem, row: Mapping[str, Any] | None = None,
    unknown: Problem | None = None,
) -> Operation:  # fmt: skip
    """GET of a list. page: what gives it. invalid: what a parameter that is wrong is told. row: an entry, where it has
    less than the document. unknown: where a parameter can name what is not there."""

    async def handle(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
        return Answer(msgspec.json.encode(await page(marketplace)(actor, call.query)))

    return Operation(
        "GET", noun.path, id_, noun.tag, summary, description, handle,
        query=query,
        answer=answer,
        answer_example={"data": [row or noun.example], "pagination": {"offset": 0, "limit": 10, "total": 1}},
        errors=(Code.MALFORMED, *((Code.NOT_FOUND,) if unknown else ()), Code.PRECONDITION_FAILED),
        error_examples={Code.INVALID: invalid, Code.MALFORMED: Problem(
            Code.MALFORMED, "The query must be percent-encoded UTF-8."
        ), **({Code.NOT_FOUND: unknown} if unknown else {})},
    )  # fmt: skip


def get_operation(
    noun: Noun, id_: str, summary: str, description: str, get: Reads, *, parameter: str = "id"
) -> Operation:
    """GET of one by its id. parameter: what the id is called in the path."""

    async def handle(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
        item = await get(marketplace)(actor, call.path[parameter])
        return Answer(item.document, item.version)

    return Operation(
        "GET", f"{noun.path}/{{{parameter}}}", id_, noun.tag, summary, description, handle,
        answer=noun.type,
        answer_example=noun.example,
        errors=(Code.NOT_FOUND, Code.PRECONDITION_FAILED),
        error_examples={Code.INVALID: unknown_version(), Code.NOT_FOUND: noun.unknown},
    )  # fmt: skip


def create_operation(
    noun: Noun, id_: str, summary: str, description: str, create: Creates, *, body: type[msgspec.Struct],
    request_example: Mapping[str, Any], answer_example: Mapping[str, Any], invalid: Problem, conflict: Problem,
) -> Operation:  # fmt: skip
    """POST of a new one, which a client may send again with the same Idempotency-Key."""
    asked = f"POST {noun.path}"

    async def handle(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
        with marketplace.idempotency.once(actor, asked, idempotency_key(call.headers), call.body) as once:
            item = await create(marketplace)(actor, call.body, once)
            return Answer(item.document, item.version, REPLAYED if item.replayed else ())

    return Operation(
        "POST", noun.path, id_, noun.tag, summary, description, handle,
        body=body,
        request_example=request_example,
        answer=noun.type,
        answer_example=answer_example,
        repeatable=True,
        errors=(Code.CONFLICT,),
        error_examples={Code.INVALID: invalid, Code.CONFLICT: conflict},
    )  # fmt: skip


def update_operation(
    noun: Noun, id_: str, summary: str, description: str, update: Updates, *, body: type[msgspec.Struct],
    request_example: Mapping[str, Any], answer_example: Mapping[str, Any], invalid: Problem, conflict: Problem,
    parameter: str = "id",
) -> Operation:  # fmt: skip
    """PATCH of one (RFC 7396), in the version that If-Match names."""

    async def handle(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
        expected = expected_versions(call.headers)
        item = await update(marketplace)(actor, call.path[parameter], call.body, expected)
        return Answer(item.document, item.version)

    return Operation(
        "PATCH", f"{noun.path}/{{{parameter}}}", id_, noun.tag, summary, description, handle,
        body=body,
        request_example=request_example,
        answer=noun.type,
        answer_example=answer_example,
        errors=(Code.NOT_FOUND, Code.CONFLICT, Code.PRECONDITION_FAILED),
        error_examples={Code.INVALID: invalid, Code.NOT_FOUND: noun.unknown, Code.CONFLICT: conflict},
    )  # fmt: skip
