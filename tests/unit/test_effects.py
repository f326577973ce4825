"""Effects against a small Stripe: whatever fails, in whatever order, one effect at most, and a true verdict."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest

from holdfast import effects
from holdfast.booking import Booking, Kind, Operation, RefundStatus
from holdfast.call_failures import CallFailed, CallRefused, CardRefused, NothingExecuted, OutcomeUnknown
from holdfast.effects import Found
from holdfast.settlement import (
    PLACING,
    Abandoned,
    Authorized,
    Captured,
    CardNeedsAction,
    CardSaved,
    Declined,
    NeedsAction,
    Refunded,
    Refused,
    Released,
    Verdict,
)
from holdfast.stripe_objects import Observation, PaymentIntent, SetupIntent, StripeRefund
from tests.unit.builders import (
    BEFORE,
    BOOKED,
    DAY,
    HELD,
    HOUR,
    LEASE,
    MINUTE,
    SECOND,
    decline,
    intent,
    operation,
    seen,
    setup_intent,
    stripe_refund,
)

T = TypeVar("T")
# Stripe may forget a key after this long.
KEY_LIFE = DAY
# How long a call that nobody waits for any more may still run: less than the lease.
STILL_RUNNING = 20 * SECOND


@dataclass
class Stripe:
    """A real small Stripe: it replays keys, forgets them after a day, and fails as told, once per entry of `faults`.

    before       the request never arrives, and nobody answers
    after        the effect happens, and the answer is lost
    late         nobody answers, and the effect happens a while later
    500 before   nothing happens; the 500 is stored under the key
    500 after    the effect happens; the 500 is stored under the key
    503          turned away by something in front of Stripe: nothing happens and nothing is stored
    limited      429
    no           400: never executed, not stored
    declined     402 (of what is asked of a card)
    3ds          the bank wants the customer (of what is asked of a card)

    The next `unseen` looks get no answer.
    """

    now: datetime = BOOKED
    faults: deque[str] = field(default_factory=deque)
    intents: dict[str, PaymentIntent] = field(default_factory=dict)
    setups: dict[str, SetupIntent] = field(default_factory=dict)
    refunded: list[StripeRefund] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    unseen: int = 0
    _keys: dict[str, tuple[datetime, Any]] = field(default_factory=dict)
    _running: list[tuple[datetime, str, Callable[[], Any]]] = field(default_factory=list)

    # --- what is asked of it ----------------------------------------------------------------------------------------

    def authorize(self, booking_id: str, operation: Operation, key: str) -> PaymentIntent:
        return self._call(key, operation, lambda: self._place(booking_id, operation, "requires_capture"))

    def save_card(self, booking_id: str, operation: Operation, key: str) -> SetupIntent:
        return self._call(key, operation, lambda: self._save(booking_id, operation, "succeeded"))

    def capture(self, booking_id: str, operation: Operation, key: str) -> PaymentIntent:
        return self._call(key, operation, lambda: self._capture(booking_id, operation))

    def release(self, booking_id: str, operation: Operation, key: str) -> PaymentIntent:
        return self._call(key, operation, lambda: self._cancel(operation))

    def refund(self, booking_id: str, operation: Operation, key: str) -> StripeRefund:
        return self._call(key, operation, lambda: self._refund(operation))

    def find_authorization(self, customer_id: str, operation: Operation) -> PaymentIntent | None:
        self._look()
        mine = (each for each in self.intents.values() if each.metadata.get("operation_id") == operation.operation_id)
        return next(mine, None)

    def find_setup(self, customer_id: str, operation: Operation) -> SetupIntent | None:
        self._look()
        mine = (each for each in self.setups.values() if each.metadata.get("operation_id") == operation.operation_id)
        return next(mine, None)

    def observe(self, payment_intent_id: str) -> Observation:
        self._look()
        return Observation(intent=self.intents[payment_intent_id], refunds=tuple(self.refunded))

    # --- time -------------------------------------------------------------------------------------------------------

    def pass_time(self, span: timedelta) -> None:
        self.now += span
        for at, key, effect in list(self._running):
            if at <= self.now:
                self._running.remove((at, key, effect))
                self._store(key, effect)

    # --- how it works -----------------------------------------------------------------------------------------------

    def _look(self) -> None:
        if self.unseen > 0:
            self.unseen -= 1
            raise OutcomeUnknown("no answer", answered=False)

    def _call(self, key: str, operation: Operation, effect: Callable[[], T]) -> T:
        fault = self.faults.popleft() if self.faults else "works"
        if fault == "before":
            raise OutcomeUnknown("timeout", answered=False)
        if fault == "limited":
            raise NothingExecuted("429")
        if fault == "503":
            raise OutcomeUnknown("503", answered=True)
        if any(running == key for _, running, _ in self._running):
            raise OutcomeUnknown("409 idempotency_key_in_use", answered=False)
        if self._stored(key) is None:
            self._first_try(key, fault, operation, effect)
        if fault in ("after", "late"):
            raise OutcomeUnknown("timeout", answered=False)
        result = self._stored(key)
        if isinstance(result, CallFailed):
            raise result
        return result

    def _first_try(self, key: str, fault: str, operation: Operation, effect: Callable[[], Any]) -> None:
        if fault == "no":
            raise CallRefused("parameter_invalid", "Stripe will never do this")
        if fault == "late":
            self._running.append((self.now + STILL_RUNNING, key, effect))
        elif fault == "500 before":
            self._keys[key] = (self.now, OutcomeUnknown("500", answered=True))
        elif fault == "500 after":
            self._store(key, effect)
            self._keys[key] = (self.now, OutcomeUnknown("500", answered=True))
        elif fault == "declined":
            self._keys[key] = (self.now, CardRefused(decline(), self._declined(operation)))
        elif fault == "3ds":
            ask = self._save if operation.kind is Kind.SCHEDULE else self._place
            self._store(key, lambda: ask("bk_1", operation, "requires_action"))
        else:
            self._store(key, effect)

    def _stored(self, key: str) -> Any:
        at, result = self._keys.get(key, (self.now, None))
        return result if self.now - at < KEY_LIFE else None

    def _store(self, key: str, effect: Callable[[], Any]) -> None:
        self._keys[key] = (self.now, effect())

    def _place(self, booking_id: str, operation: Operation, status: str) -> PaymentIntent:
        if status != "requires_payment_method":
            self.effects.append("placed")
        number = len(self.intents) + 1
        placed = intent(
            status,
            id=f"pi_{number}",
            amount=operation.amount,
            created=self.now,
            metadata={"booking_id": booking_id, "operation_id": operation.operation_id},
            decline=decline() if status == "requires_payment_method" else None,
        )
        self.intents[placed.id] = placed
        return placed

    def _save(self, booking_id: str, operation: Operation, status: str) -> SetupIntent:
        if status != "requires_payment_method":
            self.effects.append("saved")
        saved = setup_intent(
            status,
            id=f"seti_{len(self.setups) + 1}",
            payment_method_id=operation.payment_method_id,
            metadata={"booking_id": booking_id, "operation_id": operation.operation_id},
            decline=decline() if status == "requires_payment_method" else None,
        )
        self.setups[saved.id] = saved
        return saved

    def _declined(self, operation: Operation) -> PaymentIntent | None:
        """What a declined card leaves at Stripe; a decline names the PaymentIntent, but no SetupIntent."""
        if operation.kind is not Kind.SCHEDULE:
            return self._place("bk_1", operation, "requires_payment_method")
        self._save("bk_1", operation, "requires_payment_method")
        return None

    def _target(self, operation: Operation, *allowed: str) -> PaymentIntent:
        target = self.intents[str(operation.payment_intent_id)]
        if target.status not in allowed:
            raise CallRefused("payment_intent_unexpected_state", f"It is {target.status}.")
        return target

    def _capture(self, booking_id: str, operation: Operation) -> PaymentIntent:
        target = self._target(operation, "requires_capture")
        self.effects.append("captured")
        metadata = {"booking_id": booking_id, "operation_id": operation.operation_id}
        taken = replace(target, status="succeeded", amount_received=operation.amount, metadata=metadata)
        self.intents[target.id] = taken
        return taken

    def _cancel(self, operation: Operation) -> PaymentIntent:
        target = self._target(operation, "requires_capture", "requires_action", "requires_payment_method")
        self.effects.append("released")
        self.intents[target.id] = replace(target, status="canceled")
        return self.intents[target.id]

    def _refund(self, operation: Operation) -> StripeRefund:
        target = self._target(operation, "succeeded")
        left = target.amount_received - sum(each.amount for each in self.refunded)
        if operation.amount > left:
            raise CallRefused("amount_too_large", "Refund amount is greater than unrefunded amount on charge")
        self.effects.append("refunded")
        number = len(self.refunded) + 1
        made = stripe_refund(operation.amount, refund_id=f"re_{number}", operation_id=operation.operation_id)
        self.refunded.append(made)
        return made


# --- a Stripe, a booking and an operation that fit together ----------------------------------------------------------


def ready(kind: Kind, faults: Iterable[str] = (), **changes: Any) -> tuple[Stripe, Booking, Operation]:
    """The changes are the operation's."""
    begun = operation(kind, **changes)
    at_stripe = {
        Kind.AUTHORIZE: {},
        Kind.SCHEDULE: {},
        Kind.RENEW: {"pi_1": intent(metadata={"operation_id": "op_authorize"})},
        Kind.CAPTURE: {"pi_1": intent(metadata={"operation_id": "op_authorize"})},
        Kind.RELEASE: {"pi_1": intent(metadata={"operation_id": "op_authorize"})},
        Kind.REFUND: {"pi_1": intent("succeeded", metadata={"operation_id": "op_capture"})},
    }[kind]
    return Stripe(faults=deque(faults), intents=at_stripe), replace(BEFORE[kind](), operation=begun), begun


