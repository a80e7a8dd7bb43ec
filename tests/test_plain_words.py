"""The check of plain words finds them in sentences and in names, and nothing else."""

from pathlib import Path

import pytest

from tests import plain_words


@pytest.mark.parametrize(("line", "words"), [
    ("Whoever asks must wait for his turn.", ["Whoever", "his"]),
    ("def test_nobody_reads_it_but_him() -> None:", ["nobody", "him"]),
    ("NOBODY = 0", ["NOBODY"]),
    ("it is somebody's, and she said so herself", ["somebody", "she", "herself"]),
    ("<p>Someone else has changed it.</p>", ["Someone"]),
])  # fmt: skip
def test_such_a_word_is_found_in_sentences_and_names(line: str, words: list[str]) -> None:
    assert plain_words.words_in(line) == words


@pytest.mark.parametrize("line", [
    "The others, there: this is the history of their cache.", "helper(hidden, sheet)", "the user and their key",
])  # fmt: skip
def test_a_word_that_has_such_letters_in_it_is_not(line: str) -> None:
    assert plain_words.words_in(line) == []


@pytest.mark.parametrize("name", ["README.md", "src/emporion/new.py", "docs/deep/page.md", "tests/cases/one.json"])
def test_a_new_one_fails_with_its_place(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_words, "ROOT", tmp_path)
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("A plain line.\n", encoding="utf-8")
    assert plain_words.main() == 0
    path.write_text("A plain line.\nAsk anyone.\n", encoding="utf-8")
    assert plain_words.faults_below(tmp_path) == [f"{name}:2: anyone"]
    assert plain_words.main() == 1


def test_what_is_allowed_or_skipped_is_still_there() -> None:
    for name, parts in plain_words.ALLOWED.items():
        text = (plain_words.ROOT / name).read_text(encoding="utf-8")
        assert all(part in text for part in parts), name
    for name in plain_words.SKIPPED:
        assert plain_words.words_in((plain_words.ROOT / name).read_text(encoding="utf-8")), name
