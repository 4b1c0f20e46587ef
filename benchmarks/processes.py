"""What a process and those that come from it take, read from Linux's /proc."""

import contextlib
import os
from pathlib import Path

_TICKS_S = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """A process and all that come from it."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(_fields(path)[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def cpu_s(pid: int) -> float:
    """Processor time of a process, of all that come from it, and of those that have ended."""
    total = 0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            total += sum(map(int, _fields(Path(f"/proc/{one}/stat"))[11:15]))
    return total / _TICKS_S


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident memory of the largest process, and of all together, pages that they share counted once."""
    resident, shares = [], []
    for one in tree(pid):
        with contextlib.suppress(OSError):
            lines = dict(line.split(":", 1) for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()[1:])
            resident.append(int(lines["Rss"].split()[0]) / 1000)
            shares.append(int(lines["Pss"].split()[0]) / 1000)
    return max(resident), sum(shares)


def _fields(stat: Path) -> list[str]:
    """Of a process's line in /proc from its state on: behind its name, which may hold anything."""
    return stat.read_text().rpartition(")")[2].split()
