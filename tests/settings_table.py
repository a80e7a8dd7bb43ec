"""Writes the table of docs/operating.md out of the settings themselves: `.venv/bin/python -m tests.settings_table`."""

from __future__ import annotations

import re
from pathlib import Path

from emporion.settings import SETTINGS, Setting

PAGE = Path(__file__).parent.parent / "docs" / "operating.md"
HEAD = "| option | variable | default | |\n|---|---|---|---|\n"


def page() -> str:
    """The whole page, with the table as the settings are declared now."""
    rows = "".join(_row(setting) for setting in SETTINGS.values())
    written, tables = re.subn(re.escape(HEAD) + r"(\|.*\n)*", lambda _: HEAD + rows, PAGE.read_text())
    assert tables == 1
    return written


def _row(setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default else "none"
    return f"| `{setting.option}` | `{setting.variable}` | {default} | {setting.description} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