def try_once(stripe: Stripe, before: Booking, begun: Operation) -> Verdict | None:
    try:
        return effects.attempt(stripe, before, begun)
    except NothingExecuted:
        return None


def recover_once(stripe: Stripe, before: Booking, begun: Operation) -> Verdict | None:
    try:
        return effects.recover(stripe, before, begun, stripe.now)
    except NothingExecuted:
        return None


def finish(stripe: Stripe, before: Booking, begun: Operation, *, wait: timedelta = LEASE) -> Verdict:
    """Try, and recover each time the lease has ended, until something is proved."""
    verdict = try_once(stripe, before, begun)
    for _ in range(8):
        if verdict is not None:
            return verdict
        stripe.pass_time(wait)
        verdict = recover_once(stripe, before, begun)
    raise AssertionError("nothing was ever proved")


def is_true(verdict: Verdict, stripe: Stripe, begun: Operation) -> bool:
    """Whether Stripe holds what the verdict says."""
    match verdict:
        case Authorized(found):
            return stripe.intents[found.id].status == "requires_capture"
        case NeedsAction(found):
            return stripe.intents[found.id].status == "requires_action"
        case Captured(found):
            now = stripe.intents[found.id]
            return (now.status, now.amount_received) == ("succeeded", begun.amount)
        case Released(found):
            return stripe.intents[found.id].status == "canceled"
        case Refunded(made):
            return made in stripe.refunded and made.amount == begun.amount
        case CardSaved(found):
            return stripe.setups[found.id].status == "succeeded"
        case CardNeedsAction(found):
            return stripe.setups[found.id].status == "requires_action"
        case Declined() | Refused() | Abandoned(None):
            return stripe.effects == []
        case Abandoned(found):
            return found is not None and stripe.intents[found.id].status in ("requires_capture", "requires_action")


