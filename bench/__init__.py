"""How fast Emporion is, beside what the same machine can do at best: `make bench`."""


class Failed(Exception):
    """Something did not work, so there is nothing to measure; the message is one line for the user who started this."""
