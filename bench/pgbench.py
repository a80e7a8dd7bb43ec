"""What pgbench, PostgreSQL's own program, reaches with one bare statement on the same server: the ceiling of ours."""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from tests.postgres import binaries

from bench import Failed
from bench.drive import CONNECTIONS, WARM_UP, Figures
from emporion.accounts.ids import RESELLER_ID

BARE_TABLE = "CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, document bytea)"
# The share of the transactions of which it writes down how long they took.
SAMPLED = 0.1


def program() -> Path:
    """Where pgbench is. Raises Failed if it is not installed."""
    try:
        found = binaries() / "pgbench"
    except FileNotFoundError as error:
        raise Failed(str(error)) from None
    if not found.exists():
        raise Failed(f"pgbench is missing in {found.parent}; get it with: apt install postgresql-contrib")
    return found


def select(url: str, ids: range, seconds: int) -> Figures:
    """The statement of GET by id, with a random id each time."""
    return _figures(
        url,
        f"\\set id random({ids[0]}, {ids[-1]})\n"
        f"SELECT document FROM customers WHERE reseller_id = {RESELLER_ID} AND id = :id;\n",
        seconds,
    )


def insert(url: str, document: bytes, seconds: int) -> Figures:
    """One row of that document into BARE_TABLE, in a transaction of its own."""
    return _figures(url, f"INSERT INTO bare (document) VALUES ('\\x{document.hex()}');\n", seconds)


def _figures(url: str, script: str, seconds: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "script.sql")
        file.write_text(script)
        _run(url, file, WARM_UP)
        report = _run(url, file, seconds, "--log", f"--sampling-rate={SAMPLED}", f"--log-prefix={folder}/log")
        times = [int(line.split()[2]) for log in Path(folder).glob("log.*") for line in log.read_text().splitlines()]
    rate = re.search(r"^tps = ([\d.]+)", report, re.MULTILINE)
    failed = re.search(r"^number of failed transactions: (\d+)", report, re.MULTILINE)
    if not rate or (failed and failed[1] != "0") or len(times) < 100:
        raise Failed(f"pgbench gives no figure: {report}")
    quantiles = statistics.quantiles(times, n=100)
    return Figures(float(rate[1]), quantiles[49] / 1000, quantiles[98] / 1000)


def _run(url: str, script: Path, seconds: int, *more: str) -> str:
    """What it reports."""
    options = ("-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "1", "-T", str(seconds), "-f", str(script))
    result = subprocess.run([program(), *options, *more, url], capture_output=True, text=True, check=False)
    if result.returncode:
        raise Failed(f"pgbench failed: {result.stderr or result.stdout}")
    return result.stdout
