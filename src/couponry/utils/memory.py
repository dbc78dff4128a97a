"""Memory of this process and machine: how much there is, how much was taken, and sizes as text."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

from .checks import shown
from .errors import InvalidInput
from .process.c_library import c_library

UNITS = {"": 1, "b": 1}
UNITS |= {f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)}
UNITS |= {
    f"{letter}{end}": 1024**power for power, letter in enumerate("kmgt", 1) for end in ("ib", "")
}
"""Bytes of each unit, in lower case: kB is 1000, KiB and k are 1024."""

SYSTEM_MEMORY = Path("/proc/meminfo")
PROCESS_MEMORY = Path("/proc/self/status")
"""Where Linux tells of the machine's memory, and of this process's. Elsewhere psutil asks the system."""

CONTROL_GROUP = Path("/sys/fs/cgroup")
"""Where the system tells of this process's control group."""

CACHED_FILES = ("active_file", "inactive_file")
"""What a control group's statistics call files that are cached."""

MOST_BYTES = 2.0**63
"""More than any machine has."""


def available_memory() -> int | None:
    """Tell how much memory this process may still take, by the system, its control group and its own limit.

    Returns
    -------
    int or None
        Bytes; None where neither says.
    """
    available = _bytes_in(SYSTEM_MEMORY, "MemAvailable")
    if available is None and (psutil := _psutil()) is not None:
        available = int(psutil.virtual_memory().available)
    limits = [] if available is None else [available]
    try:
        ceiling = (CONTROL_GROUP / "memory.max").read_text().strip()
        if ceiling != "max":
            # the group's files that are cached make room when it is asked for
            lines = (CONTROL_GROUP / "memory.stat").read_text().splitlines()
            pairs = (line.split() for line in lines)
            cached = sum(int(size) for name, size in pairs if name in CACHED_FILES)
            taken = int((CONTROL_GROUP / "memory.current").read_text()) - cached
            limits.append(int(ceiling) - taken)
    except (OSError, ValueError):
        pass
    if (left := _address_space_left()) is not None:
        limits.append(left)
    return min(limits) if limits else None


def total_memory() -> int | None:
    """Tell how much memory the machine has.

    Returns
    -------
    int or None
        Bytes; None where the system does not say.
    """
    total = _bytes_in(SYSTEM_MEMORY, "MemTotal")
    if total is None and (psutil := _psutil()) is not None:
        total = int(psutil.virtual_memory().total)
    return total


def peak_memory() -> int:
    """Tell the most memory that this process has held at a time.

    Returns
    -------
    int
        Bytes; 0 where the system does not say.
    """
    peak = _bytes_in(PROCESS_MEMORY, "VmHWM")
    if peak is not None:
        return peak
    try:
        import resource
    except ImportError:  # as on Windows
        psutil = _psutil()
        return 0 if psutil is None else int(psutil.Process().memory_info().peak_wset)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held if sys.platform == "darwin" else held * 1024


def return_freed_memory() -> None:
    """Have the C library give memory that was freed back to the system: glibc keeps what lies between other things."""
    trim = getattr(c_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _address_space_left() -> int | None:
    """Bytes that `ulimit -v` leaves; None where it sets no limit, or the system does not say what is taken."""
    try:
        import resource
    except ImportError:  # as on Windows
        return None
    most, taken = resource.getrlimit(resource.RLIMIT_AS)[0], _bytes_in(PROCESS_MEMORY, "VmSize")
    return None if most == resource.RLIM_INFINITY or taken is None else max(0, most - taken)


def _bytes_in(path: Path, name: str) -> int | None:
    """A size that a file of Linux says in kilobytes, in a line of its own; None where it does not."""
    try:
        for line in path.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _psutil() -> ModuleType | None:
    """What asks other systems than Linux, where couponry depends on it; None where it is not installed."""
    try:
        import psutil
    except ImportError:
        return None
    module: ModuleType = psutil
    return module


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
