"""Every flow in which Stripe has something to say: what comes before it, and what then happens, here and at Stripe.

No webhook arrives by itself in them. `point` is called wherever one could: after each thing that somebody did, and (by
whoever plays the flow) in the middle of our own requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from holdfast.booking import Booking
from local.stripe_simulator.wire import Request
from tests.simulation.deployment import Deployment
from tests.simulation.places import put_event
from tests.simulation.wiring import SECRET
from tests.world import Answer, wire

DAY: Final = timedelta(days=1)


@dataclass
class Life:
    """One booking of one customer's, in a deployment of its own."""

    deployment: Deployment
    booking_id: str = ""
    point: Callable[[], None] = lambda: None
    asked: int = 0

    # --- doors

    def call(self, function: str, method: str, resource: str, **how: Any) -> Answer:
        self.asked += 1
        answer = self.deployment.call(function, method, resource, **how)
        assert answer is not None
        assert answer.status < 300, (function, answer.body)
        self.point()
        return answer

    def event(self, starts_in: timedelta = 3 * DAY, lasts: timedelta = timedelta(hours=2), **more: Any) -> None:
        starts = self.deployment.now() + starts_in
        put_event(self.deployment, "yoga", starts, ends_at=wire(starts + lasts), **more)

    def card(self, card: str = "pm_card_visa") -> None:
        body = {"payment_method_id": card}
        self.call("attach_payment_method", "POST", "/payment-methods", user="alice", body=body)

    def book(self) -> None:
        answer = self.call("place_hold", "POST", "/holds", user="alice", key="book", body={"event_id": "yoga"})
        self.booking_id = str(answer.body["booking_id"])

    def on(self, function: str, verb: str, body: Any = None, **who: str) -> Answer:
        resource = f"/bookings/{{booking_id}}/{verb}"
        return self.call(
            function, "POST", resource, key=f"k{self.asked}", body=body, booking_id=self.booking_id, **(who or STAFF)
        )

    def complete(self, amount: int | None = None) -> None:
        self.on("complete_booking", "complete", None if amount is None else {"amount": amount})

    def refund(self, amount: int) -> str:
        body = {"booking_id": self.booking_id, "amount": amount, "reason": "goodwill"}
        return str(
            self.call("create_refund", "POST", "/refunds", key=f"k{self.asked}", body=body, **STAFF).body["refund_id"]
        )

    def confirm(self) -> None:
        resource = "/holds/{booking_id}/confirm"
        self.call("confirm_hold", "POST", resource, user="alice", key="c", body={}, booking_id=self.booking_id)

    # --- outside

    def at_stripe(self, path: str, **body: Any) -> Any:
        """The bank, the phone, or time at Stripe."""
        answer = self.deployment.simulator.control("POST", f"/_simulator/{path}", body)
        self.point()
        return answer

    def dashboard(self, path: str, **params: Any) -> Any:
        self.asked += 1
        headers = {
            "authorization": f"Bearer {SECRET['secret_key']}",
            "idempotency-key": f"dashboard-{self.asked}",
            "content-type": "application/x-www-form-urlencoded",
        }
        request = Request("POST", f"/v1/{path}", "", headers, urlencode(params).encode())
        answer = self.deployment.simulator.handle(request)
        assert answer.status == 200, answer.content
        self.point()
        return json.loads(answer.content)

    def wait(self, span: timedelta) -> None:
        self.deployment.pass_time(self.deployment.stage.now + span.total_seconds())
        self.point()

    # --- looking

    @property
    def booking(self) -> Booking:
        return self.deployment.booking(self.booking_id)

    @property
    def intent(self) -> str:
        hold = self.booking.hold
        assert hold is not None
        return hold.payment_intent_id

    @property
    def setup(self) -> str:
        card = self.booking.new_card
        assert card is not None
        assert card.setup_intent_id is not None
        return card.setup_intent_id

    @property
    def dispute(self) -> str:
        (dispute,) = self.deployment.simulator.store.rows("dispute")
        return dispute


STAFF: Final = {"staff": "sam"}
ASKS_FOR_3DS, SETTLES_LATER = "pm_card_authenticationRequired", "pm_card_pendingRefund"
DISPUTES, INQUIRES = "pm_card_createDispute", "pm_card_createDisputeInquiry"


