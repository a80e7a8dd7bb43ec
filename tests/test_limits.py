"""Limits: what a rate, a burst and a day come to."""

from __future__ import annotations

import pytest

from emporion.errors import Code, Problem
from emporion.limits import DAY, UNLIMITED, Limit, Quota


@pytest.mark.parametrize(
    ("limit", "quota"),
    [
        (Limit(rate=10), Quota(10, 1)),
        (Limit(rate=10, burst=10), Quota(10, 1)),
        (Limit(rate=10, burst=100), Quota(100, 10)),
        (Limit(rate=10, burst=101), Quota(110, 11)),
        (Limit(rate=10, burst=3), Quota(10, 1)),
        (Limit(rate=1, burst=60), Quota(60, 60)),
    ],
)
def test_the_burst_fits_into_whole_seconds_of_the_rate(limit: Limit, quota: Quota) -> None:
    assert limit.moving == quota
    assert quota.requests >= (limit.burst or 0)
    assert quota.requests / quota.seconds == limit.rate


def test_a_day_is_a_limit_of_its_own() -> None:
    limit = Limit(per_day=5000)
    assert limit.daily == Quota(5000, DAY)
    assert limit.moving is None
    assert not limit.unlimited


def test_without_numbers_there_is_no_limit() -> None:
    assert UNLIMITED.unlimited
    assert UNLIMITED.moving is UNLIMITED.daily is None
    assert not Limit(rate=1).unlimited


@pytest.mark.parametrize(
    ("numbers", "faults"),
    [
        ({"rate": 0}, {"rate": "must be at least 1"}),
        ({"rate": -1, "per_day": 0}, {"rate": "must be at least 1", "perDay": "must be at least 1"}),
        ({"rate": 1, "burst": 0}, {"burst": "must be at least 1"}),
        ({"burst": 5}, {"rate": "is required where there is a burst"}),
    ],
)
def test_numbers_that_make_no_sense_are_told(numbers: dict[str, int], faults: dict[str, str]) -> None:
    with pytest.raises(Problem) as raised:
        Limit(**numbers)
    assert raised.value.code is Code.INVALID
    assert {fault.field: fault.message for fault in raised.value.faults} == faults
