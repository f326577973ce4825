"""Every flow that a booking's money can take, from the card to the dispute, each with the ends that it may have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from holdfast.booking import Booking
from tests.simulation.plays import End, Flow, Play, is_, or_
from tests.world import wire

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ALWAYS: Final = {"no_show_capture": "always"}
AUTHENTICATES, DISPUTES, REFUND_FAILS = "pm_card_authenticationRequired", "pm_card_createDispute", "pm_card_refundFail"
PENDING_REFUND: Final = "pm_card_pendingRefund"

# A booking that a bank or Stripe refused outright ends at once; the customer was told, and nothing is held.
DECLINED: Final = is_("declined", outcome="declined", captured=0)
HELD: Final = is_("held", captured=0, superseded=(), renewal=None)


# --- booking ----------------------------------------------------------------------------------------------------------


def _card_only(play: Play) -> None:
    play.event()
    play.card()


def _card_that_authenticates(play: Play) -> None:
    play.event()
    play.card(card=AUTHENTICATES)


def _save_a_card_and_book(play: Play) -> None:
    play.card()
    play.book()


def _authenticate(play: Play, outcome: str = "succeeded") -> None:
    """On the phone, for whatever the booking waits for."""
    booking = play.booking()
    if booking.new_card is not None:
        play.at_stripe(f"setup_intents/{booking.new_card.setup_intent_id}/authenticate", outcome=outcome)
    elif (waiting := booking.renewal or booking.hold) is not None:
        play.at_stripe(f"payment_intents/{waiting.payment_intent_id}/authenticate", outcome=outcome)


def _book_and_authenticate(play: Play) -> None:
    play.book()
    if "alice" in play.ids and str(play.booking().payment_status) == "action_required":
        _authenticate(play)
        play.on("confirm_hold", by="alice", body={})


def _book_and_fail_to_authenticate(play: Play) -> None:
    play.book()
    if "alice" in play.ids and str(play.booking().payment_status) == "action_required":
        _authenticate(play, "failed")
        play.on("confirm_hold", by="alice", body={})


# --- holds that come later --------------------------------------------------------------------------------------------


def _far(play: Play) -> None:
    play.event(starts_in=40 * DAY)
    play.card()


def _scheduled(play: Play) -> None:
    _far(play)
    play.book()
    play.until(3 * DAY + 2 * MINUTE)


def _declined_at_first(play: Play) -> None:
    _scheduled(play)
    card = play.booking().payment_method_id
    play.at_stripe("cards", payment_method=card, decline_code="insufficient_funds", times=1)


def _long(play: Play) -> None:
    """An event that lasts ten days: its hold has to be renewed before it is over."""
    ends = play.deployment.now() + 12 * DAY
    play.event(starts_in=2 * DAY, ends_at=wire(ends))
    play.card()
    play.book()
    assert play.booking().hold is not None
    play.wait(5 * DAY + 23 * HOUR)


def _held_with_two_cards(play: Play) -> None:
    _card_only(play)
    play.book()
    play.ids["other card"] = play.card(card="pm_card_mastercard")


def _change_card(play: Play) -> None:
    play.on("change_payment_method", by="alice", body={"payment_method_id": play.ids["other card"]})


# --- attendance -------------------------------------------------------------------------------------------------------


def _held(play: Play) -> None:
    _card_only(play)
    play.book()


def _check_in_and_complete(play: Play) -> None:
    play.on("check_in_booking")
    play.on("complete_booking", body={"amount": 4000})


def _attended(play: Play) -> None:
    """Checked in, and never completed: the clock settles a day after the end."""
    _held(play)
    play.until(-5 * MINUTE)
    play.on("check_in_booking")
    play.until(-25 * HOUR - 58 * MINUTE)


# --- cancelling -------------------------------------------------------------------------------------------------------


def _cancel(play: Play) -> None:
    play.on("cancel_booking", by="alice", body={})


def _late(play: Play) -> None:
    _held(play)
    play.until(10 * HOUR)


def _just_in_time(play: Play) -> None:
    _held(play)
    play.until(24 * HOUR + 3 * MINUTE)


def _cancel_as_quoted(play: Play) -> None:
    """Quoted free three minutes before the tier begins, cancelled half a minute after."""
    quote = play.on("quote_cancellation", by="alice")
    play.wait(3.5 * MINUTE)
    if quote.status == 200:
        play.on("cancel_booking", by="alice", body={"quote": quote.body["quote"]})


# --- no-shows ---------------------------------------------------------------------------------------------------------


def _absent(play: Play) -> None:
    """The venue always charges, and gives an hour to contest."""
    play.event(policy=ALWAYS | {"no_show_contest_minutes": 60})
    play.card()
    play.book()
    play.until(-29 * MINUTE)


def _contest(play: Play) -> None:
    play.wait(5 * MINUTE)
    play.on("contest_no_show", by="alice", body={"reason": "I was there"})
    play.wait(10 * MINUTE)
    play.on("uphold_no_show", body={"reason": "nobody saw them"})


def _waived(play: Play) -> None:
    play.on("waive_no_show", body={"reason": "ill"})
    play.wait(10 * MINUTE)


def _ordered(play: Play) -> None:
    play.until(-MINUTE)
    play.ask("charge_no_shows", event_id="yoga")
    play.wait(HOUR)


def _lapsed_no_show(play: Play) -> None:
    """The hold lapsed, and the fee is charged without one."""
    play.event(policy=ALWAYS)
    play.card()
    play.book()
    play.until(HOUR)
    play.at_stripe("cards", payment_method=play.booking().payment_method_id, decline_code="expired_card", times=1)
    play.at_stripe(f"payment_intents/{play.intent()}/expire")
    play.wait(3 * MINUTE)
    play.at_stripe("cards", payment_method=play.booking().payment_method_id, decline_code=None)
    play.on("change_payment_method", by="alice", body={"payment_method_id": play.booking().payment_method_id})


def _lapsed_and_late(play: Play) -> None:
    """The hold lapsed after the free window, and the bank has no money for a new one just now."""
    _late(play)
    card = play.booking().payment_method_id
    play.at_stripe("cards", payment_method=card, decline_code="insufficient_funds", times=1)
    play.at_stripe(f"payment_intents/{play.intent()}/expire")
    play.wait(3 * MINUTE)


def _cancel_without_a_hold(play: Play) -> None:
    play.on("cancel_booking", by="alice", body={}, until_over=False)
    play.wait(2 * HOUR)


# --- money back -------------------------------------------------------------------------------------------------------


def _captured(card: str = "pm_card_visa") -> Any:
    def prepare(play: Play) -> None:
        play.event()
        play.card(card=card)
        play.book()
        play.on("complete_booking", body={})
        play.wait(5 * MINUTE)

    return prepare


def _refund(play: Play, amount: int | None, key: str) -> None:
    body: dict[str, Any] = {"booking_id": play.ids["alice"], "reason": "requested_by_customer"}
    play.ask("create_refund", body=body | ({} if amount is None else {"amount": amount}), key=key)


def _refund_in_parts(play: Play) -> None:
    _refund(play, 1500, "first")
    _refund(play, None, "rest")


def _refund_that_fails(play: Play) -> None:
    _refund(play, 2000, "fails")
    play.wait(HOUR)


def _cancel_what_was_captured_outside(amount: int) -> Any:
    """In the dashboard, a moment before the customer cancels: what they do not owe goes back."""

    def play_it(play: Play) -> None:
        play.dashboard.v1.payment_intents.capture(play.intent(), {"amount_to_capture": amount})
        _cancel(play)
        play.wait(10 * MINUTE)

    return play_it


def _refund_outside(play: Play) -> None:
    """Half in the dashboard, and the rest by staff who know nothing of it."""
    play.dashboard.v1.refunds.create({"payment_intent": play.intent(), "amount": 2000})
    _refund(play, 3000, "rest")


# --- disputes ---------------------------------------------------------------------------------------------------------


def _answer_the_dispute(play: Play) -> None:
    play.on("edit_dispute_evidence", body={"evidence": {"uncategorized_text": "winning_evidence"}})
    play.on("submit_dispute_evidence", body={})
    play.wait(2 * HOUR)


def _give_the_dispute_up(play: Play) -> None:
    play.on("accept_dispute", body={})


# --- the organiser ----------------------------------------------------------------------------------------------------


def _two_bookings(play: Play) -> None:
    """Alice is held, Bob has paid."""
    _held(play)
    play.card("bob")
    play.book("bob")
    play.on("complete_booking", of="bob", body={"amount": 3000})
    play.wait(5 * MINUTE)


def _cancel_the_event(play: Play) -> None:
    play.ask("cancel_event", event_id="yoga")
    play.wait(10 * MINUTE)


def _move_the_event(play: Play) -> None:
    play.event(starts_in=4 * DAY)
    play.wait(10 * MINUTE)
    _cancel(play)


def _move_the_booking(play: Play) -> None:
    play.on("move_booking", by="alice", body={"event_id": "pilates"})
    play.on("cancel_booking", by="alice", body={})


def _two_events(play: Play) -> None:
    _late(play)
    play.event("pilates", starts_in=2 * DAY)


def _dearer(play: Play) -> None:
    play.on("reprice_booking", body={"price": {"amount": 6000, "currency": "eur"}, "consent": "by mail"})
    play.wait(10 * MINUTE)


# --- the night --------------------------------------------------------------------------------------------------------


def _a_day_with_a_drift(play: Play) -> None:
    """Stripe's word on a hold that was let go in the dashboard never came."""
    _two_bookings(play)
    play.at_stripe(f"payment_intents/{play.intent()}/expire")
    play.deployment.postbox.collect()
    play.deployment.postbox.letters.clear()
    play.wait(DAY)


