"""Lists: pages of customers and resellers, and searches among them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

from msgspec import structs

from emporion.fair_semaphore import asking
from emporion.store import statements
from emporion.store.customers import LARGEST_PAGE_BYTES, SHORT_PAGE, SMALL_PAGE
from emporion.store.faults import too_large
from emporion.store.postgres.batches import transposed
from emporion.store.postgres.coalescing import LARGEST_GROUP, Coalescer
from emporion.store.postgres.connections import Connections
from emporion.store.postgres.database import PostgresDatabase, has_nul
from emporion.store.postgres.dialect import FARTHEST, few_below, translated
from emporion.store.postgres.ngrams import search_grams
from emporion.store.records import Filter, Listing

# So few customers of a status are looked at one by one, whatever else is asked of them.
FEW = 1000


class Question(NamedTuple):
    """What a list is asked for. search_key: of this database."""

    root_id: int
    wanted: Filter
    offset: int
    limit: int
    search_key: bytes

    @property
    def page(self) -> tuple[int, int, int, bytes]:
        """The first values of each statement for lists."""
        return self.root_id, self.offset, self.limit, self.search_key


class Lists:
    """Reads lists; those of customers from the standby, as far as it has followed.

    See `CustomerStore.page` and `ResellerStore.page` for what is promised.
    """

    def __init__(self, database: PostgresDatabase, log_position: Callable[[int], Awaitable[int]]) -> None:
        """log_position: how far the logs of a reseller and of all below it go."""
        self._database = database
        self._primary = database.primary
        self._log_position = log_position
        # What looks at few rows goes out together, as reads by id do.
        self._few_customers = {
            (column, member): self._coalesced(_equal(column, member))
            for column in ("document", "summary")
            for member in ("external_id", "email")
        }
        self._few_resellers = self._coalesced(_FEW_RESELLERS)

    def _coalesced(self, sql: str) -> Coalescer[tuple[Any, ...], list[bytes] | None]:
        return Coalescer(partial(self._read_few, sql), LARGEST_GROUP)

    async def _read_few(self, sql: str, asked: list[tuple[Any, ...]]) -> list[list[bytes] | None]:
        """For each the documents that it finds, newest first; None where it would have to look at many."""
        found = await self._primary.rows(sql, *transposed(asked, len(asked[0])))
        return [None if many else items or [] for many, items in found]

    async def finish(self) -> None:
        """Return when nothing is under way."""
        for under_way in (*self._few_customers.values(), self._few_resellers):
            await under_way.finish()

    async def resellers(self, root_id: int, wanted: Filter, offset: int, limit: int) -> Listing:
        if has_nul(structs.astuple(wanted)):
            return Listing(b"[]", 0)
        email = None if wanted.email is None else f"\n{wanted.email}\n"
        few = await self._few_resellers.do((root_id, wanted.name, email, wanted.external_id))
        if few is not None:
            return _listing(few, offset, limit)
        sql, values = _filtered_resellers(wanted)
        async with self._database.turns.slot(asking(root_id)):
            total, data = await self._primary.row(sql, root_id, min(offset, FARTHEST), limit, *values)
        return Listing(data or b"[]", total)

    async def customers(self, root_id: int, wanted: Filter, offset: int, limit: int, *, whole: bool) -> Listing:
        if has_nul(structs.astuple(wanted)):
            return Listing(b"[]", 0)
        few = await self._equal(root_id, wanted, whole=whole)
        if few is not None:
            return _listing(few, offset, limit)
        asked = Question(root_id, wanted, min(offset, FARTHEST), limit, self._database.search_key)
        if wanted == Filter() and limit <= SHORT_PAGE:
            return await self._list(asked, whole=whole)
        async with self._database.turns.slot(asking(root_id)):
            return await self._list(asked, whole=whole)

    async def _equal(self, root_id: int, wanted: Filter, *, whole: bool) -> list[bytes] | None:
        """Customers by one external id or address, newest first; None for other filters and where they may be many.

        Where there is a standby, that answers.
        """
        column = "document" if whole else "summary"
        for member in ("external_id", "email"):
            sought = getattr(wanted, member)
            if sought is not None and wanted == Filter(**{member: sought}) and not self._database.standby:
                return await self._few_customers[column, member].do((root_id, sought))
        return None

    async def _list(self, asked: Question, *, whole: bool) -> Listing:
        column = "document" if whole else "summary"
        if whole and asked.limit > SMALL_PAGE:
            _, size, *_ = await self._read(asked, f"sum(octet_length(c.{column}))")
            if (size or 0) > LARGEST_PAGE_BYTES:
                raise too_large()
        total, items, *_ = await self._read(asked, _items(f"c.{column}"))
        return Listing(items or b"[]", total)

    async def _read(self, asked: Question, aggregate: str) -> Sequence[Any]:
        """The total, the aggregate of the page, and how far the resellers' logs go in what was read."""

        async def read(connections: Connections) -> Sequence[Any]:
            if asked.wanted == Filter():
                row = await connections.row(_page(aggregate), *asked.page)
                if row and row["has_resellers"]:
                    row = await connections.row(_page_across(aggregate), *asked.page)
            elif asked.wanted == Filter(status=asked.wanted.status):
                row = await connections.row(_page_of_status(aggregate), *asked.page, asked.wanted.status, FEW)
            else:
                sql, values = _filtered(aggregate, asked.wanted)
                row = await connections.row(sql, *asked.page, *values)
            return row or (0, None, 0)

        return await self._read_followed(asked.root_id, read) or await read(self._primary)

    async def _read_followed(
        self, root_id: int, read: Callable[[Connections], Awaitable[Sequence[Any]]]
    ) -> Sequence[Any] | None:
        """What `read` gives on the standby, if that has all that was written for these resellers until now."""
        if not self._database.standby:
            return None
        written, row = await asyncio.gather(self._log_position(root_id), self._database.standby.read(read))
        return row if row and row[2] >= written else None


