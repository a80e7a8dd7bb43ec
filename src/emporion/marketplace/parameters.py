"""Parameters of products, checked before an order (contract: POST /validation/parameters)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from emporion.catalogue.parameters import given
from emporion.errors import Fault, raise_invalid
from emporion.orders.lines import Narrowing, identify
from emporion.orders.new import OrderProductRequest
from emporion.orders.parameter_checks import ParameterValidationRequest, ParameterValidationResult, validation_result
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.catalogue.products import CatalogueProduct
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.catalogue import Catalogue
    from emporion.marketplace.customers import Customers
    from emporion.orders.parameter_checks import CheckedProduct
    from emporion.store.product_lists import Seller


class Parameters:
    """The parameters of all products, for an actor who orders for customers."""

    def __init__(self, customers: Customers, catalogue: Catalogue) -> None:
        self._customers = customers
        self._catalogue = catalogue

    async def check(self, actor: Actor, body: dict[str, Any]) -> list[ParameterValidationResult]:
        """What is found of the parameters of each product of a client's JSON object; nothing is kept of it.

        Raises Problem (INVALID) with every fault of the body, (NOT_FOUND) if the actor reaches no such customer.
        """
        wanted, faults = read(ParameterValidationRequest, body)
        if faults:
            raise_invalid(faults)
        seller_id, _ = await self._customers.owner(actor, wanted.customer_id)
        seller = await self._catalogue.seller(seller_id)
        results = []
        for number, line in enumerate(wanted.products):
            product = await self._product(seller, line, f"products[{number}]", faults)
            if product:
                plan = await self._catalogue.plan(product.plan_id, seller)
                draft = line.draft_request_id or str(uuid.uuid4())
                results.append(
                    validation_result(product, plan.parameters if plan else (), given(line.parameters), draft)
                )
        if faults:
            raise_invalid(faults)
        return results

    async def _product(
        self, seller: Seller, line: CheckedProduct, path: str, faults: list[Fault]
    ) -> CatalogueProduct | None:
        """The product of a line; or None, and its fault among `faults`."""
        candidates: list[CatalogueProduct] = []
        if line.id is not None:
            product = await self._catalogue.product(seller, line.id)
            candidates = [product] if product else []
        elif line.mpn is not None:
            candidates = await self._catalogue.candidates(seller, line.mpn)
        else:
            faults.append(Fault(f"{path}.mpn", "is required, or id"))
            return None
        sent = OrderProductRequest(
            id=line.id,
            mpn=line.mpn,
            vendor=line.vendor,
            billing_period=line.billing_period,
            subscription_period=line.subscription_period,
        )
        found = identify(sent, path, candidates, Narrowing())
        if isinstance(found, Fault):
            faults.append(found)
            return None
        return found
