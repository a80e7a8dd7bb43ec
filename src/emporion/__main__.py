"""`python -m emporion` is `emporion`."""

from emporion.cli import main

main()