def _reconcile(play: Play) -> None:
    play.deployment.invoke("reconcile_day", {})
    play.wait(30 * MINUTE)
    # The schedule comes again the night after, whatever became of this one.
    play.wait(DAY)
    play.deployment.invoke("reconcile_day", {})
    play.wait(30 * MINUTE)


def _everybody(**ends: End) -> Mapping[str, End]:
    return ends


def alice(end: End) -> Mapping[str, End]:
    return {"alice": end}


def _is_new_mastercard(booking: Booking) -> bool:
    return HELD(booking) and booking.card_brand == "mastercard"


# The bank said no to the clock: the customer was told until when another card is needed.
WAITS_FOR_A_CARD: Final[End] = lambda b: is_("declined", outcome="open")(b) and b.mend_by is not None  # noqa: E731
# Whoever hears of the capture before the wish to cancel takes it for the completion.
TAKEN_OUTSIDE: Final = is_("captured", outcome="completed", fee=0)
CAPTURED_FEE: Final = is_("captured", captured=5000, fee=5000)
FLOWS: Final[Mapping[str, Flow]] = {
    "book": Flow(
        lambda play: play.event(), _save_a_card_and_book, alice(HELD), left=alice(DECLINED), refused=alice(DECLINED)
    ),
    "book with 3-D Secure": Flow(
        _card_that_authenticates, _book_and_authenticate, alice(HELD), left=alice(DECLINED), refused=alice(DECLINED)
    ),
    "fail 3-D Secure": Flow(_card_that_authenticates, _book_and_fail_to_authenticate, alice(DECLINED)),
    "book far ahead": Flow(
        _far, lambda play: play.book(), alice(is_("scheduled")), left=alice(DECLINED), refused=alice(DECLINED)
    ),
    "a scheduled hold": Flow(
        _scheduled, lambda play: play.wait(10 * MINUTE), alice(HELD), refused=alice(WAITS_FOR_A_CARD)
    ),
    "a scheduled hold that is declined at first": Flow(
        _declined_at_first, lambda play: play.wait(90 * MINUTE), alice(HELD), refused=alice(WAITS_FOR_A_CARD)
    ),
    "a renewal": Flow(_long, lambda play: play.wait(2 * HOUR), alice(HELD)),
    "another card": Flow(
        _held_with_two_cards, _change_card, alice(_is_new_mastercard), left=alice(HELD), refused=alice(HELD)
    ),
    "check in and complete": Flow(
        _held,
        _check_in_and_complete,
        alice(is_("captured", captured=4000, fee=0, outcome="completed")),
        left=alice(or_(HELD, is_("captured", captured=4000))),
    ),
    "attended and never completed": Flow(
        _attended,
        lambda play: play.wait(10 * MINUTE),
        alice(is_("captured", captured=5000, fee=0, outcome="completed")),
    ),
    "cancel early": Flow(_held, _cancel, alice(is_("released", outcome="cancelled", fee=0)), left=alice(HELD)),
    "cancel late": Flow(_late, _cancel, alice(CAPTURED_FEE), left=alice(HELD)),
    "cancel as quoted": Flow(
        _just_in_time,
        _cancel_as_quoted,
        alice(is_("released", outcome="cancelled", fee=0)),
        left=alice(HELD),
    ),
    "no-show with notice": Flow(_absent, lambda play: play.wait(80 * MINUTE), alice(CAPTURED_FEE)),
    "no-show contested and upheld": Flow(
        _absent, _contest, alice(CAPTURED_FEE), left=alice(is_("held", attention="no_show_contested"))
    ),
    "no-show waived": Flow(_absent, _waived, alice(is_("released", outcome="waived", fee=0)), left=alice(CAPTURED_FEE)),
    "no-shows ordered": Flow(
        _held, _ordered, alice(CAPTURED_FEE), left=alice(or_(HELD, is_("released", outcome="no_show")))
    ),
    "no-show after a lapse": Flow(
        _lapsed_no_show, lambda play: play.until(-40 * MINUTE), alice(CAPTURED_FEE), refused=alice(is_("declined"))
    ),
    "cancel late without a hold": Flow(
        _lapsed_and_late,
        _cancel_without_a_hold,
        alice(CAPTURED_FEE),
        left=alice(HELD),
        refused=alice(is_("expired", outcome="cancelled", fee=0, attention="fee_not_collected")),
        settles=40 * HOUR,
    ),
    "refund in parts": Flow(
        _captured(),
        _refund_in_parts,
        alice(is_("refunded", refunded=5000)),
        left=alice(or_(is_("captured"), is_("partially_refunded"), is_("refunded"))),
    ),
    "a refund that fails": Flow(
        _captured(REFUND_FAILS),
        _refund_that_fails,
        alice(is_("captured", refunded=0, attention="refund_failed")),
        left=alice(is_("captured")),
    ),
    "a refund that is pending": Flow(
        _captured(PENDING_REFUND),
        _refund_that_fails,
        alice(is_("partially_refunded", refunded=2000)),
        left=alice(is_("captured")),
    ),
    "captured outside and cancelled": Flow(
        _held,
        _cancel_what_was_captured_outside(2000),
        alice(or_(is_("refunded", outcome="cancelled", refunded=2000, fee=0), TAKEN_OUTSIDE)),
    ),
    "captured outside and cancelled late": Flow(
        _late,
        _cancel_what_was_captured_outside(6000),
        alice(or_(is_("partially_refunded", outcome="cancelled", refunded=1000, fee=5000), TAKEN_OUTSIDE)),
    ),
    "refunded outside and by staff": Flow(
        _captured(), _refund_outside, alice(is_("refunded", refunded=5000)), left=alice(is_("partially_refunded"))
    ),
    "a dispute that is answered": Flow(
        _captured(DISPUTES),
        _answer_the_dispute,
        alice(is_("captured", dispute_response=None)),
        left=alice(is_("disputed")),
    ),
    "a dispute that is given up": Flow(
        _captured(DISPUTES), _give_the_dispute_up, alice(is_("disputed", dispute_response=None))
    ),
    "an event that is cancelled": Flow(
        _two_bookings,
        _cancel_the_event,
        _everybody(alice=is_("released", outcome="event_cancelled"), bob=is_("refunded", refunded=3000, fee=0)),
        left=_everybody(alice=HELD, bob=is_("captured")),
    ),
    "an event that is moved": Flow(
        _late, _move_the_event, alice(is_("released", outcome="cancelled", fee=0)), left=alice(or_(HELD, CAPTURED_FEE))
    ),
    "moved to another event": Flow(_two_events, _move_the_booking, alice(CAPTURED_FEE), left=alice(HELD)),
    "another price": Flow(
        _held,
        _dearer,
        alice(lambda b: HELD(b) and b.hold is not None and b.hold.amount == 7200),
        left=alice(HELD),
        refused=alice(HELD),
    ),
    "a night that finds a drift": Flow(
        _a_day_with_a_drift, _reconcile, _everybody(alice=or_(is_("expired"), HELD), bob=is_("captured", captured=3000))
    ),
}
