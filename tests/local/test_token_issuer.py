"""The local token issuer: its right tokens verify against its keys, and each wrong one is wrong in one way."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from werkzeug.test import Client

from local.token_issuer.application import Issuer

APP_ID = "app-1"
STAFF = "http://localhost/staff"


@pytest.fixture
def issuer() -> Client:
    return Client(Issuer(APP_ID, "holdfast-staff"))


def read(issuer: Client, path: str) -> Any:
    return issuer.get(path).json


def token(issuer: Client, **asked: Any) -> str:
    answer = issuer.post("/token", json={"sub": "alice"} | asked)
    assert answer.status_code == 200, answer.text
    answered: Any = answer.json
    return str(answered["token"])


def claims(issuer: Client, bearer: str, *, staff: bool = False) -> dict[str, Any]:
    published = read(issuer, f"{'/staff' if staff else ''}/.well-known/jwks.json")
    key = jwt.PyJWKSet.from_dict(published)[jwt.get_unverified_header(bearer)["kid"]]
    audience, name = ("holdfast-staff", STAFF) if staff else (APP_ID, "privy.io")
    return jwt.decode(bearer, key, algorithms=["ES256"], audience=audience, issuer=name)


def test_a_customers_token_is_shaped_like_privys(issuer):
    found = claims(issuer, token(issuer, expires_in=60))

    assert found["sub"] == "did:privy:alice"
    assert found["exp"] - time.time() <= 60
    assert "roles" not in found
    assert found["sid"]


def test_a_staff_token_has_roles_and_an_issuer_of_its_own(issuer):
    bearer = token(issuer, sub="sam", roles=["staff"])
    found = claims(issuer, bearer, staff=True)

    assert (found["sub"], found["roles"], found["iss"]) == ("sam", ["staff"], STAFF)
    assert read(issuer, "/staff/.well-known/openid-configuration")["jwks_uri"] == f"{STAFF}/.well-known/jwks.json"
    with pytest.raises(KeyError):
        claims(issuer, bearer)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"expires_in": -10}, jwt.ExpiredSignatureError),
        ({"nbf": 4_000_000_000}, jwt.ImmatureSignatureError),
        ({"aud": "another-app"}, jwt.InvalidAudienceError),
        ({"iss": "someone-else"}, jwt.InvalidIssuerError),
        ({"signing_key": "unknown"}, jwt.InvalidSignatureError),
        ({"alg": "HS256"}, jwt.InvalidAlgorithmError),
        ({"alg": "none"}, jwt.InvalidAlgorithmError),
        ({"kid": "never-published"}, KeyError),
        ({"claims": {"exp": None}, "aud": None}, jwt.MissingRequiredClaimError),
    ],
    ids=str,
)
def test_a_wrong_token_is_wrong_in_the_way_that_was_asked_for(issuer, asked, error):
    with pytest.raises(error):
        claims(issuer, token(issuer, **asked))


def test_after_a_rotation_old_tokens_still_verify_and_new_ones_have_another_key(issuer):
    old = token(issuer)
    rotated = issuer.post("/rotate").json
    new = token(issuer)

    assert claims(issuer, old)["sub"] == claims(issuer, new)["sub"]
    assert jwt.get_unverified_header(new)["kid"] == rotated["customers"] != jwt.get_unverified_header(old)["kid"]


@pytest.mark.parametrize("asked", [{}, {"sub": 5}, {"sub": "x", "role": "staff"}, {"sub": "x", "roles": "staff"}, []])
def test_a_request_that_makes_no_sense_is_refused(issuer, asked):
    assert issuer.post("/token", json=asked).status_code == 400


def test_no_private_part_of_a_key_is_published(issuer):
    for path in ("/.well-known/jwks.json", "/staff/.well-known/jwks.json"):
        for key in read(issuer, path)["keys"]:
            assert "d" not in key
