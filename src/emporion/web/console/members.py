"""What forms of accounts offer to choose from."""

from __future__ import annotations

# The languages that the panel speaks come first; an account may have any other over the API.
LANGUAGES_OFFERED: tuple[tuple[str, str], ...] = (
    ("en", "English"),
    ("de", "German"),
    ("fr", "French"),
    ("es", "Spanish"),
    ("pt", "Portuguese"),
)
