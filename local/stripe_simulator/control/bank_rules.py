"""Controls over banks: what a card does from now on, for a while, or so many times."""

from __future__ import annotations

import re
from typing import Any

from local.stripe_simulator.clock import from_iso, iso
from local.stripe_simulator.control.input import ControlRefused, fields
from local.stripe_simulator.resources.banks import ADVICE, TABLE
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

_TEXT_OR_NULL = (str, type(None))
_KNOWN: dict[str, type | tuple[type, ...]] = {
    "payment_method": str,
    "decline_code": _TEXT_OR_NULL,
    "times": int,
    "when": str,
    "from": _TEXT_OR_NULL,
    "until": _TEXT_OR_NULL,
    **dict.fromkeys(ADVICE, _TEXT_OR_NULL),
}
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ADVICE_CODES = {None, "try_again_later", "do_not_try_again", "confirm_card_data"}
_WHEN = ("any", "off_session", "on_session")


def tell(world: World, body: Any) -> Body:
    """One rule per payment method; a new one takes the place of the old."""
    given = fields(body, _KNOWN, ("payment_method", "decline_code"))
    if world.store.get("payment_method", given["payment_method"]) is None:
        raise ControlRefused(f"no such payment method: {given['payment_method']}")
    if given["decline_code"] is not None and not _WORD.fullmatch(given["decline_code"]):
        raise ControlRefused("decline_code is a word like insufficient_funds, or null")
    if given.get("when", "any") not in _WHEN:
        raise ControlRefused(f"when is one of {', '.join(_WHEN)}")
    if given.get("times", 0) < 0:
        raise ControlRefused("times starts at 0, which is: until told otherwise")
    if given.get("advice_code") not in _ADVICE_CODES:
        raise ControlRefused("advice_code is try_again_later, do_not_try_again or confirm_card_data")
    begin, end = (from_iso(given[name]) if given.get(name) else None for name in ("from", "until"))
    if begin is not None and end is not None and end <= begin:
        raise ControlRefused("until comes after from")
    rule = {
        "payment_method": given["payment_method"],
        "decline_code": given["decline_code"],
        "times": given.get("times", 0),
        "when": given.get("when", "any"),
        "from": begin,
        "until": end,
        **{name: given.get(name) for name in ADVICE},
        "hits": 0,
    }
    return _shown(world.store.insert(TABLE, given["payment_method"], rule))


def all_rules(world: World, _: Any) -> Body:
    return {"cards": [_shown(rule) for rule in world.store.rows(TABLE).values()]}


def forget(world: World, _: Any, *payment_methods: str) -> Body:
    """Back to the card's own nature: one, or all."""
    known = list(world.store.rows(TABLE))
    for id in payment_methods:
        if id not in known:
            raise ControlRefused(f"there is no rule for {id}")
    for id in payment_methods or known:
        world.store.delete(TABLE, id)
    return {"deleted": len(payment_methods or known)}


def _shown(rule: Body) -> Body:
    moments = {name: None if rule[name] is None else iso(rule[name]) for name in ("from", "until")}
    return {**rule, **moments}
