"""What the system knows of other processes."""

from __future__ import annotations

from pathlib import Path


def children(pid: int) -> list[int]:
    """The processes that a process has started and that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = _fields(stat)
        if fields and int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def unread_bytes(port: int) -> int:
    """What has arrived for IPv4 connections of a port and was not read by their process (proc_pid_net(5))."""
    connections = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(fields[4].split(":")[1], 16) for fields in connections if fields[1].endswith(f":{port:04X}"))


def _fields(stat: Path) -> list[str]:
    """What stands after the name, which may have blanks; nothing if the process has ended."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return []
