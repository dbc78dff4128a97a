"""python -m couponry: the command line."""

from .cli import main

main()
