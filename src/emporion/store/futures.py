"""Answers for those who wait in the event loop."""

from __future__ import annotations

import asyncio
from typing import TypeVar

Result = TypeVar("Result")


def settle(future: asyncio.Future[Result], result: Result | BaseException) -> None:
    """Give the task that waits for `future` its result or exception, unless it was cancelled."""
    if future.done():
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)
