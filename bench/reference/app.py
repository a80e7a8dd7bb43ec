"""The application: GET and POST /customers, GET /customers/{id}; `sales.py` has the rest."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, NoReturn

from fastapi import Depends, FastAPI, HTTPException, Path, Query
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import joinedload

from bench.reference import sales, schemas
from bench.reference.access import Caller, Keys, caller
from bench.reference.models import Address, ContactPerson, Customer
from bench.reference.problems import CorrelationIds, handle_errors
from bench.reference.sessions import Session
from bench.reference.settings import Settings
from emporion.accounts.folding import fold
from emporion.credentials import hash_password, new_login
from emporion.paging import LARGEST_NUMBER

POOL_SIZE = 10
MAX_OVERFLOW = 10
DEFAULT_LANGUAGE = "en"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Connect when the server starts, let go of everything when it stops."""
    settings = Settings.from_environment()
    engine = create_async_engine(settings.database, pool_size=POOL_SIZE, max_overflow=MAX_OVERFLOW)
    app.state.secret = settings.secret
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    app.state.keys = Keys(app.state.sessions)
    yield
    await engine.dispose()


app = FastAPI(title="Reference", lifespan=lifespan)
app.add_middleware(CorrelationIds)
handle_errors(app)
app.include_router(sales.router)

ByCaller = Annotated[Caller, Depends(caller)]
CustomerId = Annotated[int, Path(alias="id", ge=0, le=LARGEST_NUMBER)]


@app.get("/customers", response_model=schemas.Page, response_model_exclude_none=True)
async def get_customers(
    by: ByCaller, session: Session, query: Annotated[schemas.CustomerQuery, Query()]
) -> dict[str, Any]:
    """A page of customers, newest first."""
    wanted = _wanted(by, query)
    total = await session.scalar(select(func.count()).select_from(Customer).where(*wanted))
    rows = await session.execute(
        select(Customer.id, Customer.external_id, Customer.name, Customer.status)
        .where(*wanted)
        .order_by(Customer.id.desc())
        .offset(query.offset)
        .limit(query.limit)
    )
    return {"data": rows.all(), "pagination": {"offset": query.offset, "limit": query.limit, "total": total}}


@app.get("/customers/{id}", response_model=schemas.Customer, response_model_exclude_none=True)
async def get_customer(by: ByCaller, session: Session, customer_id: CustomerId) -> Customer:
    """The customer with all its members."""
    customer = await session.scalar(
        select(Customer)
        .where(Customer.id == customer_id, Customer.reseller_id.in_(by.reaches))
        .options(joinedload(Customer.contact_persons))
    )
    if not customer:
        raise HTTPException(404, f"No entity has been found: there is no customer {customer_id}.")
    return customer


@app.post("/customers", response_model=schemas.Customer, response_model_exclude_none=True)
async def create_customer(by: ByCaller, session: Session, new: schemas.NewCustomer) -> Customer:
    """The new customer."""
    customer = Customer(
        reseller_id=by.reseller_id,
        external_id=new.external_id,
        name=new.name,
        name_folded=fold(new.name),
        tax_reg_id=new.tax_reg_id,
        status=new.status or "pending",
        language=new.language or DEFAULT_LANGUAGE,
        attributes=new.attributes,
        address=Address(**new.address.model_dump()),
        contact_persons=[await _person(position, person) for position, person in enumerate(new.contact_persons)],
    )
    session.add(customer)
    try:
        await session.commit()
    except IntegrityError as error:
        await session.rollback()
        await _conflict(session, error, customer)
    return customer


def _wanted(by: Caller, query: schemas.CustomerQuery) -> list[ColumnElement[bool]]:
    """What a customer must fulfil to be in the list."""
    wanted: list[ColumnElement[bool]] = [Customer.reseller_id.in_(by.reaches)]
    if query.name is not None:
        wanted.append(Customer.name_folded.contains(query.name, autoescape=True))
    if query.email is not None:
        wanted.append(Customer.contact_persons.any(func.lower(ContactPerson.email) == query.email.lower()))
    if query.external_id is not None:
        wanted.append(Customer.external_id == query.external_id)
    return wanted


async def _person(position: int, new: schemas.NewContactPerson) -> ContactPerson:
    """A person of a new customer; an admin without a login is given one."""
    person = ContactPerson(
        position=position,
        type=new.type,
        first_name=new.first_name,
        last_name=new.last_name,
        email=new.email,
        phone_number=new.phone_number,
    )
    if new.type == "admin":
        person.login = new.login or new_login(int(time.time() * 1000))
        person.password_hash = await run_in_threadpool(hash_password, new.password) if new.password else None
    return person


async def _conflict(session: AsyncSession, error: IntegrityError, customer: Customer) -> NoReturn:
    """Raise HTTPException (409) for what is taken, or the error if it is something else."""
    constraint = getattr(error.driver_exception, "constraint_name", None)
    if constraint == "contact_persons_login":
        raise HTTPException(409, "contactPersons: a login is taken") from error
    if constraint != "customers_external_id":
        raise error
    taken_by = await session.scalar(
        select(Customer.id).where(
            Customer.reseller_id == customer.reseller_id, Customer.external_id == customer.external_id
        )
    )
    raise HTTPException(409, f"externalId is taken by customer {taken_by}") from error
