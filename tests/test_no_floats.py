"""No amount ever becomes a float, and none depends on the time: read from the source of all that touches amounts."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "emporion"
NOUNS = ("money", "catalogue", "orders", "subscriptions")
# Whose names, if a module imports them, say that it touches amounts.
IMPORTED = ("decimal", "fractions", *(f"emporion.{noun}" for noun in NOUNS))
# What is no amount: quantities, which JSON has as numbers; a margin in per cent, of decimals; moments, and how much a
# browser likes a language.
ALLOWED = {
    "catalogue/shown.py": ("float(quantity)",),
    "orders/shown.py": ("float(line.quantity)",),
    "orders/subscription_shown.py": ("float(quantity)",),
    "web/console/products.py": ("(price - cost) * 100 / cost",),
    "web/i18n.py": (
        "milliseconds / 1000",
        "float(match[2] or 1)",
        "resources.files('emporion.web') / 'locale' / code",
    ),
}


def _imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _touches_amounts(file: Path, tree: ast.AST) -> bool:
    room = file.relative_to(SOURCE).parts[0].removesuffix(".py")
    return room in NOUNS or any(
        name == one or name.startswith(f"{one}.") for name in _imported(tree) for one in IMPORTED
    )


@functools.cache
def _files() -> dict[str, ast.Module]:
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted(SOURCE.rglob("*.py"))}
    return {file.relative_to(SOURCE).as_posix(): tree for file, tree in trees.items() if _touches_amounts(file, tree)}


def floats_in(tree: ast.AST) -> list[str]:
    """What makes a float, or may: each as it is written."""
    return [ast.unparse(node) for node in ast.walk(tree) if _makes_a_float(node)]


def _makes_a_float(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) in (float, complex)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in ("float", "round")
    if isinstance(node, ast.Attribute):
        return node.attr in ("__float__", "__round__")
    # Parts are fractions, counted exactly; a folder is no amount.
    return isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div) and not _is_a_path(node)


def _is_a_path(node: ast.BinOp | ast.AugAssign) -> bool:
    """Whether it is a folder and the name of a file."""
    return isinstance(node, ast.BinOp) and any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


@pytest.mark.parametrize("name", _files())
def test_nothing_that_touches_amounts_makes_a_float(name: str) -> None:
    faults = [fault for fault in floats_in(_files()[name]) if fault not in ALLOWED.get(name, ())]
    assert faults == [], f"{name}: amounts are Decimal, and parts of them Fraction"


@pytest.mark.parametrize("name", [name for name in _files() if name.split("/")[0].removesuffix(".py") in NOUNS])
def test_what_an_order_costs_does_not_depend_on_the_time(name: str) -> None:
    """The day is handed in, so that an estimate and the order after it on the same day cost the same."""
    asked = {node.attr for node in ast.walk(_files()[name]) if isinstance(node, ast.Attribute)}
    assert asked.isdisjoint({"now", "utcnow", "today", "monotonic", "time_ns"})


def test_what_touches_amounts_is_found() -> None:
    assert {"money.py", "orders/pricing.py", "orders/kept.py", "catalogue/rates.py", "subscriptions.py",
            "store/orders.py", "store/subscriptions.py"} <= _files().keys()  # fmt: skip


@pytest.mark.parametrize(
    "code", ["1.5", "float(x)", "round(x, 2)", "a / b", "a /= b", "x.__round__(2)", "Decimal(0.1)", "Meta(ge=0.0)"]
)
def test_what_makes_a_float_is_found(code: str) -> None:
    assert len(floats_in(ast.parse(code))) == 1


@pytest.mark.parametrize(
    "code", ["Decimal('0.1')", "a // b", "Fraction(a, b)", "folder / 'name'", "folder / f'{id}.csv'"]
)
def test_what_makes_no_float_is_let_through(code: str) -> None:
    assert floats_in(ast.parse(code)) == []