FAULTS = ["before", "after", "late", "500 before", "500 after", "503", "limited", "no"]
OF_CARDS = ["declined", "3ds"]


def sequences(kind: Kind) -> list[tuple[str, ...]]:
    faults = FAULTS + (OF_CARDS if kind in PLACING else [])
    return [each for length in range(4) for each in itertools.product(faults, repeat=length)]


@pytest.mark.parametrize("unseen", [0, 1, 2, 3])
@pytest.mark.parametrize("kind", list(Kind))
def test_whatever_fails_there_is_one_effect_at_most_and_the_verdict_is_true(kind, unseen):
    for faults in sequences(kind):
        stripe, before, begun = ready(kind, faults)
        stripe.unseen = unseen

        verdict = finish(stripe, before, begun)

        assert len(stripe.effects) <= 1, (faults, stripe.effects)
        assert is_true(verdict, stripe, begun), (faults, verdict)


@pytest.mark.parametrize("kind", list(Kind))
def test_without_a_definite_no_the_effect_happens_in_the_end(kind):
    passing = [each for each in sequences(kind) if not {"no", "declined"} & set(each)]
    for faults in passing:
        stripe, before, begun = ready(kind, faults)

        finish(stripe, before, begun)

        assert len(stripe.effects) == 1, faults