@dataclass(frozen=True)
class Flow:
    before: Callable[[Life], None]
    act: Callable[[Life], None]
    ends: Mapping[str, Any] = field(default_factory=dict)
    """What the booking must say in the end."""


# --- before -----------------------------------------------------------------------------------------------------------


def _with_card(card: str = "pm_card_visa", **event: Any) -> Callable[[Life], None]:
    def before(life: Life) -> None:
        life.event(**event)
        life.card(card)

    return before


def _held(card: str = "pm_card_visa", **event: Any) -> Callable[[Life], None]:
    def before(life: Life) -> None:
        _with_card(card, **event)(life)
        life.book()

    return before


def _captured(card: str = "pm_card_visa") -> Callable[[Life], None]:
    def before(life: Life) -> None:
        _held(card)(life)
        life.complete()

    return before


def _late(life: Life) -> None:
    _held(starts_in=2 * DAY)(life)
    life.wait(timedelta(hours=40))


# --- what happens -----------------------------------------------------------------------------------------------------


def _book(life: Life) -> None:
    life.book()


def _authenticated(outcome: str, *, tells: bool) -> Callable[[Life], None]:
    """On the phone; `tells`: the app asks us afterwards, or leaves it to the webhook."""

    def act(life: Life) -> None:
        life.book()
        life.at_stripe(f"payment_intents/{life.intent}/authenticate", outcome=outcome)
        if tells:
            life.confirm()

    return act


def _saved_with_3ds(life: Life) -> None:
    life.book()
    life.at_stripe(f"setup_intents/{life.setup}/authenticate", outcome="succeeded")


def _saved_and_held(life: Life) -> None:
    """Booked forty days ahead: the clock places the hold when it is time."""
    life.book()
    life.wait(38 * DAY)


def _cancel(life: Life) -> None:
    life.on("cancel_booking", "cancel", user="alice")


def _in_parts(life: Life) -> None:
    for amount in (1000, 1500, 2500):
        life.refund(amount)


def _refund_that(*words: str) -> Callable[[Life], None]:
    def act(life: Life) -> None:
        refund_id = life.refund(2000)
        for word in words:
            life.at_stripe(f"refunds/{refund_id}", status=word)

    return act


def _dashboard_refund_that(*words: str) -> Callable[[Life], None]:
    def act(life: Life) -> None:
        refund_id = life.dashboard("refunds", payment_intent=life.intent, amount=1500)["id"]
        for word in words:
            life.at_stripe(f"refunds/{refund_id}", status=word)

    return act


def _disputed(verdict: str | None) -> Callable[[Life], None]:
    """Funds are withdrawn as it opens, and reinstated where it is won."""

    def act(life: Life) -> None:
        life.complete()
        if verdict is not None:
            life.at_stripe(f"disputes/{life.dispute}", status=verdict)

    return act


def _escalated(life: Life) -> None:
    life.complete()
    evidence = {"evidence[uncategorized_text]": "escalate_inquiry_evidence"}
    life.dashboard(f"disputes/{life.dispute}", **evidence)
    life.wait(timedelta(seconds=10))
    life.at_stripe(f"disputes/{life.dispute}", status="won")


def _refund_and_dispute(life: Life) -> None:
    life.refund(1000)
    life.at_stripe("disputes", payment_intent=life.intent)


def _dashboard_captures(life: Life) -> None:
    life.dashboard(f"payment_intents/{life.intent}/capture", amount_to_capture=4000)


def _dashboard_captures_and_refunds(life: Life) -> None:
    intent = life.intent
    life.dashboard(f"payment_intents/{intent}/capture", amount_to_capture=4000)
    life.dashboard("refunds", payment_intent=intent, amount=1500)


def _dashboard_cancels(life: Life) -> None:
    life.dashboard(f"payment_intents/{life.intent}/cancel")


def _lapses(life: Life) -> None:
    life.at_stripe(f"payment_intents/{life.intent}/expire")


def _is_renewed(life: Life) -> None:
    """The event is long: the clock asks for a new authorization before the old one lapses, and lets that one go."""
    life.wait(7 * DAY)


def _is_absent(life: Life) -> None:
    """Nobody comes, nobody contests: the clock captures."""
    life.wait(5 * DAY)


