"""How `a[b][0]=c` becomes nested parameters, the way Stripe reads them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from local.stripe_simulator.errors import refused

Raw = str | list[Any] | dict[str, Any]
_NAME = re.compile(r"\[([^\[\]]*)\]")


def decode(encoded: str) -> dict[str, Raw]:
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        head, bracket, _ = name.partition("[")
        parts = _NAME.findall(name[len(head) :]) if bracket else []
        if bracket and head + "".join(f"[{part}]" for part in parts) != name:
            raise refused(f"Invalid parameter name: {name}", head)
        _place(tree, [head, *parts], value, head)
    return {name: _as_list(item) for name, item in tree.items()}


def _place(tree: dict[str, Any], parts: list[str], value: str, head: str) -> None:
    for part in parts[:-1]:
        child = tree.setdefault(part or str(len(tree)), {})
        if not isinstance(child, dict):
            raise refused(f"Invalid object: {head}", head)
        tree = child
    last = parts[-1] if parts[-1] or len(parts) == 1 else str(len(tree))
    if isinstance(tree.get(last), dict):
        raise refused(f"Invalid object: {head}", head)
    tree[last] = value


def _as_list(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    children = {name: _as_list(item) for name, item in value.items()}
    if children and all(name.isdigit() for name in children):
        return [children[name] for name in sorted(children, key=int)]
    return children
