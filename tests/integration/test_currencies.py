"""Currencies without and with three decimals, end to end: booked, completed in part, late fee, refunded."""

from __future__ import annotations

import pytest

from tests.world import World


def booked(world: World, amount: int, currency: str, **policy: object) -> str:
    world.event(price={"amount": amount, "currency": currency}, policy=policy or None)
    return world.held()


@pytest.mark.parametrize(
    ("currency", "price", "hold"),
    [
        ("jpy", 5000, 6000),
        ("jpy", 1001, 1202),
        ("krw", 12345, 14814),
        ("kwd", 5120, 6150),
        ("kwd", 10, 20),
        ("tnd", 1230, 1480),
        ("isk", 10100, 12200),
        ("huf", 17501, 21002),
        ("eur", 4999, 5999),
    ],
)
def test_the_hold_is_rounded_up_to_what_stripe_takes(world: World, currency: str, price: int, hold: int) -> None:
    booking_id = booked(world, price, currency)

    assert world.booking(booking_id).hold_amount == hold
    assert (world.intents()[0].amount_capturable, world.intents()[0].currency) == (hold, currency)


@pytest.mark.parametrize(
    ("currency", "price", "part", "back", "left"), [("jpy", 5000, 4201, 1001, 3200), ("kwd", 5120, 4200, 1010, 3190)]
)
def test_completed_in_part_and_refunded_in_parts(
    world: World, currency: str, price: int, part: int, back: int, left: int
) -> None:
    booking_id = booked(world, price, currency)

    completed = world.on("complete", booking_id, staff="sam", body={"amount": part})
    first = world.refund(booking_id, amount=back, key="r1")
    too_much = world.refund(booking_id, amount=left + 10, key="r2")
    rest = world.refund(booking_id, key="r3")

    assert (completed.status, completed.body["captured"]) == (200, part)
    assert (first.body["amount"], first.body["currency"]) == (back, currency)
    assert (too_much.status, rest.body["amount"]) == (422, left)
    assert world.booking(booking_id).payment_status == "refunded"
    assert {line["currency"] for line in world.log(booking_id)} == {currency}


@pytest.mark.parametrize(
    ("currency", "price", "percent", "fee"),
    [("jpy", 5000, 100, 5000), ("jpy", 1001, 50, 500), ("kwd", 5130, 50, 2560), ("kwd", 5120, 33, 1680)],
)
def test_late_fees_are_rounded_down_to_what_stripe_takes(
    world: World, currency: str, price: int, percent: int, fee: int
) -> None:
    booking_id = booked(world, price, currency, cancellation_tiers=[{"hours_before": 24, "percent": percent}])
    world.advance(days=1, hours=12)

    cancelled = world.on("cancel", booking_id, user="alice")

    assert (cancelled.status, cancelled.body["fee"], cancelled.body["captured"]) == (200, fee, fee)
    assert world.intents()[0].amount_received == fee


@pytest.mark.parametrize("amount", [4201, 4205, 4209])
def test_dinars_take_only_tens(world: World, amount: int) -> None:
    booking_id = booked(world, 5120, "kwd")
    before = world.everything()

    refused = world.on("complete", booking_id, staff="sam", body={"amount": amount})

    assert (refused.status, refused.problem) == (422, "rule-refused")
    assert world.everything() == before

    world.on("complete", booking_id, staff="sam", key="whole")
    before = world.everything()
    refund = world.refund(booking_id, amount=amount % 100 + 1000)

    assert (refund.status, refund.problem) == (422, "rule-refused")
    assert world.everything() == before


def test_a_fee_below_what_stripe_charges_is_no_fee(world: World) -> None:
    booking_id = booked(world, 60, "eur", cancellation_tiers=[{"hours_before": 24, "percent": 50}])
    world.advance(days=1, hours=12)

    cancelled = world.on("cancel", booking_id, user="alice")

    assert (cancelled.status, cancelled.body["fee"], cancelled.body["payment_status"]) == (200, 0, "released")


def test_whatever_can_be_booked_in_a_currency_can_be_a_new_price_in_it(world: World) -> None:
    """IDR 1,000,000 is some 55 euros, and more minor units than other currencies take."""
    booking_id = booked(world, 100_000_000, "idr")

    price = {"price": {"amount": 90_000_000, "currency": "idr"}, "consent": "by phone"}
    answer = world.on("reprice", booking_id, staff="sam", body=price)

    assert (answer.status, answer.body["price"]["amount"]) == (200, 90_000_000)