@pytest.mark.parametrize(
    ("kind", "off_session"),
    [
        (Kind.AUTHORIZE, True),
        (Kind.RENEW, True),
        (Kind.CAPTURE, False),
        (Kind.RELEASE, False),
        (Kind.REFUND, False),
    ],
)
def test_recovering_more_than_a_day_later_when_keys_are_forgotten_acts_once(kind, off_session):
    for faults in sequences(kind):
        stripe, before, begun = ready(kind, faults, off_session=off_session)

        verdict = finish(stripe, before, begun, wait=25 * HOUR)

        assert len(stripe.effects) <= 1, faults
        assert is_true(verdict, stripe, begun), (faults, verdict)


@pytest.mark.parametrize("kind", [Kind.AUTHORIZE, Kind.RENEW])
def test_after_a_quarter_of_an_hour_no_hold_is_left_that_the_verdict_does_not_name(kind):
    for faults in sequences(kind):
        stripe, before, begun = ready(kind, faults, off_session=False)
        there = set(stripe.intents)
        if try_once(stripe, before, begun) is not None:
            continue
        stripe.pass_time(15 * MINUTE)

        verdict = recover_once(stripe, before, begun)

        alive = ("requires_capture", "requires_action")
        live = {each.id for each in stripe.intents.values() if each.id not in there and each.status in alive}
        named = {verdict.intent.id} if isinstance(verdict, Abandoned) and verdict.intent else set()
        assert isinstance(verdict, Abandoned | Declined), (faults, verdict)
        assert live == named, (faults, verdict)


@pytest.mark.parametrize(
    ("waited", "abandoned"),
    [(LEASE, False), (15 * MINUTE - SECOND, False), (15 * MINUTE, True), (15 * MINUTE + SECOND, True), (3 * DAY, True)],
)
@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize(
    ("kind", "effect", "success"),
    [
        (Kind.AUTHORIZE, "placed", Authorized),
        (Kind.RENEW, "placed", Authorized),
        (Kind.SCHEDULE, "saved", CardSaved),
    ],
)
def test_a_customer_waits_for_less_than_15_minutes(kind, effect, success, waited, abandoned, fault):
    stripe, before, begun = ready(kind, [fault], off_session=False)
    assert try_once(stripe, before, begun) is None
    stripe.pass_time(waited)

    verdict = recover_once(stripe, before, begun)

    assert isinstance(verdict, Abandoned if abandoned else success)
    assert stripe.effects == ([] if fault == "before" and abandoned else [effect])


