"""Passwords, subscription keys and tokens: what proves who is calling."""

from __future__ import annotations

import hashlib
import secrets
import string
from typing import Literal

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Struct

PasswordQuality = Literal["low", "medium", "high"]

# level: (fewest characters, how many of the four kinds), contract: POST /customers, `password`.
PASSWORD_RULES: dict[PasswordQuality, tuple[int, int]] = {"low": (7, 1), "medium": (7, 3), "high": (12, 4)}

TOKEN_ALGORITHM = "HS256"  # noqa: S105 - no password
TOKEN_ISSUER = "emporion"  # noqa: S105 - no password

# RFC 9106 §4, second recommended option: 64 MiB, 3 passes.
_hasher = PasswordHasher()
_NOBODY = _hasher.hash(secrets.token_hex(16))


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
    return _hasher.hash(password)


def verify_password(digest: str | None, password: str) -> bool:
    """Whether `password` is the one of `digest`; takes the same time where there is no digest."""
    try:
        return _hasher.verify(digest or _NOBODY, password) and digest is not None
    except (VerificationError, InvalidHashError):
        return False


def new_login(at: int) -> str:
    """A login for an administrator who was given none, at a time in milliseconds since 1970.

    It cannot be guessed, so nobody can occupy it before; and those of one time stand beside each other on disk.
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


class TokenClaims(Struct, frozen=True):
    """What a token says: account_id the caller's account, user its login, expires in seconds since 1970."""

    account_id: int
    user: str
    marketplace: str
    expires: float


def encode_token(claims: TokenClaims, now: float, signing_key: bytes) -> str:
    """A signed JWT (RFC 7519) with `claims`; `now` in seconds since 1970."""
    return jwt.encode(
        {
            "iss": TOKEN_ISSUER,
            "sub": claims.user,
            "account": str(claims.account_id),
            "marketplace": claims.marketplace,
            "iat": int(now),
            "exp": int(claims.expires),
            "jti": secrets.token_hex(8),
        },
        signing_key,
        algorithm=TOKEN_ALGORITHM,
    )


def decode_token(token: str, now: float, signing_key: bytes) -> TokenClaims | None:
    """The claims of a token that we signed and that has not expired at `now`, else None."""
    try:
        claims = jwt.decode(
            token,
            signing_key,
            algorithms=[TOKEN_ALGORITHM],
            issuer=TOKEN_ISSUER,
            # `now` is the caller's clock, which the library does not take.
            options={
                "require": ["sub", "account", "marketplace", "exp"],
                "verify_exp": False,
                "verify_iat": False,
            },
        )
    except jwt.InvalidTokenError:
        return None
    if claims["exp"] <= now:
        return None
    return TokenClaims(int(claims["account"]), claims["sub"], claims["marketplace"], claims["exp"])
