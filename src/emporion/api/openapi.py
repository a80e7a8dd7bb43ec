"""The OpenAPI 3.1 document, made from the table of operations and the types that it names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from emporion import __version__
from emporion.accounts.ids import AccountId
from emporion.api.middleware import CORRELATION_ID
from emporion.api.problems import STATUS, Status, to_error
from emporion.api.schemas import REF, answers_of, schemas_of
from emporion.errors import Code, Fault, Problem, not_found
from emporion.settings import ApiVersion

if TYPE_CHECKING:
    from emporion.api.auth import Access
    from emporion.api.operations import Operation

Json = dict[str, Any]

TAGS = {
    "User Authentication": "Tokens for external systems.",
    "OAuth 2.0": "The second way to get a token.",
    "Customer Management": "The accounts that buy and consume.",
    "Reseller Management": "The accounts above them.",
    "Product Catalog": "What is sold, and for how much.",
    "Service Plan Management": "What is sold together.",
    "Validation Management": "What can be ordered.",
    "Order Management": "What is bought, changed, renewed and cancelled.",
    "Report Management": "Files about a period.",
    "Events": "What happened, for those who follow it.",
}

# One real message for each kind of error.
EXAMPLES = {
    Code.MALFORMED: Problem(Code.MALFORMED, "The body must be valid JSON: Expecting value at line 1, column 9."),
    Code.INVALID: Problem(Code.INVALID, "address.city is required", [Fault("address.city", "is required")]),
    Code.UNAUTHENTICATED: Problem(Code.UNAUTHENTICATED, "The header X-Subscription-Key is missing."),
    Code.FORBIDDEN: Problem(Code.FORBIDDEN, "The subscription key belongs to another reseller than the credentials."),
    Code.NOT_FOUND: not_found("there is no customer 1000240"),
    Code.TIMEOUT: Problem(Code.TIMEOUT, "The body did not arrive within 30 seconds."),
    Code.CONFLICT: Problem(
        Code.CONFLICT,
        "externalId is taken: customer 1000001 has it",
        [Fault("externalId", "is taken: customer 1000001 has it")],
    ),
    Code.IDEMPOTENCY_KEY_IN_USE: Problem(
        Code.IDEMPOTENCY_KEY_IN_USE, "The first request with this Idempotency-Key is still running; try again shortly."
    ),
    Code.PRECONDITION_FAILED: Problem(
        Code.PRECONDITION_FAILED,
        "It is not in the state that If-Match names: read it again, then change what is there now.",
    ),
    Code.IDEMPOTENCY_KEY_REUSED: Problem(
        Code.IDEMPOTENCY_KEY_REUSED, "The Idempotency-Key was used for another request; use a new one for each."
    ),
    Code.LIMITED: Problem(Code.LIMITED, "The subscription key has no more requests left; try again in 3 seconds."),
    Code.TOO_LARGE: Problem(Code.TOO_LARGE, "The body must not be larger than 1 MiB."),
    Code.URI_TOO_LONG: Problem(Code.URI_TOO_LONG, "The address and its query must not be longer than 8 KiB."),
    Code.UNSUPPORTED_MEDIA_TYPE: Problem(
        Code.UNSUPPORTED_MEDIA_TYPE, "The header Content-Type must be application/json."
    ),
    Code.INTERNAL: Problem(Code.INTERNAL, "Something failed on our side; tell us the correlation id."),
    Code.UNAVAILABLE: Problem(Code.UNAVAILABLE, "The database cannot be reached now; try again shortly."),
}
ALWAYS = (Code.INVALID, Code.URI_TOO_LONG, Code.INTERNAL, Code.UNAVAILABLE)
OF_CALLERS = (Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.LIMITED)
REPEATABLE = (Code.IDEMPOTENCY_KEY_IN_USE, Code.IDEMPOTENCY_KEY_REUSED)
WITH_BODY = (Code.MALFORMED, Code.TIMEOUT, Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE)
EXAMPLE_TIME = 1_795_417_952.0
EXAMPLE_UUID = "f40c942d-ebec-41b9-b604-5ed9ffb6d4f2"
EXAMPLE_IDS = {"id": "1000240", "realm": "sandbox"}

HEADERS: Json = {
    "CorrelationId": {
        "description": "The request's own X-Correlation-ID if it was well-formed, else a new UUID.",
        "required": True,
        "schema": {"type": "string", "pattern": f"^{CORRELATION_ID.pattern.decode()}$"},
    },
    "ApiVersion": {
        "description": "The contract version that was spoken.",
        "required": True,
        "schema": {"type": "string", "enum": list(get_args(ApiVersion))},
    },
    "IgnoredParameters": {
        "description": "Names of query parameters that this operation does not have; percent-encoded.",
        "schema": {"type": "string"},
    },
    "IgnoredMembers": {
        "description": "Paths of members of the body that this operation does not have; percent-encoded.",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "Names this very state, for If-Match and If-None-Match.",
        "required": True,
        "schema": {"type": "string", "pattern": '^".+"$'},
    },
    "RateLimit": {
        "description": "What the subscription key may still send (draft-ietf-httpapi-ratelimit-headers); absent where "
        "it has no limits.",
        "schema": {"type": "string"},
    },
    "RateLimitPolicy": {
        "description": "The limits of the subscription key; absent where it has none.",
        "schema": {"type": "string"},
    },
    "IdempotencyReplayed": {
        "description": "true where the request was done before: this is what it was answered then.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Challenge": {
        "description": "How to authenticate (RFC 9110 §11.6.1).",
        "required": True,
        "schema": {"type": "string"},
    },
    "AcceptPatch": {
        "description": "The media type that a PATCH must have (RFC 5789 §3.1).",
        "required": True,
        "schema": {"type": "string", "enum": ["application/json"]},
    },
    "RetryAfter": {
        "description": "Seconds after which to try again.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
}
PARAMETERS: Json = {
    "CorrelationId": {
        "name": "X-Correlation-ID",
        "in": "header",
        "description": "Your own id for this request: 1 to 64 of letters, digits, dot, dash and underscore. "
        "Anything else is replaced.",
        "schema": {"type": "string"},
    },
    "ApiVersion": {
        "name": "X-Api-Version",
        "in": "header",
        "description": "The contract version to speak; left out, it is that of the subscription key or the server.",
        "schema": {"type": "string", "enum": list(get_args(ApiVersion))},
    },
}
CONDITIONS: dict[str, list[str]] = {
    "GET": ["If-None-Match"],
    "PATCH": ["If-Match"],
    "POST": [],
}
MORE_PARAMETERS: Json = {
    "If-None-Match": "The ETag that you have: if it is still the same, the answer is 304 without a body.",
    "If-Match": "The ETag that you have read: if it has changed since, the answer is 412 and nothing is done.",
    "Idempotency-Key": "A new value for each new request, 1 to 255 characters: sent again with the same one, the "
    "request is done once, and the first answer is given again for 24 hours.",
}
SECURITY: Json = {
    "SubscriptionKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Subscription-Key",
        "description": "The key of your reseller; needed with every call.",
    },
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token from POST /token.",
    },
    "Basic": {"type": "http", "scheme": "basic", "description": "Login and password of an API user."},
    "ClientBasic": {"type": "http", "scheme": "basic", "description": "Id and secret of an OAuth client."},
}


_SECURITY: dict[Access, list[Json]] = {
    "Bearer": [{"SubscriptionKey": [], "Bearer": []}],
    "Basic": [{"SubscriptionKey": [], "Basic": []}],
    # The form may name the client as well.
    "OAuth": [{}, {"ClientBasic": []}],
    "Public": [],
}
LIMIT_HEADERS: Json = {
    "RateLimit": {"$ref": "#/components/headers/RateLimit"},
    "RateLimit-Policy": {"$ref": "#/components/headers/RateLimitPolicy"},
}
IN_PATH = re.compile(r"\{(\w+)\}")


def document(operations: Iterable[Operation], root_path: str) -> Json:
    """The document for `operations`, as JSON values; root_path: the path before all addresses."""
    operations = tuple(operations)
    schemas = schemas_of(operations)
    paths: Json = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    queries = {operation.query.__name__ for operation in operations if operation.query}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Emporion",
            "version": __version__,
            "description": "An open marketplace platform: customer accounts for distributors and resellers. "
            f"Contract versions {' and '.join(get_args(ApiVersion))}. Begin with `POST /token` (Basic), then send its "
            "token as Bearer; the subscription key goes with every call.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": root_path or "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            # The queries are parameters, each by itself.
            "schemas": {name: schema for name, schema in schemas.items() if name not in queries},
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "securitySchemes": SECURITY,
        },
    }


def _operation(operation: Operation, schemas: Json) -> Json:
    parameters: list[Json] = [{"$ref": f"#/components/parameters/{name}"} for name in PARAMETERS]
    parameters += [_path_parameter(name) for name in IN_PATH.findall(operation.path)]
    if operation.access in ("Bearer", "Public"):
        parameters += [_header_parameter(name) for name in CONDITIONS[operation.method]]
        if operation.method == "POST" and Code.PRECONDITION_FAILED in operation.errors:
            parameters.append(_header_parameter("If-Match"))
    if operation.repeatable:
        parameters.append(_header_parameter("Idempotency-Key"))
    if operation.query:
        parameters += _query_parameters(schemas[operation.query.__name__])
    result: Json = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "security": _SECURITY[operation.access],
        "parameters": parameters,
        "responses": _responses(operation),
    }
    if operation.body:
        result["requestBody"] = {
            "required": operation.body_required,
            "content": _content(
                REF.format(name=operation.body.__name__),
                operation.request_example,
                "application/x-www-form-urlencoded" if operation.form else "application/json",
            ),
        }
    return result


def _query_parameters(schema: Json) -> list[Json]:
    """A parameter for each member of a query's schema; it may be left out, but there is no null in a query."""
    parameters = []
    for name, member in schema["properties"].items():
        if "anyOf" in member:
            member = next(one for one in member["anyOf"] if one.get("type") != "null")
        rules = {key: value for key, value in member.items() if key != "description"}
        parameters.append({"name": name, "in": "query", "description": member["description"], "schema": rules})
    return parameters


