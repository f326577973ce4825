"""Stripe's listed objects: what they show, what they moved, and whose they are."""

from __future__ import annotations

import pytest

from holdfast.booking import RefundStatus
from holdfast.sightings import Charge, Source
from holdfast.stripe_sightings import Collector

OURS = {"deployment": "here", "booking_id": "bk_1", "operation_id": "op_1"}
THEIRS = {"deployment": "there", "booking_id": "bk_1"}


def intent(**changes):
    plain = {"id": "pi_1", "object": "payment_intent", "status": "requires_capture", "amount": 6000, "currency": "eur"}
    return plain | {"created": 1_795_000_000, "metadata": OURS, "latest_charge": charge()} | changes


def charge(**changes):
    plain = {"id": "ch_1", "object": "charge", "status": "succeeded", "captured": False, "refunded": False}
    plain |= {"amount_captured": 0, "amount_refunded": 0, "disputed": False, "currency": "eur", "metadata": OURS}
    return plain | {"payment_intent": "pi_1"} | changes


def refund(**changes):
    plain = {"id": "re_1", "object": "refund", "amount": 700, "status": "succeeded", "currency": "eur"}
    return plain | {"payment_intent": "pi_1", "charge": "ch_1", "metadata": {}} | changes


def dispute(**changes):
    plain = {"id": "du_1", "object": "dispute", "amount": 5000, "status": "needs_response", "reason": "fraudulent"}
    return plain | {"currency": "eur", "payment_intent": "pi_1", "charge": "ch_1", "metadata": {}} | changes


def moved(source, type_="charge", **changes):
    plain = {"id": "txn_1", "type": type_, "amount": 5000, "currency": "eur", "fee": 175, "source": source}
    return plain | changes


@pytest.fixture
def collector():
    return Collector("here")


def test_a_payment_intent_shows_itself_and_its_charge(collector):
    collector.intent(intent())

    (sighting,) = collector.seen().sightings
    assert (sighting.payment_intent_id, sighting.currency, sighting.past) == ("pi_1", "eur", False)
    assert sighting.intent is not None
    assert sighting.intent.status == "requires_capture"
    assert sighting.charge == Charge(
        succeeded=True, captured=False, amount_captured=0, amount_refunded=0, refunded=False, disputed=False
    )
    assert collector.seen().owners == {"pi_1": "bk_1"}


def test_a_payment_intent_that_was_never_confirmed_has_no_charge(collector):
    collector.intent(intent(status="requires_payment_method", latest_charge=None))

    assert collector.seen().sightings[0].charge is None


def test_a_refund_and_a_dispute_are_known_by_their_charge_s_metadata(collector):
    collector.refund(refund(charge=charge(captured=True)))
    collector.dispute(dispute(payment_intent="pi_2", charge=charge(metadata=OURS | {"booking_id": "bk_2"})))

    seen = collector.seen()
    assert seen.owners == {"pi_1": "bk_1", "pi_2": "bk_2"}
    assert [(each.object_id, each.refund is not None, each.dispute is not None) for each in seen.sightings] == [
        ("re_1", True, False),
        ("du_1", False, True),
    ]


@pytest.mark.parametrize(
    ("transaction", "source", "amount"),
    [
        (moved(charge(captured=True, amount_captured=5000)), Source.CHARGE, 5000),
        (moved(refund(metadata=OURS), "refund", amount=-700, fee=0), Source.REFUND, -700),
        (moved(refund(metadata=OURS), "refund_failure", amount=700, fee=0), Source.REFUND, 700),
        (moved(dispute(metadata=OURS), "adjustment", amount=-5000, fee=1500), Source.DISPUTE, -5000),
    ],
)
def test_a_balance_transaction_moves_money_by_its_source(collector, transaction, source, amount):
    collector.balance_transaction(transaction)

    (movement,) = collector.seen().movements
    assert (movement.source, movement.amount, movement.currency) == (source, amount, "eur")
    assert (movement.fee, movement.fee_currency) == (transaction["fee"], "eur")


@pytest.mark.parametrize(
    ("transaction", "amount"),
    [
        (moved(charge(amount_captured=5000), amount=5432, currency="usd"), 5000),
        (moved(refund(), "refund", amount=-760, currency="usd"), -700),
        (moved(dispute(), "adjustment", amount=-5432, currency="usd"), -5000),
    ],
)
def test_where_the_balance_is_kept_in_another_currency_the_customer_s_amount_counts(collector, transaction, amount):
    collector.balance_transaction(transaction)

    (movement,) = collector.seen().movements
    assert (movement.amount, movement.currency, movement.fee_currency) == (amount, "eur", "usd")


@pytest.mark.parametrize(
    "transaction",
    [
        moved(None, "stripe_fee"),
        moved("po_1", "payout"),
        moved({"id": "po_1", "object": "payout"}, "payout"),
        moved(charge(), "adjustment"),
        moved(charge(payment_intent=None)),
    ],
)
def test_what_no_payment_made_moves_nothing_of_ours(collector, transaction):
    collector.balance_transaction(transaction)

    assert collector.seen().movements == collector.seen().sightings == ()


@pytest.mark.parametrize("metadata", [THEIRS, {}, {"note": "by hand"}])
def test_a_payment_of_somebody_else_is_left_out_with_all_that_came_of_it(collector, metadata):
    collector.balance_transaction(moved(refund(metadata={}), "refund", amount=-700))
    collector.intent(intent(metadata=metadata, latest_charge=None))

    seen = collector.seen()
    assert (seen.sightings, seen.movements, seen.strangers) == ((), (), frozenset())


def test_a_refund_or_dispute_alone_does_not_say_whose_it_is(collector):
    collector.event({"data": {"object": refund(metadata={"note": "by hand"})}})
    collector.balance_transaction(moved(dispute(payment_intent="pi_2"), "adjustment", amount=-5000))

    assert collector.seen().strangers == {"pi_1", "pi_2"}


@pytest.mark.parametrize("intent_first", [True, False])
def test_the_payment_intent_s_own_word_goes_before_its_charge_s_copy(collector, intent_first):
    said = [lambda: collector.intent(intent(metadata=OURS | {"booking_id": "bk_2"}))]
    said.insert(1 if intent_first else 0, lambda: collector.balance_transaction(moved(charge())))
    for say in said:
        say()

    assert collector.seen().owners == {"pi_1": "bk_2"}


@pytest.mark.parametrize(
    ("snapshot", "field"),
    [
        (intent(status="canceled"), "intent"),
        (charge(refunded=True), "charge"),
        (refund(status="failed", metadata=OURS), "refund"),
        (dispute(metadata=OURS), "dispute"),
    ],
)
def test_an_event_shows_what_was_so_once(collector, snapshot, field):
    collector.event({"data": {"object": snapshot}})

    (sighting,) = collector.seen().sightings
    assert sighting.past
    assert getattr(sighting, field) is not None


def test_an_event_of_something_else_shows_nothing(collector):
    collector.event({"data": {"object": {"id": "po_1", "object": "payout"}}})

    assert collector.seen().sightings == ()


def test_a_status_that_we_do_not_know_is_a_refund_that_is_not_settled(collector):
    collector.refund(refund(status="requires_action", charge=charge()))

    shown = collector.seen().sightings[0].refund
    assert shown is not None
    assert shown.status is RefundStatus.PENDING
