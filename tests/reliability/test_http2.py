"""HTTP/2: an error is read by its client even where the body was still on its way."""

from __future__ import annotations

from pathlib import Path

import httpx2 as httpx

from tests.certificates import tls_options
from tests.conftest import new_customer
from tests.server import PATIENCE, serving


def test_an_error_reaches_a_client_that_is_still_sending(tmp_path: Path) -> None:
    with (
        serving(tmp_path, *tls_options(tmp_path), scheme="https") as server,
        httpx.Client(http1=False, http2=True, verify=False, timeout=PATIENCE) as http,
    ):
        for size, path, status in (
            (10, "/customers", 401),
            (300_000, "/customers", 401),
            (3_000_000, "/nothing", 404),
            (3_000_000, "/docs", 405),
        ):
            answer = http.post(f"{server.url}{path}", content=b" " * size, headers={"Content-Type": "application/json"})
            assert (answer.http_version, answer.status_code) == ("HTTP/2", status)
        headers = server.headers()
        big = http.post(f"{server.url}/customers", json={"x": "y" * 3_000_000}, headers=headers)
        assert big.status_code == 413
        assert http.post(f"{server.url}/customers", json=new_customer(), headers=headers).status_code == 200