def _content(ref: str | list[str], example: object, media_type: str = "application/json") -> Json:
    schema: Json = {"$ref": ref} if isinstance(ref, str) else {"anyOf": [{"$ref": one} for one in ref]}
    return {media_type: {"schema": schema, "example": example}}


def _path_parameter(name: str) -> Json:
    if name.endswith("Id"):
        return {
            "name": name,
            "in": "path",
            "required": True,
            "description": f"The {name.removesuffix('Id')}'s id.",
            "schema": {"type": "string", "examples": [EXAMPLE_UUID]},
        }
    id_schema = {key: value for key, value in msgspec.json.schema(AccountId).items() if key in ("type", "examples")}
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": "Its id." if name == "id" else "The realm that the client is registered in.",
        "schema": id_schema if name == "id" else {"type": "string", "examples": ["sandbox"]},
    }


def _header_parameter(name: str) -> Json:
    return {"name": name, "in": "header", "description": MORE_PARAMETERS[name], "schema": {"type": "string"}}


def _codes(operation: Operation) -> Iterable[Code]:
    """All kinds of errors that the operation can have, each once."""
    found = [*ALWAYS]
    if operation.access in ("Bearer", "Basic"):
        found += OF_CALLERS
    if operation.access == "OAuth":
        found.append(Code.UNAUTHENTICATED)
    if operation.body:
        found += WITH_BODY
    if operation.repeatable:
        found += REPEATABLE
    return dict.fromkeys((*found, *operation.errors))


