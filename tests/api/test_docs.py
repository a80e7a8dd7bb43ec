"""/docs: the page and all that it needs come from here."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Serve


@pytest.mark.parametrize("root", ["", "/marketplace/eu"])
def test_the_page_loads_from_this_server_only_also_under_a_prefix(serve: Serve, root: str) -> None:
    client = serve(root_path=root)
    page = client.get(f"{root}/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    found = re.findall(r'(?:href|src|data-document)="([^"]+)"', page.text)
    assert len(found) == 6
    for address in found:
        assert address.startswith(f"{root}/")
        assert client.get(address).status_code == 200


def test_the_page_allows_itself_nothing_from_elsewhere(serve: Serve) -> None:
    policy = serve().get("/docs").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy


def test_assets_have_their_types_and_are_not_guessed(serve: Serve) -> None:
    client = serve()
    for name, kind in (
        ("swagger-ui.css", "text/css"),
        ("start.js", "text/javascript"),
        ("favicon-32x32.png", "image/"),
    ):
        answer = client.get(f"/docs/{name}")
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/docs/../../pyproject.toml").status_code == 404
    assert client.get("/docs/README.md").status_code == 404
