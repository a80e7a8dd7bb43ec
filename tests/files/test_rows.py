"""A position in a file is kept with an import."""

from __future__ import annotations

import msgspec

from emporion.files.rows import Position


def test_a_position_is_the_beginning_at_first() -> None:
    assert Position() == Position(0, 0, 0)


def test_a_position_is_kept_by_the_names_that_older_programs_read() -> None:
    kept = msgspec.json.encode(Position(1, 2, 3))
    assert kept == b'{"position":1,"lines":2,"rows":3}'
    assert msgspec.json.decode(kept, type=Position) == Position(offset=1, lines=2, rows=3)
