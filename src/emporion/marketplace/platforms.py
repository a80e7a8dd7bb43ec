"""How a platform begins: with a provider, one reseller, one API user and one subscription key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from emporion.accounts.addresses import Address
from emporion.accounts.contacts import ContactPerson
from emporion.accounts.currencies import Currency
from emporion.accounts.fields import Name
from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.accounts.resellers import Reseller
from emporion.credentials import hash_password, key_digest, new_password, new_subscription_key
from emporion.errors import Code, Problem, raise_invalid
from emporion.events import Origin
from emporion.marketplace import subscription_keys, users
from emporion.marketplace.actors import Actor
from emporion.marketplace.users import NewLogin
from emporion.store.platform import Platform
from emporion.store.resellers import NewResellerRecord
from emporion.store.subscription_keys import SubscriptionKey
from emporion.store.users import User
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace
    from emporion.store.base import Store


class Access(Struct, frozen=True):
    """What an external system needs to act for a reseller."""

    reseller: str
    user: str
    password: str
    subscription_key: str
    marketplace: str


SANDBOX = Access("Sandbox Reseller", "sandbox", "sandbox-password-1", "5a9db0c5a9db0c5a9db0c5a9db0c5a9d", "us")


# The OAuth client of the sandbox's reseller (contract: OAuth 2.0).
SANDBOX_REALM = "sandbox"
SANDBOX_CLIENT = "sandbox-client"
SANDBOX_SECRET = "sandbox-secret-1"  # noqa: S105 - everybody knows it


class NewAccess(Struct, kw_only=True, frozen=True):
    """What can be chosen of the first reseller."""

    reseller: Name
    currency: Currency


def generate_credentials(reseller: str, user: str, marketplace: str, currency: str = "USD") -> Access:
    """Access for a new reseller, with a password and a key that cannot be guessed.

    Raises Problem (INVALID) for a name, login or code that cannot be used.
    """
    _, faults = read(NewAccess, {"reseller": reseller, "currency": currency})
    _, more = read(NewLogin, {"login": user, "marketplace": marketplace})
    if faults + more:
        raise_invalid(faults + more)
    return Access(reseller, user, new_password(), new_subscription_key(), marketplace)


async def found(store: Store, access: Access, at: int, *, sandbox: bool, currency: str = "USD") -> None:
    """Make a new platform at a time in milliseconds. Raises Problem (CONFLICT) if the database holds one."""
    origin = Origin(None, "command line")
    provider = Reseller(id="", name="Provider", status="active", language="en")
    reseller = Reseller(
        id="",
        name=access.reseller,
        status="active",
        language="en",
        currency=currency,
        address=SANDBOX_ADDRESS if sandbox else None,
        contact_persons=[SANDBOX_CONTACT] if sandbox else [],
    )
    user = User(access.user, RESELLER_ID, access.marketplace, hash_password(access.password), created_at=at)
    key = SubscriptionKey(key_digest(access.subscription_key), RESELLER_ID, name="The first key", created_at=at)
    await store.platform.create(
        Platform(sandbox=sandbox),
        provider=NewResellerRecord(None, provider, (), origin, at, PROVIDER_ID),
        reseller=NewResellerRecord(PROVIDER_ID, reseller, (), origin, at, RESELLER_ID),
        user=user,
        key=key,
        events=(users.created(user, origin, at), subscription_keys.created(key, origin, at)),
    )


async def seed_sandbox(marketplace: Marketplace) -> None:
    """See to it that the sandbox has its client and its two customers, also where an earlier start was cut short."""
    actor = Actor(RESELLER_ID, SANDBOX.user, "command line")
    with _unless_there():
        await marketplace.clients.add(
            actor, RESELLER_ID, SANDBOX_REALM, SANDBOX_CLIENT, name="The sandbox's", secret=SANDBOX_SECRET
        )
    for customer in SANDBOX_CUSTOMERS:
        with _unless_there():
            await marketplace.customers.create(actor, customer)


@contextmanager
def _unless_there() -> Iterator[None]:
    """Let it pass that something is there already."""
    try:
        yield
    except Problem as problem:
        if problem.code is not Code.CONFLICT:
            raise


def _sandbox_customer(number: str, name: str, contact: dict[str, str]) -> dict[str, Any]:
    return {
        "externalId": f"externalId{number}",
        "name": name,
        "status": "active",
        "address": {
            "streetAddress": "12 Harbor Road",
            "postalCode": "92612",
            "city": "Irvine",
            "state": "CA",
            "countryCode": "US",
        },
        "contactPersons": [{"type": "admin", "phoneNumber": "+19495550100", **contact}],
    }


SANDBOX_ADDRESS = Address(
    street_address="1 Market Street", postal_code="94105", city="San Francisco", state="CA", country_code="US"
)
SANDBOX_CONTACT = ContactPerson(
    type="admin", first_name="Sam", last_name="Box", email="sam@reseller.test", phone_number="+14155550100"
)
SANDBOX_CUSTOMERS = (
    _sandbox_customer("1", "RBCustomer", {"firstName": "Rosa", "lastName": "Bell", "email": "rosa@rbcustomer.test"}),
    _sandbox_customer("2", "RBCustomer2", {"firstName": "Ravi", "lastName": "Bose", "email": "ravi@rbcustomer2.test"}),
)
