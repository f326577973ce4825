"""Who takes part in a history, and what they know: bookings by label, saved cards, and what they were promised."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from holdfast import bootstrap
from holdfast.booking import Booking
from tests.simulation.deployment import Deployment
from tests.simulation.history import Action, History
from tests.simulation.weather import Weather
from tests.world import Answer

# Answers of requests are kept so long (the contract).
_KEPT: Final = timedelta(days=7)


@dataclass(frozen=True)
class Promise:
    """What a request was told for good, and when."""

    status: int
    body: Any
    at: datetime


@dataclass
class Cast:
    deployment: Deployment
    history: History
    weather: Weather
    booking_ids: dict[str, str] = field(default_factory=dict)
    booked: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Label to who asked for it and for which event, also where no answer came."""
    promises: dict[tuple[str, ...], Promise] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    """Promises that were not kept: each is a finding."""
    quotes: dict[str, str] = field(default_factory=dict)

    def chance(self, action: Action, what: str = "") -> random.Random:
        return random.Random(f"{self.history.seed}/action {action.number}/{what}")

    # --- who is meant -------------------------------------------------------------------------------------------------

    def booking_id(self, label: str) -> str | None:
        """Whoever lost the answer finds the booking in their list, as the app would."""
        if label not in self.booking_ids and label in self.booked:
            user, event = self.booked[label]
            taken = set(self.booking_ids.values())
            for booking in self.deployment.bookings():
                theirs = booking.user_id == f"did:privy:{user}" and booking.event_id == event
                if theirs and booking.booking_id not in taken:
                    self.booking_ids[label] = booking.booking_id
                    break
        return self.booking_ids.get(label)

    def booking(self, label: str) -> Booking | None:
        booking_id = self.booking_id(label)
        return bootstrap.store().bookings.get(booking_id) if booking_id else None

    def intent(self, label: str) -> str | None:
        """The PaymentIntent of the booking's hold."""
        booking = self.booking(label)
        return booking.hold.payment_intent_id if booking is not None and booking.hold is not None else None

    def cards(self, user: str) -> list[str]:
        """Newest first."""
        return [card.payment_method_id for card in bootstrap.store().users.cards(f"did:privy:{user}")]

    # --- asking -------------------------------------------------------------------------------------------------------

    def ask(
        self, action: Action, function: str, method: str, resource: str, *, key: str | None = None, **given: Any
    ) -> Answer | None:
        """One request, with this action's troubles; what it was told for good must be told again."""
        answer = self.deployment.call(
            function,
            method,
            resource,
            key=key,
            rng=self.chance(action, function),
            troubles=action.troubles,
            action=action.number,
            **given,
        )
        if key is not None and answer is not None:
            who = str(given.get("user") or given.get("staff"))
            self._hold_to(answer, (who, method, resource, str(given.get("booking_id")), key, repr(given.get("body"))))
        return answer

    def _hold_to(self, answer: Answer, request: tuple[str, ...]) -> None:
        body = _without_instance(answer.body)
        known = self.promises.get(request)
        now = self.deployment.now()
        fresh = known is not None and now - known.at < _KEPT - timedelta(minutes=10)
        if known is not None and fresh and answer.status < 500 and answer.status not in (202, 429):
            told_busy = answer.status == 409 and "in-progress" in str(body.get("type"))
            if (answer.status, body) != (known.status, known.body) and not told_busy:
                self.broken.append(
                    f"{' '.join(request[:5])} was told {known.status} {known.body}, and then {answer.status} {body}"
                )
        if answer.status in (200, 201) and not fresh:
            self.promises[request] = Promise(answer.status, body, now)

    def staff_asks(self, action: Action, function: str, method: str, verb: str, body: Any = None) -> str | None:
        """About one booking; None where there is none."""
        return self._about(action, function, method, verb, body, staff=str(action.what.get("staff", "sam")))

    def customer_asks(self, action: Action, function: str, method: str, verb: str, body: Any = None) -> str | None:
        owner = self.booked.get(action.what["booking"], ("", ""))[0]
        return self._about(action, function, method, verb, body, user=owner)

    def _about(self, action: Action, function: str, method: str, verb: str, body: Any, **who: str) -> str | None:
        booking_id = self.booking_id(action.what["booking"])
        if booking_id is None:
            return None
        resource = f"/bookings/{{booking_id}}/{verb}" if not verb.startswith("/") else verb
        key = action.what.get("key")
        return told(self.ask(action, function, method, resource, key=key, body=body, booking_id=booking_id, **who))

    # --- outside ------------------------------------------------------------------------------------------------------

    def control(self, path: str, body: Mapping[str, Any]) -> str:
        """Somebody at a bank, or with a phone in hand; what is impossible just now does not happen."""
        try:
            answer = self.deployment.simulator.control("POST", f"/_simulator/{path}", dict(body))
        except (ValueError, LookupError) as refused:
            return f"could not: {refused}"
        return str(answer.get("status", "done"))


Verb = Callable[[Cast, Action], str | None]
"""What came of it, in a few words; None where the action had nothing to act on."""


def told(answer: Answer | None) -> str:
    if answer is None:
        return "no answer"
    if answer.status >= 400:
        return f"{answer.status} {str(answer.body['type']).removeprefix('/problems/')}: {answer.body['detail']}"
    shown = answer.body or {}
    words = (shown.get("payment_status"), shown.get("outcome"), shown.get("status"))
    return " ".join([str(answer.status), *(str(word) for word in words if word)])


def _without_instance(body: Any) -> Any:
    return {name: value for name, value in body.items() if name != "instance"} if isinstance(body, dict) else body
