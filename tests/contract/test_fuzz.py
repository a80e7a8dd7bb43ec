"""schemathesis against the running server: no 5xx, and no answer that the OpenAPI document does not have."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest

from emporion.app import OPERATIONS
from emporion.marketplace.platforms import SANDBOX
from tests.effort import effort
from tests.server import serving

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
)
EXAMPLES = effort(quick=2, thorough=60)
# Coverage sends each value that a schema names or forbids, one at a time: 2,400 requests.
PHASES = effort(quick="examples,fuzzing", thorough="examples,coverage,fuzzing,stateful")
# The same requests in each run. Another number tries others.
SEED = 1


@pytest.mark.timeout(900)
def test_no_request_breaks_the_document(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        basic = base64.b64encode(f"{SANDBOX.user}:{SANDBOX.password}".encode()).decode()
        config = tmp_path / "schemathesis.toml"
        config.write_text(
            f"""
            headers = {{ X-Subscription-Key = "{SANDBOX.subscription_key}", Authorization = "Bearer {server.token()}" }}
            [checks]
            # An If-Match that names another state is told before what is wrong with the body.
            negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429]
            [[operations]]
            include-name = "POST /token"
            headers = {{ X-Subscription-Key = "{SANDBOX.subscription_key}", Authorization = "Basic {basic}" }}
            # Up to a minute for each request would be waited for what does not happen.
            [[operations]]
            include-name = "GET /events"
            parameters = {{ wait = 0 }}
            # It needs no key and no token; an Authorization of its own would name a client.
            [[operations]]
            include-path-regex = '^/(auth|[.]well-known)/'
            headers = {{ }}
            """
        )
        command: list[str | Path] = [Path(sys.executable).with_name("schemathesis"), "--config-file", config, "run"]
        options = [
            "--phases",
            PHASES,
            "--max-examples",
            str(EXAMPLES),
            "--seed",
            str(SEED),
            "--no-color",
            "--checks",
            ",".join(CHECKS),
        ]
        ended = subprocess.run(
            [*command, f"{server.url}/openapi.json", *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=380,
            check=False,
        )
        log = server.output.read_text()
    assert ended.returncode == 0, ended.stdout
    generated = re.search(r"(\d+) generated, (\d+) passed", ended.stdout)
    assert generated
    assert int(generated[1]) == int(generated[2]) >= EXAMPLES * len(OPERATIONS)
    assert '"level": "error"' not in log