@pytest.mark.parametrize("waited", [LEASE, 15 * MINUTE, HOUR, 3 * DAY])
@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize("kind", [Kind.AUTHORIZE, Kind.RENEW])
def test_what_the_clock_asks_for_is_not_given_up_because_nobody_waits(kind, fault, waited):
    stripe, before, begun = ready(kind, [fault], off_session=True)
    assert try_once(stripe, before, begun) is None
    stripe.pass_time(waited)

    assert isinstance(recover_once(stripe, before, begun), Authorized)
    assert stripe.effects == ["placed"]


@pytest.mark.parametrize("fault", ["after", "3ds"])
def test_a_card_that_was_saved_for_nobody_takes_no_money_so_that_nothing_has_to_go(fault):
    stripe, before, begun = ready(Kind.SCHEDULE, [fault])
    try_once(stripe, before, begun)
    stripe.pass_time(15 * MINUTE)

    assert recover_once(stripe, before, begun) == Abandoned(None)


def test_a_hold_that_somebody_captured_meanwhile_is_not_given_up_by_its_customers_patience():
    stripe, before, begun = ready(Kind.AUTHORIZE, ["after"])
    try_once(stripe, before, begun)
    elsewhere(stripe, "succeeded", amount_received=HELD)
    stripe.pass_time(HOUR)

    assert recover_once(stripe, before, begun) == Authorized(stripe.intents["pi_1"])


def test_a_hold_that_nobody_waits_for_is_named_so_that_it_can_be_dropped():
    stripe, before, begun = ready(Kind.AUTHORIZE, ["after"])
    try_once(stripe, before, begun)
    stripe.pass_time(15 * MINUTE)

    assert recover_once(stripe, before, begun) == Abandoned(stripe.intents["pi_1"])


def test_an_answer_that_never_came_is_not_followed_by_another_key():
    stripe, before, begun = ready(Kind.CAPTURE, ["before"])

    assert effects.attempt(stripe, before, begun) is None
    assert stripe.effects == []


def test_a_call_that_is_still_running_is_not_repeated_under_another_key():
    stripe, before, begun = ready(Kind.AUTHORIZE, ["late"])
    assert try_once(stripe, before, begun) is None

    again = recover_once(stripe, before, begun)

    assert again is None
    stripe.pass_time(LEASE)
    assert isinstance(recover_once(stripe, before, begun), Authorized)
    assert stripe.effects == ["placed"]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_stored_server_error_without_an_effect_is_followed_by_the_next_key(kind):
    stripe, before, begun = ready(kind, ["500 before"])

    verdict = effects.attempt(stripe, before, begun)

    assert verdict is not None
    assert is_true(verdict, stripe, begun)
    assert len(stripe.effects) == 1


@pytest.mark.parametrize("kind", list(Kind))
def test_a_stored_server_error_after_the_effect_is_resolved_by_looking(kind):
    stripe, before, begun = ready(kind, ["500 after"])

    verdict = effects.attempt(stripe, before, begun)

    assert verdict is not None
    assert is_true(verdict, stripe, begun)
    assert len(stripe.effects) == 1


def test_after_four_keys_it_is_left_for_later():
    stripe, before, begun = ready(Kind.CAPTURE, ["500 before"] * 4)

    assert effects.attempt(stripe, before, begun) is None
    assert stripe.effects == []


@pytest.mark.parametrize("kind", list(Kind))
def test_while_stripe_cannot_be_looked_at_nothing_is_proved_and_nothing_repeated(kind):
    stripe, before, begun = ready(kind, ["500 after"])
    stripe.unseen = 2

    assert effects.attempt(stripe, before, begun) is None
    stripe.pass_time(16 * MINUTE)
    assert effects.recover(stripe, before, begun, stripe.now) is None
    assert len(stripe.effects) == 1


@pytest.mark.parametrize("kind", list(Kind))
def test_nothing_executed_is_told_to_the_caller(kind):
    stripe, before, begun = ready(kind, ["limited"])

    with pytest.raises(NothingExecuted):
        effects.attempt(stripe, before, begun)

    assert stripe.effects == []


