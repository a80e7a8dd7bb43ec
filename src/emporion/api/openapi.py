"""The OpenAPI 3.1 document, made from the table of operations and the types that it names."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast, get_args

import msgspec

from emporion import __version__
from emporion.accounts import AccountId
from emporion.api.door import CORRELATION_ID
from emporion.api.problems import STATUS, Error, to_error
from emporion.errors import Code, Fault, Problem, not_found
from emporion.settings import ApiVersion

if TYPE_CHECKING:
    from emporion.api.operations import Operation

Json = dict[str, Any]

REF = "#/components/schemas/{name}"

TAGS = {
    "User Authentication": "Tokens for external systems.",
    "Customer Management": "The accounts that buy and consume.",
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
    Code.TOO_LARGE: Problem(Code.TOO_LARGE, "The body must not be larger than 1 MiB."),
    Code.UNSUPPORTED_MEDIA_TYPE: Problem(
        Code.UNSUPPORTED_MEDIA_TYPE, "The header Content-Type must be application/json."
    ),
    Code.INTERNAL: Problem(Code.INTERNAL, "Something failed on our side; tell us the correlation id."),
    Code.UNAVAILABLE: Problem(Code.UNAVAILABLE, "The database cannot be reached now; try again shortly."),
}
ALWAYS = (Code.INVALID, Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.INTERNAL, Code.UNAVAILABLE)
WITH_BODY = (Code.MALFORMED, Code.TIMEOUT, Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE)
EXAMPLE_TIME = 1_795_417_952.0

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
    "Challenge": {
        "description": "How to authenticate (RFC 9110 §11.6.1).",
        "required": True,
        "schema": {"type": "string"},
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
}


def document(operations: Iterable[Operation], root_path: str) -> Json:
    """The document for `operations`, as JSON values; root_path: the path before all addresses."""
    operations = tuple(operations)
    schemas = _schemas(operations)
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


def _answers(operation: Operation) -> list[type]:
    return list(operation.answer.values()) if isinstance(operation.answer, dict) else [operation.answer]


def _schemas(operations: Iterable[Operation]) -> Json:
    types: list[type] = [Error]
    for operation in operations:
        types += [*_answers(operation), *filter(None, (operation.body, operation.query))]
    _, schemas = msgspec.json.schema_components(types, ref_template=REF)
    return cast("Json", _without_null_defaults(schemas))


def _without_null_defaults(value: object) -> object:
    """The schema without `default: null`, which would say that leaving a member out is the same as clearing it."""
    if isinstance(value, dict):
        return {
            name: _without_null_defaults(item)
            for name, item in value.items()
            if not (name == "default" and item is None)
        }
    return [_without_null_defaults(item) for item in value] if isinstance(value, list) else value


def _operation(operation: Operation, schemas: Json) -> Json:
    parameters: list[Json] = [{"$ref": f"#/components/parameters/{name}"} for name in PARAMETERS]
    if "{id}" in operation.path:
        schema = {key: value for key, value in msgspec.json.schema(AccountId).items() if key in ("type", "examples")}
        parameters.append(
            {
                "name": "id",
                "in": "path",
                "required": True,
                "description": "The account's id.",
                "schema": schema,
            }
        )
    if operation.query:
        parameters += _query_parameters(schemas[operation.query.__name__])
    result: Json = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "security": [{"SubscriptionKey": [], operation.access: []}],
        "parameters": parameters,
        "responses": _responses(operation),
    }
    if operation.body:
        result["requestBody"] = {
            "required": operation.body_required,
            "content": _content(REF.format(name=operation.body.__name__), operation.request_example),
        }
    return result


def _query_parameters(schema: Json) -> list[Json]:
    """A parameter for each member of a query's schema; it may be left out, but there is no null in a query."""
    parameters = []
    for name, member in schema["properties"].items():
        if "anyOf" in member:
            member = next(one for one in member["anyOf"] if one.get("type") != "null")
        description = member.pop("description")
        parameters.append({"name": name, "in": "query", "description": description, "schema": member})
    return parameters


def _content(ref: str | list[str], example: object) -> Json:
    schema: Json = {"$ref": ref} if isinstance(ref, str) else {"anyOf": [{"$ref": one} for one in ref]}
    return {"application/json": {"schema": schema, "example": example}}


def _responses(operation: Operation) -> Json:
    answers = [REF.format(name=answer.__name__) for answer in _answers(operation)]
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
    by_status: dict[HTTPStatus, list[Code]] = {}
    for code in dict.fromkeys((*ALWAYS, *(WITH_BODY if operation.body else ()), *operation.errors)):
        by_status.setdefault(STATUS[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status.value)] = _error_response(operation, status, codes)
    return responses


def _error_response(operation: Operation, status: HTTPStatus, codes: list[Code]) -> Json:
    headers = {"X-Correlation-ID": {"$ref": "#/components/headers/CorrelationId"}}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/Challenge"}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    path = operation.path.replace("{id}", "1000240")
    problems = {code: operation.error_examples.get(code, EXAMPLES[code]) for code in codes}
    examples = {
        code.name.lower(): {"value": msgspec.to_builtins(to_error(problem, path, "7c9e6679", EXAMPLE_TIME))}
        for code, problem in problems.items()
    }
    schema = {"$ref": REF.format(name=Error.__name__)}
    return {
        "description": " Or: ".join(code.value for code in codes),
        "headers": headers,
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }
