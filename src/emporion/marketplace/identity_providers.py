"""An operator's own identity provider, whose tokens are as good as ours (OpenID Connect)."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from http.client import HTTPMessage
from typing import IO, Any, get_args
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import jwt
import msgspec
from msgspec import Struct

from emporion.credentials import Role, TokenClaims
from emporion.errors import Code, Problem
from emporion.logs import log

RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
# The key that checks a signature of one of these cannot make one; with HS256 it could, and "none" needs no key.
ALGORITHMS = (*RSA_ALGORITHMS, "ES256", "ES384", "ES512", "EdDSA")

# From the least to the most.
ROLES: tuple[Role, ...] = get_args(Role)

# Seconds for both documents of a provider together, and seconds that a request waits for them at most: the former
# bounds what the network does, the latter also a look-up of the host's name.
TIMEOUT = 3.0
PATIENCE = 3.5
# The most bytes of a document.
LARGEST = 1024 * 1024

# Seconds after which the keys are fetched again, at the latest.
FRESH = 600.0
# Seconds from one fetch to the next, whatever unknown keys are named meanwhile.
PAUSE = 10.0
# The pause as long as no key is known; callers who are turned away are told to come back after it.
RETRY = 2.0

# No time of a token is as far away: seconds since 1970. Infinity and "not a number" are not below it.
END_OF_TIME = 1e12


class Trust(Struct, frozen=True):
    """Whose tokens are taken, and how they are read.

    issuer: the provider's URL as its tokens have it in `iss`. audience: what `aud` must name. account_claim,
    role_claim: the claims with the account's id and the role; dots lead into nested objects. leeway: seconds by which
    its clock may differ from ours.
    """

    issuer: str
    audience: str
    account_claim: str = "account"
    role_claim: str = "role"
    leeway: int = 60


class _Discovery(Struct):
    issuer: str
    jwks_uri: str


class _KeySet(Struct):
    keys: list[Any]


class _Key(Struct, frozen=True):
    id: str | None
    algorithms: tuple[str, ...]
    public: Any


class IdentityProvider:
    """Reads the tokens of one issuer. clock: seconds since 1970."""

    def __init__(self, trust: Trust, clock: Callable[[], float]) -> None:
        self._trust = trust
        self._clock = clock
        self._keys: list[_Key] = []
        self._fetched_at = -math.inf
        self._tried_at = -math.inf
        self._fetch: asyncio.Task[None] | None = None
        self._away = False

    def issued(self, token: str) -> bool:
        """Whether the token says that it comes from this issuer, which is not verified here. Never raises."""
        return self._header(token) is not None

    async def read(self, token: str) -> TokenClaims | None:
        """What the token says; None if it is forged, for others, not good at this time, or has no account or role.

        Its `expires` is what the issuer wrote, without the leeway. Raises Problem (UNAVAILABLE) if the issuer's keys
        have never been fetched and cannot be now; once known they stay good while the issuer is away.
        """
        header = self._header(token)
        if header is None:
            return None
        await self._be_ready_for(header.get("kid"))
        for key in self._fitting(header):
            claims = self._verified(token, key)
            if claims is not None:
                return self._read(claims)
        return None

    def _header(self, token: str) -> dict[str, Any] | None:
        """The header of a token that says it comes from this issuer."""
        try:
            content = jwt.decode_complete(token, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError):
            return None
        header: dict[str, Any] = content["header"]
        return header if content["payload"].get("iss") == self._trust.issuer else None

    def _fitting(self, header: dict[str, Any]) -> list[_Key]:
        """The keys that may have signed a token. One that names none is taken only if there is no choice."""
        fitting = [key for key in self._keys if header.get("alg") in key.algorithms]
        if "kid" in header:
            return [key for key in fitting if key.id == header["kid"]]
        return fitting if len(fitting) == 1 else []

    def _verified(self, token: str, key: _Key) -> dict[str, Any] | None:
        """The claims of a token that `key` signed for our audience and that is good now."""
        try:
            claims = jwt.decode(
                token,
                key.public,
                algorithms=key.algorithms,
                audience=self._trust.audience,
                issuer=self._trust.issuer,
                # Times are compared below: the library takes neither our clock nor a broken time.
                options={
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "enforce_minimum_key_length": True,
                },
            )
        except jwt.PyJWTError:
            return None
        return claims if self._timely(claims) else None

    def _timely(self, claims: dict[str, Any]) -> bool:
        """Whether the token has begun and has not ended, give or take the leeway."""
        now, leeway = self._clock(), self._trust.leeway
        begins = [claims[name] for name in ("nbf", "iat") if name in claims]
        if not all(_is_time(moment) for moment in [*begins, claims.get("exp")]):
            return False
        return all(begin - leeway <= now for begin in begins) and now < claims["exp"] + leeway

    def _read(self, claims: dict[str, Any]) -> TokenClaims | None:
        account_id = _account_id(_claim(claims, self._trust.account_claim))
        role = _highest(_claim(claims, self._trust.role_claim))
        user = _name(claims)
        if account_id is None or role is None or user is None:
            return None
        return TokenClaims(account_id, f"oidc:{user}", role, "", float(claims["exp"]))

    async def _be_ready_for(self, kid: str | None) -> None:
        """Fetch the keys where they must be waited for; where they are only old, another task fetches them."""
        if not self._keys:
            await self._wait(self._fetching(RETRY))
            if not self._keys:
                raise Problem(
                    Code.UNAVAILABLE,
                    "The identity provider that gave the token cannot be reached now.",
                    headers={"Retry-After": f"{RETRY:.0f}"},
                )
        elif kid is not None and all(key.id != kid for key in self._keys):
            await self._wait(self._fetching(PAUSE))
        elif abs(self._clock() - self._fetched_at) >= FRESH:
            self._fetching(PAUSE)

    @staticmethod
    async def _wait(fetch: asyncio.Task[None] | None) -> None:
        # A request that is given up must not take the fetch away from the others.
        if fetch:
            await asyncio.wait([fetch], timeout=PATIENCE)

    def _fetching(self, pause: float) -> asyncio.Task[None] | None:
        """The fetch that is under way, or a new one unless the last has ended less than `pause` seconds ago."""
        # A clock that was set back must not stretch the pause.
        if self._fetch is None and abs(self._clock() - self._tried_at) >= pause:
            self._fetch = asyncio.create_task(self._take_keys())
        return self._fetch

    async def _take_keys(self) -> None:
        try:
            self._keys = await asyncio.to_thread(_published_keys, self._trust.issuer)
        except Exception as error:  # whatever it answers, it must not end more than this fetch
            self._leave(error)
        else:
            self._fetched_at = self._clock()
            self._away = False
        finally:
            self._tried_at = self._clock()
            self._fetch = None

    def _leave(self, error: Exception) -> None:
        if not self._away:
            why = f"{type(error).__name__}: {error}"
            log.warning("the identity provider's keys cannot be fetched", issuer=self._trust.issuer, why=why)
        self._away = True


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < END_OF_TIME


def _claim(claims: Any, path: str) -> Any:
    """What stands under the name `path`, else what its dots lead to; None if nothing does."""
    if not isinstance(claims, dict):
        return None
    if path in claims:
        return claims[path]
    first, dot, rest = path.partition(".")
    return _claim(claims.get(first), rest) if dot else None


def _account_id(value: Any) -> int | None:
    # 18 digits fit into what a database counts with.
    text = str(value) if isinstance(value, int | str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _highest(value: Any) -> Role | None:
    named = value if isinstance(value, list) else [value]
    return max((role for role in ROLES if role in named), key=ROLES.index, default=None)


def _name(claims: dict[str, Any]) -> str | None:
    """The user's name for the log. What cannot be printed cannot be stored either: NUL, half a surrogate."""
    for value in (claims.get("preferred_username"), claims.get("sub")):
        if isinstance(value, str) and value and value.isprintable():
            return value
    return None


