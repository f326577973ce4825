"""What a token says, right or wrong."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

import jwt

from local.token_issuer.keys import Key, KeyRing

PRIVY_ISSUER = "privy.io"
# The deployment into the local cloud tells the authorizer the same.
PRIVY_APP_ID = "holdfast-local-app"
STAFF_AUDIENCE = "holdfast-local-staff"
_AN_HOUR = 3600
_KNOWN = {"sub", "roles", "expires_in", "aud", "iss", "kid", "alg", "signing_key", "nbf", "iat", "claims"}


class BadRequest(ValueError):
    """The request for a token makes no sense."""


def customer_token(asked: Mapping[str, Any], keys: KeyRing, app_id: str) -> str:
    """As Privy's access tokens: the user's DID, the app, and a session."""
    subject = str(asked["sub"])
    if not subject.startswith("did:"):
        subject = f"did:privy:{subject}"
    claims = {"iss": PRIVY_ISSUER, "aud": app_id, "sub": subject, "sid": secrets.token_hex(12)}
    return _signed(claims, asked, keys)


def staff_token(asked: Mapping[str, Any], keys: KeyRing, issuer: str, audience: str) -> str:
    claims = {"iss": issuer, "aud": audience, "sub": str(asked["sub"]), "roles": asked["roles"]}
    return _signed(claims, asked, keys)


def check(asked: Mapping[str, Any]) -> None:
    unknown = set(asked) - _KNOWN
    if unknown:
        raise BadRequest(f"unknown: {', '.join(sorted(unknown))}")
    if not isinstance(asked.get("sub"), str):
        raise BadRequest("sub must be a text")
    if "roles" in asked and not isinstance(asked["roles"], list):
        raise BadRequest("roles must be a list")


def _signed(claims: dict[str, Any], asked: Mapping[str, Any], keys: KeyRing) -> str:
    now = int(time.time())
    claims |= {"iat": asked.get("iat", now), "exp": now + int(asked.get("expires_in", _AN_HOUR))}
    claims |= {name: asked[name] for name in ("aud", "iss", "nbf") if name in asked}
    claims |= asked.get("claims", {})
    claims = {name: value for name, value in claims.items() if value is not None}
    # "unknown" signs with a key that nobody published, under the name of one that is.
    key = Key.new() if asked.get("signing_key") == "unknown" else keys.signing
    algorithm = str(asked.get("alg", "ES256"))
    headers = {"kid": str(asked.get("kid", keys.signing.kid))}
    if algorithm == "none":
        return jwt.encode(claims, "", algorithm="none", headers=headers)
    if algorithm.startswith("HS"):
        # The classic confusion: a symmetric signature made with a public text.
        return jwt.encode(claims, keys.signing.kid.ljust(64, "0"), algorithm=algorithm, headers=headers)
    if algorithm != "ES256":
        raise BadRequest(f"alg {algorithm} is not made here")
    return jwt.encode(claims, key.private, algorithm="ES256", headers=headers)
