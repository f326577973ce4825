"""What a bank says to a payment: by the card's own nature, or as it was told to."""

from __future__ import annotations

from local.stripe_simulator import cards
from local.stripe_simulator.resources import authentication, payment_methods
from local.stripe_simulator.wire import Body
from local.stripe_simulator.world import World

TABLE = "card_rule"
AUTHENTICATION = cards.AUTHENTICATION_REQUIRED.decline_code
ADVICE = ("advice_code", "network_decline_code", "network_advice_code")


def asks(world: World, intent: Body, method: Body) -> bool:
    """Whether the cardholder must authenticate before the bank decides. A rule that says so has spoken once more."""
    off_session: bool = intent["_off_session"]
    rule = _rule(world, method, off_session=off_session)
    if rule is not None and rule["decline_code"] == AUTHENTICATION:
        _spoken(world, rule)
        return True
    if off_session and rule is not None:
        # Nobody is there to be asked: the bank was told what to answer.
        return False
    wanted = not off_session and intent["_authentication_wanted_of"] == method["id"]
    return wanted or authentication.is_needed(payment_methods.behaviour(method), method, off_session=off_session)


def verdict(world: World, intent: Body, method: Body) -> cards.Decline | None:
    """Why the bank declines, or nothing."""
    rule = _rule(world, method, off_session=intent["_off_session"])
    if rule is None:
        return payment_methods.behaviour(method).decline
    if rule["decline_code"] == AUTHENTICATION:
        return None
    _spoken(world, rule)
    if rule["decline_code"] is None:
        return None
    return cards.decline_of(rule["decline_code"], **{name: rule[name] for name in ADVICE})


def _rule(world: World, method: Body, *, off_session: bool) -> Body | None:
    rule = world.store.get(TABLE, method["id"])
    if rule is None or (rule["times"] and rule["hits"] >= rule["times"]):
        return None
    if rule["when"] not in {"any", "off_session" if off_session else "on_session"}:
        return None
    now = world.clock.now()
    begun = rule["from"] is None or rule["from"] <= now
    return rule if begun and (rule["until"] is None or now < rule["until"]) else None


def _spoken(world: World, rule: Body) -> None:
    world.store.edit(TABLE, rule["payment_method"])["hits"] += 1