def _responses(operation: Operation) -> Json:
    answers = [REF.format(name=answer.__name__) for answer in answers_of(operation)]
    responses: Json = {
        "200": {
            "description": "Done.",
            "headers": {
                "X-Correlation-ID": {"$ref": "#/components/headers/CorrelationId"},
                "X-Api-Version": {"$ref": "#/components/headers/ApiVersion"},
                "X-Ignored-Parameters": {"$ref": "#/components/headers/IgnoredParameters"},
            },
            "content": _content(answers[0] if len(answers) == 1 else answers, operation.answer_example),
        }
    }
    if operation.body:
        responses["200"]["headers"]["X-Ignored-Members"] = {"$ref": "#/components/headers/IgnoredMembers"}
    by_status: dict[Status, list[Code]] = {}
    if operation.access in ("Bearer", "Public"):
        responses["200"]["headers"]["ETag"] = {"$ref": "#/components/headers/ETag"}
        if operation.method == "GET":
            responses["304"] = {"description": "It is still what you have.", "headers": responses["200"]["headers"]}
    if operation.access in ("Bearer", "Basic"):
        responses["200"]["headers"] |= LIMIT_HEADERS
    if operation.repeatable:
        responses["200"]["headers"]["Idempotency-Replayed"] = {"$ref": "#/components/headers/IdempotencyReplayed"}
    for code in _codes(operation):
        by_status.setdefault(STATUS[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status.value)] = _error_response(operation, status, codes)
    return responses


def _error_response(operation: Operation, status: Status, codes: list[Code]) -> Json:
    headers = {"X-Correlation-ID": {"$ref": "#/components/headers/CorrelationId"}}
    if status == STATUS[Code.UNAUTHENTICATED] and operation.access != "OAuth":
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/Challenge"}
    if operation.access in ("Bearer", "Basic"):
        headers |= LIMIT_HEADERS
    if operation.method == "PATCH" and status == STATUS[Code.UNSUPPORTED_MEDIA_TYPE]:
        headers["Accept-Patch"] = {"$ref": "#/components/headers/AcceptPatch"}
    if status in (STATUS[Code.UNAVAILABLE], STATUS[Code.LIMITED]):
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    path = IN_PATH.sub(lambda found: EXAMPLE_IDS.get(found[1], EXAMPLE_UUID), operation.path)
    problems = {code: operation.error_examples.get(code, EXAMPLES[code]) for code in codes}
    examples = {
        code.name.lower(): {"value": msgspec.to_builtins(to_error(problem, path, "7c9e6679", EXAMPLE_TIME))}
        for code, problem in problems.items()
    }
    return {
        "description": " Or: ".join(code.value for code in codes),
        "headers": headers,
        "content": {
            "application/json": {
                "schema": {"$ref": REF.format(name=operation.error.__name__)},
                "examples": examples,
            }
        },
    }