def test_a_definite_no_with_stripe_out_of_sight_proves_nothing():
    stripe, before, begun = ready(Kind.CAPTURE, ["no"])
    stripe.unseen = 1

    assert effects.attempt(stripe, before, begun) is None


@pytest.mark.parametrize(("kind", "intent_id"), [(Kind.AUTHORIZE, "pi_1"), (Kind.RENEW, "pi_2"), (Kind.SCHEDULE, None)])
def test_a_refused_card_is_a_decline_with_its_payment_intent(kind, intent_id):
    stripe, before, begun = ready(kind, ["declined"])

    assert effects.attempt(stripe, before, begun) == Declined(decline(), stripe.intents.get(str(intent_id)))


@pytest.mark.parametrize(("kind", "intent_id"), [(Kind.AUTHORIZE, "pi_1"), (Kind.RENEW, "pi_2"), (Kind.SCHEDULE, None)])
def test_a_decline_whose_answer_was_lost_is_found_by_recovery(kind, intent_id):
    stripe, before, begun = ready(kind, ["before"])
    stripe.faults.append("declined")
    try_once(stripe, before, begun)
    try_once(stripe, before, begun)
    stripe.pass_time(LEASE)

    declined = effects.recover(stripe, before, begun, stripe.now)
    assert declined == Declined(decline(), stripe.intents.get(str(intent_id)))


@pytest.mark.parametrize("kind", [Kind.CAPTURE, Kind.RELEASE, Kind.REFUND])
def test_a_card_that_refuses_what_is_no_question_to_it_is_a_refusal_with_what_stripe_holds(kind):
    class Odd(Stripe):
        """Answers 402 to anything."""

        def _call(self, key, operation, effect):
            raise CardRefused(decline(), None)

    stripe, before, begun = ready(kind)

    verdict = effects.attempt(Odd(intents=stripe.intents), before, begun)

    assert isinstance(verdict, Refused)
    assert (verdict.code, verdict.seen) == ("card_declined", stripe.observe("pi_1"))


# --- others were faster ----------------------------------------------------------------------------------------------


def elsewhere(stripe: Stripe, status: str, **changes: Any) -> None:
    """Somebody in the dashboard, or the bank, changes the PaymentIntent."""
    stripe.intents["pi_1"] = replace(stripe.intents["pi_1"], status=status, **changes)


@pytest.mark.parametrize("recovering", [False, True])
@pytest.mark.parametrize(
    ("kind", "status", "changes"),
    [
        (Kind.CAPTURE, "canceled", {"cancellation_reason": "automatic"}),
        (Kind.CAPTURE, "succeeded", {"amount_received": HELD}),
        (Kind.RELEASE, "succeeded", {"amount_received": 1000}),
    ],
)
def test_what_somebody_else_did_is_a_refusal_that_carries_what_stripe_holds(kind, status, changes, recovering):
    stripe, before, begun = ready(kind)
    elsewhere(stripe, status, **changes)
    act = recover_once if recovering else try_once

    verdict = act(stripe, before, begun)

    assert isinstance(verdict, Refused)
    assert verdict.seen == stripe.observe("pi_1")
    assert stripe.effects == []


def test_a_capture_of_ours_is_told_from_somebody_elses_by_the_metadata():
    ours = seen("succeeded", metadata={"operation_id": "op_capture"})
    theirs = seen("succeeded", metadata={"operation_id": "op_authorize"})

    assert effects.evidence(operation(Kind.CAPTURE), ours) == Captured(ours.intent)
    assert isinstance(effects.evidence(operation(Kind.CAPTURE), theirs), Refused)


def test_a_hold_that_is_gone_when_it_is_to_be_released_needs_no_second_release():
    stripe, before, begun = ready(Kind.RELEASE)
    elsewhere(stripe, "canceled")

    assert effects.recover(stripe, before, begun, stripe.now) == Released(stripe.intents["pi_1"])
    assert stripe.effects == []


