"""The keys of one issuer: the newest signs, all are published, as after a rotation."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm


@dataclass(frozen=True)
class Key:
    private: ec.EllipticCurvePrivateKey
    kid: str

    @classmethod
    def new(cls) -> Key:
        return cls(ec.generate_private_key(ec.SECP256R1()), secrets.token_urlsafe(16))

    def published(self) -> dict[str, Any]:
        public: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(self.private.public_key()))
        return public | {"kid": self.kid, "use": "sig", "alg": "ES256"}


@dataclass
class KeyRing:
    keys: list[Key] = field(default_factory=lambda: [Key.new()])

    @property
    def signing(self) -> Key:
        return self.keys[-1]

    def rotate(self) -> Key:
        self.keys.append(Key.new())
        return self.signing

    def jwks(self) -> dict[str, Any]:
        return {"keys": [key.published() for key in self.keys]}
