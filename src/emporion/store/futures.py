"""Answers for those who wait in the event loop."""

from __future__ import annotations

import asyncio
from typing import TypeVar

Result = TypeVar("Result")


def settle(future: asyncio.Future[Result], result: Result | BaseException) -> None:
    """Give whoever waits for `future` its result or exception, unless he has gone away."""
    if future.done():
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)
