"""Tokens: what is accepted, everything that is not, and how rarely keys are fetched."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib.util
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from holdfast.caller import Caller, Role
from holdfast.errors import Forbidden, Unauthenticated
from holdfast.key_set import BETWEEN_FETCHES_SECONDS, KEEP_SECONDS, KeySet, KeysUnavailable
from holdfast.key_set import fetch as fetch_over_http
from holdfast.settings import Settings
from holdfast.tokens import CUSTOMER_ALGORITHMS, STAFF_ALGORITHMS, Issuer, TokenVerifier, verifier_of

ROOT = Path(__file__).parents[2]
NOW = 1_800_000_000
P256 = ec.generate_private_key(ec.SECP256R1())
OTHER_P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SMALL_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
ED = ed25519.Ed25519PrivateKey.generate()


def jwk(key, kid, **more):
    kinds = {ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm, rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm}
    algorithm: Any = next(
        (found for kind, found in kinds.items() if isinstance(key, kind)), jwt.algorithms.OKPAlgorithm
    )
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"} | more


class Keys:
    """A JWKS endpoint that counts how often it is asked."""

    def __init__(self, *keys) -> None:
        self.document = json.dumps({"keys": keys}).encode()
        self.asked = 0
        self.down = False

    def __call__(self, url: str) -> bytes:
        self.asked += 1
        if self.down:
            raise OSError("unreachable")
        return self.document


PRIVY_KEYS = Keys(
    jwk(P256, "k1"), jwk(P256, "half") | {"y": None}, jwk(P384, "k384"), jwk(P384, "lies", alg="ES256"), jwk(RSA, "rsa")
)
STAFF_KEYS = Keys(
    jwk(RSA, "r1"),
    jwk(P256, "e1"),
    jwk(ED, "ed"),
    jwk(SMALL_RSA, "small"),
    {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"},
)


def verifier(privy=PRIVY_KEYS, staff=STAFF_KEYS, now=NOW) -> TokenVerifier:
    return TokenVerifier(
        [
            Issuer("privy.io", "app-1", CUSTOMER_ALGORITHMS, Role.CUSTOMER, KeySet("https://privy/jwks", fetch=privy)),
            Issuer("https://staff", "desk", STAFF_ALGORITHMS, Role.STAFF, KeySet("https://staff/jwks", fetch=staff)),
        ],
        now=lambda: now,
    )


CLAIMS = {"iss": "privy.io", "aud": "app-1", "sub": "did:privy:alice", "exp": NOW + 60, "iat": NOW, "sid": "s"}
STAFF = {"iss": "https://staff", "aud": ["desk", "more"], "sub": "sam", "exp": NOW + 60, "roles": ["staff", "x"]}


def sign(claims, key=P256, algorithm="ES256", kid="k1", **headers):
    return jwt.encode(claims, key, algorithm, headers={"kid": kid} | headers)


def without(name):
    return {each: value for each, value in CLAIMS.items() if each != name}


def test_a_customers_token_names_the_customer():
    assert verifier().caller("Bearer " + sign(CLAIMS)) == Caller("did:privy:alice", Role.CUSTOMER, NOW + 60)


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [(RSA, "RS256", "r1"), (RSA, "PS512", "r1"), (P256, "ES256", "e1"), (ED, "EdDSA", "ed")],
)
def test_a_staff_token_may_be_signed_in_any_asymmetric_way(key, algorithm, kid):
    token = sign(STAFF, key, algorithm, kid)

    assert verifier().caller(f"bearer {token}") == Caller("sam", Role.STAFF, NOW + 60)


@pytest.mark.parametrize(
    "claims",
    [
        CLAIMS | {"exp": NOW},
        CLAIMS | {"exp": NOW - 86400},
        CLAIMS | {"exp": str(NOW + 60)},
        CLAIMS | {"exp": True},
        CLAIMS | {"exp": 10**400},
        CLAIMS | {"exp": None},
        CLAIMS | {"iat": NOW + 31},
        CLAIMS | {"nbf": NOW + 31},
        CLAIMS | {"nbf": "soon"},
        CLAIMS | {"iss": "evil.io"},
        CLAIMS | {"iss": "https://staff"},
        CLAIMS | {"iss": ["privy.io"]},
        CLAIMS | {"aud": "app-2"},
        CLAIMS | {"aud": ["app-2"]},
        CLAIMS | {"aud": None},
        CLAIMS | {"aud": {"app-1": 1}},
        CLAIMS | {"sub": ""},
        CLAIMS | {"sub": 5},
        CLAIMS | {"sub": "a b"},
        CLAIMS | {"sub": "a\nb"},
        CLAIMS | {"sub": "x" * 256},
        without("exp"),
        without("iss"),
        without("aud"),
        without("sub"),
    ],
    ids=repr,
)
def test_claims_that_do_not_hold_are_401(claims):
    with pytest.raises(Unauthenticated):
        verifier().caller("Bearer " + _sign_anything(claims))


def _sign_anything(claims, header=None, key=P256):
    """PyJWT refuses to make some of these; an attacker does not."""
    head = {"alg": "ES256", "kid": "k1", "typ": "JWT"} | (header or {})
    signed = ".".join(_b64(json.dumps(part).encode()) for part in (head, claims))
    signature = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).sign(signed.encode(), key)
    return f"{signed}.{_b64(signature)}"


def _sign_small():
    signed = ".".join(_b64(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "small"}, STAFF))
    return f"{signed}.{_b64(SMALL_RSA.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_small_differences_between_clocks_are_forgiven_but_not_for_expiry():
    verifier().caller("Bearer " + sign(CLAIMS | {"iat": NOW + 29, "nbf": NOW + 29}))


@pytest.mark.parametrize(
    "token",
    [
        sign(CLAIMS, OTHER_P256),
        sign(CLAIMS, P384, "ES384", "k384"),
        _sign_anything(CLAIMS, {"kid": "lies"}),
        sign(CLAIMS, RSA, "RS256", "rsa"),
        sign(CLAIMS, kid="unknown"),
        sign(CLAIMS, kid="half"),
        _sign_anything(CLAIMS, {"crit": ["b64"], "b64": True}),
        sign(STAFF, RSA, "RS256", "e1"),
        _sign_anything(CLAIMS, {"kid": None}),
        _sign_anything(CLAIMS, {"kid": 5}),
        _sign_anything(CLAIMS, {"crit": ["exp"]}),
        _sign_anything(CLAIMS, {"alg": "none"}),
        _sign_anything(CLAIMS, {"alg": "None"}),
        _sign_anything(CLAIMS, {"alg": ["ES256"]}),
        _sign_anything(CLAIMS, {"alg": "RS256"}),
        _sign_anything(CLAIMS, {"jwk": jwk(OTHER_P256, "k1")}, key=OTHER_P256),
        jwt.encode(CLAIMS, "", "none", headers={"kid": "k1"}),
        sign(CLAIMS, "a shared secret of more than 32 bytes", "HS256"),
        sign(CLAIMS)[:-4] + "AAAA",
        sign(CLAIMS).rsplit(".", 1)[0] + ".",
        sign(CLAIMS) + ".x",
        sign(CLAIMS | {"pad": "x" * 9000}),
        _sign_small(),
        sign(STAFF, "secret" * 10, "HS256", "oct"),
        "not-a-token",
        "a.b.c",
        "..",
        "\u00e9.\u00e9.\u00e9",
        "",
    ],
)  # fmt: skip
def test_tokens_that_nobody_trusted_signed_are_401(token):
    with pytest.raises(Unauthenticated):
        verifier().caller(f"Bearer {token}")


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
def test_a_public_key_is_no_shared_secret(algorithm):
    public = P256.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (public, json.dumps(jwk(P256, "k1")).encode()):
        signed = ".".join(_b64(json.dumps(part).encode()) for part in ({"alg": algorithm, "kid": "k1"}, CLAIMS))
        forged = f"{signed}.{_b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"

        with pytest.raises(Unauthenticated):
            verifier().caller(f"Bearer {forged}")


@pytest.mark.parametrize(
    "template",
    [
        None,
        "",
        "{}",
        "Bearer",
        "Bearer ",
        "Basic {}",
        "Bearer  {}",
        "Bearer Bearer {}",
        "Bearer {} {}",
        "Bearer {},{}",
        " Bearer {}",
        "Bearer {}\n",
    ],
)
def test_a_header_that_is_not_one_bearer_token_is_401(template):
    with pytest.raises(Unauthenticated):
        verifier().caller(template and template.format(*[sign(CLAIMS)] * 2))


@pytest.mark.parametrize("roles", [None, [], ["admin"], "staff", {"staff": 1}, ["STAFF"], [["staff"]]])
def test_a_bearer_from_the_staff_issuer_without_the_role_is_forbidden(roles):
    with pytest.raises(Forbidden):
        verifier().caller("Bearer " + sign(STAFF | {"roles": roles}, RSA, "RS256", "r1"))


def test_a_customer_cannot_claim_to_be_staff():
    assert verifier().caller("Bearer " + sign(CLAIMS | {"roles": ["staff"]})).role is Role.CUSTOMER


@given(st.text())
def test_no_header_is_anything_but_401(header):
    for sent in (header, f"Bearer {header}"):
        with pytest.raises(Unauthenticated):
            verifier().caller(sent)


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=4)


@given(
    st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64"]), json_values),
    st.dictionaries(st.sampled_from(["iss", "aud", "sub", "exp", "nbf", "iat", "jti"]), json_values),
)
def test_no_signed_nonsense_is_anything_but_a_caller_or_401(header, claims):
    try:
        verifier().caller("Bearer " + _sign_anything(CLAIMS | claims, header))
    except Unauthenticated:
        return


# Keys


class Stopwatch:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_keys_are_fetched_once_and_kept_for_an_hour():
    keys, clock = Keys(jwk(P256, "k1")), Stopwatch()
    key_set = KeySet("https://issuer", fetch=keys, monotonic=clock)
    for _ in range(5):
        assert key_set.get("k1")
        clock.time += KEEP_SECONDS / 5 - 1
    assert keys.asked == 1
    clock.time += 10
    assert key_set.get("k1")
    assert keys.asked == 2


def test_an_unknown_key_fetches_again_but_not_within_five_minutes():
    keys, clock = Keys(jwk(P256, "k1")), Stopwatch()
    key_set = KeySet("https://issuer", fetch=keys, monotonic=clock)
    key_set.get("k1")
    for guess in range(100):
        assert key_set.get(f"guess-{guess}") is None
    assert keys.asked == 1

    keys.document = Keys(jwk(P256, "k2")).document
    clock.time += BETWEEN_FETCHES_SECONDS
    assert key_set.get("k2")
    assert key_set.get("k1") is None
    assert keys.asked == 2


def test_when_the_issuer_is_down_known_keys_go_on_being_used():
    keys, clock = Keys(jwk(P256, "k1")), Stopwatch()
    key_set = KeySet("https://issuer", fetch=keys, monotonic=clock)
    key_set.get("k1")
    keys.down = True
    clock.time += 10 * KEEP_SECONDS

    assert key_set.get("k1")
    assert key_set.get("k1")
    assert keys.asked == 2


@pytest.mark.parametrize("document", [b"", b"{}", b"[]", b'{"keys": []}', b'{"keys": [5]}', b"\xff", b"[" * 100_000])
def test_an_answer_that_is_no_key_set_changes_nothing(document):
    keys, clock = Keys(jwk(P256, "k1")), Stopwatch()
    key_set = KeySet("https://issuer", fetch=keys, monotonic=clock)
    key_set.get("k1")
    keys.document = document
    clock.time += KEEP_SECONDS

    assert key_set.get("k1")


def test_without_any_keys_nobody_is_called_unauthenticated():
    keys, clock = Keys(jwk(P256, "k1")), Stopwatch()
    keys.down = True
    key_set = KeySet("https://issuer", fetch=keys, monotonic=clock)
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            key_set.get("k1")
    assert keys.asked == 1

    keys.down = False
    clock.time += 5
    assert key_set.get("k1")


def test_many_threads_fetch_once():
    keys = Keys(jwk(P256, "k1"))
    key_set = KeySet("https://issuer", fetch=keys)
    threads = [threading.Thread(target=key_set.get, args=("k1",)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert keys.asked == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/jwks",
        "http://localhost.example.com",
        "http://127.0.0.1.evil.io",
        "file:///etc/passwd",
        "ftp://x",
        "",
    ],
)
def test_keys_are_not_fetched_where_they_could_be_exchanged_on_the_way(url):
    with pytest.raises(ValueError, match="https"):
        KeySet(url)


@pytest.fixture
def server():
    """Serves a key set at /jwks, a redirect to it at /moved, and far too much at /large."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/jwks")
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(PRIVY_KEYS.document + (b" " * 300_000 if self.path == "/large" else b""))

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_address[1]}"
    running.shutdown()
    running.server_close()


