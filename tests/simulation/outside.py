"""What happens outside: banks, the people in Stripe's dashboard, the weather, and the clock beside everybody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from holdfast import money
from local.stripe_simulator.wire import Request
from tests.simulation.cast import Cast, Verb
from tests.simulation.history import Action
from tests.simulation.wiring import SECRET


def bank_says_no(cast: Cast, action: Action) -> str | None:
    """To the newest card of this customer, from now on or so many times."""
    cards = cast.cards(action.what["user"])
    if not cards:
        return None
    rule = {"payment_method": cards[0], "decline_code": action.what["code"], "when": action.what.get("when", "any")}
    if "times" in action.what:
        rule["times"] = action.what["times"]
    return cast.control("cards", rule)


def hold_lapses(cast: Cast, action: Action) -> str | None:
    intent = cast.intent(action.what["booking"])
    return None if intent is None else cast.control(f"payment_intents/{intent}/expire", {})


def dispute(cast: Cast, action: Action) -> str | None:
    intent = cast.intent(action.what["booking"])
    if intent is None:
        return None
    inquiry = bool(action.what.get("inquiry"))
    return cast.control("disputes", {"payment_intent": intent, "inquiry": inquiry})


def decide_dispute(cast: Cast, action: Action) -> str | None:
    booking = cast.booking(action.what["booking"])
    if booking is None or not booking.disputes:
        return None
    return cast.control(f"disputes/{booking.disputes[-1].dispute_id}", {"status": action.what["verdict"]})


def refund_ends(cast: Cast, action: Action) -> str | None:
    booking = cast.booking(action.what["booking"])
    if booking is None or not booking.refunds:
        return None
    return cast.control(f"refunds/{booking.refunds[-1].refund_id}", {"status": action.what["status"]})


def dashboard_captures(cast: Cast, action: Action) -> str | None:
    booking = cast.booking(action.what["booking"])
    if booking is None or booking.hold is None:
        return None
    part = max(1, booking.hold.amount * 3 // 4)
    amount = money.round_down(part, booking.currency)
    return _dashboard(
        cast, action, f"payment_intents/{booking.hold.payment_intent_id}/capture", amount_to_capture=amount
    )


def dashboard_cancels(cast: Cast, action: Action) -> str | None:
    intent = cast.intent(action.what["booking"])
    return None if intent is None else _dashboard(cast, action, f"payment_intents/{intent}/cancel")


def dashboard_refunds(cast: Cast, action: Action) -> str | None:
    booking = cast.booking(action.what["booking"])
    if booking is None or booking.hold is None or booking.refundable <= 0:
        return None
    amount = max(money.minor_step(booking.currency), money.round_down(booking.refundable // 2, booking.currency))
    return _dashboard(cast, action, "refunds", payment_intent=booking.hold.payment_intent_id, amount=amount)


def _dashboard(cast: Cast, action: Action, path: str, **params: Any) -> str:
    headers = {
        "authorization": f"Bearer {SECRET['secret_key']}",
        "idempotency-key": f"dashboard-{action.number}",
        "content-type": "application/x-www-form-urlencoded",
    }
    request = Request("POST", f"/v1/{path}", "", headers, urlencode(params).encode())
    answer = cast.deployment.simulator.handle(request)
    body = json.loads(answer.content)
    return f"{answer.status} {body.get('status') or body.get('error', {}).get('message', '')}"


def spell(cast: Cast, action: Action) -> str | None:
    until = cast.deployment.stage.now + 60 * float(action.what["minutes"])
    cast.weather.begin(action.what["spell"], until)
    return f"for {action.what['minutes']} minutes"


def clock(cast: Cast, action: Action) -> str | None:
    """A sweep just now, and whatever is in the queues, in parallel to whoever else is at it."""
    deployment = cast.deployment
    if action.what.get("sweep", True):
        deployment.sweep()
    for _ in range(3):
        deployment.work("StepsQueue")
    return "swept"


def webhooks(cast: Cast, action: Action) -> str | None:
    """All that Stripe has to say, just now."""
    deployment = cast.deployment
    deployment.postbox.collect()
    waiting, deployment.postbox.letters = deployment.postbox.letters, []
    for letter in waiting:
        deployment.deliver(letter)
    for _ in range(4):
        deployment.work("StripeEventsQueue")
    return f"{len(waiting)} delivered"


VERBS: Final[Mapping[str, Verb]] = MappingProxyType(
    {
        "the bank says no": bank_says_no,
        "the hold lapses": hold_lapses,
        "the customer disputes": dispute,
        "the bank decides the dispute": decide_dispute,
        "the refund ends": refund_ends,
        "the dashboard captures": dashboard_captures,
        "the dashboard cancels": dashboard_cancels,
        "the dashboard refunds": dashboard_refunds,
        "a spell of": spell,
        "the clock sweeps": clock,
        "Stripe tells": webhooks,
    }
)
