"""What the system knows of other processes."""

from __future__ import annotations

import os
from pathlib import Path


def children(pid: int) -> list[int]:
    """The processes that a process has started and that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = _fields(stat)
        if fields and int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def cpu_seconds(pid: int) -> float:
    """How long a process and those that it has started have computed, in seconds (proc_pid_stat(5): utime, stime)."""
    spent = 0
    for one in (pid, *children(pid)):
        fields = _fields(Path(f"/proc/{one}/stat"))
        spent += int(fields[11]) + int(fields[12]) if fields else 0
    return spent / os.sysconf("SC_CLK_TCK")


def _fields(stat: Path) -> list[str]:
    """What stands after the name, which may have blanks; nothing if the process has ended."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return []
