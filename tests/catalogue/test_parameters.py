"""Values of parameters are checked by type, and every fault names what would be right."""

from __future__ import annotations

import time

import pytest

from emporion.catalogue.parameters import (
    Choice,
    Parameter,
    ParameterType,
    ParameterValue,
    SentParameter,
    check_values,
    given,
)
from emporion.validation import read

REGIONS = [Choice("eu", "Europe", default=True), Choice("us", "America")]
DOMAIN = Parameter(name="domain", type="domain")
REGION = Parameter(name="region", type="choice", required=True, title="Region", choices=REGIONS)


def faults(parameters: list[Parameter], **values: str) -> list[tuple[str, str]]:
    sent = [ParameterValue(name, value) for name, value in values.items()]
    return [(fault.field, fault.message) for fault in check_values(parameters, sent, "p")]


def wrong(type_: ParameterType, value: str, pattern: str | None = None) -> str:
    return "".join(message for _, message in faults([Parameter(name="x", type=type_, pattern=pattern)], x=value))


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("text", "anything, 日本"),
        ("email", "jane.doe@example.com"),
        ("url", "https://www.example.com:8443/start?a=b#c"),
        ("phone", "+49 123 456789"),
        ("checkbox", "true"),
        ("checkbox", "false"),
        ("domain", "example.com"),
        ("domain", "Sub-1.example.co.uk"),
        ("domain", "münchen.example"),
        ("subdomain", "acme-1"),
        ("subdomain", "ACME"),
        ("password", " b\\Ec$ "),
        ("text", ""),
        ("domain", ""),
    ],
)
def test_a_value_of_its_type_is_accepted(type_: ParameterType, value: str) -> None:
    assert wrong(type_, value) == ""


@pytest.mark.parametrize(
    ("type_", "value", "message"),
    [
        ("text", "x" * 4001, "must have at most 4,000 characters, not 4,001"),
        ("text", "a\0b", "must not contain control characters"),
        ("email", "jane.doe", "must be an e-mail address such as"),
        ("url", "www.example.com", "must be a web address that begins with https://"),
        ("url", "ftp://example.com", "must be a web address"),
        ("url", "https:///start", "must be a web address"),
        ("url", "https://example.com:x/", "must be a web address"),
        ("url", "https://example.com/a b", "must be a web address"),
        ("phone", "12", "must be in E.164"),
        ("checkbox", "yes", "must be true or false"),
        ("domain", "example", "must be a domain name such as example.com, with at least one dot"),
        ("domain", "http://example.com", "without http://"),
        ("domain", "example.com.", "a dot at the end"),
        ("domain", "-a.example.com", "labels of letters"),
        ("domain", "192.0.2.1", "labels of letters"),
        ("domain", ".".join(["a" * 60] * 5), "labels of letters"),
        ("subdomain", "a.b", "must be one label"),
        ("subdomain", "-a", "must be one label"),
        ("subdomain", "a" * 64, "must be one label"),
    ],
)
def test_a_value_of_another_type_is_told_what_would_be_right(type_: ParameterType, value: str, message: str) -> None:
    assert message in wrong(type_, value)


def test_a_choice_is_one_of_its_values_in_their_case() -> None:
    assert faults([REGION], region="us") == []
    assert faults([REGION], region="EU") == [("p[0].value", "must be eu or us; did you mean eu?")]
    assert faults([REGION], region="Europe") == [("p[0].value", "must be eu or us; did you mean eu?")]
    many = [Choice(f"c{number}", "") for number in range(30)]
    assert wrong_choice(many) == (
        "must be one of " + ", ".join(f"c{number}" for number in range(20)) + " … (30 in all)"
    )


def wrong_choice(choices: list[Choice]) -> str:
    [(_, message)] = faults([Parameter(name="x", type="dropdown", choices=choices)], x="?")
    return message


def test_a_required_one_must_be_there_and_not_empty() -> None:
    assert faults([REGION, DOMAIN]) == [("p", "must have region, which is required (Region)")]
    assert faults([REGION, DOMAIN], region="") == [("p[0].value", "is required")]


def test_what_the_subscription_has_already_need_not_be_sent() -> None:
    assert check_values([REGION], [], "p", kept=[ParameterValue("region", "eu")]) == []


def test_an_unknown_name_is_told_the_known_ones() -> None:
    assert faults([REGION, DOMAIN], region="eu", Domain="example.com") == [
        ("p[1].name", "must be domain or region, not Domain; names are case-sensitive; did you mean domain?")
    ]
    assert faults([], domain="example.com") == [("p[0].name", "must be left out: this product has no parameters")]


def test_what_the_vendor_gives_back_is_not_the_buyers_to_give() -> None:
    tenant = Parameter(name="tenant", type="text", phase="fulfillment", required=True)
    assert faults([tenant]) == []
    assert faults([tenant], tenant="t-1") == [("p[0].name", "must be left out: this product has no parameters")]


def test_a_name_has_one_value() -> None:
    twice = [ParameterValue("domain", "a.example"), ParameterValue("domain", "b.example")]
    assert [fault.field for fault in check_values([DOMAIN], twice, "p")] == ["p[1].name"]


def test_every_fault_is_told_at_once() -> None:
    assert [field for field, _ in faults([REGION, DOMAIN], domain="example", Region="eu")] == [
        "p[0].value",
        "p[1].name",
        "p",
    ]


def test_a_pattern_is_about_the_whole_value_and_no_message_tells_a_password() -> None:
    assert wrong("text", "12345", r"\d{5}") == ""
    assert wrong("text", "12345-", r"\d{5}") == r"must match the pattern \d{5}"
    assert "s3cret" not in wrong("password", "s3cret", "[a-z]+")


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "a*" * 100 + "b", "(?:a?){240}a{240}b", "(.*)*(.*)*b"])
def test_no_pattern_keeps_the_platform_busy(pattern: str) -> None:
    began = time.perf_counter()
    assert wrong("text", "a" * 4000, pattern)
    assert time.perf_counter() - began < 2


def test_a_pattern_that_cannot_be_used_refuses_no_order() -> None:
    assert wrong("text", "x", r"(a)\1") == ""


def test_values_are_taken_as_clients_can_send_them() -> None:
    def taken(**members: object) -> str:
        sent, wrong = read(SentParameter, {"name": "domain", **members})
        return wrong[0].message if wrong else given([sent])[0].value

    assert taken(value="example.com") == "example.com"
    assert taken(value=None, structured_value={"value": "example.com"}) == "example.com"
    assert taken(value={"value": "example.com"}) == "example.com"
    assert (taken(value=True), taken(value=5), taken(value=1.5)) == ("true", "5", "1.5")
    assert taken() == ""
    assert taken(value=["a"]) == 'must be a string, or an object such as {"value": "…"}, not an array'
    assert taken(value={"text": "a"}) == 'must be a string, or an object such as {"value": "…"}, not an object'
