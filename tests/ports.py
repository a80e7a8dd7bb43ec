"""Ports for servers of the tests, which no other process of the run and no outgoing connection gets."""

from __future__ import annotations

import os
import random
import socket
from contextlib import suppress

# Below those that outgoing connections get by chance, also while a server is down. Each process of a parallel run has
# a range of its own, so that no two find the same port free at the same moment.
FIRST, LAST, EACH = 10_000, 32_000, 1_000

_given: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens. It is given once in a run."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = FIRST + worker % ((LAST - FIRST) // EACH) * EACH
    while True:
        port = random.SystemRandom().randrange(first, first + EACH)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port