def _event_is_cancelled(life: Life) -> None:
    life.call("cancel_event", "POST", "/events/{event_id}/cancel", event_id="yoga", **STAFF)
    life.wait(timedelta(hours=1))


def _captured_by_us_after_a_refund_outside(life: Life) -> None:
    life.complete(4000)
    life.dashboard("refunds", payment_intent=life.intent, amount=500)
    life.refund(700)


FLOWS: Final[dict[str, Flow]] = {
    "book": Flow(_with_card(), _book, {"payment_status": "held"}),
    "3-D Secure, told by the app": Flow(
        _with_card(ASKS_FOR_3DS), _authenticated("succeeded", tells=True), {"payment_status": "held"}
    ),
    "3-D Secure, told by Stripe": Flow(
        _with_card(ASKS_FOR_3DS), _authenticated("succeeded", tells=False), {"payment_status": "held"}
    ),
    "3-D Secure failed": Flow(
        _with_card(ASKS_FOR_3DS), _authenticated("failed", tells=False), {"payment_status": "declined"}
    ),
    "capture": Flow(_held(), lambda life: life.complete(4000), {"payment_status": "captured", "captured": 4000}),
    "release": Flow(_held(), _cancel, {"payment_status": "released", "outcome": "cancelled"}),
    "late cancellation": Flow(_late, _cancel, {"payment_status": "captured", "outcome": "cancelled"}),
    "partial refunds": Flow(_captured(), _in_parts, {"payment_status": "refunded", "refunded": 5000}),
    "failed refund": Flow(_captured(), _refund_that("failed"), {"payment_status": "captured", "refunded": 0}),
    "refund that waits": Flow(
        _captured(SETTLES_LATER), _refund_that("succeeded"), {"payment_status": "partially_refunded"}
    ),
    "refund that waits and fails": Flow(
        _captured(SETTLES_LATER), _refund_that("requires_action", "canceled"), {"payment_status": "captured"}
    ),
    "dispute": Flow(_held(DISPUTES), _disputed(None), {"payment_status": "disputed"}),
    "dispute won": Flow(_held(DISPUTES), _disputed("won"), {"payment_status": "captured"}),
    "dispute lost": Flow(_held(DISPUTES), _disputed("lost"), {"payment_status": "disputed"}),
    "inquiry that escalates": Flow(_held(INQUIRES), _escalated, {"payment_status": "captured"}),
    "refund and dispute": Flow(_captured(), _refund_and_dispute, {"payment_status": "disputed", "refunded": 1000}),
    "dashboard capture": Flow(_held(), _dashboard_captures, {"payment_status": "captured", "captured": 4000}),
    "dashboard capture and refund": Flow(
        _held(), _dashboard_captures_and_refunds, {"payment_status": "partially_refunded", "refunded": 1500}
    ),
    "dashboard refund": Flow(
        _captured(), _dashboard_refund_that(), {"payment_status": "partially_refunded", "refunded": 1500}
    ),
    "dashboard refund that fails": Flow(
        _captured(SETTLES_LATER), _dashboard_refund_that("failed"), {"payment_status": "captured", "refunded": 0}
    ),
    "refunds here and there": Flow(_held(), _captured_by_us_after_a_refund_outside, {"refunded": 1200}),
    "dashboard cancel": Flow(_held(), _dashboard_cancels, {"payment_status": "released", "outcome": "cancelled"}),
    "lapse": Flow(_held(), _lapses, {"payment_status": "held"}),
    "renewal": Flow(_held(starts_in=2 * DAY, lasts=10 * DAY), _is_renewed, {"payment_status": "held"}),
    "no-show": Flow(
        _held(policy={"no_show_capture": "always"}), _is_absent, {"payment_status": "captured", "outcome": "no_show"}
    ),
    "event cancelled": Flow(_captured(), _event_is_cancelled, {"payment_status": "refunded", "refunded": 5000}),
    "saved card": Flow(_with_card(starts_in=40 * DAY), _book, {"payment_status": "scheduled"}),
    "saved card with 3-D Secure": Flow(
        _with_card(ASKS_FOR_3DS, starts_in=40 * DAY), _saved_with_3ds, {"payment_status": "scheduled"}
    ),
    "saved card and its hold": Flow(_with_card(starts_in=40 * DAY), _saved_and_held, {"payment_status": "held"}),
}
