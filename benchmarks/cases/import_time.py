"""Benchmark of `import couponry`: the processor time that it takes, beside that of NumPy and PyArrow alone.

    python benchmarks/cases/import_time.py [--rounds 7]

Each import is made in a fresh process, the three in turn, and its processor time is what that process says it had, less
what Python itself takes to start. Prints JSON: medians in seconds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

import _paths  # noqa: F401
import numpy as np
from benchmarks.support.hardware import describe

IMPORTS = {
    "python": "pass",
    "numpy and pyarrow": "import numpy, pyarrow",
    "couponry": "import couponry",
}


def processor_seconds(code: str) -> float:
    """Processor time of a fresh Python that runs this code."""
    told = f"{code}\nimport time\nprint(time.process_time())"
    done = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True)
    return float(done.stdout)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    seconds: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(rounds):
        for name, code in IMPORTS.items():
            seconds[name].append(processor_seconds(code))
    median = {name: float(np.median(times)) for name, times in seconds.items()}
    bare = median.pop("python")
    said = {
        "benchmark": "import time",
        "rounds": rounds,
        "python_seconds": round(bare, 4),
        "seconds": {name: round(time - bare, 4) for name, time in median.items()},
        **describe(1),
    }
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