def _known(events: str) -> str:
    """How far a log goes in what a standby has; nowhere if it follows no primary, or that of another platform."""
    return f"CASE WHEN pg_is_in_recovery() AND (SELECT key FROM search_key) = $4 THEN {events} ELSE -1 END"  # noqa: S608


# The same, of the resellers of a list.
_EVENTS = _known("(SELECT coalesce(sum(r.events), 0)::bigint FROM resellers r JOIN below ON r.reseller_id = below.id)")


def _items(column: str) -> str:
    """An aggregate that makes a JSON array of a column of documents, newest first."""
    return f"'['::bytea || string_agg({column}, ','::bytea ORDER BY c.id DESC) || ']'::bytea"


@lru_cache
def _page(aggregate: str) -> str:
    """One reseller's page, at any offset a walk over consecutive rows, and what else is asked for with it."""
    return f"""
        SELECT r.customers,
            (
                SELECT {aggregate} FROM customers c
                WHERE c.reseller_id = r.reseller_id AND c.ordinal
                    BETWEEN greatest(r.customers - $2::bigint - $3::bigint + 1, 1)
                    AND greatest(r.customers - $2::bigint, 0)
            ),
            {_known("r.events")}, EXISTS (SELECT 1 FROM resellers b WHERE b.parent_id = r.reseller_id) AS has_resellers
        FROM resellers r WHERE r.reseller_id = $1
    """  # noqa: S608


