"""REST authorizer: who bears this token. Allows the whole stage, because API Gateway caches the answer across methods.

What the caller may do is decided in the functions, by the role that is handed on. No AWS client, no Stripe and no
pydantic are imported here: every cold request waits for this function first.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from holdfast import telemetry
from holdfast.errors import Forbidden, Unauthenticated
from holdfast.settings import Settings
from holdfast.tokens import TokenVerifier, verifier_of


@cache
def verifier() -> TokenVerifier:
    return verifier_of(Settings())


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway answers 401 to the exception "Unauthorized", 403 to Deny, and 500 to anything else that is raised."""
    with telemetry.request("authorize", context):
        try:
            caller = verifier().caller(event.get("authorizationToken"))
        except Unauthenticated as refused:
            telemetry.annotate(outcome="unauthenticated", reason=refused.detail)
        except Forbidden as refused:
            telemetry.annotate(outcome="forbidden", reason=refused.detail)
            return _policy("nobody", "Deny", event["methodArn"], {})
        else:
            telemetry.annotate(outcome="allowed", role=caller.role.value, subject=caller.subject)
            facts = {"subject": caller.subject, "role": caller.role.value, "expires_at": str(caller.expires_at)}
            return _policy(caller.subject, "Allow", event["methodArn"], facts)
    raise Exception("Unauthorized")


def _policy(principal: str, effect: str, method_arn: str, context: dict[str, str]) -> dict[str, Any]:
    stage = "/".join(method_arn.split("/")[:2])
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": f"{stage}/*"}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }
