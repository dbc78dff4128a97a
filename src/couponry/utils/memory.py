"""Memory of this process and machine: how much there is, how much was taken, and sizes as text."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

from .checks import shown
from .errors import InvalidInput

UNITS = {"": 1, "b": 1}
UNITS |= {f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)}
UNITS |= {
    f"{letter}{end}": 1024**power for power, letter in enumerate("kmgt", 1) for end in ("ib", "")
}
"""Bytes of each unit, in lower case: kB is 1000, KiB and k are 1024."""

CONTROL_GROUP = Path("/sys/fs/cgroup")
"""Where the system tells of this process's control group."""

CACHED_FILES = ("active_file", "inactive_file")
"""What a control group's statistics call files that are cached."""

MOST_BYTES = 2.0**63
"""More than any machine has."""


def available_memory() -> int | None:
    """Tell how much memory this process may still take, by the system and its control group.

    Returns
    -------
    int or None
        Bytes; None where neither says.
    """
    limits = []
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        values = dict(line.split(":", 1) for line in lines)
        limits.append(int(values["MemAvailable"].split()[0]) * 1024)
        ceiling = (CONTROL_GROUP / "memory.max").read_text().strip()
        if ceiling != "max":
            # the group's files that are cached make room when it is asked for
            lines = (CONTROL_GROUP / "memory.stat").read_text().splitlines()
            pairs = (line.split() for line in lines)
            cached = sum(int(size) for name, size in pairs if name in CACHED_FILES)
            taken = int((CONTROL_GROUP / "memory.current").read_text()) - cached
            limits.append(int(ceiling) - taken)
    except (OSError, KeyError, ValueError):
        pass
    return min(limits) if limits else None


def peak_memory() -> int:
    """Tell the most memory that this process has held at a time.

    Returns
    -------
    int
        Bytes.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def parse_size(text: int | str | None, label: str) -> int | None:
    """Read a size.

    Parameters
    ----------
    text : int, str or None
        A number of bytes, or text such as 8GiB, 500 MB or 2T.
    label : str
        Names the argument in messages.

    Returns
    -------
    int or None
        Bytes; None for None.

    Raises
    ------
    InvalidInput
    """
    if text is None:
        return None
    written = text if isinstance(text, str) else shown(text)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", written)
    unit = UNITS.get(match[2].lower()) if match else None
    size = float(match[1]) * unit if match is not None and unit is not None else 0.0
    if isinstance(text, bool) or not 0 < size < MOST_BYTES:
        raise InvalidInput(f"{label}: expected a size such as 8GiB or 500MB, got {shown(text)}")
    return int(size)


def size_text(size: int) -> str:
    """Write a number of bytes as people say it: 1.5 GiB.

    Parameters
    ----------
    size : int
        Bytes.

    Returns
    -------
    str
        With a unit.
    """
    value, unit = float(size), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1000:
            break
        value, unit = value / 1024, larger
    return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
