"""Writes docs/errors.md out of the errors themselves: `.venv/bin/python -m tests.errors_page`."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from emporion.api.openapi import EXAMPLE_TIME, EXAMPLES
from emporion.api.problems import STATUS, to_error
from emporion.errors import Code

PAGE = Path(__file__).parent.parent / "docs" / "errors.md"

HEAD = """# Errors

Every error, of every kind, is JSON of the same shape; find yours below by its status and message (the names in
capitals are for this page and the source, they are not in the answer). `message` is for people; `details`, where it is
there, names each member or parameter at fault by its path. `correlationId` is that of the request (your own
`X-Correlation-ID` if you sent a well-formed one) and stands in the log beside the reason.

A request that is not HTTP at all (a broken request line, more than 64 KiB before the body) is refused before it gets
this far, with an empty 400, 414 or 431.

Whatever refuses a request for a token by OAuth 2.0 has `error` and `error_description` in the words of RFC 6749
(`temporarily_unavailable` with 503), with `message`, `status` and the others beside them.

A query parameter that an operation does not have is no error: it is ignored, and named in the answer's header
`X-Ignored-Parameters`. Look at it while you write a client, since a misspelt filter finds everybody. Likewise
`X-Ignored-Members` names the members of a body that an operation does not have, `id` and `resellerId` among them, by
their paths. Each names twenty at most.
"""

WHAT_TO_DO = {
    Code.MALFORMED: "Mend the JSON, the query or the header; the message has the line and column where JSON broke.",
    Code.INVALID: "Mend each member or parameter in `details`, then send it again.",
    Code.UNAUTHENTICATED: "The message says which header is at fault. Get a new token when one has expired.",
    Code.FORBIDDEN: "The message says which it is: use the subscription key of the reseller whose user asked for the "
    "token, or a user with the role that it takes; a reseller that is shut is opened by an account above it.",
    Code.NOT_FOUND: "Check the id. What belongs to others is answered like what does not exist.",
    Code.METHOD_NOT_ALLOWED: "Use one of the methods in `Allow`.",
    Code.TIMEOUT: "Send the whole body at once.",
    Code.CONFLICT: "Look up what the message names: the customer that has the `externalId`, or the order to be waited "
    "for or cancelled.",
    Code.IDEMPOTENCY_KEY_IN_USE: "Send it once more with the same key, after the seconds in `Retry-After`: then you "
    "get the answer of the first request.",
    Code.PRECONDITION_FAILED: "Read it again, make your change of what is there now, and send it with the new `ETag`.",
    Code.TOO_LARGE: "Send less, and texts in UTF-8, not as `\\u` escapes: so customers within the rules are smaller.",
    Code.URI_TOO_LONG: "Ask with fewer or shorter parameters; no filter takes more than 255 characters.",
    Code.UNSUPPORTED_MEDIA_TYPE: "Send `Content-Type: application/json` and a plain body in UTF-8.",
    Code.IDEMPOTENCY_KEY_REUSED: "Make a new key, such as a UUID, for each new request, and keep it only to send that "
    "very one again.",
    Code.LIMITED: "Wait for the seconds in `Retry-After`. `RateLimit` in each answer says how much is left, so that "
    "you can slow down before. After failed logins, find the right password first: each failure makes the wait longer.",
    Code.INTERNAL: "Tell the operator the correlation id. Before you repeat a write, look whether it was carried out.",
    Code.UNAVAILABLE: "Try again after the seconds in `Retry-After`. Where the connection to the database broke in the "
    "middle of a write, it is unknown whether it was done: repeat a POST with the same `Idempotency-Key`.",
}


def page() -> str:
    """The whole page."""
    parts = [HEAD, "| code | status | |\n|---|---|---|"]
    parts[1] += "".join(
        f"\n| [{code.name}](#{code.name.lower()}) | {STATUS[code].value} {STATUS[code].phrase} | {code.value} |"
        for code in Code
    )
    for code in Code:
        parts.append(
            f"\n## {code.name}\n\n{STATUS[code].value} {STATUS[code].phrase}. {code.value}\n\n{WHAT_TO_DO[code]}"
        )
        if code in EXAMPLES:
            path = "/customers/1000240" if code is Code.NOT_FOUND else "/customers"
            error = msgspec.to_builtins(to_error(EXAMPLES[code], path, "7c9e6679", EXAMPLE_TIME))
            parts.append(f"\n```json\n{json.dumps(error, indent=2, ensure_ascii=False)}\n```")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