@lru_cache
def _page_across(aggregate: str) -> str:
    """A page over several resellers, whose cost grows with their number and not with the offset.

    Ids and ordinals have the same order within a reseller, so the number of customers above an id is a matter of one
    look-up for each reseller, and the id where the page begins is found by bisection.
    """
    return f"""
        {translated(statements.BELOW)}, counts AS MATERIALIZED (
            SELECT r.reseller_id, r.customers FROM resellers r JOIN below ON r.reseller_id = below.id
            WHERE r.customers > 0
        ), search (low, high) AS (
            SELECT 0::bigint, (SELECT max(id) FROM accounts)
            UNION ALL
            SELECT CASE WHEN s.above > $2::bigint THEN s.middle + 1 ELSE s.low END,
                CASE WHEN s.above > $2::bigint THEN s.high ELSE s.middle END
            FROM (
                SELECT low, high, (low + high) / 2 AS middle, (
                    SELECT coalesce(sum(n.customers - coalesce((
                        SELECT c.ordinal FROM customers c
                        WHERE c.reseller_id = n.reseller_id AND c.id <= (low + high) / 2 ORDER BY c.id DESC LIMIT 1
                    ), 0)), 0) FROM counts n
                ) AS above
                FROM search WHERE low < high
            ) s
        ), first AS MATERIALIZED (
            SELECT low AS id FROM search WHERE low = high
        ), newest AS (
            SELECT c.* FROM counts n CROSS JOIN first CROSS JOIN LATERAL (
                SELECT c.id, c.summary, c.document FROM customers c
                WHERE c.reseller_id = n.reseller_id AND c.id <= first.id ORDER BY c.id DESC LIMIT $3::bigint
            ) c
            ORDER BY c.id DESC LIMIT $3::bigint
        )
        SELECT t.total, CASE WHEN $2::bigint < t.total THEN (SELECT {aggregate} FROM newest c) END, {_EVENTS}
        FROM (SELECT coalesce(sum(customers), 0)::bigint AS total FROM counts) t
    """  # noqa: S608


@lru_cache
def _page_of_status(aggregate: str) -> str:
    """A page of the customers of any resellers with the status $5, and of nothing else.

    Each reseller's stand together in an index, by id. Where not more than $6 are before the page they are read with it,
    else the id where it begins is found by bisection, in steps that grow until they are beyond it. OFFSET 0 keeps the
    planner from counting anew wherever the number is used.
    """
    return f"""
        {translated(statements.BELOW)}, counts AS MATERIALIZED (
            SELECT k.reseller_id, k.customers FROM below JOIN customer_counts k ON k.reseller_id = below.id
            WHERE k.day = 0 AND k.status = $5::text AND k.customers > 0
        ), near AS MATERIALIZED (
            SELECT count(*) = 0 OR $2::bigint <= $6::bigint / count(*) AS near FROM counts
        ), search (low, high, above, width) AS (
            SELECT CASE WHEN near THEN a.last ELSE 0 END, a.last, 0::bigint, $2::bigint
            FROM near CROSS JOIN (SELECT max(id) AS last FROM accounts) a
            UNION ALL
            SELECT CASE WHEN s.until > $2::bigint THEN s.middle + 1 ELSE s.low END,
                CASE WHEN s.until > $2::bigint THEN s.high ELSE s.middle END,
                CASE WHEN s.until > $2::bigint THEN s.above ELSE s.until END,
                least(s.width * 2, s.high)
            FROM (
                SELECT m.*, m.above + (
                    SELECT coalesce(sum(b.many), 0)::bigint FROM counts n CROSS JOIN LATERAL (
                        SELECT count(*) AS many FROM customers c
                        WHERE c.reseller_id = n.reseller_id AND c.status = $5::text
                            AND c.id > m.middle AND c.id <= m.high
                    ) b
                ) AS until
                FROM (
                    SELECT low, high, above, width, greatest((low + high) / 2, high - width) AS middle
                    FROM search WHERE low < high
                ) m
                OFFSET 0
            ) s
        ), first AS MATERIALIZED (
            SELECT low AS id, CASE WHEN near THEN $2::bigint ELSE 0 END AS skipped FROM search CROSS JOIN near
            WHERE low = high
        ), newest AS MATERIALIZED (
            SELECT c.reseller_id, c.id FROM counts n CROSS JOIN first CROSS JOIN LATERAL (
                SELECT c.reseller_id, c.id FROM customers c
                WHERE c.reseller_id = n.reseller_id AND c.status = $5::text AND c.id <= first.id
                ORDER BY c.id DESC LIMIT $3::bigint + (SELECT skipped FROM first)
            ) c
            ORDER BY c.id DESC OFFSET (SELECT skipped FROM first) LIMIT $3::bigint
        )
        SELECT t.total, CASE WHEN $2::bigint < t.total THEN (
            SELECT {aggregate} FROM newest p JOIN customers c ON c.reseller_id = p.reseller_id AND c.id = p.id
        ) END, {_EVENTS}
        FROM (SELECT coalesce(sum(customers), 0)::bigint AS total FROM counts) t
    """  # noqa: S608


