"""A body that is cut off or chunked wrongly: a 400 like any other, and the server lives on."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.server import PATIENCE, serving

BROKEN = (
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\nx",
    b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    b"Content-Length: 50\r\n\r\n{",
)


# Headers that a server must not take, without the empty line at their end.
AMBIGUOUS = (
    b"GET /customers HTTP/1.1",
    b"GET /customers HTTP/1.1\r\nHost: x\r\nHost: y",
    b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3",
    b"POST /token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"GET /customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nauthorization: Bearer b",
)


def test_a_request_that_can_be_read_in_two_ways_is_a_bad_request(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        host, port = server.url.removeprefix("http://").split(":")
        for headers in AMBIGUOUS:
            with socket.create_connection((host, int(port)), PATIENCE) as client:
                client.sendall(headers + b"\r\nConnection: close\r\n\r\n")
                answer = b"".join(iter(lambda: client.recv(65536), b""))
            assert answer.startswith(b"HTTP/1.1 400 "), headers


def test_a_body_that_breaks_off_is_a_bad_request(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        host, port = server.url.removeprefix("http://").split(":")
        headers = "".join(f"{name}: {value}\r\n" for name, value in server.headers().items())
        start = f"POST /customers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}".encode()
        for rest in BROKEN:
            with socket.create_connection((host, int(port)), PATIENCE) as client:
                client.sendall(start + rest)
                client.shutdown(socket.SHUT_WR)
                answer = b"".join(iter(lambda: client.recv(65536), b""))
            assert not answer or answer.startswith(b"HTTP/1.1 400 ")
            assert b"Internal" not in answer
        assert server.token()
        assert "Traceback" not in server.output.read_text()
