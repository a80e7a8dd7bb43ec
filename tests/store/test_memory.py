"""What a process remembers of the catalogue: for one version of it, and up to so many bytes."""

from __future__ import annotations

from emporion.store.memory import OVERHEAD, VersionedMemory


def test_what_was_read_for_another_version_is_not_given() -> None:
    memory: VersionedMemory[str] = VersionedMemory(10_000)
    assert memory.get(1, "a") is None
    memory.put(1, "a", "first", 5)
    assert memory.get(1, "a") == "first"
    assert memory.get(2, "a") is None
    memory.put(1, "a", "late", 4)
    assert memory.get(2, "a") is None, "it was read before the change"
    assert memory.get(1, "a") is None


def test_what_was_not_asked_for_longest_goes_first() -> None:
    memory: VersionedMemory[str] = VersionedMemory(3 * (OVERHEAD + 10))
    for key in "abc":
        memory.get(1, key)
        memory.put(1, key, key, 10)
    memory.get(1, "a")
    memory.put(1, "d", "d", 10)
    assert [memory.get(1, key) for key in "abcd"] == ["a", None, "c", "d"]
    memory.put(1, "large", "large", 4 * (OVERHEAD + 10))
    assert [memory.get(1, key) for key in (*"abcd", "large")] == [None] * 5
    memory.put(1, "a", "a", 10)
    assert memory.get(1, "a") == "a"
