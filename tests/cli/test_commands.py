"""All commands together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from emporion.cli import command_line
from tests.cli.conftest import Command, refused

ROOT = Path(__file__).parent.parent.parent
NOUNS = ("reseller", "user", "key", "client", "token")


def _commands() -> Iterator[tuple[str, ...]]:
    """The words of each command."""
    top = typer.main.get_command(command_line([]))
    for name, command in top.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        yield from ((name, verb) for verb in inner) if inner else [(name,)]


COMMANDS = list(_commands())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_is_in_the_docs(words: tuple[str, ...]) -> None:
    page = (ROOT / "docs" / "operating.md").read_text()
    assert f"`emporion {' '.join(words)}" in page or f"\nemporion {' '.join(words)} " in page


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_has_its_help(emporion: Command, words: tuple[str, ...]) -> None:
    command = typer.main.get_command(command_line([]))
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    assert command.help
    assert all(getattr(parameter, "help", None) for parameter in command.params)
    assert emporion(*words, "--help").status == 0


@pytest.mark.parametrize("noun", NOUNS)
def test_each_noun_has_the_same_verbs(noun: str) -> None:
    assert {verb for word, *verbs in COMMANDS if word == noun for verb in verbs} >= (
        {"list", "add", "show", "disable"} | ({"enable"} if noun == "reseller" else {"rotate"})
    )


@pytest.mark.parametrize("words", [words for words in COMMANDS if words[0] in NOUNS], ids=" ".join)
def test_each_gives_json_and_takes_a_database(words: tuple[str, ...]) -> None:
    command = typer.main.get_command(command_line([])).commands[words[0]].commands[words[1]]  # type: ignore[attr-defined]
    assert {"--json", "--database"} <= {option for parameter in command.params for option in parameter.opts}


@pytest.mark.parametrize("noun", NOUNS)
def test_a_noun_alone_shows_its_help(emporion: Command, noun: str) -> None:
    shown = emporion(noun)
    assert "list" in shown.out + shown.err
    assert "emporion: " not in shown.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("usr",), "No such command 'usr'. Did you mean 'user'?; see emporion --help"),
        (("user", "lst"), "No such command 'lst'. Did you mean 'list'?; see emporion user --help"),
        (("--wrong",), "No such option: --wrong (Possible options: --version); see emporion --help"),
        (("user", "list", "--database", "mysql://x"), "--database (EMPORION_DATABASE) must be sqlite:/// and a path"),
    ],
)
def test_a_wrong_word_is_told_in_one_line(emporion: Command, words: tuple[str, ...], message: str) -> None:
    assert refused(emporion(*words)).startswith(message)


@pytest.mark.parametrize("noun", NOUNS)
def test_settings_of_servers_do_not_matter(emporion: Command, monkeypatch: pytest.MonkeyPatch, noun: str) -> None:
    monkeypatch.setenv("EMPORION_READ_DATABASE", "postgresql://standby/emporion")
    monkeypatch.setenv("EMPORION_RATE_LIMIT_STORAGE", "redis://127.0.0.1:1")
    monkeypatch.setenv("EMPORION_WORKERS", "many")
    assert emporion(noun, "list").status == 0


def test_an_old_name_of_a_setting_is_told_beside_what_a_command_prints(
    emporion: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMPORION_DATABASE_CONNECTIONS", "3")
    monkeypatch.setenv("EMPORION_LIMITS", "redis://127.0.0.1:1")  # of servers only
    ended = emporion("user", "list", "--json")
    assert isinstance(ended.json, list)
    assert ended.err == (
        "emporion: --database-connections (EMPORION_DATABASE_CONNECTIONS) is an old name; "
        "use --database-pool-size (EMPORION_DATABASE_POOL_SIZE)\n"
    )
