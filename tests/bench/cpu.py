"""CPU and memory of a tree of processes, from /proc (Linux, proc(5))."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_S = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on; the second, the name, may hold anything."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return None


def tree(root: int) -> list[int]:
    """The process and all its descendants."""
    parents = {
        int(entry.name): int(stat[1])
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and (stat := _stat(int(entry.name)))
    }
    found = [root]
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found


def cpu_s(*roots: int) -> float:
    """CPU seconds of the trees so far, with those of their children that ended."""
    stats = [stat for root in roots for pid in tree(root) if (stat := _stat(pid))]
    return sum(sum(int(ticks) for ticks in stat[11:15]) for stat in stats) / _TICKS_S


def memory_mib(root: int) -> dict[str, float]:
    """Resident, proportional and private memory of a tree (`smaps_rollup`)."""
    sums = dict.fromkeys(("Rss", "Pss", "Private_Clean", "Private_Dirty"), 0)
    for pid in tree(root):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in sums:
                sums[name] += int(rest.split()[0])
    return {
        "resident": sums["Rss"] / 1024,
        "proportional": sums["Pss"] / 1024,
        "private": (sums["Private_Clean"] + sums["Private_Dirty"]) / 1024,
    }
