"""Verifies bearer tokens: customers' from Privy, staff's from the deployer's OpenID issuer.

The algorithm is the issuer's to choose and never the token's: each issuer has a list of asymmetric algorithms, and a
key only ever verifies with an algorithm that belongs to its type. Time is real time, whatever other functions follow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt

from holdfast.caller import Caller, Role
from holdfast.errors import Forbidden, Unauthenticated
from holdfast.key_set import KeySet
from holdfast.settings import Settings

STAFF_CLAIM: Final = "roles"
STAFF_ROLE: Final = "staff"

# API Gateway passes headers of 10 KB; real tokens are a tenth of that.
_LONGEST_TOKEN: Final = 8192
_LONGEST_SUBJECT: Final = 255
# How far an issuer's clock may be ahead of ours. Expiry gets no such grace.
_LEEWAY_SECONDS: Final = 30
_SMALLEST_RSA_BITS: Final = 2048

CUSTOMER_ALGORITHMS: Final = ("ES256",)
STAFF_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
_KEY_TYPES: Final = {"ES": "EC", "Ed": "OKP", "RS": "RSA", "PS": "RSA"}


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens are accepted, for whom, signed how, and what their bearers are."""

    name: str
    audience: str
    algorithms: Sequence[str]
    role: Role
    keys: KeySet


class TokenVerifier:
    """Turns an Authorization header into a caller. `now` is real time in epoch seconds."""

    def __init__(self, issuers: Sequence[Issuer], *, now: Callable[[], float] = time.time) -> None:
        self._issuers = tuple(issuers)
        self._now = now

    def caller(self, authorization: str | None) -> Caller:
        """Who sent this header. Raises Unauthenticated unless the token holds, Forbidden if its bearer has no role."""
        token = _bearer(authorization)
        header, claims = _unverified(token)
        issuer = self._issuer(claims)
        key = _key(issuer, header)
        try:
            # Times are checked below, by our clock; PyJWT would use its own.
            claims = jwt.decode(
                token,
                key,
                algorithms=[header["alg"]],
                issuer=issuer.name,
                audience=issuer.audience,
                options={
                    "require": ["exp", "iss", "aud", "sub"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _refused("signature, issuer or audience") from error
        expires_at = self._check_times(claims)
        if issuer.role is Role.STAFF and not _is_staff(claims):
            raise Forbidden("The token's bearer is not staff.")
        return Caller(_subject(claims), issuer.role, expires_at)

    def _issuer(self, claims: Mapping[str, Any]) -> Issuer:
        """By the claims as they are: whether they are true, the issuer's key decides."""
        audience = claims.get("aud")
        meant = audience if isinstance(audience, list) else [audience]
        for issuer in self._issuers:
            if claims.get("iss") == issuer.name and issuer.audience in meant:
                return issuer
        raise _refused("issuer or audience")

    def _check_times(self, claims: Mapping[str, Any]) -> int:
        now = self._now()
        expires_at = _instant(claims["exp"])
        if now >= expires_at:
            raise Unauthenticated("The token has expired.")
        for name in ("nbf", "iat"):
            if name in claims and _instant(claims[name]) > now + _LEEWAY_SECONDS:
                raise _refused(name)
        return int(expires_at)


def verifier_of(settings: Settings) -> TokenVerifier:
    """From the environment: Privy always, a staff issuer where one is configured."""
    app_id = settings["PRIVY_APP_ID"]
    privy = Issuer(
        name=settings.get("PRIVY_ISSUER", "privy.io"),
        audience=app_id,
        algorithms=CUSTOMER_ALGORITHMS,
        role=Role.CUSTOMER,
        keys=KeySet(settings.get("PRIVY_JWKS_URL", f"https://auth.privy.io/api/v1/apps/{app_id}/jwks.json")),
    )
    if not settings.get("STAFF_ISSUER"):
        return TokenVerifier([privy])
    staff = Issuer(
        name=settings["STAFF_ISSUER"],
        audience=settings["STAFF_AUDIENCE"],
        algorithms=STAFF_ALGORITHMS,
        role=Role.STAFF,
        keys=KeySet(settings["STAFF_JWKS_URL"]),
    )
    return TokenVerifier([privy, staff])


def _bearer(authorization: str | None) -> str:
    words = (authorization or "").split(" ")
    if len(words) != 2 or words[0].lower() != "bearer":
        raise Unauthenticated("Send one bearer token in the Authorization header.")
    token = words[1]
    if not token.isascii() or len(token) > _LONGEST_TOKEN:
        raise _refused("form")
    return token


def _unverified(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise _refused("form") from error
    return parts["header"], parts["payload"]


def _key(issuer: Issuer, header: Mapping[str, Any]) -> jwt.PyJWK:
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in issuer.algorithms or not isinstance(kid, str):
        raise _refused("algorithm or key id")
    if "crit" in header:  # RFC 7515: what must be understood and is not, is refused
        raise _refused("critical header")
    jwk = issuer.keys.get(kid)
    if jwk is None or not _fits(jwk, algorithm):
        raise _refused("key")
    try:
        key = jwt.PyJWK(dict(jwk), algorithm)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise _refused("key") from error
    if getattr(key.key, "key_size", _SMALLEST_RSA_BITS) < _SMALLEST_RSA_BITS and jwk["kty"] == "RSA":
        raise _refused("key")
    return key


def _fits(jwk: Mapping[str, Any], algorithm: str) -> bool:
    """A key of another type or curve, or declared for another algorithm, is not this token's key."""
    if jwk.get("kty") != _KEY_TYPES[algorithm[:2]] or jwk.get("alg", algorithm) != algorithm:
        return False
    return algorithm not in _CURVES or jwk.get("crv") == _CURVES[algorithm]


def _instant(value: object) -> float:
    # NaN fails the comparison too, and an integer beyond what a float can hold never becomes one.
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= 2**53:
        raise _refused("times")
    return float(value)


def _subject(claims: Mapping[str, Any]) -> str:
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise _refused("subject")
    if not subject.isascii() or not subject.isprintable() or " " in subject:
        raise _refused("subject")
    return subject


def _is_staff(claims: Mapping[str, Any]) -> bool:
    roles = claims.get(STAFF_CLAIM)
    return isinstance(roles, list) and STAFF_ROLE in roles


def _refused(what: str) -> Unauthenticated:
    """The reason is for the log; the caller is only told 401, by API Gateway."""
    return Unauthenticated(f"The token is not valid: {what}.")
