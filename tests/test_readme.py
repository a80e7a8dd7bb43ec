"""The README's tour is run as it stands: each command in one shell, each answer as it is shown."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from emporion.marketplace.platforms import SANDBOX
from tests.server import clean_environment, serving

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
END = "--- end of the answer ---"


def tour() -> list[tuple[str, str | None]]:
    """Each command of the README, and the answer that it shows for it, if any."""
    blocks = re.findall(r"```sh\n(.*?)\n```(?:\n```json\n(.*?)\n```)?", README, re.DOTALL)
    return [(command, answer or None) for command, answer in blocks]


def test_the_tour_has_every_stop() -> None:
    commands = "\n".join(command for command, _ in tour())
    for stop in (
        "/token",
        "/customers\n",
        "-d '{",
        "name=munchen",
        "-X PATCH",
        "/customers/1000020",
        "/products",
        "/estimate",
        "change",
        "cancellation",
    ):
        assert stop in f"{commands}\n"


@pytest.mark.timeout(120)
def test_each_command_gives_the_answer_that_is_shown(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        script = f"\nprintf '\\n%s\\n' '{END}'\n".join(command for command, _ in tour())
        script = script.replace("http://127.0.0.1:8000", server.url)
        ran = subprocess.run(
            ["sh", "-eu"], input=script, capture_output=True, text=True, env=clean_environment(), check=True
        )
    answers = [answer.strip() for answer in ran.stdout.split(END)]
    assert len(answers) == len(tour())
    for (command, shown), answer in zip(tour(), answers, strict=True):
        # … stands for what differs each time.
        pattern = r"[\w.:=-]+".join(map(re.escape, (shown or "").split("…")))
        assert re.fullmatch(pattern, answer), f"{command}\n\n{answer}"


def test_the_credentials_are_those_of_the_sandbox() -> None:
    for secret in (SANDBOX.user, SANDBOX.password, SANDBOX.subscription_key):
        assert f"`{secret}`" in README


def test_every_link_leads_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