def test_a_refund_that_the_dashboard_left_no_room_for_is_refused():
    stripe, before, begun = ready(Kind.REFUND)
    stripe.refunded.append(stripe_refund(4000, refund_id="re_dashboard"))

    verdict = effects.attempt(stripe, before, begun)

    assert isinstance(verdict, Refused)
    assert verdict.seen is not None
    assert verdict.seen.refunds == (stripe_refund(4000, refund_id="re_dashboard"),)


def test_a_refund_of_ours_is_found_whatever_its_status():
    failed = stripe_refund(status=RefundStatus.FAILED, operation_id="op_refund")
    others = stripe_refund(refund_id="re_2", operation_id="op_other")

    assert effects.evidence(operation(Kind.REFUND), seen("succeeded", refunds=(others, failed))) == Refunded(failed)
    assert effects.evidence(operation(Kind.REFUND), seen("succeeded", refunds=(others,))) is Found.ABSENT


@pytest.mark.parametrize("status", ["requires_capture", "requires_action", "requires_payment_method"])
@pytest.mark.parametrize("kind", [Kind.CAPTURE, Kind.RELEASE])
def test_a_hold_that_still_waits_shows_that_nothing_happened(kind, status):
    assert effects.evidence(operation(kind), seen(status)) is Found.ABSENT


@pytest.mark.parametrize("status", ["requires_reauthorization", "expired"])
@pytest.mark.parametrize("recovering", [False, True])
@pytest.mark.parametrize("kind", [Kind.CAPTURE, Kind.RELEASE])
def test_a_hold_that_stripe_calls_lapsed_is_a_refusal_that_says_so(kind, recovering, status):
    stripe, before, begun = ready(kind)
    elsewhere(stripe, status)
    act = recover_once if recovering else try_once

    verdict = act(stripe, before, begun)

    assert isinstance(verdict, Refused)
    assert verdict.seen == stripe.observe("pi_1")
    assert stripe.effects == []


@pytest.mark.parametrize("status", ["processing", "a word from next year"])
@pytest.mark.parametrize("kind", [Kind.CAPTURE, Kind.RELEASE])
def test_a_status_that_nobody_knows_proves_nothing(kind, status):
    assert effects.evidence(operation(kind), seen(status)) is Found.UNCLEAR


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("requires_capture", Authorized),
        ("requires_action", NeedsAction),
        ("requires_payment_method", Declined),
        ("canceled", Declined),
        ("requires_confirmation", Abandoned),
    ],
)
def test_what_a_payment_intent_says_about_the_authorization(status, expected):
    assert isinstance(effects.authorization(intent(status)), expected)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("succeeded", CardSaved),
        ("requires_action", CardNeedsAction),
        ("requires_payment_method", Declined),
        ("requires_confirmation", Declined),
        ("canceled", Declined),
    ],
)
def test_what_a_setup_intent_says_about_the_card(status, expected):
    assert isinstance(effects.saved_card(setup_intent(status)), expected)


def test_a_setup_intent_says_why_if_it_knows():
    told = effects.saved_card(setup_intent("requires_payment_method", decline=decline("expired_card", None)))
    silent = effects.saved_card(setup_intent("requires_payment_method"))

    assert told == Declined(decline("expired_card", None), None)
    assert isinstance(silent, Declined)
    assert silent.decline.code == "card_declined"


@pytest.mark.parametrize("status", ["processing", "a word from next year"])
def test_a_setup_intent_that_is_being_worked_on_says_nothing_about_the_card(status):
    assert effects.saved_card(setup_intent(status)) is Found.UNCLEAR


def test_a_payment_intent_that_is_being_worked_on_says_nothing_about_the_authorization():
    assert effects.authorization(intent("processing")) is Found.UNCLEAR


