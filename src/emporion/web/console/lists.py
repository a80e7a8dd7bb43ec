"""Pages that list the documents of a noun: a search, filters, columns and a pager, declared once by each noun."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlencode

import msgspec

from emporion.api.problems import STATUS
from emporion.errors import Code, Fault, Problem
from emporion.marketplace.actors import ROLES
from emporion.marketplace.customers import ListPage
from emporion.paging import Pagination
from emporion.validation import read
from emporion.web.console.selling import customer_names
from emporion.web.forms import by_field

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.credentials import Role
    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor
    from emporion.web.pages import PageRequest

SHOWN = 25
# What is found where the query cannot be read.
EMPTY_PAGE = ListPage(msgspec.Raw(b"[]"), Pagination(0, SHOWN, 0))
# Members of queries that name what a user may not reach.
REACHED = ("customerId", "resellerId")


ColumnKind = Literal["text", "link", "badge", "date", "day", "moment", "number", "money", "unit_price", "customer"]


class ListColumn(NamedTuple):
    """A column of a list.

    value: what a cell shows of a document, None for a dash: milliseconds since 1970 for `date` and `moment`, an int for
    `number`, `YYYY-MM-DD` for `day`, something with `currency` and `amount` for `money` and `unit_price`, the id of one
    for `customer`, else text; `link` leads to the document's own page. words, badges: what a `badge` calls a value, and
    its CSS class. is_long: the column takes a third of the table.
    """

    heading: str
    value: Callable[[Any], object]
    kind: ColumnKind = "text"
    words: Mapping[str, str] = {}
    badges: Mapping[str, str] = {}
    is_long: bool = False


class ListFilter(NamedTuple):
    """A member of the query, as a field of the search. options: the values to choose from and their names; none for any
    text."""

    member: str
    label: str
    options: tuple[tuple[str, str], ...] = ()
    hint: str = ""


class Action(NamedTuple):
    """The button of a list. path: where it leads, within the console. role: what it takes to see it. for_operator:
    whether only users of the provider do."""

    name: str
    path: str
    role: Role
    for_operator: bool = False

    def is_for(self, actor: Actor) -> bool:
        """Whether a user sees it."""
        return ROLES.index(actor.role) >= ROLES.index(self.role) and (actor.is_operator or not self.for_operator)


@dataclass(frozen=True, kw_only=True)
class ListView:
    """The list of a noun.

    path: within the console; the page of a document is one level below, by its `id`. noun: what a document is called.
    page: gives a page of the list for a query. search: found while it is typed. choices: filters with options that
    always show; more: filters that are folded away. naming: gives the ids of the customers that documents name, where a
    column shows them. empty: the text where there is no document yet.
    """

    path: str
    title: str
    noun: str
    document: type[msgspec.Struct]
    query: type[msgspec.Struct]
    page: Callable[[Marketplace], Callable[[Actor, Any], Awaitable[ListPage]]]
    columns: tuple[ListColumn, ...]
    search: ListFilter | None = None
    choices: tuple[ListFilter, ...] = ()
    more: tuple[ListFilter, ...] = ()
    naming: Callable[[Any], str] | None = None
    empty: str
    action: Action | None = None

    @cached_property
    def labels(self) -> dict[str, str]:
        """What the fields of the search are called, by their members."""
        return {one.member: one.label for one in (self.search, *self.choices, *self.more) if one}

    @cached_property
    def decode(self) -> Callable[[bytes], list[Any]]:
        """Reads the documents of a page."""
        return msgspec.json.Decoder(list[self.document]).decode  # type: ignore[name-defined]

    async def show(self, visit: PageRequest) -> Response:
        """A page of the list, by the members of its query; 400 with the faults of those that cannot be read."""
        asked = {name: value for name, value in visit.parameters.items() if name in self.query.__struct_encode_fields__}
        query, faults = read(self.query, {"limit": SHOWN, **asked})
        page = EMPTY_PAGE
        if not faults:
            try:
                page = await self.page(visit.marketplace)(visit.actor, query)
            except Problem as problem:
                if problem.code is not Code.NOT_FOUND:
                    raise
                faults = [Fault(name, "names none that you reach") for name in REACHED if name in asked]
        documents = self.decode(page.data)
        offset, limit, total = page.pagination.offset, page.pagination.limit, page.pagination.total
        end = offset + len(documents)
        filters = asked.keys() - {"offset", "limit"}
        return visit.render(
            "list.html",
            STATUS[Code.INVALID].value if faults else 200,
            listed=self,
            documents=documents,
            names=await customer_names(visit, map(self.naming, documents)) if self.naming else {},
            first=offset + 1,
            last=end,
            total=total,
            values=asked,
            faults=by_field(faults),
            searching=bool(filters),
            more_is_open=any(one.member in filters for one in self.more),
            newer=address_of_page(asked, max(0, offset - limit)) if offset else None,
            older=address_of_page(asked, end) if documents and end < total else None,
            may_act=self.action is not None and self.action.is_for(visit.actor),
        )


def address_of_page(asked: dict[str, str], offset: int) -> str:
    """The query of the address of another page of the same list."""
    return urlencode({**asked, "offset": str(offset)})
