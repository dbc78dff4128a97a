"""The command ``couponry``, also as python -m couponry: takes care of Ctrl-C before anything is imported."""

from __future__ import annotations

from .utils.process.signals import end_at_once


def main() -> None:
    """Run the command line and leave with its exit status."""
    end_at_once()
    from .cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