@pytest.mark.parametrize("kind", [each for each in Kind if each is not Kind.REFUND])
def test_an_answer_that_is_not_the_goal_proves_nothing(kind):
    status = "processing"

    class Slow(Stripe):
        """Takes the call, and is not done with it."""

        def authorize(self, booking_id, operation, key):
            return replace(super().authorize(booking_id, operation, key), status=status)

        def save_card(self, booking_id, operation, key):
            return replace(super().save_card(booking_id, operation, key), status=status)

        def capture(self, booking_id, operation, key):
            return replace(super().capture(booking_id, operation, key), status=status)

        def release(self, booking_id, operation, key):
            return replace(super().release(booking_id, operation, key), status=status)

    stripe, before, begun = ready(kind)

    assert effects.attempt(Slow(intents=stripe.intents), before, begun) is None


@pytest.mark.parametrize("kind", [Kind.AUTHORIZE, Kind.RENEW, Kind.SCHEDULE])
def test_what_an_earlier_try_did_is_not_forgotten_when_a_later_one_is_refused(kind):
    stripe, before, begun = ready(kind, ["after", "no"])
    try_once(stripe, before, begun)
    stripe._keys.clear()

    verdict = effects.attempt(stripe, before, begun)

    assert isinstance(verdict, Authorized | CardSaved)
    assert is_true(verdict, stripe, begun)
    assert len(stripe.effects) == 1


def test_a_capture_of_ours_whose_answer_was_lost_is_seen_when_a_later_one_is_refused():
    stripe, before, begun = ready(Kind.CAPTURE, ["after"])
    try_once(stripe, before, begun)
    stripe._keys.clear()

    assert effects.attempt(stripe, before, begun) == Captured(stripe.intents["pi_1"])
    assert stripe.effects == ["captured"]


@pytest.mark.parametrize("kind", [Kind.AUTHORIZE, Kind.RENEW, Kind.SCHEDULE])
def test_a_list_that_stripe_refuses_says_nothing_about_what_was_asked_of_the_card(kind):
    class Closed(Stripe):
        """Shows no lists."""

        def find_authorization(self, customer_id, operation):
            raise CallRefused("resource_missing", "No such customer")

        find_setup = find_authorization

    _, before, begun = ready(kind)

    assert effects.look(Closed(), before, begun) is Found.UNCLEAR


@pytest.mark.parametrize("kind", [Kind.CAPTURE, Kind.RELEASE, Kind.REFUND])
def test_a_payment_intent_that_stripe_does_not_show_is_a_refusal(kind):
    class Empty(Stripe):
        """Knows no PaymentIntent."""

        def observe(self, payment_intent_id):
            raise CallRefused("resource_missing", "No such payment_intent")

    _, before, begun = ready(kind)

    assert effects.look(Empty(), before, begun) == Refused("resource_missing", "No such payment_intent", None)
    assert effects.attempt(Empty(faults=deque(["no"])), before, begun) == Refused(
        "parameter_invalid", "Stripe will never do this", None
    )


def test_a_decline_without_its_reason_is_still_a_decline():
    verdict = effects.authorization(intent("requires_payment_method"))

    assert isinstance(verdict, Declined)
    assert verdict.decline.code == "card_declined"


@pytest.mark.parametrize(("number", "expected"), [(1, "op_1"), (2, "op_1:2"), (4, "op_1:4")])
def test_the_first_key_is_the_operations_id_and_the_next_ones_are_numbered(number, expected):
    assert effects.idempotency_key(operation(Kind.CAPTURE, operation_id="op_1"), number) == expected


@pytest.mark.parametrize(
    ("waited", "keys"),
    [(23 * HOUR - SECOND, ["op_capture"]), (23 * HOUR, ["op_capture:2"]), (48 * HOUR, ["op_capture:2"])],
)
def test_from_23_hours_on_the_first_key_is_not_trusted_any_more(waited, keys):
    stripe, before, begun = ready(Kind.CAPTURE)
    stripe.pass_time(waited)

    effects.recover(stripe, before, begun, stripe.now)

    assert list(stripe._keys) == keys
