"""Terms: from when to when a subscription runs and is paid for, in calendar days (docs/decisions/0034)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

from emporion.catalogue.plans import BillingModel, BillingPolicy
from emporion.periods import Period

if TYPE_CHECKING:
    from fractions import Fraction

    from emporion.catalogue.plans import Policies
    from emporion.orders.kept import Migrated

UpgradeStart = Literal["from_old_start_date", "from_date_of_upgrade"]


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
    raise NotImplementedError


def running_term(of: Running) -> Term:
    """The term of a subscription (`KeptSubscription`) that has its dates."""
    raise NotImplementedError


def renewed(term: Term) -> Term:
    """The term after this one: longer by one subscription period, counted from the anchor.

    Where the expiration is no day on which a month of the anchor ends, periods are counted from the expiration on.
    """
    raise NotImplementedError


def switched(
    old: Term, to: Billed, policy: BillingPolicy, day: date, upgrade_start: UpgradeStart | None = None
) -> Term:
    """The term after a switch of plan or period on a day. to: any product of the target, for its period."""
    raise NotImplementedError


def migrated_term(of: Billed, migrated: Migrated, statement_day: int = 1) -> Term:
    """The term of a subscription that is taken over: counted from `start_date`, until `expiration_date`."""
    raise NotImplementedError


def billing_span(term: Term, day: date) -> tuple[date, date]:
    """The billing period that a day is in: its first day, and the next billing date. It is cut where the term begins and
    ends. A day before the term counts as its first, one after it as its last."""
    raise NotImplementedError


def paid_until(term: Term, day: date) -> date:
    """The first day that is not paid for yet, on a day: the next billing date of what is prepaid for each billing
    period, the expiration of what is prepaid for its term, the day itself of what is paid for later."""
    raise NotImplementedError


def billing_periods(term: Term, start: date, end: date) -> Fraction:
    """How many billing periods lie between two days. Of a part of one: its days, divided by those of the whole one."""
    raise NotImplementedError


def may_be_returned(term: Term, policies: Policies, day: date) -> bool:
    """Whether a day is one of the first `return_days` of the term, in which a decrease or a cancellation counts at once
    and gives the rest back, whatever else the plan says."""
    raise NotImplementedError
