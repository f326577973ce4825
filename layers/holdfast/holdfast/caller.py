"""Who calls: what the authorizer found out, read and checked again in the function.

API Gateway caches the authorizer's answer across methods, so that role and expiry cannot be left to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from holdfast.errors import Forbidden, Unauthenticated


class Role(StrEnum):
    CUSTOMER = "customer"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Caller:
    """`subject` is the token's `sub`: a user's DID, or whatever names a member of staff at their issuer."""

    subject: str
    role: Role
    expires_at: int  # epoch seconds, real time

    @property
    def is_staff(self) -> bool:
        return self.role is Role.STAFF

    @property
    def actor(self) -> str:
        """How the log names the caller; the role keeps two issuers' subjects apart."""
        return f"{self.role}:{self.subject}"


def caller_of(event: Mapping[str, Any], *, real_time: float) -> Caller:
    """The caller in a proxy event's authorizer context. Raises Unauthenticated if none, or expired."""
    context = (event.get("requestContext") or {}).get("authorizer") or {}
    try:
        subject, role, expires_at = context["subject"], Role(context["role"]), int(context["expires_at"])
    except (KeyError, TypeError, ValueError):
        raise Unauthenticated("A valid bearer token is needed.") from None
    if not isinstance(subject, str) or not subject:
        raise Unauthenticated("A valid bearer token is needed.")
    if real_time >= expires_at:
        raise Unauthenticated("The token has expired.")
    return Caller(subject, role, expires_at)


def admit(caller: Caller, roles: frozenset[Role]) -> None:
    """Raises Forbidden unless the caller's role is one of `roles`."""
    if caller.role not in roles:
        raise Forbidden("This is not for callers of your kind.")
