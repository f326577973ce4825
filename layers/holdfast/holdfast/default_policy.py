"""The deployment's default policy, as its parameter says it."""

from __future__ import annotations

import json

from holdfast.errors import InvalidRequest, RuleRefused
from holdfast.policy import DEFAULT, Policy, resolve


class DefaultPolicyRefused(RuntimeError):
    """The default cannot be used: whoever deployed it has to mend it, not whoever puts an event."""

    def __init__(self, why: str) -> None:
        super().__init__(f"DEFAULT_POLICY (the template's DefaultPolicy) is refused: {why}")


def default_policy(text: str) -> Policy:
    """The policy that the text makes of the built-in one. Raises DefaultPolicyRefused, which names every fault."""
    try:
        partial = json.loads(text)
    except ValueError as broken:
        raise DefaultPolicyRefused(f"it is not JSON ({broken})") from broken
    if not isinstance(partial, dict):
        raise DefaultPolicyRefused("it is not a JSON object")
    try:
        return resolve(partial, DEFAULT)
    except (InvalidRequest, RuleRefused) as refused:
        faults = [f"{fault.pointer.removeprefix('/policy')}: {fault.detail}" for fault in refused.errors]
        raise DefaultPolicyRefused(" ".join(faults)) from refused
