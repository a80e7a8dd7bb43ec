"""What holds for all templates as they are written."""

from __future__ import annotations

import re
from importlib import resources

import pytest

TEMPLATES = resources.files("emporion.web") / "templates"
NAMES = sorted(
    f"{folder}{file.name}"
    for folder, files in [("", TEMPLATES), *((f"{area}/", TEMPLATES / area) for area in ("console", "panel"))]
    for file in files.iterdir()
    if file.name.endswith(".html")
)
ASKING = re.compile(r"<\w+\b[^>]*\bhx-(?:get|post|put|patch|delete|query|action|boost)\b[^>]*>")
ATTRIBUTE = re.compile(r'\b(hx-[\w:]+)="([^"]*)"')
# Text of these types is not sent as it stands there: an e-mail address has its domain in another form, for instance.
REWRITTEN = re.compile(r"""type\s*=\s*["']?(?:email|url|number|range|color|date|datetime-local|month|week|time)\b""")
# By which the macro of a field gives telephones the right keys.
ASKED_FOR = re.compile(r'\bm\.field\(.*\btype="email"')
FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
TO_FILL_IN = re.compile(r"<(?:input|select|textarea)\b|\bm\.(?:field|choice)\b")


def test_some_templates_ask_for_more_while_they_are_open() -> None:
    assert sum(len(ASKING.findall((TEMPLATES / name).read_text())) for name in NAMES) >= 2


@pytest.mark.parametrize("name", NAMES)
def test_whatever_asks_for_more_says_what_becomes_of_answers_that_overtake_each_other(name: str) -> None:
    source = (TEMPLATES / name).read_text()
    for element in ASKING.findall(source):
        has = dict(ATTRIBUTE.findall(element))
        # Left to itself, htmx lets the second question wait for the first answer, and forgets all further ones.
        assert has.get("hx-sync") in ("this:replace", "this:drop"), element
        # What is not in an answer cannot take the place of what is on the page.
        assert has.get("hx-select", "").startswith("#"), element
        assert has.get("hx-target") in ("this", has["hx-select"]), element
        # Elements that stay keep the focus, and a press that has begun.
        assert has.get("hx-swap") == "outerMorph", element
        replaced = source.partition(f'id="{has["hx-select"][1:]}"')[2]
        assert replaced, element
        assert not TO_FILL_IN.search(replaced), f"what is typed there would be lost: {element}"


@pytest.mark.parametrize("name", NAMES)
def test_no_field_has_a_type_whose_values_browsers_rewrite(name: str) -> None:
    source = re.sub(r"\{#.*?#\}", "", (TEMPLATES / name).read_text(), flags=re.DOTALL)
    assert not [line for line in source.splitlines() if REWRITTEN.search(line) and not ASKED_FOR.search(line)]


@pytest.mark.parametrize("name", NAMES)
def test_browsers_put_nothing_back_into_a_form_of_something_that_may_have_changed(name: str) -> None:
    for tag, content in FORM.findall((TEMPLATES / name).read_text()):
        assert 'name="version"' not in content or ' autocomplete="off"' in tag


def test_some_forms_are_of_something_that_may_have_changed() -> None:
    forms = [content for name in NAMES for _, content in FORM.findall((TEMPLATES / name).read_text())]
    assert len([content for content in forms if 'name="version"' in content]) == 13
