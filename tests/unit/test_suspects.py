"""Which bookings a page of Stripe's lists and the log make worth a look, and which they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.booking import HoldState, RefundStatus
from holdfast.log import Entry, Logged, append
from holdfast.sightings import Charge, Movement, Seen, Sighting, Source
from holdfast.suspects import agrees, suspects
from tests.unit import builders as make

HELD = make.held()
PAID = make.captured()


def sighting(**changes) -> Sighting:
    return Sighting(**({"payment_intent_id": "pi_1", "object_id": "pi_1", "currency": "eur"} | changes))


def charge(**changes) -> Charge:
    plain = {"succeeded": True, "captured": False, "amount_captured": 0, "amount_refunded": 0, "refunded": False}
    return Charge(**(plain | {"disputed": False} | changes))


TAKEN = charge(captured=True, amount_captured=5000)
LET_GO = charge(refunded=True, amount_refunded=6000)


@pytest.mark.parametrize(
    ("booking", "shown", "expected"),
    [
        (HELD, {"intent": make.intent()}, True),
        (HELD, {"intent": make.intent(), "charge": charge()}, True),
        (HELD, {"intent": make.intent(capture_before=make.START)}, False),
        (HELD, {"intent": make.intent("succeeded")}, False),
        (HELD, {"intent": make.intent("canceled")}, False),
        (HELD, {"charge": TAKEN}, False),
        (HELD, {"charge": LET_GO}, False),
        (HELD, {"charge": charge(succeeded=False)}, True),
        (HELD, {"intent": make.intent(), "currency": "usd"}, False),
        (PAID, {"intent": make.intent("succeeded"), "charge": TAKEN}, True),
        (PAID, {"intent": make.intent("succeeded", amount_received=4999)}, False),
        (PAID, {"charge": replace(TAKEN, amount_refunded=1)}, False),
        (PAID, {"charge": replace(TAKEN, disputed=True)}, False),
        (replace(PAID, disputes=(make.dispute("won"),)), {"charge": replace(TAKEN, disputed=True)}, True),
        (make.ended(HoldState.RELEASED), {"intent": make.intent("canceled"), "charge": LET_GO}, True),
        (make.ended(HoldState.RELEASED), {"intent": make.intent()}, False),
        (make.ended(HoldState.DECLINED), {"intent": make.intent("requires_payment_method")}, True),
        (make.waiting_for_3ds(), {"intent": make.intent("requires_action")}, True),
        (make.waiting_for_3ds(), {"intent": make.intent("processing")}, False),
        (PAID, {"dispute": make.dispute()}, False),
        (None, {"intent": make.intent()}, False),
    ],
)
def test_the_booking_s_own_payment(booking, shown, expected):
    assert agrees(booking, sighting(**shown)) == expected


@pytest.mark.parametrize(
    ("booking", "shown", "expected"),
    [
        (HELD, {"intent": make.intent(id="pi_2")}, False),
        (HELD, {"intent": make.intent("succeeded", id="pi_2")}, False),
        (HELD, {"intent": make.intent("canceled", id="pi_2"), "charge": LET_GO}, True),
        (HELD, {"intent": make.intent("requires_payment_method", id="pi_2")}, True),
        (make.held(superseded=("pi_2",)), {"intent": make.intent(id="pi_2"), "charge": charge()}, True),
        (make.held(superseded=("pi_2",)), {"intent": make.intent("succeeded", id="pi_2")}, False),
        (make.held(superseded=("pi_2",)), {"charge": TAKEN}, False),
        (HELD, {"refund": make.stripe_refund(6000), "charge": LET_GO}, True),
        (HELD, {"refund": make.stripe_refund(), "charge": TAKEN}, False),
        (HELD, {"charge": charge()}, False),
        (HELD, {"charge": replace(TAKEN, refunded=True)}, False),
    ],
)
def test_another_payment_with_its_name_on_it(booking, shown, expected):
    assert agrees(booking, sighting(payment_intent_id="pi_2", object_id="pi_2", **shown)) == expected


@pytest.mark.parametrize(
    ("refunds", "shown", "expected"),
    [
        ((), make.stripe_refund(), False),
        ((make.refund(),), make.stripe_refund(), True),
        ((make.refund(),), make.stripe_refund(status=RefundStatus.FAILED), False),
        ((make.refund(900),), make.stripe_refund(), False),
    ],
)
def test_a_refund_agrees_by_its_id_amount_and_status(refunds, shown, expected):
    assert agrees(make.captured(refunds=refunds), sighting(object_id="re_1", refund=shown)) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (HoldState.LIVE, True),
        (HoldState.CAPTURED, True),
        (HoldState.RELEASED, True),
        (HoldState.ACTION_REQUIRED, False),
    ],
)
def test_that_it_was_held_once_agrees_with_whatever_became_of_it(state, expected):
    assert agrees(make.booking(hold=make.hold(state)), sighting(intent=make.intent(), past=True)) == expected


def movement(source=Source.CHARGE, amount=5000, **changes) -> Movement:
    ids = {Source.CHARGE: "ch_1", Source.REFUND: "re_1", Source.DISPUTE: "du_1"}
    plain: dict[str, Any] = {
        "transaction_id": "txn_1",
        "payment_intent_id": "pi_1",
        "currency": "eur",
        "fee": 0,
        "fee_currency": "eur",
    }
    return Movement(**(plain | {"source": source, "source_id": ids[source], "amount": amount} | changes))


def suspected(booking, *, sightings=(), movements=(), lines=()):
    seen = Seen(sightings=tuple(sightings), movements=tuple(movements))
    owners = dict.fromkeys(["pi_1", "pi_2"], "bk_1")
    return suspects({"bk_1": booking} if booking else {}, seen, owners, lines)


@pytest.mark.parametrize(
    ("booking", "moved", "expected"),
    [
        (PAID, movement(), True),
        (PAID, movement(amount=4999), False),
        (PAID, movement(currency="usd"), False),
        (PAID, movement(payment_intent_id="pi_2"), False),
        (HELD, movement(), False),
        (make.booking(), movement(), False),
        (make.captured(refunds=(make.refund(),)), movement(Source.REFUND, -1000), True),
        (PAID, movement(Source.REFUND, -1000), False),
        (make.captured(refunds=(make.refund(),)), movement(Source.REFUND, 1000), False),
        (make.captured(refunds=(make.refund(status=RefundStatus.FAILED),)), movement(Source.REFUND, 1000), True),
        (replace(PAID, disputes=(make.dispute(),)), movement(Source.DISPUTE, -5000), False),
        (None, movement(), False),
    ],
)
def test_a_movement_of_the_balance_has_to_be_known_to_the_book(booking, moved, expected):
    assert (suspected(booking, movements=[moved]) == {}) == expected


def line(kind, status="succeeded", *, reason=None, stripe_id="pi_1", actor="clock", amount=5000) -> Logged:
    entry = Entry(kind=kind, status=status, actor=actor, amount=amount, reason=reason, stripe_id=stripe_id)
    _, (written,) = append(None, PAID, [entry], now=make.BOOKED)
    return Logged("bk_1", "yoga", written)


SEEN_HELD = sighting(intent=make.intent())
SEEN_PAID = sighting(intent=make.intent("succeeded"), charge=TAKEN)


@pytest.mark.parametrize(
    ("booking", "said", "shown", "expected"),
    [
        (HELD, line("authorize", amount=6000), [SEEN_HELD], True),
        (HELD, line("authorize", amount=6000), [], False),
        (HELD, line("renew", amount=6000), [], False),
        (HELD, line("authorize", "started", stripe_id=None), [], True),
        (HELD, line("authorize", amount=6000), [replace(SEEN_HELD, past=True)], False),
        (make.booking(), line("authorize", amount=6000), [sighting(charge=charge(succeeded=False))], False),
        (PAID, line("capture"), [SEEN_PAID], True),
        (PAID, line("capture"), [], False),
        (PAID, line("capture", amount=4999), [SEEN_PAID], False),
        (PAID, line("refund", stripe_id="re_9"), [SEEN_PAID], False),
        (HELD, line("check_in", stripe_id=None), [], True),
        (HELD, line("external", reason="unused_authorization", stripe_id="pi_2"), [], True),
        (HELD, line("external", reason="unused_authorization_captured", stripe_id="pi_2"), [], False),
        (
            HELD,
            line("external", reason="unused_authorization_captured", stripe_id="pi_2"),
            [sighting(payment_intent_id="pi_2", object_id="pi_2")],
            True,
        ),
        (make.ended(HoldState.RELEASED), line("release"), [], False),
        (make.ended(HoldState.RELEASED), line("release"), [sighting(intent=make.intent("canceled"), past=True)], True),
        (make.ended(HoldState.EXPIRED), line("external", reason="hold_expired"), [], False),
        (None, line("check_in", stripe_id=None), [], False),
    ],
)
def test_what_a_line_says_has_to_be_seen_at_stripe_and_stand_in_the_booking(booking, said, shown, expected):
    found = suspected(booking, sightings=shown, lines=[said])

    assert (found == {}) == expected


def test_a_suspect_is_named_with_the_payments_to_look_at():
    found = suspected(HELD, sightings=[sighting(payment_intent_id="pi_2", intent=make.intent(id="pi_2"))])

    assert found == {"bk_1": {"pi_2"}}
    assert suspected(HELD, movements=[movement(payment_intent_id="pi_2")]) == {"bk_1": {"pi_2"}}
    assert suspected(PAID, lines=[line("capture", stripe_id="pi_2")]) == {"bk_1": {"pi_1", "pi_2"}}
    assert suspected(PAID, lines=[line("refund", stripe_id="re_9")]) == {"bk_1": {"pi_1"}}


def test_what_belongs_to_nobody_here_suspects_nobody():
    seen = Seen(sightings=(sighting(intent=make.intent("succeeded")),), movements=(movement(),))

    assert suspects({}, seen, {}, []) == {}