def _filtered(aggregate: str, wanted: Filter) -> tuple[str, list[Any]]:
    """The statement for any filters over any resellers, and its values from $5 on."""
    sources, conditions, values = ["below b"], [], []  # type: list[str], list[str], list[Any]

    def value(of: Any) -> str:
        values.append(of)
        return f"${len(values) + 4}"

    if wanted.external_id is not None:
        sources.append("customers c ON c.reseller_id = b.id")
        conditions.append(f"c.external_id = {value(wanted.external_id)}::text")
    if wanted.email is not None:
        ordinal = " AND e.ordinal = c.ordinal" if len(sources) > 1 else ""
        sources.append(f"customer_emails e ON e.reseller_id = b.id{ordinal}")
        conditions.append(f"e.email = {value(wanted.email)}::text")
    by_name = len(sources) == 1
    if not by_name:
        other = "c" if wanted.external_id is not None else "e"
        sources.append(f"customer_names n ON n.reseller_id = b.id AND n.ordinal = {other}.ordinal")
    elif (grams := search_grams(0, wanted.name or "")) is None:
        # Each row is looked at: an index for this alone would cost every new customer too much.
        sources.append("customer_names n ON n.reseller_id = b.id")
    else:
        # The numbers are those of the reseller; + 0 keeps the planner from walking through all its customers.
        mine = "('x' || left(encode(sha256($4::bytea || int8send(b.id)), 'hex'), 8))::bit(32)::int"
        own = f"SELECT g.number # {mine} FROM unnest({value(grams)}::int[]) AS g (number)"  # noqa: S608
        sources.append(f"customer_names n ON n.reseller_id + 0 = b.id AND n.grams @> ARRAY ({own})")
    if wanted.name is not None:
        conditions.append(f"strpos(n.name_folded, {value(wanted.name)}::text) > 0")
    few, others = "", ""
    if wanted.status is not None:
        status = f"{value(wanted.status)}::text"
        if by_name:
            few = f"""few AS MATERIALIZED (
                SELECT coalesce(sum(k.customers), 0) <= {value(FEW)}::bigint AS few
                FROM below b JOIN customer_counts k ON k.reseller_id = b.id WHERE k.day = 0 AND k.status = {status}
            ),"""  # noqa: S608
            others = f"""
                SELECT n.reseller_id, n.ordinal, n.id FROM below b
                JOIN customers s ON s.reseller_id = b.id AND s.status = {status}
                JOIN customer_names n ON n.reseller_id = s.reseller_id AND n.ordinal = s.ordinal
                WHERE (SELECT few FROM few) AND {conditions[0]} UNION ALL
            """  # noqa: S608
            conditions.append("NOT (SELECT few FROM few)")
        sources.append("customers s ON s.reseller_id = n.reseller_id AND s.id = n.id")
        conditions.append(f"s.status = {status}")
    sql = f"""
        {translated(statements.BELOW)}, {few} found AS MATERIALIZED (
            {others}
            SELECT n.reseller_id, n.ordinal, n.id FROM {" JOIN ".join(sources)} WHERE {" AND ".join(conditions)}
        )
        SELECT (SELECT count(*) FROM found), (
            SELECT {aggregate}
            FROM (SELECT * FROM found ORDER BY id DESC OFFSET $2::bigint LIMIT $3::bigint) p
            JOIN customers c ON c.reseller_id = p.reseller_id AND c.ordinal = p.ordinal
        ), {_EVENTS}
    """  # noqa: S608
    return sql, values


