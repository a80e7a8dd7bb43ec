"""Many own prices at once in the console: by a percentage, or by a file; shown first, and then set all together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

import msgspec
from msgspec import structs

from emporion.api.problems import STATUS
from emporion.catalogue.new_prices import price_shown
from emporion.catalogue.price_files import PriceRow, price_reader
from emporion.catalogue.repricing import Repricing
from emporion.catalogue.shown import Product, ProductQuery
from emporion.errors import Code, Fault, Problem
from emporion.files.file_types import SIGNATURE_BYTES, unreadable_kind
from emporion.paging import LARGEST_PAGE
from emporion.validation import read
from emporion.web.console import resellers
from emporion.web.console.packed import pack, unpack
from emporion.web.console.selling import period_words
from emporion.web.forms import Form, by_field
from emporion.web.pages import Page, check_token
from emporion.web.uploads import read_upload

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.catalogue.own_prices import OwnPrice
    from emporion.marketplace.prices import CheckedPrice, PricePlan
    from emporion.web.console.resellers import Owner
    from emporion.web.pages import PageRequest

# Prices that are set in one transaction, and those of them that a page lists.
MOST, LISTED = 1000, 200
# Bytes of a file.
LARGEST = 1 << 20
FILTERS = ("name", "mpn", "vendor", "serviceName")
OF_RULE = ("by", "percent", "rounding")
KINDS = (
    ("margin", "a margin on the cost"),
    ("cost", "the cost of today plus"),
    ("price", "the price of today plus"),
)
ROUNDINGS = (
    ("0.01", "to 0.01"),
    ("0.05", "to 0.05"),
    ("0.1", "to 0.10"),
    ("1", "to whole amounts"),
    ("0.99", "up to the next .99"),
)
_products = msgspec.json.Decoder(list[Product]).decode


class ToldChange(NamedTuple):
    """A price that would change, in words."""

    name: str
    detail: str
    before: str
    after: str


async def percentage(visit: PageRequest) -> Response:
    """The form, and what becomes of the prices that it is for."""
    owner = await resellers.owner(visit)
    if "percent" not in visit.parameters and not {*OF_RULE, *FILTERS} & visit.parameters.keys():
        visit.actor.must_be("owner")
        return _percentage_page(visit, owner, [], None, [])
    faults, planned = await _repriced(visit, owner)
    return _percentage_page(visit, owner, faults, planned, await _told(visit, owner, planned))


async def set_percentage(visit: PageRequest) -> Response:
    """Set the prices that were shown, unless something has changed since."""
    owner = await resellers.owner(visit)
    faults, planned = await _repriced(visit, owner)
    if planned and await _is_done(visit, owner, planned):
        return _set(visit, owner)
    return _percentage_page(
        visit, owner, faults, planned, await _told(visit, owner, planned), moved=planned is not None
    )


async def file(visit: PageRequest) -> Response:
    """The form that takes a file."""
    visit.actor.must_be("owner")
    return _file_page(visit, await resellers.owner(visit), [])


async def check_file(visit: PageRequest) -> Response:
    """Take a file, and show what is wrong with it or what it would change; nothing is set."""
    visit.actor.must_be("owner")
    owner = await resellers.owner(visit)

    def check_form(form: Form) -> None:
        visit.form = form
        check_token(visit)

    uploads, account = visit.area.site.uploads, visit.actor.account_id
    try:
        async with read_upload(visit.scope, visit.receive, "file", LARGEST, check_form, uploads, account) as upload:
            name = upload.name
            content = b"".join([part async for part in upload.parts])
    except Problem as problem:
        if problem.code is not Code.TOO_LARGE:
            raise
        return _file_page(visit, owner, [Fault("file", f"is larger than {LARGEST >> 20} MiB")])
    rows = _rows(name, content)
    if isinstance(rows, Fault):
        return _file_page(visit, owner, [rows])
    return await _checked_page(visit, owner, name, content, rows)


async def set_file(visit: PageRequest) -> Response:
    """Set the prices of the file that was shown, unless something has changed since."""
    owner = await resellers.owner(visit)
    content = unpack(visit.form.typed("packed"), LARGEST)
    name = visit.form.typed("name")
    rows = _rows(name or "file", content)
    if isinstance(rows, Fault):
        return _file_page(visit, owner, [rows])
    checked = await visit.marketplace.prices.check(visit.actor, owner.id, rows)
    if not any(one.faults for one in checked):
        planned = await visit.marketplace.prices.plan(visit.actor, owner.id, checked)
        if await _is_done(visit, owner, planned):
            return _set(visit, owner)
    return await _checked_page(visit, owner, name, content, rows, moved=True)


async def _repriced(visit: PageRequest, owner: Owner) -> tuple[list[Fault], PricePlan | None]:
    """What the form would change. None where it has faults."""
    visit.actor.must_be("owner")
    asked = visit.parameters
    rule, faults = read(Repricing, {name: asked[name] for name in OF_RULE if name in asked})
    query, others = read(
        ProductQuery, {"limit": LARGEST_PAGE, **{name: asked[name] for name in FILTERS if name in asked}}
    )
    if faults or others:
        return [*faults, *others], None
    page = await visit.marketplace.products.page(structs.replace(visit.actor, account_id=owner.id), query)
    if page.pagination.total > MOST:
        return [Fault("name", f"fits {page.pagination.total:,} products; {MOST:,} can be priced at once")], None
    own = {one.product_id: one for one in await visit.marketplace.prices.of(visit.actor, owner.id)}
    rows = []
    for number, product in enumerate(_products(page.data), 1):
        if members := rule.members(product):
            kept = own.get(product.id)
            rows.append(PriceRow({**members, **({"setup": kept.setup} if kept and kept.setup else {})}, number, []))
    checked = await visit.marketplace.prices.check(visit.actor, owner.id, rows)
    if wrong := [fault for one in checked for fault in one.faults]:
        return [Fault("percent", f"makes a price that {wrong[0].message}")], None
    return [], await visit.marketplace.prices.plan(visit.actor, owner.id, checked)


async def _is_done(visit: PageRequest, owner: Owner, planned: PricePlan) -> bool:
    """Whether the prices were set, since they are those that were shown."""
    if visit.form.text("seen") != planned.digest:
        return False
    try:
        await visit.marketplace.prices.carry_out(visit.actor, owner.id, planned)
    except Problem as problem:
        if problem.code is not Code.CONFLICT:
            raise
        return False
    return True


async def _told(visit: PageRequest, owner: Owner, planned: PricePlan | None) -> list[ToldChange]:
    told, catalogue = [], visit.marketplace.catalogue
    seller = await catalogue.seller(owner.id)
    for change in planned.changes[:LISTED] if planned else ():
        of = price_shown(change.checked.target, None)
        product = await catalogue.product(seller, of.product_id) if of.product_id else None
        if product:
            name, detail = product.name, f"{product.mpn}, {period_words(product.subscription_period)}"
        elif of.mpn:
            name, detail = f"All terms of {of.mpn}", f"plan {of.plan_id}"
        else:
            name, detail = f"Product {of.product_id}", "sold no more"
        before, after = (_words(visit, price) for price in (change.before, change.checked.price))
        told.append(ToldChange(name, detail, before, after))
    return told


def _words(visit: PageRequest, price: OwnPrice | None) -> str:
    """An own price in words."""
    if not price:
        return "none"
    one = price_shown("", price)

    def money(amount: str) -> str:
        return visit.language.unit_price(amount, price.currency)

    text = f"{one.margin} % on the cost" if one.margin is not None else money(one.amount or "0")
    steps = "".join(f", {money(tier.amount)} from {tier.lower_limit}" for tier in one.tiers or ())
    return text + steps + (f", setup {money(one.setup)}" if one.setup else "")


def _rows(name: str, content: bytes) -> list[PriceRow] | Fault:
    """The rows of a file, or why it has none."""
    if not name:
        return Fault("file", "must be chosen first")
    if len(content) > LARGEST:
        return Fault("file", f"is larger than {LARGEST >> 20} MiB")
    if kind := unreadable_kind(content[:SIGNATURE_BYTES]):
        return Fault("file", f"is {kind}")
    try:
        rows = list(price_reader().read(content, last=True))
    except Problem as problem:
        if problem.code is not Code.INVALID:
            raise
        return Fault("file", f"cannot be read: {problem.message}")
    if not rows:
        return Fault("file", "has no rows below its header")
    if len(rows) > MOST:
        return Fault("file", f"has {len(rows):,} rows; {MOST:,} can be set at once")
    return rows


async def _checked_page(
    visit: PageRequest, owner: Owner, name: str, content: bytes, rows: list[PriceRow], *, moved: bool = False
) -> Response:
    checked: list[CheckedPrice] = await visit.marketplace.prices.check(visit.actor, owner.id, rows)
    faulty = [(one.line, fault) for one in checked for fault in one.faults]
    planned = None if faulty else await visit.marketplace.prices.plan(visit.actor, owner.id, checked)
    return visit.render(
        "prices_file_check.html",
        STATUS[Code.CONFLICT].value if moved else STATUS[Code.INVALID].value if faulty else 200,
        owner=owner,
        name=name,
        rows=len(rows),
        faulty=faulty[:LISTED],
        fault_count=len(faulty),
        planned=planned,
        told=await _told(visit, owner, planned),
        packed=await asyncio.to_thread(pack, content),
        listed=LISTED,
        moved=moved,
    )


def _percentage_page(
    visit: PageRequest,
    owner: Owner,
    faults: list[Fault],
    planned: PricePlan | None,
    told: list[ToldChange],
    *,
    moved: bool = False,
) -> Response:
    asked = {name: visit.parameters[name] for name in (*FILTERS, *OF_RULE) if name in visit.parameters}
    return visit.render(
        "prices_many.html",
        STATUS[Code.CONFLICT].value if moved else STATUS[Code.INVALID].value if faults else 200,
        owner=owner,
        values=asked,
        faults=by_field(faults),
        kinds=KINDS,
        roundings=ROUNDINGS,
        planned=planned,
        told=told,
        listed=LISTED,
        query=urlencode({**asked, **({} if owner.is_own else {"resellerId": str(owner.id)})}),
        moved=moved,
    )


def _file_page(visit: PageRequest, owner: Owner, faults: list[Fault]) -> Response:
    return visit.render(
        "prices_file.html",
        STATUS[Code.INVALID].value if faults else 200,
        owner=owner,
        faults=by_field(faults),
        most=MOST,
        largest=LARGEST >> 20,
    )


def _set(visit: PageRequest, owner: Owner) -> Response:
    parameters = {} if owner.is_own else {"resellerId": str(owner.id)}
    return visit.redirect("/console/prices", said="all-priced", **parameters)


PAGES = (
    Page("/prices/many", percentage, set_percentage),
    Page("/prices/file", file, check_file, uploads=True),
    Page("/prices/file/set", None, set_file),
)
