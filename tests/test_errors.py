"""Errors: each code has its status and its place in the docs."""

from __future__ import annotations

import pytest

from emporion.api.problems import STATUS
from emporion.errors import Code, Fault, Problem, raise_invalid
from tests.errors_page import PAGE, page


def test_every_code_has_a_status() -> None:
    assert set(STATUS) == set(Code)


def test_the_phrases_do_not_depend_on_the_python() -> None:
    assert {status.value: status.phrase for status in STATUS.values()} == {
        400: "Bad Request",
        401: "Unauthorized",
        403: "Forbidden",
        404: "Not Found",
        405: "Method Not Allowed",
        408: "Request Timeout",
        409: "Conflict",
        412: "Precondition Failed",
        413: "Request Entity Too Large",
        414: "URI Too Long",
        415: "Unsupported Media Type",
        422: "Unprocessable Entity",
        429: "Too Many Requests",
        500: "Internal Server Error",
        503: "Service Unavailable",
    }


def test_the_page_of_errors_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: .venv/bin/python -m tests.errors_page"


def test_the_message_tells_the_first_fault_and_how_many_more() -> None:
    with pytest.raises(Problem) as raised:
        raise_invalid([Fault("name", "is required")])
    assert raised.value.message == "name is required"
    with pytest.raises(Problem) as raised:
        raise_invalid([Fault("name", "is required"), Fault("address", "is required")])
    assert raised.value.message == "name is required (and 1 more, see details)"


def test_the_log_gets_the_first_line_of_what_lies_behind() -> None:
    problem = Problem(Code.UNAVAILABLE, "away")
    assert problem.why == "away"
    problem.__cause__ = ValueError("duplicate key\nDETAIL: Key (folded)=(some-login) already exists.")
    assert problem.why == "ValueError: duplicate key"
    problem.__cause__ = TimeoutError()
    assert problem.why == "TimeoutError"
