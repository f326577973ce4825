"""How a webhook proves that it comes from here."""

from __future__ import annotations

import hashlib
import hmac
import time


def signature(payload: bytes, secrets: list[str], moment: int | None = None) -> str:
    """At real time, whatever the simulator's clock says: receivers compare it with their own. `moment` is for those who
    have another.
    """
    moment = int(time.time()) if moment is None else moment
    signed = f"{moment}.".encode() + payload
    values = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={moment}", *(f"v1={value}" for value in values)])
