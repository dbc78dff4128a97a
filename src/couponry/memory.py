"""Memory: how much a campaign needs, how much there is, and a refusal before the start rather than a crash amid it."""

from __future__ import annotations

from pathlib import Path

from .errors import InvalidInput

# measured at the peak of reading, sorting, packing and solving: for each candidate, and for each of its
# numeric columns that the campaign uses
BYTES_PER_CANDIDATE = 64
BYTES_PER_VALUE = 28


def estimate(candidates: int, columns: int) -> int:
    """Bytes that a campaign of so many candidates with so many numeric columns needs at its peak, about."""
    return candidates * (BYTES_PER_CANDIDATE + BYTES_PER_VALUE * columns)


def available() -> int | None:
    """Bytes that this process may still take, from the system and its control group; None where nobody says."""
    limits = []
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        values = dict(line.split(":", 1) for line in lines)
        limits.append(int(values["MemAvailable"].split()[0]) * 1024)
        group = Path("/sys/fs/cgroup")
        ceiling = (group / "memory.max").read_text().strip()
        if ceiling != "max":
            limits.append(int(ceiling) - int((group / "memory.current").read_text()))
    except (OSError, KeyError, ValueError):
        pass
    return min(limits) if limits else None


def check(candidates: int, columns: int) -> None:
    """Refuse, with the sizes, a campaign that cannot fit."""
    needed, there = estimate(candidates, columns), available()
    if there is not None and needed > there:
        raise InvalidInput(
            f"memory: {candidates:,} candidates with {columns} numeric columns need about "
            f"{needed / 2**30:.1f} GiB, but only {there / 2**30:.1f} GiB are available"
        )