class _SameScheme(HTTPRedirectHandler):
    """Follows no redirect from http to https, nor back, nor to anything else: it ends with the redirect's error."""

    # Each may take the whole time-out.
    max_redirections = 2

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if urlsplit(newurl).scheme != urlsplit(req.full_url).scheme:
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _published_keys(issuer: str) -> list[_Key]:
    """The keys that the issuer signs with. Takes seconds, and raises anything that the network and JSON raise."""
    deadline = time.monotonic() + TIMEOUT
    document = _fetched(f"{issuer.removesuffix('/')}/.well-known/openid-configuration", deadline)
    discovery = msgspec.json.decode(document, type=_Discovery)
    if discovery.issuer != issuer:
        raise ValueError("its discovery document is that of another issuer")
    if urlsplit(issuer).scheme == "https" and urlsplit(discovery.jwks_uri).scheme != "https":
        raise ValueError("its keys are not at an address with https, as itself is")
    entries = msgspec.json.decode(_fetched(discovery.jwks_uri, deadline), type=_KeySet).keys
    keys = [key for key in map(_key, entries) if key]
    if not keys:
        raise ValueError("it publishes no key that tokens can be checked with")
    return keys


def _fetched(url: str, deadline: float) -> bytes:
    """The body at `url`, which is there at the deadline (as of time.monotonic)."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("only http and https are fetched")
    # Some firewalls refuse the library's own name.
    request = Request(url, headers={"Accept": "application/json", "User-Agent": "emporion"})  # noqa: S310 - see above
    body = b""
    with build_opener(_SameScheme).open(request, timeout=deadline - time.monotonic()) as response:
        while chunk := response.read1(LARGEST + 1 - len(body)):
            body += chunk
            if len(body) > LARGEST:
                raise ValueError("a document has more than 1 MiB")
            if time.monotonic() > deadline:
                raise TimeoutError("a document did not arrive in time")
    return body


def _key(entry: Any) -> _Key | None:
    """A JSON Web Key (RFC 7517) as a key that signs tokens; None if it is for something else, or private, or broken."""
    if not isinstance(entry, dict) or "d" in entry or entry.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK(entry)
    except Exception:  # whatever is wrong with it, it must not hide the others
        return None
    several = key.key_type == "RSA" and not entry.get("alg")
    algorithms = RSA_ALGORITHMS if several else tuple({key.algorithm_name} & set(ALGORITHMS))
    return _Key(key.key_id, algorithms, key.key) if algorithms else None
