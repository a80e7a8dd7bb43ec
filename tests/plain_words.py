"""Finds words that hide who is meant, such as "whoever": `python -m tests.plain_words`, which `make check` runs.

A text names the role (caller, user, reseller, operator) or says "they"; software and accounts are "it".
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "tests", "bench", "docs")
# Catalogues are in other languages; their English stands in the pages.
SUFFIXES = (".py", ".md", ".html", ".sql", ".js", ".css", ".json")
# Files of other projects, and those that name the words.
SKIPPED = (
    "src/emporion/api/swagger/swagger-ui-bundle.js",
    "src/emporion/web/assets/htmx.min.js",
    "tests/browser/axe/axe.min.js",
    "tests/plain_words.py",
    "tests/test_plain_words.py",
)
# Parts of lines that may have such a word, by file.
ALLOWED = {
    "bench/customers.py": ('Locale("he",',),  # Hebrew
    "src/emporion/accounts/language_tags.py": ("for he, id and yi",),  # Hebrew
    "tests/postgres.py": ('getpwnam("nobody")',),  # the user without rights of Unix
    "tests/store/before_subjects.json": ("without his password",),  # written by an earlier version
}

PERSONAL = ("he", "his", "him", "himself", "she", "her", "hers", "herself")
INDEFINITE = ("whoever", "whomever", "somebody", "someone", "anybody", "anyone", "nobody")
# Names are read word by word: test_his_own_key, NOBODY.
WORD = re.compile(rf"(?<![^\W_])(?:{'|'.join(PERSONAL + INDEFINITE)})(?![^\W_])", re.IGNORECASE)


def words_in(line: str) -> list[str]:
    """The words of a line that are not plain, as they stand there."""
    return WORD.findall(line)


def faults_below(root: Path) -> list[str]:
    """All such words in the texts of a checkout, each as `file:line: word`."""
    paths = [path for folder in FOLDERS for path in (root / folder).rglob("*") if path.suffix in SUFFIXES]
    faults = []
    for path in sorted([*paths, *root.glob("*.md")]):
        name = path.relative_to(root).as_posix()
        if name in SKIPPED:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for part in ALLOWED.get(name, ()):
                line = line.replace(part, "")
            faults += [f"{name}:{number}: {word}" for word in words_in(line)]
    return faults


def main() -> int:
    """Print the faults of this checkout; 1 if there are any, else 0."""
    faults = faults_below(ROOT)
    if faults:
        sys.stdout.write("\n".join([*faults, "Name the role, or say 'they'.", ""]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
