"""Passwords, subscription keys and tokens: what proves who is calling."""

from __future__ import annotations

import hashlib
import secrets
import string
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from argon2 import PasswordHasher
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PasswordQuality = Literal["low", "medium", "high"]

# level: (fewest characters, how many of the four kinds), contract: POST /customers, `password`.
PASSWORD_RULES: dict[PasswordQuality, tuple[int, int]] = {"low": (7, 1), "medium": (7, 3), "high": (12, 4)}

# What an API user or client may do: look, change customers, and also change resellers and how to get in.
Role = Literal["reader", "editor", "owner"]

TOKEN_ALGORITHM = "EdDSA"  # noqa: S105 - no password
TOKEN_AUDIENCE = "emporion"  # noqa: S105 - no password


# The libraries are imported where they are used: most commands need neither passwords nor tokens, and end before these
# would have been loaded.


@cache
def password_hasher() -> PasswordHasher:
    """What digests passwords: RFC 9106 §4, second recommended option (64 MiB, 3 passes)."""
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def decoy_digest() -> str:
    """A digest that no password has. Unknown logins are verified against it, so that they take as long as others.

    A server calls it before the first login: making it takes longer than verifying it.
    """
    return password_hasher().hash(secrets.token_hex(16))


def password_fault(password: str, quality: PasswordQuality) -> str | None:
    """What the password lacks for the platform's quality level, or None; the password itself is never quoted."""
    fewest, kinds = PASSWORD_RULES[quality]
    has = (
        any(char.isupper() for char in password),
        any(char.islower() for char in password),
        any(char.isdigit() for char in password),
        any(not char.isalnum() for char in password),
    )
    if len(password) >= fewest and sum(has) >= kinds:
        return None
    wanted = {1: "", 3: " and three of upper case, lower case, digit and other"}.get(
        kinds, " and upper case, lower case, a digit and another character"
    )
    return f"must have at least {fewest} characters{wanted}"


def hash_password(password: str) -> str:
    """Argon2id digest of `password` in PHC format. Takes tens of milliseconds: never call it in the event loop."""
    return password_hasher().hash(password)


def verify_password(digest: str | None, password: str) -> bool:
    """Whether `password` is the one of `digest`; takes the same time where there is no digest."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return password_hasher().verify(digest or decoy_digest(), password) and digest is not None
    except (VerificationError, InvalidHashError):
        return False


def new_login(at: int) -> str:
    """A login for an administrator who was given none, at a time in milliseconds since 1970.

    It cannot be guessed, so strangers cannot occupy it before; and those of one time stand beside each other on disk.
    """
    return f"admin-{at:x}-{secrets.token_hex(8)}"


def new_password() -> str:
    """A random password that passes every quality level."""
    alphabet = string.ascii_letters + string.digits
    while True:
        password = "-".join("".join(secrets.choice(alphabet) for _ in range(6)) for _ in range(4))
        if password_fault(password, "high") is None:
            return password


def new_subscription_key() -> str:
    """A random subscription key: 32 hexadecimal digits."""
    return secrets.token_hex(16)


def key_digest(key: str) -> bytes:
    """What is stored of a subscription key. The key is 128 random bits, so a plain SHA-256 keeps it."""
    return hashlib.sha256(key.encode()).digest()


def new_client_secret() -> str:
    """A random secret of an OAuth client: 43 characters of base64url."""
    return secrets.token_urlsafe(32)


class SigningKey(Struct, frozen=True):
    """A key that signs tokens (Ed25519). id: the `kid` of its tokens. private: its 32 bytes.

    created_at, until: milliseconds since 1970. until: when the last of its tokens ends, None while it signs; negative
    if it was ended at that time, which no clock that is set back undoes.
    """

    id: str
    private: bytes
    created_at: int
    until: int | None = None

    def public(self) -> dict[str, str]:
        """What everybody may know of it, as a JSON Web Key (RFC 8037 §2)."""
        from jwt.algorithms import OKPAlgorithm

        jwk = OKPAlgorithm.to_jwk(_private(self.private).public_key(), as_dict=True)
        return {**jwk, "kid": self.id, "use": "sig", "alg": TOKEN_ALGORITHM}


def new_signing_key(at: int) -> SigningKey:
    """A random key; `at` in milliseconds since 1970."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate().private_bytes_raw()
    return SigningKey(secrets.token_hex(8), private, at)


@lru_cache(maxsize=64)
def _private(raw: bytes) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(raw)


class TokenClaims(Struct, frozen=True):
    """What a token says.

    account_id: the caller's account. user: a login, or how `Client.user` names a client. version: of the credentials
    that it was given for, None where another platform gave it. expires: seconds since 1970.
    """

    account_id: int
    user: str
    role: Role
    marketplace: str
    expires: float
    version: int | None = None


def encode_token(claims: TokenClaims, now: float, key: SigningKey, issuer: str) -> str:
    """A signed JWT (RFC 7519) with `claims`; `now` in seconds since 1970. issuer: our own URL."""
    import jwt

    return jwt.encode(
        {
            "iss": issuer,
            "aud": TOKEN_AUDIENCE,
            "sub": claims.user,
            "account": str(claims.account_id),
            "role": claims.role,
            "ver": claims.version,
            "marketplace": claims.marketplace,
            "iat": int(now),
            "exp": int(claims.expires),
            "jti": secrets.token_hex(8),
        },
        _private(key.private),
        algorithm=TOKEN_ALGORITHM,
        headers={"kid": key.id},
    )


def key_id(token: str) -> str | None:
    """Which key a token says has signed it; None if it is no token or does not say."""
    import jwt

    try:
        found = jwt.get_unverified_header(token).get("kid")
    except jwt.InvalidTokenError:
        return None
    return found if isinstance(found, str) else None


def decode_token(token: str, now: float, key: SigningKey) -> TokenClaims | None:
    """The claims of a token that `key` signed and that has not expired at `now` (seconds since 1970), else None."""
    import jwt

    try:
        claims = jwt.decode(
            token,
            _private(key.private).public_key(),
            algorithms=[TOKEN_ALGORITHM],
            audience=TOKEN_AUDIENCE,
            # `now` is the caller's clock, which the library does not take.
            options={
                "require": ["sub", "account", "role", "ver", "marketplace", "exp"],
                "verify_exp": False,
                "verify_iat": False,
            },
        )
    except jwt.InvalidTokenError:
        return None
    if claims["exp"] <= now:
        return None
    return TokenClaims(
        int(claims["account"]), claims["sub"], claims["role"], claims["marketplace"], claims["exp"], claims["ver"]
    )
