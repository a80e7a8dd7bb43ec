"""What can go wrong, as the one error type that every floor raises and the doors translate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Code(Enum):
    """Stable names of the kinds of errors; each value is what the docs say of it."""

    MALFORMED = (
        "The request cannot be read: its JSON is broken, it is not UTF-8, it is not an object, or a header is there "
        "twice that decides who is calling or how long the body is."
    )
    INVALID = "One or more members or parameters break a rule. `details` names each of them."
    UNAUTHENTICATED = "The subscription key, the token or the login is missing, wrong or no longer valid."
    FORBIDDEN = (
        "The key belongs to another reseller than the token, the role does not allow it, or the reseller is shut."
    )
    NOT_FOUND = "There is nothing with this id or at this address, or it is not yours to see."
    METHOD_NOT_ALLOWED = "The address does not serve this method; `Allow` lists those that it serves."
    TIMEOUT = "The body did not arrive in time."
    CONFLICT = (
        "An `externalId` or login is taken, the status cannot change that way, or what is there is in the way of an "
        "order: the message says what, and how to get it out of the way."
    )
    IDEMPOTENCY_KEY_IN_USE = "The first request with this `Idempotency-Key` is still running; try again shortly."
    PRECONDITION_FAILED = "What you change has changed since the state that `If-Match` names: read it again."
    TOO_LARGE = (
        "The body is larger than 1 MiB, or 16 KiB where no token is needed, or has more than 50,000 names and values."
    )
    URI_TOO_LONG = "The address and its query are longer than 8 KiB."
    UNSUPPORTED_MEDIA_TYPE = "The body is not `application/json` in UTF-8."
    IDEMPOTENCY_KEY_REUSED = "The `Idempotency-Key` was used for another request: each new one needs a new key."
    LIMITED = "There are too many requests, or too many failed logins. `Retry-After` says when to try again."
    INTERNAL = "Something failed on our side. The log has the reason under the correlation id."
    UNAVAILABLE = (
        "The database, or the identity provider, cannot be reached now, or too many requests wait for it. "
        "`Retry-After` says when to try again."
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one member or parameter.

    field: the path, such as `contactPersons[1].email`.
    message: what was wrong and what would be right, as the end of a sentence that begins with the field.
    """

    field: str
    message: str


class Problem(Exception):
    """A request that cannot be carried out, told in words that its sender can use.

    code: the kind of error. message: a full sentence without secrets, SQL or traces.
    faults: for `INVALID` and `CONFLICT`, each member at fault. headers: further HTTP headers.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.faults = tuple(faults)
        self.headers = dict(headers or {})

    @property
    def why(self) -> str:
        """What lies behind it, in a line for the log; a database's further lines may have values in them."""
        if not self.__cause__:
            return self.message
        first = str(self.__cause__).partition("\n")[0]
        return f"{type(self.__cause__).__name__}: {first}" if first else type(self.__cause__).__name__


class AccessDenied(Problem):
    """A denied request, which goes into the log of events.

    account_id: in whose log, None where that is unknown. user: the caller's login, proved or claimed, if there is such
    a user. victim: the account and the login that were tried, where not of `account_id`: theirs is the other log.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        account_id: int | None = None,
        user: str | None = None,
        headers: Mapping[str, str] | None = None,
        victim: tuple[int, str] | None = None,
    ) -> None:
        super().__init__(code, message, headers=headers)
        self.account_id = account_id
        self.user = user
        self.victim = victim


def raise_invalid(faults: Sequence[Fault], code: Code = Code.INVALID) -> NoReturn:
    """Raise one Problem for all `faults`; its message tells the first, since many clients show no more."""
    first = f"{faults[0].field} {faults[0].message}"
    more = f" (and {len(faults) - 1} more, see details)" if len(faults) > 1 else ""
    raise Problem(code, first + more, faults)


def not_found(what: str) -> Problem:
    """The one answer for what does not exist and for what belongs to others (contract: Every request)."""
    return Problem(Code.NOT_FOUND, f"No entity has been found: {what}.")
