"""Events: every kind of them is told to those who follow."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from emporion.events import EventType

PAGE = Path(__file__).parent.parent / "docs" / "integrating.md"


def test_the_page_for_those_who_follow_events_has_every_type_and_no_other() -> None:
    named = re.findall(r"`(\w+\.\w+)`", "".join(re.findall(r"^\|([^|]+)\|", PAGE.read_text(), re.MULTILINE)))
    assert sorted(named) == sorted(get_args(EventType))
