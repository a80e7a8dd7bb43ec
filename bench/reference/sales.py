"""GET /products, GET /products/{id}, POST /orders/estimate, GET and POST /orders, GET /orders/{id}."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from sqlalchemy import ColumnElement, Select, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager, selectinload

from bench.reference import sales_schemas as schemas
from bench.reference.access import Caller, caller
from bench.reference.models import Customer, Reseller
from bench.reference.sales_models import (
    Order,
    OrderCharge,
    OrderLine,
    OrderNumber,
    OwnPrice,
    Plan,
    PlanDelegation,
    Product,
    ProductRate,
)
from bench.reference.sessions import Session
from emporion.money import rounded, shown
from emporion.periods import Period, after

ByCaller = Annotated[Caller, Depends(caller)]
MAY_NOT_ORDER = {"creditHold", "adminHold", "cancelled", "error"}
router = APIRouter()


class Offer:
    """A product with what it costs."""

    def __init__(self, product: Product, price: Decimal, cost: Decimal) -> None:
        self.product, self.price, self.cost = product, price, cost


async def _currency(session: AsyncSession, by: Caller) -> str:
    return (await session.scalar(select(Reseller.currency).where(Reseller.id == by.reseller_id))) or ""


def _offers(by: Caller, currency: str) -> Select[Product, Decimal, Decimal]:
    """What a reseller sells, with its price and its cost."""
    granted = PlanDelegation.plan_id == Plan.id, PlanDelegation.reseller_id == by.reseller_id
    return (
        select(Product, func.coalesce(OwnPrice.price, ProductRate.price), ProductRate.cost)
        .join(Product.plan)
        .join(ProductRate, (ProductRate.product_id == Product.id) & (ProductRate.currency == currency))
        .outerjoin(OwnPrice, (OwnPrice.product_id == Product.id) & (OwnPrice.reseller_id == by.reseller_id))
        .where(
            Product.is_published,
            Plan.is_published,
            or_(Plan.is_for_all, exists().where(*granted, PlanDelegation.is_granted)),
            ~exists().where(*granted, ~PlanDelegation.is_granted),
        )
        .options(contains_eager(Product.plan))
    )


@router.get("/products", response_model=schemas.ProductPage, response_model_exclude_none=True)
async def get_products(
    by: ByCaller, session: Session, query: Annotated[schemas.ProductQuery, Query()]
) -> dict[str, Any]:
    """A page of products, newest first."""
    currency = await _currency(session, by)
    wanted: list[ColumnElement[bool]] = []
    if query.name is not None:
        wanted.append(Product.name_folded.contains(query.name, autoescape=True))
    if query.service_name is not None:
        wanted.append(func.lower(Plan.service_name) == query.service_name.lower())
    if query.vendor is not None:
        wanted.append(func.lower(Plan.vendor) == query.vendor.lower())
    if query.mpn is not None:
        wanted.append(Product.mpn == query.mpn)
    offers = _offers(by, currency).where(*wanted)
    total = await session.scalar(offers.with_only_columns(func.count(), maintain_column_froms=True).order_by(None))
    rows = await session.execute(offers.order_by(Product.id.desc()).offset(query.offset).limit(query.limit))
    data = [_shown_product(schemas.Product, Offer(*row), currency) for row in rows]
    return {"data": data, "pagination": {"offset": query.offset, "limit": query.limit, "total": total}}


@router.get("/products/{id}", response_model=schemas.ProductDetailed, response_model_exclude_none=True)
async def get_product(by: ByCaller, session: Session, id: int) -> schemas.Product:  # noqa: A002
    """A product."""
    currency = await _currency(session, by)
    row = (await session.execute(_offers(by, currency).where(Product.id == id))).first()
    if not row:
        raise HTTPException(404, f"No entity has been found: there is no product {id}.")
    return _shown_product(schemas.ProductDetailed, Offer(*row), currency)


@router.get("/orders", response_model=schemas.OrderPage, response_model_exclude_none=True)
async def get_orders(by: ByCaller, session: Session, query: Annotated[schemas.OrderQuery, Query()]) -> dict[str, Any]:
    """A page of orders, newest first."""
    wanted: list[ColumnElement[bool]] = [Order.reseller_id.in_(by.reaches)]
    if query.customer_id is not None:
        wanted.append(Order.customer_id == int(query.customer_id))
    if query.subscription_id is not None:
        wanted.append(Order.subscription_id == int(query.subscription_id))
    if query.order_number is not None:
        wanted.append(Order.order_number == query.order_number)
    if query.status is not None:
        wanted.append(Order.status == query.status)
    if query.status_code is not None:
        wanted.append(Order.status_code == query.status_code)
    total = await session.scalar(select(func.count()).select_from(Order).where(*wanted))
    rows = await session.execute(
        select(
            Order.id,
            Order.order_number,
            Order.type,
            Order.customer_id,
            Order.created_at,
            Order.provisioned_at,
            Order.status,
            Order.status_code,
            Order.subscription_id,
        )
        .where(*wanted)
        .order_by(Order.id.desc())
        .offset(query.offset)
        .limit(query.limit)
    )
    data = [
        schemas.OrderSummary(
            id=str(row.id),
            order_number=row.order_number,
            type=row.type,
            customer_id=str(row.customer_id),
            creation_date=_shown_time(row.created_at),
            provisioning_date=_shown_time(row.provisioned_at) if row.provisioned_at else None,
            status=row.status,
            status_code=row.status_code,
            subscription_id=_id(row.subscription_id),
        )
        for row in rows
    ]
    return {"data": data, "pagination": {"offset": query.offset, "limit": query.limit, "total": total}}


@router.get("/orders/{id}", response_model=schemas.OrderDetailed, response_model_exclude_none=True)
async def get_order(by: ByCaller, session: Session, id: int) -> schemas.OrderDetailed:  # noqa: A002
    """An order with all its members."""
    order = await session.scalar(
        select(Order)
        .where(Order.id == id, Order.reseller_id.in_(by.reaches))
        .options(selectinload(Order.lines), selectinload(Order.charges))
    )
    if not order:
        raise HTTPException(404, f"No entity has been found: there is no order {id}.")
    return _shown_order(order)


@router.post("/orders/estimate", response_model=schemas.OrderDetailed, response_model_exclude_none=True)
async def estimate(by: ByCaller, session: Session, new: schemas.NewOrder) -> schemas.OrderDetailed:
    """What an order would cost, with all checks of an order."""
    order = await _planned(by, session, new)
    shown_ = _shown_order(order)
    return shown_.model_copy(
        update=dict.fromkeys(("id", "order_number", "creation_date", "status", "status_code"), None)
    )


@router.post("/orders", response_model=schemas.OrderDetailed, response_model_exclude_none=True)
async def create_order(by: ByCaller, session: Session, new: schemas.NewOrder) -> schemas.OrderDetailed:
    """The new order."""
    order = await _planned(by, session, new)
    number = await session.scalar(
        update(OrderNumber)
        .where(OrderNumber.prefix == "SO")
        .values(last=OrderNumber.last + 1)
        .returning(OrderNumber.last)
    )
    order.order_number = f"SO{number:06}"
    session.add(order)
    await session.commit()
    return _shown_order(order)


async def _planned(by: Caller, session: AsyncSession, new: schemas.NewOrder) -> Order:
    """The order that a client sends, with its prices. Raises HTTPException (400, 404, 409)."""
    customer = (
        await session.execute(
            select(Customer.id, Customer.reseller_id, Customer.status).where(
                Customer.id == int(new.customer_id), Customer.reseller_id.in_(by.reaches)
            )
        )
    ).first()
    if not customer:
        raise HTTPException(404, f"No entity has been found: there is no customer {new.customer_id}.")
    if customer.status in MAY_NOT_ORDER:
        raise HTTPException(409, f"The customer has the status {customer.status} and may not order.")
    currency = await _currency(session, by)
    now = datetime.now(UTC)
    order = Order(
        reseller_id=customer.reseller_id,
        customer_id=customer.id,
        type="sales",
        status="submitted",
        status_code="OP",
        currency=currency,
        po_number=new.po_number,
        created_at=now,
        lines=[],
        charges=[],
    )
    for position, line in enumerate(new.products):
        offer = await _identified(by, session, currency, position, line)
        _check_quantity(offer.product, position, line.quantity)
        _add(order, position, offer, line.quantity, now.date())
    return order


async def _identified(
    by: Caller, session: AsyncSession, currency: str, position: int, line: schemas.NewOrderLine
) -> Offer:
    """The product that a line means. Raises HTTPException (400)."""
    offers = _offers(by, currency)
    if line.id is not None:
        offers = offers.where(Product.id == int(line.id))
    if line.mpn is not None:
        offers = offers.where(Product.mpn == line.mpn)
    if line.vendor is not None:
        offers = offers.where(func.lower(Plan.vendor) == line.vendor.lower())
    if line.subscription_period is not None:
        offers = offers.where(
            Product.subscription_type == line.subscription_period.type,
            Product.subscription_duration == line.subscription_period.duration,
        )
    if line.billing_period is not None:
        offers = offers.where(
            Plan.billing_type == line.billing_period.type, Plan.billing_duration == line.billing_period.duration
        )
    if line.id is None and line.mpn is None:
        raise HTTPException(400, f"products[{position}] must have id or mpn")
    found = (await session.execute(offers.limit(2))).all()
    if not found:
        raise HTTPException(400, f"products[{position}].mpn: No entity has been found with {line.mpn or line.id}")
    if len(found) > 1:
        raise HTTPException(400, f"products[{position}] means several products: add id, vendor or periods")
    return Offer(*found[0])


def _check_quantity(product: Product, position: int, quantity: Decimal) -> None:
    least, most = max(product.minimum_quantity, Decimal(1)), product.maximum_quantity
    if quantity != quantity.to_integral_value():
        raise HTTPException(400, f"products[{position}].quantity must be a whole number")
    if quantity < least or (most is not None and quantity > most):
        raise HTTPException(400, f"products[{position}].quantity must be {least} or more, and {most} at most")


def _add(order: Order, position: int, offer: Offer, quantity: Decimal, day: date) -> None:
    """Add a line to an order, and what it costs for the first billing period."""
    product, plan = offer.product, offer.product.plan
    end = after(day, Period(plan.billing_type, plan.billing_duration))  # type: ignore[arg-type]
    unit = "Year" if plan.billing_type == "year" else "Month"
    words = f"Recurring ({plan.billing_duration} {unit}(s) term) from {day} through {end - timedelta(days=1)}"
    amount = rounded(quantity * offer.price, order.currency)
    order.lines.append(
        OrderLine(
            position=position,
            product_id=product.id,
            mpn=product.mpn,
            vendor=plan.vendor,
            name=product.name,
            billing_type=plan.billing_type,
            billing_duration=plan.billing_duration,
            subscription_type=product.subscription_type,
            subscription_duration=product.subscription_duration,
            quantity=quantity,
            extended_price=amount,
        )
    )
    order.charges.append(
        OrderCharge(
            position=position,
            type="recurring",
            product_id=product.id,
            mpn=product.mpn,
            description=f"{product.name} {words}",
            duration_type=plan.billing_type,
            duration=plan.billing_duration,
            quantity=quantity,
            unit_price=offer.price,
            amount=amount,
            unit_cost=offer.cost,
            cost=rounded(quantity * offer.cost, order.currency),
        )
    )


def _shown_product(type_: type[schemas.Product], offer: Offer, currency: str) -> schemas.Product:
    product, plan = offer.product, offer.product.plan
    return type_(
        mpn=product.mpn,
        vendor=plan.vendor,
        id=str(product.id),
        service_name=plan.service_name,
        name=product.name,
        minimum_quantity=shown(product.minimum_quantity),
        maximum_quantity=None if product.maximum_quantity is None else shown(product.maximum_quantity),
        prices=[schemas.Price(currency=currency, amount=shown(offer.price))],
        costs=[schemas.Price(currency=currency, amount=shown(offer.cost))],
        billing_period=schemas.Period(type=plan.billing_type, duration=plan.billing_duration),  # type: ignore[arg-type]
        subscription_period=schemas.Period(type=product.subscription_type, duration=product.subscription_duration),  # type: ignore[arg-type]
        billing_model=plan.billing_model,
        depends_on=[],
    )


def _shown_order(order: Order) -> schemas.OrderDetailed:
    whole = order.type not in ("renewal", "cancellation")

    def amount(value: Decimal) -> schemas.Amount:
        return schemas.Amount(currency=order.currency, amount=shown(value))

    subscription_id = _id(order.subscription_id)
    return schemas.OrderDetailed(
        id=_id(order.id),
        order_number=order.order_number,
        type=order.type,
        customer_id=str(order.customer_id),
        po_number=order.po_number,
        creation_date=_shown_time(order.created_at),
        provisioning_date=_shown_time(order.provisioned_at) if order.provisioned_at else None,
        status=order.status,  # type: ignore[arg-type]
        status_code=order.status_code,
        total=amount(sum((charge.amount for charge in order.charges), Decimal(0))),
        details=[
            schemas.Detail(
                type=charge.type,
                mpn=charge.mpn,
                product_id=str(charge.product_id),
                duration=schemas.Period(type=charge.duration_type, duration=charge.duration)  # type: ignore[arg-type]
                if charge.duration_type
                else None,
                description=charge.description,
                quantity=float(charge.quantity),
                unit_price=amount(charge.unit_price),
                extended_price=amount(charge.amount),
            )
            for charge in order.charges
        ]
        if whole
        else None,
        products=[_shown_line(line, subscription_id, amount(line.extended_price)) for line in order.lines]
        if whole
        else None,
        subscription_id=subscription_id,
        error=schemas.OrderError(code=order.error_code, message=order.error_message or "")
        if order.error_code
        else None,
    )


def _shown_line(line: OrderLine, subscription_id: str | None, extended: schemas.Amount) -> schemas.OrderProduct:
    previous = line.previous_quantity
    return schemas.OrderProduct(
        mpn=line.mpn,
        vendor=line.vendor,
        id=str(line.product_id),
        billing_period=schemas.Period(type=line.billing_type, duration=line.billing_duration),  # type: ignore[arg-type]
        subscription_period=schemas.Period(type=line.subscription_type, duration=line.subscription_duration),  # type: ignore[arg-type]
        name=line.name,
        quantity=float(line.quantity - (previous or 0)),
        previous_quantity=None if previous is None else float(previous),
        new_quantity=None if previous is None else float(line.quantity),
        extended_price=extended,
        subscription_id=subscription_id,
    )


def _shown_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _id(number: int | None) -> str | None:
    return None if number is None else str(number)
