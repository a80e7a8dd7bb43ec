"""Terms: from when to when a subscription runs and is paid for, in calendar days (docs/decisions/0034)."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct, structs

from emporion.catalogue.plans import BillingModel, BillingPolicy
from emporion.periods import Period, after, completed, months

if TYPE_CHECKING:
    from emporion.catalogue.plans import Policies
    from emporion.orders.kept import Migrated

UpgradeStart = Literal["from_old_start_date", "from_date_of_upgrade"]

# Policies that say by themselves from when the new term is counted; the others allow both.
FIXED_STARTS: dict[BillingPolicy, UpgradeStart | None] = {
    "prorate_keeping_exp_date": None,
    "prorate_starting_new_subscription_period": "from_date_of_upgrade",
}

_MONTH = Period("month", 1)


class Billed(Protocol):
    """How something is billed: a product of the catalogue, or a subscription."""

    @property
    def billing_model(self) -> BillingModel: ...
    @property
    def billing_period(self) -> Period: ...
    @property
    def subscription_period(self) -> Period: ...
    @property
    def trial(self) -> bool: ...


class Running(Billed, Protocol):
    """A subscription that runs; days as `YYYY-MM-DD`."""

    @property
    def anchor(self) -> str | None: ...
    @property
    def term_start(self) -> str | None: ...
    @property
    def expiration(self) -> str | None: ...
    @property
    def statement_day(self) -> int: ...


class Term(Struct, frozen=True, kw_only=True):
    """The running term of a subscription.

    anchor: the day from which billing periods are counted. start: the first day of the term. expiration: the first day
    that is no longer covered. statement_day: on which periods of the type `statement_day` begin, 1 to 28.
    """

    billing_model: BillingModel
    billing_period: Period
    subscription_period: Period
    trial: bool = False
    anchor: date
    start: date
    expiration: date
    statement_day: int = 1


def new_term(of: Billed, day: date, statement_day: int = 1) -> Term:
    """The term of what is activated on a day. of: a product (`CatalogueProduct`), or a subscription."""
    return Term(
        billing_model=of.billing_model,
        billing_period=of.billing_period,
        subscription_period=of.subscription_period,
        trial=of.trial,
        anchor=day,
        start=day,
        expiration=after(day, of.subscription_period),
        statement_day=statement_day,
    )


def running_term(of: Running) -> Term:
    """The term of a subscription (`KeptSubscription`) that has its dates."""
    anchor, start, expiration = (date.fromisoformat(day or "") for day in (of.anchor, of.term_start, of.expiration))
    return structs.replace(new_term(of, anchor, of.statement_day), start=start, expiration=expiration)


def renewed(term: Term) -> Term:
    """The term after this one: longer by one subscription period, counted from the anchor.

    Where the expiration is a day on which neither a month of the anchor ends nor a billing period, all periods are
    counted from the expiration on.
    """
    begin = term.expiration
    on_time = _is_boundary(term.anchor, _MONTH, begin) or _is_boundary(term.anchor, term.billing_period, begin)
    anchor = term.anchor if on_time else begin
    expiration = _end_of_term(anchor, begin, term.subscription_period)
    return structs.replace(term, anchor=anchor, start=begin, expiration=expiration)


def switched(
    old: Term, to: Billed, policy: BillingPolicy, day: date, upgrade_start: UpgradeStart | None = None
) -> Term:
    """The term after a switch of plan or period on a day. to: any product of the target, for its period.

    upgrade_start: what the order asks for, read only where the policy is none of `FIXED_STARTS`. There a switch to the
    same period keeps its start, and one to another period starts on the day.
    """
    if policy == "prorate_keeping_exp_date":
        return _continued(old, to, old.start, old.expiration)
    same = (old.subscription_period, old.trial) == (to.subscription_period, to.trial)
    wanted = FIXED_STARTS.get(policy) or upgrade_start or ("from_old_start_date" if same else "from_date_of_upgrade")
    if wanted == "from_date_of_upgrade":
        return new_term(to, day, old.statement_day)
    start, end = old.start, _end_of_term(old.anchor, old.start, to.subscription_period)
    while end <= day:
        start, end = end, _end_of_term(old.anchor, end, to.subscription_period)
    return _continued(old, to, start, end)


def migrated_term(of: Billed, migrated: Migrated, statement_day: int = 1) -> Term:
    """The term of a subscription that is taken over: counted from `start_date`, until `expiration_date`."""
    anchor = start = date.fromisoformat(migrated.start_date)
    expiration = date.fromisoformat(migrated.expiration_date)
    while (end := _end_of_term(anchor, start, of.subscription_period)) < expiration:
        start = end
    return structs.replace(new_term(of, anchor, statement_day), start=start, expiration=expiration)


def billing_span(term: Term, day: date) -> tuple[date, date]:
    """The billing period that a day is in: its first day, and the next billing date. It is cut where the term begins
    and ends. A day before the term counts as its first, one after it as its last."""
    within = max(term.start, min(day, term.expiration - timedelta(days=1)))
    anchor = _first_boundary(term)
    number = completed(anchor, term.billing_period, within)
    begin, end = (after(anchor, term.billing_period, times) for times in (number, number + 1))
    return max(begin, term.start), min(end, term.expiration)


def charged_span(term: Term, day: date) -> tuple[date, date]:
    """What is charged at once, as it runs on a day: the whole term where it is prepaid, else the billing period."""
    if term.billing_model == "chargeBeforeSubscriptionPeriod":
        return term.start, term.expiration
    return billing_span(term, day)


def paid_until(term: Term, day: date) -> date:
    """The first day that is not paid for yet, on a day: the next billing date of what is prepaid for each billing
    period, the expiration of what is prepaid for its term, the day itself of what is paid for later.

    A term that was renewed before its first day is paid for as on that day.
    """
    if term.billing_model in ("chargeAfterBillingPeriod", "chargeExternalRating"):
        return day
    return charged_span(term, day)[1]


def billing_periods(term: Term, start: date, end: date) -> Fraction:
    """How many billing periods lie between two days. Of a part of one: its days, divided by those of the whole one."""
    anchor, count = _first_boundary(term), Fraction(0)
    number = completed(anchor, term.billing_period, start)
    while start < end:
        begin, number = after(anchor, term.billing_period, number), number + 1
        boundary = after(anchor, term.billing_period, number)
        count += Fraction((min(boundary, end) - start).days, (boundary - begin).days)
        start = boundary
    return count


def length(term: Term, start: date, end: date) -> Period:
    """How long it is from one day to another: a subscription or billing period where it is a whole one, else days."""
    if (start, end) == (term.start, term.expiration) and charged_span(term, start) == (start, end):
        whole = _end_of_term(term.anchor, start, term.subscription_period) == end
        if whole and term.billing_model == "chargeBeforeSubscriptionPeriod":
            return term.subscription_period
    anchor = _first_boundary(term)
    number = completed(anchor, term.billing_period, start)
    if (start, end) == tuple(after(anchor, term.billing_period, times) for times in (number, number + 1)):
        return term.billing_period
    return Period("day", (end - start).days)


def may_be_returned(term: Term, policies: Policies, day: date) -> bool:
    """Whether a day is one of the first `return_days` of the term, in which a decrease or a cancellation counts at once
    and gives the rest back, whatever else the plan says."""
    return is_within(term, policies.return_days, day)


def is_within(term: Term, days: int, day: date) -> bool:
    """Whether a day is one of the first days of a term. A term that was renewed early has not begun yet."""
    return term.start <= day < term.start + timedelta(days=days)


def _first_boundary(term: Term) -> date:
    """The day from which billing periods are counted: with a statement day the last one up to the anchor, so that the
    first period is a part of a whole one."""
    if term.billing_period.type != "statement_day":
        return term.anchor
    day = term.anchor.replace(day=term.statement_day)
    return day if day <= term.anchor else after(day, _MONTH, -1)


def _is_boundary(anchor: date, period: Period, day: date) -> bool:
    return after(anchor, period, completed(anchor, period, day)) == day


def _end_of_term(anchor: date, start: date, period: Period) -> date:
    """The day on which a period that begins at `start` is over, counted from the anchor where a month of it begins."""
    if not (length_in_months := months(period)) or not _is_boundary(anchor, _MONTH, start):
        return after(start, period)
    return after(anchor, _MONTH, completed(anchor, _MONTH, start) + length_in_months)


def _continued(old: Term, to: Billed, start: date, expiration: date) -> Term:
    """The term of something else whose billing periods are counted as before."""
    return structs.replace(new_term(to, old.anchor, old.statement_day), start=start, expiration=expiration)
