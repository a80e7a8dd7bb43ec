"""As a program: serve the reference build on the port given, with as many workers as the second argument says."""

from __future__ import annotations

import sys

import uvicorn


def serve(port: int, workers: int = 1) -> None:
    """Serve the application until the process is told to stop."""
    uvicorn.run(
        "bench.reference.app:app",
        port=port,
        workers=workers,
        loop="uvloop",
        http="auto",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    serve(*map(int, sys.argv[1:3]))