def _equal(column: str, member: str) -> str:
    """For each reseller of $1 and value of $2: whether many must be looked at, and a column of those with it.

    BETWEEN keeps the planner from the index of addresses alone, by which it would expect many: that has those of the
    whole platform in it, and time would tell of other resellers' customers.
    """
    having = {
        "external_id": "customers f WHERE f.reseller_id = ANY (b.ids) AND f.external_id = q.sought",
        "email": "customer_emails f WHERE f.reseller_id = ANY (b.ids) AND f.email BETWEEN q.sought AND q.sought",
    }[member]
    return f"""
        SELECT b.many OR cardinality(f.items) > {SHORT_PAGE}, f.items
        FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS q (root_id, sought, number)
        CROSS JOIN LATERAL ({few_below("q.root_id")}) b
        CROSS JOIN LATERAL (
            SELECT array_agg(c.{column} ORDER BY c.id DESC) AS items FROM (
                SELECT f.reseller_id, f.ordinal FROM {having} LIMIT {SHORT_PAGE + 1}
            ) f JOIN customers c ON c.reseller_id = f.reseller_id AND c.ordinal = f.ordinal
        ) f
        ORDER BY q.number
    """  # noqa: S608


# For reseller $1, each in an array, with the filters $2 to $4 or null: the same.
_FEW_RESELLERS = f"""
    SELECT b.many, f.items
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY
        AS q (root_id, name, email, external_id, number)
    CROSS JOIN LATERAL ({few_below("q.root_id")}) b
    CROSS JOIN LATERAL (
        SELECT array_agg(a.document ORDER BY a.reseller_id DESC) AS items FROM reseller_accounts a
        WHERE NOT b.many AND a.reseller_id = ANY (b.ids)
            AND (q.name IS NULL OR strpos(a.name_folded, q.name) > 0)
            AND (q.email IS NULL OR strpos(a.emails, q.email) > 0)
            AND (q.external_id IS NULL OR a.external_id = q.external_id)
    ) f
    ORDER BY q.number
"""  # noqa: S608


def _listing(found: Sequence[bytes], offset: int, limit: int) -> Listing:
    """A page of few, of which there are no more."""
    return Listing(b"[" + b",".join(found[offset : offset + limit]) + b"]", len(found))


def _filtered_resellers(wanted: Filter) -> tuple[str, list[str]]:
    """The statement for resellers with any filters, and its values from $4 on."""
    conditions, values = ["b.first BETWEEN t.first AND t.last"], []  # type: list[str], list[str]
    for condition, value in (
        ("strpos(b.name_folded, {}::text) > 0", wanted.name),
        ("strpos(b.emails, {}::text) > 0", None if wanted.email is None else f"\n{wanted.email}\n"),
        ("b.external_id = {}::text", wanted.external_id),
    ):
        if value is not None:
            values.append(value)
            conditions.append(condition.format(f"${len(values) + 3}"))
    sql = f"""
        WITH found AS MATERIALIZED (
            SELECT b.reseller_id FROM reseller_accounts t JOIN reseller_accounts b ON {" AND ".join(conditions)}
            WHERE t.reseller_id = $1
        )
        SELECT (SELECT count(*) FROM found), (
            SELECT {_items("c.document")} FROM (
                SELECT a.reseller_id AS id, a.document
                FROM (SELECT reseller_id FROM found ORDER BY 1 DESC OFFSET $2::bigint LIMIT $3::bigint) p
                JOIN reseller_accounts a ON a.reseller_id = p.reseller_id
            ) c
        )
    """  # noqa: S608
    return sql, values
