"""What people do in the flows, and what has happened before them: each a play of somebody, in the order of a life."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from tests.simulation.plays import Play
from tests.world import wire

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ALWAYS: Final = {"no_show_capture": "always"}
AUTHENTICATES, DISPUTES, REFUND_FAILS = "pm_card_authenticationRequired", "pm_card_createDispute", "pm_card_refundFail"
PENDING_REFUND: Final = "pm_card_pendingRefund"


# --- booking ----------------------------------------------------------------------------------------------------------


def card_only(play: Play) -> None:
    play.event()
    play.card()


def card_that_authenticates(play: Play) -> None:
    play.event()
    play.card(card=AUTHENTICATES)


def save_a_card_and_book(play: Play) -> None:
    play.card()
    play.book()


def authenticate(play: Play, outcome: str = "succeeded") -> None:
    """On the phone, for whatever the booking waits for."""
    booking = play.booking()
    if booking.new_card is not None:
        play.at_stripe(f"setup_intents/{booking.new_card.setup_intent_id}/authenticate", outcome=outcome)
    elif (waiting := booking.renewal or booking.hold) is not None:
        play.at_stripe(f"payment_intents/{waiting.payment_intent_id}/authenticate", outcome=outcome)


def book_and_authenticate(play: Play) -> None:
    play.book()
    if "alice" in play.ids and str(play.booking().payment_status) == "action_required":
        authenticate(play)
        play.on("confirm_hold", by="alice", body={})


def book_and_fail_to_authenticate(play: Play) -> None:
    play.book()
    if "alice" in play.ids and str(play.booking().payment_status) == "action_required":
        authenticate(play, "failed")
        play.on("confirm_hold", by="alice", body={})


# --- holds that come later --------------------------------------------------------------------------------------------


def far(play: Play) -> None:
    play.event(starts_in=40 * DAY)
    play.card()


def scheduled(play: Play) -> None:
    far(play)
    play.book()
    play.until(3 * DAY + 2 * MINUTE)


def declined_at_first(play: Play) -> None:
    scheduled(play)
    card = play.booking().payment_method_id
    play.at_stripe("cards", payment_method=card, decline_code="insufficient_funds", times=1)


def far_with_a_card_that_authenticates(play: Play) -> None:
    play.event(starts_in=40 * DAY)
    play.card(card=AUTHENTICATES)


def declined_for_good(play: Play) -> None:
    """The clock was told that the card is lost; Alice has another one."""
    scheduled(play)
    card = play.booking().payment_method_id
    play.ids["other card"] = play.card(card="pm_card_mastercard")
    play.at_stripe("cards", payment_method=card, decline_code="lost_card")
    play.wait(5 * MINUTE)


def renewal_that_asks(play: Play) -> None:
    long(play)
    card = play.booking().payment_method_id
    play.at_stripe("cards", payment_method=card, decline_code="authentication_required", when="off_session", times=1)


def authenticate_the_renewal(play: Play) -> None:
    play.wait(2 * HOUR)
    if play.booking().renewal is not None:
        authenticate(play)
        play.on("confirm_hold", by="alice", body={})


def long(play: Play) -> None:
    """An event that lasts ten days: its hold has to be renewed before it is over."""
    ends = play.deployment.now() + 12 * DAY
    play.event(starts_in=2 * DAY, ends_at=wire(ends))
    play.card()
    play.book()
    assert play.booking().hold is not None
    play.wait(5 * DAY + 23 * HOUR)


def held_with_two_cards(play: Play) -> None:
    card_only(play)
    play.book()
    play.ids["other card"] = play.card(card="pm_card_mastercard")


def change_card(play: Play) -> None:
    play.on("change_payment_method", by="alice", body={"payment_method_id": play.ids["other card"]})


# --- attendance -------------------------------------------------------------------------------------------------------


def held(play: Play) -> None:
    card_only(play)
    play.book()


def check_in_and_complete(play: Play) -> None:
    play.on("check_in_booking")
    play.on("complete_booking", body={"amount": 4000})


def attended(play: Play) -> None:
    """Checked in, and never completed: the clock settles a day after the end."""
    held(play)
    play.until(-5 * MINUTE)
    play.on("check_in_booking")
    play.until(-25 * HOUR - 58 * MINUTE)


# --- cancelling -------------------------------------------------------------------------------------------------------


def cancel(play: Play) -> None:
    play.on("cancel_booking", by="alice", body={})


def late(play: Play) -> None:
    held(play)
    play.until(10 * HOUR)


def just_in_time(play: Play) -> None:
    held(play)
    play.until(24 * HOUR + 3 * MINUTE)


def cancel_as_quoted(play: Play) -> None:
    """Quoted free three minutes before the tier begins, cancelled half a minute after."""
    quote = play.on("quote_cancellation", by="alice")
    play.wait(3.5 * MINUTE)
    if quote.status == 200:
        play.on("cancel_booking", by="alice", body={"quote": quote.body["quote"]})


# --- no-shows ---------------------------------------------------------------------------------------------------------


def absent(play: Play) -> None:
    """The venue always charges, and gives an hour to contest."""
    play.event(policy=ALWAYS | {"no_show_contest_minutes": 60})
    play.card()
    play.book()
    play.until(-29 * MINUTE)


def contest(play: Play) -> None:
    play.wait(5 * MINUTE)
    play.on("contest_no_show", by="alice", body={"reason": "I was there"})
    play.wait(10 * MINUTE)
    play.on("uphold_no_show", body={"reason": "nobody saw them"})


def waived(play: Play) -> None:
    play.on("waive_no_show", body={"reason": "ill"})
    play.wait(10 * MINUTE)


def ordered(play: Play) -> None:
    play.until(-MINUTE)
    play.ask("charge_no_shows", event_id="yoga")
    play.wait(HOUR)


def lapsed_no_show(play: Play) -> None:
    """The hold lapses after the start, and the bank has no money for a new one just now."""
    play.event(policy=ALWAYS)
    play.card()
    play.book()
    play.until(-20 * MINUTE)
    lapses(play)


def lapses(play: Play) -> None:
    card = play.booking().payment_method_id
    play.at_stripe("cards", payment_method=card, decline_code="insufficient_funds", times=1)
    play.at_stripe(f"payment_intents/{play.intent()}/expire")
    play.wait(3 * MINUTE)


def lapsed_and_late(play: Play) -> None:
    """The same after the free window."""
    late(play)
    lapses(play)


def cancel_without_a_hold(play: Play) -> None:
    play.on("cancel_booking", by="alice", body={}, until_over=False)
    play.wait(2 * HOUR)


# --- money back -------------------------------------------------------------------------------------------------------


def captured(card: str = "pm_card_visa") -> Any:
    def prepare(play: Play) -> None:
        play.event()
        play.card(card=card)
        play.book()
        play.on("complete_booking", body={})
        play.wait(5 * MINUTE)

    return prepare


def refund(play: Play, amount: int | None, key: str) -> None:
    body: dict[str, Any] = {"booking_id": play.ids["alice"], "reason": "requested_by_customer"}
    play.ask("create_refund", body=body | ({} if amount is None else {"amount": amount}), key=key)


def refund_in_parts(play: Play) -> None:
    refund(play, 1500, "first")
    refund(play, None, "rest")


def refund_that_fails(play: Play) -> None:
    refund(play, 2000, "fails")
    play.wait(HOUR)


def cancel_what_was_captured_outside(amount: int) -> Any:
    """In the dashboard, a moment before the customer cancels: what they do not owe goes back."""

    def play_it(play: Play) -> None:
        play.dashboard.v1.payment_intents.capture(play.intent(), {"amount_to_capture": amount})
        cancel(play)
        play.wait(10 * MINUTE)

    return play_it


def refund_outside(play: Play) -> None:
    """Half in the dashboard, and the rest by staff who know nothing of it."""
    play.dashboard.v1.refunds.create({"payment_intent": play.intent(), "amount": 2000})
    refund(play, 3000, "rest")


# --- disputes ---------------------------------------------------------------------------------------------------------


def answer_the_dispute(play: Play) -> None:
    play.on("edit_dispute_evidence", body={"evidence": {"uncategorized_text": "winning_evidence"}})
    play.on("submit_dispute_evidence", body={})
    play.wait(2 * HOUR)


def give_the_dispute_up(play: Play) -> None:
    play.on("accept_dispute", body={})


# --- the organiser ----------------------------------------------------------------------------------------------------


def two_bookings(play: Play) -> None:
    """Alice is held, Bob has paid."""
    held(play)
    play.card("bob")
    play.book("bob")
    play.on("complete_booking", of="bob", body={"amount": 3000})
    play.wait(5 * MINUTE)


def cancel_the_event(play: Play) -> None:
    play.ask("cancel_event", event_id="yoga")
    play.wait(10 * MINUTE)


def move_the_event(play: Play) -> None:
    play.event(starts_in=4 * DAY)
    play.wait(10 * MINUTE)
    cancel(play)


def move_the_booking(play: Play) -> None:
    play.on("move_booking", by="alice", body={"event_id": "pilates"})
    play.on("cancel_booking", by="alice", body={})


def two_events(play: Play) -> None:
    late(play)
    play.event("pilates", starts_in=2 * DAY)


def dearer(play: Play) -> None:
    play.on("reprice_booking", body={"price": {"amount": 6000, "currency": "eur"}, "consent": "by mail"})
    play.wait(10 * MINUTE)


# --- the night --------------------------------------------------------------------------------------------------------


def a_day_with_a_drift(play: Play) -> None:
    """Stripe's word on a hold that was let go in the dashboard never came."""
    two_bookings(play)
    play.at_stripe(f"payment_intents/{play.intent()}/expire")
    play.deployment.postbox.collect()
    play.deployment.postbox.letters.clear()
    play.wait(DAY)


def reconcile(play: Play) -> None:
    play.deployment.invoke("reconcile_day", {})
    play.wait(30 * MINUTE)
    # The schedule comes again the night after, whatever became of this one.
    play.wait(DAY)
    play.deployment.invoke("reconcile_day", {})
    play.wait(30 * MINUTE)
