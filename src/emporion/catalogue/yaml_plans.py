"""Plans and their items in the catalogue's file."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from emporion.accounts.ids import account_number
from emporion.catalogue.definitions import (
    DefinedPlan,
    DependencyDefinition,
    ItemDefinition,
    PlanDefinition,
    SwitchDefinition,
    is_sold_for,
    period_text,
)
from emporion.catalogue.kept import Delegation
from emporion.catalogue.plans import BillingModel, BillingPolicy, Effective, Policies, State, SubscriptionPeriod
from emporion.catalogue.products import Coterming, CotermingRequired, CotermingType
from emporion.catalogue.yaml_nodes import Items, Scalar, did_you_mean
from emporion.catalogue.yaml_prices import read_prices
from emporion.catalogue.yaml_values import LONGEST_DESCRIPTION, Place, wrong_text
from emporion.periods import Period

if TYPE_CHECKING:
    from emporion.catalogue.yaml_values import Members

MOST_ITEMS = 10_000
# Of a plan; orders read them with it.
MOST_PERIODS = 20
MOST_SWITCHES = 200
LONGEST_MPN = 128
LONGEST_DAYS = 3650

_PLAN = (
    "service", "name", "shortDescription", "longDescription", "state", "periods", "billingPeriod", "billingModel",
    "resellers", "except", "policies", "switches", "items",
)  # fmt: skip
_PLAN_OTHERS = {"vendor": "is unknown; a plan has a service, and that has a vendor", "published": "did you mean state?"}
_ITEM = (
    "name", "minimum", "maximum", "fractions", "periods", "dependsOn", "coterming", "prices", "pricesByPeriod",
)  # fmt: skip
_SWITCH = ("from", "to", "billingPolicy", "whenEffective", "items")
_DAYS = ("returnDays", "fullRefundDays", "renewalPoint", "graceDays", "holdDays", "retentionDays")
_STATEMENT_DAY = {"statement_day": "is a billing period, and no length of a term; write months or years"}
_BY_DAYS = {"day": "is not supported: plans billed by days; bill by months or years"}
_BILLING_MODELS: tuple[BillingModel, ...] = tuple(m for m in get_args(BillingModel) if m != "chargeExternalRating")
_REFUSED_MODELS = {
    "chargeExternalRating": "is not supported yet: chargeExternalRating; use one of the other models, which count the "
    "ordered quantity"
}
_BILLING_POLICIES: tuple[BillingPolicy, ...] = tuple(p for p in get_args(BillingPolicy) if p != "period_change")
_REFUSED_POLICIES = {
    "period_change": "is not supported yet: period_change, which counts later; choose a policy that counts at once"
}
_LATER = {
    word: f"is not supported yet: {word}; what is ordered counts at once, so write immediately or leave it out"
    for word in get_args(Effective)[1:]
}


def read_plan(key: str, place: Place) -> DefinedPlan | None:
    """A plan; None, and a fault for whatever keeps it from being one."""
    before = place.faults.count
    given = place.members(_PLAN, ("service", "name", "periods", "items"), **_PLAN_OTHERS)
    if not given:
        return None
    periods = given.read("periods", _periods, None) or []
    billing = given.read(
        "billingPeriod", lambda inner: inner.period(("month", "year", "statement_day"), _BY_DAYS), None
    )
    billing = billing or Period("month", 1)
    _check_billing(given, periods, billing)
    state: State = given.read("state", lambda inner: inner.choice(get_args(State)), "draft")
    names = [period_text(period) for period in periods]
    items = given.read("items", lambda inner: _items(inner, names), None) or []
    switches = given.read("switches", lambda inner: _switches(inner, key, names, items), None) or []
    long = given.read("longDescription", lambda inner: inner.text(LONGEST_DESCRIPTION, lines=True), "")
    model: BillingModel = given.read(
        "billingModel", lambda inner: inner.choice(_BILLING_MODELS, _REFUSED_MODELS), "chargeBeforeBillingPeriod"
    )
    plan = PlanDefinition(
        key=key,
        service=given.read("service", Place.text, ""),
        name=given.read("name", Place.text, ""),
        short_description=given.read("shortDescription", Place.text, ""),
        long_description=long,
        state=state,
        periods=periods,
        billing_period=billing,
        billing_model=model,
        delegation=_delegation(given),
        policies=given.read("policies", _policies, Policies()),
        switches=switches,
    )
    return DefinedPlan(plan, items) if place.faults.count == before else None


def _periods(place: Place) -> list[SubscriptionPeriod]:
    periods: dict[str, SubscriptionPeriod] = {}
    for inner in place.each():
        period = _period(inner)
        if not period:
            continue
        if (name := period_text(period)) in periods:
            inner.fault(f"is there twice: {name}; a trial needs a length of its own, since orders name a period by it")
        periods[name] = period
    if not periods and isinstance(place.node, Items) and not place.node.nodes:
        place.fault("has no period")
    if len(periods) > MOST_PERIODS:
        place.fault(f"must have at most {MOST_PERIODS} periods, not {len(periods):,}")
    return list(periods.values())


def _period(place: Place) -> SubscriptionPeriod | None:
    """`1 year`, `14 days trial`, or a mapping that says the same and whether it can be bought."""
    trial = active = None
    at = place
    if isinstance(place.node, Scalar):
        words = place.node.text.split()
        if trial := words[-1:] == ["trial"]:
            at = Place(Scalar(place.node.line, " ".join(words[:-1])), place.path, place.faults)
    else:
        given = place.members(("period", "trial", "active"), ("period",))
        found = given.get("period") if given else None
        if not given or not found:
            return None
        trial, active = given.read("trial", Place.boolean, None), given.read("active", Place.boolean, None)
        at = found
    period = at.period(("day", "month", "year"), _STATEMENT_DAY)
    if period and period.type == "day" and not trial:
        at.fault("is counted in days, which only a trial can be, such as 14 days trial; sell by months or years")
    return SubscriptionPeriod(period.type, period.duration, bool(trial), active is not False) if period else None


def _check_billing(given: Members, periods: list[SubscriptionPeriod], billing: Period) -> None:
    """Each period that is paid for must be so many billing periods long, exactly."""
    for period in periods:
        if not period.trial and _months(period) % _months(billing):
            given.place.fault(
                f"has the period {period_text(period)}, which is no multiple of its billing period, "
                f"{period_text(billing)}",
                given.line("periods"),
            )


def _months(period: Period | SubscriptionPeriod) -> int:
    return period.duration * (12 if period.type == "year" else 1)


def _delegation(given: Members) -> Delegation:
    """Which resellers may sell the plan."""
    place = given.get("resellers")
    is_for_all = place is None or (isinstance(place.node, Scalar) and place.node.text == "all")
    granted = None if is_for_all or place is None else _resellers(place)
    withheld = given.read("except", _resellers, None) or []
    if granted is not None and (both := sorted({*granted} & {*withheld})):
        given.place.fault(f"is delegated to {both[0]}, and withheld from it", given.line("except"))
    return Delegation(granted, withheld)


def _resellers(place: Place) -> list[int]:
    found = set()
    for inner in place.each():
        number = account_number(inner.node.text) if isinstance(inner.node, Scalar) else None
        if number:
            found.add(number)
        else:
            inner.fault("must be the id of a reseller, such as 1000000, or a list of ids")
    return sorted(found)


def _policies(place: Place) -> Policies:
    hints = get_type_hints(Policies)
    choices = ("decrease", "decreaseRefund", "cancellation", "cancellationRefund", "renewalPrices")
    given = place.members((*choices, *_DAYS, "automaticRenewal"))
    if not given:
        return Policies()
    values: dict[str, Any] = {"automatic_renewal": given.read("automaticRenewal", Place.boolean, None)}
    for name in choices:
        attribute = _attribute(name)
        known = [word for word in get_args(hints[attribute]) if word not in _LATER]
        member = given.get(name)
        values[attribute] = member.choice(known, _LATER) if member else None
    for name in _DAYS:
        member = given.get(name)
        values[_attribute(name)] = member.whole(int(name == "renewalPoint"), LONGEST_DAYS) if member else None
    return Policies(**{name: value for name, value in values.items() if value is not None})


def _attribute(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _switches(place: Place, key: str, periods: list[str], items: list[ItemDefinition]) -> list[SwitchDefinition]:
    """Switches, by the key of the plan to which they lead; from this one to another of its periods by its own."""
    found: dict[tuple[str, str, str], SwitchDefinition] = {}
    for target, some in (place.mapping("a mapping from the key of a plan to how it is switched to") or {}).items():
        for inner in some.each():
            switch = _switch(inner, target, periods, {item.mpn for item in items})
            if not switch:
                continue
            way = (target, switch.source, switch.target)
            if way in found:
                inner.fault(f"is there twice: from {switch.source} to {switch.target}")
            if target == key and switch.source == switch.target:
                inner.fault("leads to where it comes from")
            found[way] = switch
    if len(found) > MOST_SWITCHES:
        place.fault(f"must have at most {MOST_SWITCHES} switches, not {len(found):,}")
    return list(found.values())


def _switch(place: Place, target: str, periods: list[str], mpns: set[str]) -> SwitchDefinition | None:
    given = place.members(_SWITCH, ("from", "to", "billingPolicy"))
    if not given:
        return None
    source = given.read("from", lambda inner: _one_of(inner, periods, "periods of the plan"), None)
    to = given.read("to", lambda inner: inner.period(("day", "month", "year"), _STATEMENT_DAY), None)
    policy: BillingPolicy | None = given.read(
        "billingPolicy", lambda inner: inner.choice(_BILLING_POLICIES, _REFUSED_POLICIES), None
    )
    given.read("whenEffective", lambda inner: inner.choice(("immediately",), _LATER), None)
    mapped = given.read("items", lambda inner: _mapped(inner, mpns), None) or {}
    if not (source and to and policy):
        return None
    return SwitchDefinition(plan=target, source=source, target=period_text(to), billing_policy=policy, items=mapped)


def _mapped(place: Place, mpns: set[str]) -> dict[str, str | None]:
    """From the MPN of each item that gets another one to that; null for none."""
    found: dict[str, str | None] = {}
    for mpn, inner in (place.mapping("a mapping from an MPN to that of the other plan, or to null") or {}).items():
        if mpn not in mpns:
            inner.fault(f"is no item of the plan{did_you_mean(mpn, mpns)}")
        is_none = isinstance(inner.node, Scalar) and inner.node.is_null
        found[mpn] = None if is_none else inner.text(LONGEST_MPN)
    return found


def _items(place: Place, periods: list[str]) -> list[ItemDefinition]:
    given = place.mapping("a mapping from the MPN of each item to what it is")
    if given is None:
        return []
    if not given:
        place.fault("has no item")
    if len(given) > MOST_ITEMS:
        place.fault(f"must have at most {MOST_ITEMS:,} items, not {len(given):,}: make several plans of them")
        return []
    items = {mpn: item for mpn, inner in given.items() if (item := _item(mpn, inner, periods))}
    for mpn, item in items.items():
        for needed in item.depends_on:
            other = items.get(needed.mpn)
            if needed.plan:
                continue
            if needed.mpn not in given or needed.mpn == mpn:
                itself = "itself" if needed.mpn == mpn else f"{needed.mpn}, which is no item of the plan"
                given[mpn].fault(f"depends on {itself}{did_you_mean(needed.mpn, items.keys() - {mpn, needed.mpn})}")
            elif other:
                for period in periods:
                    if is_sold_for(item, period) and not is_sold_for(other, period):
                        given[mpn].fault(f"depends on {needed.mpn}, which is not sold for {period}")
    return list(items.values())


def _item(mpn: str, place: Place, periods: list[str]) -> ItemDefinition | None:
    if wrong := "has blanks around its MPN" if mpn != mpn.strip() else wrong_text(mpn, LONGEST_MPN):
        place.fault(f"as an MPN {wrong}" if wrong.startswith("must") else wrong)
    given = place.members(_ITEM, ("name", "prices"), mpn="is unknown; the MPN is the key of the item")
    if not given:
        return None
    depends_on = given.read("dependsOn", _dependencies, None)
    prices = given.read("prices", read_prices, None)
    fractions = given.read("fractions", Place.boolean, False)
    minimum = given.read("minimum", lambda inner: inner.quantity(fractions=fractions), None)
    maximum = given.read("maximum", lambda inner: inner.quantity(fractions=fractions), None)
    if maximum is not None and (maximum == 0 or (minimum is not None and maximum < minimum)):
        less = f"{maximum}, which is less than its minimum" if maximum else "0; leave it out where there is none"
        place.fault(f"has the maximum {less}", given.line("maximum"))
    of_plan = "periods of the plan"
    some = given.read("periods", lambda inner: [_one_of(one, periods, of_plan) for one in inner.each()], None)
    by_period = {}
    if at := given.get("pricesByPeriod"):
        for period, inner in (at.mapping("a mapping from a period to prices") or {}).items():
            name = _one_of(Place(Scalar(inner.node.line, period), inner.path, inner.faults), periods, of_plan)
            others = read_prices(inner)
            if name and others:
                by_period[name] = others
    return ItemDefinition(
        mpn=mpn,
        name=given.read("name", Place.text, ""),
        minimum=minimum or Decimal(0),
        maximum=maximum,
        fractions=fractions,
        periods=None if some is None else [period for period in some if period],
        depends_on=depends_on or [],
        coterming=given.read("coterming", _coterming, Coterming("RESTRICTED")),
        prices=prices or {},
        prices_by_period=by_period,
    )


def _one_of(place: Place, periods: list[str], what: str) -> str | None:
    """A period by its text, if it is one of these."""
    period = place.period(("day", "month", "year"), _STATEMENT_DAY)
    if not period:
        return None
    if (name := period_text(period)) in periods:
        return name
    place.fault(f"is {name}, which is none of the {what}: {', '.join(periods) or 'it has none'}")
    return None


def _dependencies(place: Place) -> list[DependencyDefinition]:
    found = []
    for inner in place.each():
        if isinstance(inner.node, Scalar):
            mpn, plan = inner.text(LONGEST_MPN), None
        else:
            given = inner.members(("plan", "mpn"), ("mpn",))
            mpn = given.read("mpn", lambda one: one.text(LONGEST_MPN), None) if given else None
            plan = given.read("plan", Place.text, None) if given else None
        if mpn:
            found.append(DependencyDefinition(mpn, plan))
    return found


def _coterming(place: Place) -> Coterming | None:
    required: CotermingRequired | None
    type_: CotermingType | None = None
    if isinstance(place.node, Scalar):
        required = place.choice(get_args(CotermingRequired))
    elif given := place.members(("required", "type"), ("required",)):
        required = given.read("required", lambda inner: inner.choice(get_args(CotermingRequired)), None)
        type_ = given.read("type", lambda inner: inner.choice(get_args(CotermingType)), None)
    else:
        return None
    if required == "MANDATORY":
        place.fault("is not supported yet: MANDATORY, since no subscription can end with another one; leave it out")
    return Coterming(required, type_) if required else None
