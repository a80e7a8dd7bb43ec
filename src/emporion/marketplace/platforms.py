"""How a platform begins: with a provider, one reseller, one API user and one subscription key."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct

from emporion.accounts import Name
from emporion.credentials import hash_password, key_digest, new_password, new_subscription_key
from emporion.errors import Code, Problem, refuse
from emporion.marketplace.actors import Actor
from emporion.store.base import NewReseller, Platform, SubscriptionKey, User
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.marketplace.customers import Customers
    from emporion.store.base import Store

# The last two ids before 1000001, where customers begin (contract: Who is who).
PROVIDER_ID = 999_999
RESELLER_ID = 1_000_000


class Access(Struct, frozen=True):
    """What an external system needs to act for a reseller."""

    reseller: str
    user: str
    password: str
    subscription_key: str
    marketplace: str


SANDBOX = Access("Sandbox Reseller", "sandbox", "sandbox-password-1", "5a9db0c5a9db0c5a9db0c5a9db0c5a9d", "us")


class NewAccess(Struct, kw_only=True, frozen=True):
    """What can be chosen of an access."""

    reseller: Name
    user: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=256,
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]*$",
            extra={"says": "must begin with a letter or digit and have only letters, digits, _ . @ and - after it"},
        ),
    ]
    marketplace: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=64,
            pattern=r"^[A-Za-z0-9_-]+$",
            extra={"says": "must be a code of letters, digits, - and _, such as us"},
        ),
    ]


def random_access(reseller: str, user: str, marketplace: str) -> Access:
    """Access for a new reseller, with a password and a key that nobody can guess.

    Raises Problem (INVALID) for a name, login or code that cannot be used.
    """
    _, faults = read(NewAccess, {"reseller": reseller, "user": user, "marketplace": marketplace})
    if faults:
        refuse(faults)
    return Access(reseller, user, new_password(), new_subscription_key(), marketplace)


async def found(store: Store, access: Access, *, sandbox: bool) -> None:
    """Make a new platform. Raises Problem (CONFLICT) if the database holds one."""
    await store.found(
        Platform(signing_key=secrets.token_bytes(32), sandbox=sandbox),
        provider=NewReseller("Provider", parent_id=None, id=PROVIDER_ID),
        reseller=NewReseller(access.reseller, parent_id=PROVIDER_ID, id=RESELLER_ID),
        user=User(access.user, RESELLER_ID, access.marketplace, hash_password(access.password)),
        key=SubscriptionKey(key_digest(access.subscription_key), RESELLER_ID),
    )


async def furnish_sandbox(customers: Customers) -> None:
    """See to it that the sandbox has its two customers, also where an earlier start was cut short."""
    actor = Actor(RESELLER_ID, SANDBOX.user, "command line")
    for customer in SANDBOX_CUSTOMERS:
        try:
            await customers.create(actor, customer)
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


SANDBOX_CUSTOMERS = (
    _sandbox_customer("1", "RBCustomer", {"firstName": "Rosa", "lastName": "Bell", "email": "rosa@rbcustomer.test"}),
    _sandbox_customer("2", "RBCustomer2", {"firstName": "Ravi", "lastName": "Bose", "email": "ravi@rbcustomer2.test"}),
)
