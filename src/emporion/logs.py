"""The log: lines for people on a terminal, JSON for machines, always on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO, cast


class Log:
    """The log of all rooms: `log.warning(event, **members)`, as of structlog's loggers.

    structlog is imported with the first entry: it brings more than most commands need, which write none.
    """

    def __getattr__(self, level: str) -> Callable[..., None]:
        import structlog

        method: Callable[..., None] = getattr(structlog.get_logger(), level)
        return method


log = Log()


class Patient:
    """Standard error, whose failing must not become the failing of a request: a full disk, a reader that has gone."""

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def configure_logs(level: str) -> None:
    """Log from `level` (debug, info, warning or error) upwards."""
    import structlog

    people = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if people else [structlog.processors.format_exc_info]),
            structlog.dev.ConsoleRenderer() if people else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", Patient())),
        cache_logger_on_first_use=True,
    )
