"""Everything that a booking can go through, each as a play of people: what they do, and how it may end.

A flow is prepared undisturbed and then played; whoever gets no answer (or one that says that it is not over) asks again
under the same key, as an app does, while time passes and everything happens by itself. Where a flow may end is written
with it. Who is named is who acts: `alice` and others are customers, staff are staff, and the bank is the bank.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import stripe

from holdfast.booking import Booking
from local.stripe_simulator.in_process import InProcessHTTPClient
from tests.routes import BY_FUNCTION
from tests.simulation.deployment import Deployment
from tests.simulation.wiring import SECRET
from tests.world import Answer, wire

# More often than that nobody asks for the same thing.
_PATIENCE: Final = 12
_BETWEEN_TRIES: Final = timedelta(seconds=70)
# Their 202 is their last word: the bookings follow one by one.
_ACCEPTED: Final = frozenset({"cancel_event", "charge_no_shows"})


class Left(Exception):
    """Somebody got no answer, and went away for good: the play is over."""


class NoAnswer(AssertionError):
    """Somebody asked again and again and was never told how it ended."""


@dataclass
class Play:
    """A flow under way in a deployment: what its people can do, and what they remember. `insists`: whoever gets no
    answer asks again; otherwise they leave, and the clock is alone with what they began.
    """

    deployment: Deployment
    insists: bool = True
    ids: dict[str, str] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)

    # --- people -------------------------------------------------------------------------------------------------------

    def ask(
        self,
        function: str,
        *,
        by: str = "staff",
        body: Any = None,
        key: str | None = None,
        query: Mapping[str, str] | None = None,
        until_over: bool = True,
        **path: str,
    ) -> Answer:
        """The answer, asked for as often as an app does: not while it is a failure of the service or says that somebody
        is still at it. Raises Left.
        """
        route = BY_FUNCTION[function]
        who: dict[str, Any] = {"staff": "sam"} if by == "staff" else {"user": by}
        for _ in range(_PATIENCE):
            answer = self.deployment.call(
                function, route.method, route.resource, body=body, key=key or function, query=query, **who | path
            )
            if answer is not None and not (_is_not_over(function, answer, accepts_202=not until_over)):
                self.answers.append(answer)
                return answer
            if not self.insists:
                raise Left(function)
            self.wait(_BETWEEN_TRIES)
        raise NoAnswer(f"{function} was asked {_PATIENCE} times")

    def event(self, event_id: str = "yoga", *, starts_in: timedelta = timedelta(days=3), **changes: Any) -> None:
        starts = self.deployment.now() + starts_in
        body = {
            "title": "Yoga",
            "price": {"amount": 5000, "currency": "eur"},
            "starts_at": wire(starts),
            "ends_at": wire(starts + timedelta(hours=2)),
            "timezone": "Europe/Berlin",
        }
        self.ask("put_event", body=body | changes, event_id=event_id)

    def card(self, by: str = "alice", card: str = "pm_card_visa") -> str:
        answer = self.ask("attach_payment_method", by=by, body={"payment_method_id": card})
        assert answer.status == 201, answer.body
        return str(answer.body["id"])

    def book(self, by: str = "alice", event_id: str = "yoga") -> None:
        """A place; the booking is remembered under who has it."""
        answer = self.ask("place_hold", by=by, body={"event_id": event_id}, key=f"book {event_id}")
        if answer.status < 300:
            self.ids[by] = str(answer.body["booking_id"])

    def on(self, function: str, *, by: str = "staff", of: str = "alice", **asked: Any) -> Answer:
        """A request about somebody's booking."""
        return self.ask(function, by=by, booking_id=self.ids[of], **asked)

    # --- time and the world outside -----------------------------------------------------------------------------------

    def wait(self, span: timedelta) -> None:
        self.deployment.pass_time(self.deployment.stage.now + span.total_seconds())

    def until(self, before_start: timedelta, of: str = "alice") -> None:
        """Until so long before the start of somebody's booking (negative: after it)."""
        moment = self.booking(of).starts_at - before_start
        self.deployment.pass_time(max(moment.timestamp(), self.deployment.stage.now))

    def at_stripe(self, path: str, **body: Any) -> Any:
        """Somebody at the bank, or with a phone in hand."""
        return self.deployment.simulator.control("POST", f"/_simulator/{path}", body)

    @property
    def dashboard(self) -> stripe.StripeClient:
        """Stripe as somebody who works in its dashboard sees it: no invocation, so nothing of it can fail."""
        transport = InProcessHTTPClient(self.deployment.simulator)
        return stripe.StripeClient(str(SECRET["secret_key"]), http_client=transport, max_network_retries=0)

    def booking(self, of: str = "alice") -> Booking:
        return self.deployment.booking(self.ids[of])

    def intent(self, of: str = "alice") -> str:
        hold = self.booking(of).hold
        assert hold is not None
        return hold.payment_intent_id


def _is_not_over(function: str, answer: Answer, *, accepts_202: bool) -> bool:
    """A failure of the service, somebody else at it, or a 202 that waits for nobody but us."""
    if answer.status >= 500 or answer.status == 429:
        return True
    if answer.status == 409:
        return answer.problem == "operation-in-progress"
    if answer.status != 202 or accepts_202 or function in _ACCEPTED:
        return False
    return (answer.body or {}).get("payment_status") != "action_required"


End = Callable[[Booking], bool]


@dataclass(frozen=True)
class Flow:
    """`ends`: what has to have become of each booking, by whose it is. `left`: what else may have, where somebody did
    not come back for their answer; `refused`: where a bank or Stripe said no to it in the middle.
    """

    prepare: Callable[[Play], None]
    play: Callable[[Play], None]
    ends: Mapping[str, End]
    left: Mapping[str, End] = field(default_factory=dict)
    refused: Mapping[str, End] = field(default_factory=dict)
    settles: timedelta = timedelta(hours=5)


def is_(status: str, **facts: Any) -> End:
    """In this payment status, with these facts."""

    def holds(booking: Booking) -> bool:
        return str(booking.payment_status) == status and all(
            getattr(booking, name) == value for name, value in facts.items()
        )

    return holds


def or_(*ends: End) -> End:
    return lambda booking: any(end(booking) for end in ends)