def test_keys_come_over_http_from_this_machine_without_redirects_and_within_bounds(server):
    assert fetch_over_http(f"{server}/jwks") == PRIVY_KEYS.document
    with pytest.raises(HTTPError, match="302") as moved:
        fetch_over_http(f"{server}/moved")
    assert moved.value.closed
    with pytest.raises(ValueError, match="large"):
        fetch_over_http(f"{server}/large")


# The authorizer

ARN = "arn:aws:execute-api:eu-central-1:123456789012:abc123/v1/POST/holds"


@pytest.fixture
def authorizer(server, monkeypatch):
    for name, value in {
        "PRIVY_APP_ID": "app-1",
        "PRIVY_JWKS_URL": f"{server}/jwks",
        "STAFF_ISSUER": "https://staff",
        "STAFF_AUDIENCE": "desk",
        "STAFF_JWKS_URL": f"{server}/jwks",
    }.items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("authorizer", ROOT / "functions/authorize_caller/handler.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda token: module.handler({"type": "TOKEN", "authorizationToken": token, "methodArn": ARN}, None)


def live(**claims):
    return CLAIMS | {"exp": 4_000_000_000, "iat": 1_700_000_000} | claims


def test_the_authorizer_allows_the_whole_stage_and_hands_the_caller_on(authorizer):
    answer = authorizer("Bearer " + sign(live()))

    (statement,) = answer["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == "arn:aws:execute-api:eu-central-1:123456789012:abc123/v1/*"
    assert answer["context"] == {"subject": "did:privy:alice", "role": "customer", "expires_at": "4000000000"}


@pytest.mark.parametrize("token", [None, "", "Bearer x", "Bearer " + sign(CLAIMS, OTHER_P256)])
def test_the_authorizer_says_unauthorized_in_api_gateways_words(authorizer, token):
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorizer(token)


def test_the_authorizer_denies_who_is_known_and_has_no_role(authorizer):
    staff = live(iss="https://staff", aud="desk", roles=["cook"])

    answer = authorizer("Bearer " + sign(staff))

    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"


def test_without_a_staff_issuer_only_customers_are_known():
    only_privy = verifier_of(Settings({"PRIVY_APP_ID": "app-1"}))

    with pytest.raises(Unauthenticated):
        only_privy.caller("Bearer " + sign(STAFF, RSA, "RS256", "r1"))


def test_the_authorizer_imports_nothing_heavy():
    code = (
        "import sys, runpy; sys.path.insert(0, 'layers/holdfast');"
        "runpy.run_path('functions/authorize_caller/handler.py');"
        "heavy = ('boto3', 'botocore.session', 'stripe', 'pydantic', 'aws_xray_sdk');"
        "print([name for name in heavy if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "[]"
