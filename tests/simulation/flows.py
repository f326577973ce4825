"""Every flow that a booking's money can take, from the card to the dispute, each with the ends that it may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from holdfast.booking import Booking
from tests.simulation import acts
from tests.simulation.acts import DISPUTES, HOUR, MINUTE, PENDING_REFUND, REFUND_FAILS
from tests.simulation.plays import End, Flow, is_, or_

# A booking that a bank or Stripe refused outright ends at once; the customer was told, and nothing is held.
DECLINED: Final = is_("declined", outcome="declined", captured=0)
HELD: Final = is_("held", captured=0, superseded=(), renewal=None)


def everybody(**ends: End) -> Mapping[str, End]:
    return ends


def alice(end: End) -> Mapping[str, End]:
    return {"alice": end}


def _is_new_mastercard(booking: Booking) -> bool:
    return HELD(booking) and booking.card_brand == "mastercard"


# The bank said no to the clock: the customer was told until when another card is needed.
WAITS_FOR_A_CARD: Final = is_("declined", outcome="open")
# Whoever hears of the capture before the wish to cancel takes it for the completion.
TAKEN_OUTSIDE: Final = is_("captured", outcome="completed", fee=0)
CAPTURED_FEE: Final = is_("captured", captured=5000, fee=5000)
FLOWS: Final[Mapping[str, Flow]] = {
    "book": Flow(
        lambda play: play.event(), acts.save_a_card_and_book, alice(HELD), left=alice(DECLINED), refused=alice(DECLINED)
    ),
    "book with 3-D Secure": Flow(
        acts.card_that_authenticates,
        acts.book_and_authenticate,
        alice(HELD),
        left=alice(DECLINED),
        refused=alice(DECLINED),
    ),
    "fail 3-D Secure": Flow(acts.card_that_authenticates, acts.book_and_fail_to_authenticate, alice(DECLINED)),
    "book far ahead": Flow(
        acts.far, lambda play: play.book(), alice(is_("scheduled")), left=alice(DECLINED), refused=alice(DECLINED)
    ),
    "book far ahead with 3-D Secure": Flow(
        acts.far_with_a_card_that_authenticates,
        acts.book_and_authenticate,
        alice(is_("scheduled")),
        left=alice(or_(DECLINED, is_("scheduled"))),
        refused=alice(DECLINED),
    ),
    "a scheduled hold": Flow(
        acts.scheduled, lambda play: play.wait(10 * MINUTE), alice(HELD), refused=alice(WAITS_FOR_A_CARD)
    ),
    "a scheduled hold that is declined at first": Flow(
        acts.declined_at_first, lambda play: play.wait(90 * MINUTE), alice(HELD), refused=alice(WAITS_FOR_A_CARD)
    ),
    "a renewal": Flow(acts.long, lambda play: play.wait(2 * HOUR), alice(HELD)),
    "a renewal that wants its customer": Flow(
        acts.renewal_that_asks, acts.authenticate_the_renewal, alice(HELD), refused=alice(is_("held"))
    ),
    "a hold that is mended": Flow(
        acts.declined_for_good,
        acts.change_card,
        alice(_is_new_mastercard),
        left=alice(WAITS_FOR_A_CARD),
        refused=alice(WAITS_FOR_A_CARD),
    ),
    "another card": Flow(
        acts.held_with_two_cards, acts.change_card, alice(_is_new_mastercard), left=alice(HELD), refused=alice(HELD)
    ),
    "check in and complete": Flow(
        acts.held,
        acts.check_in_and_complete,
        alice(is_("captured", captured=4000, fee=0, outcome="completed")),
        left=alice(or_(HELD, is_("captured", captured=4000))),
    ),
    "attended and never completed": Flow(
        acts.attended,
        lambda play: play.wait(10 * MINUTE),
        alice(is_("captured", captured=5000, fee=0, outcome="completed")),
    ),
    "cancel early": Flow(acts.held, acts.cancel, alice(is_("released", outcome="cancelled", fee=0)), left=alice(HELD)),
    "cancel late": Flow(acts.late, acts.cancel, alice(CAPTURED_FEE), left=alice(HELD)),
    "cancel as quoted": Flow(
        acts.just_in_time,
        acts.cancel_as_quoted,
        alice(is_("released", outcome="cancelled", fee=0)),
        left=alice(HELD),
    ),
    "no-show with notice": Flow(acts.absent, lambda play: play.wait(80 * MINUTE), alice(CAPTURED_FEE)),
    "no-show contested and upheld": Flow(
        acts.absent, acts.contest, alice(CAPTURED_FEE), left=alice(is_("held", attention="no_show_contested"))
    ),
    "no-show waived": Flow(
        acts.absent, acts.waived, alice(is_("released", outcome="waived", fee=0)), left=alice(CAPTURED_FEE)
    ),
    "no-shows ordered": Flow(
        acts.held, acts.ordered, alice(CAPTURED_FEE), left=alice(or_(HELD, is_("released", outcome="no_show")))
    ),
    "no-show after a lapse": Flow(
        acts.lapsed_no_show,
        lambda play: play.wait(90 * MINUTE),
        alice(CAPTURED_FEE),
        refused=alice(is_("expired", outcome="no_show", fee=0, attention="fee_not_collected")),
        settles=40 * HOUR,
    ),
    "cancel late without a hold": Flow(
        acts.lapsed_and_late,
        acts.cancel_without_a_hold,
        alice(CAPTURED_FEE),
        left=alice(is_("released", outcome="no_show", fee=0)),
        refused=alice(is_("expired", outcome="cancelled", fee=0, attention="fee_not_collected")),
        settles=40 * HOUR,
    ),
    "refund in parts": Flow(
        acts.captured(),
        acts.refund_in_parts,
        alice(is_("refunded", refunded=5000)),
        left=alice(or_(is_("captured"), is_("partially_refunded"), is_("refunded"))),
    ),
    "a refund that fails": Flow(
        acts.captured(REFUND_FAILS),
        acts.refund_that_fails,
        alice(is_("captured", refunded=0, attention="refund_failed")),
        left=alice(is_("captured")),
    ),
    "a refund that is pending": Flow(
        acts.captured(PENDING_REFUND),
        acts.refund_that_fails,
        alice(is_("partially_refunded", refunded=2000)),
        left=alice(is_("captured")),
    ),
    "captured outside and cancelled": Flow(
        acts.held,
        acts.cancel_what_was_captured_outside(2000),
        alice(or_(is_("refunded", outcome="cancelled", refunded=2000, fee=0), TAKEN_OUTSIDE)),
    ),
    "captured outside and cancelled late": Flow(
        acts.late,
        acts.cancel_what_was_captured_outside(6000),
        alice(or_(is_("partially_refunded", outcome="cancelled", refunded=1000, fee=5000), TAKEN_OUTSIDE)),
    ),
    "refunded outside and by staff": Flow(
        acts.captured(),
        acts.refund_outside,
        alice(is_("refunded", refunded=5000)),
        left=alice(is_("partially_refunded")),
    ),
    "a dispute that is answered": Flow(
        acts.captured(DISPUTES),
        acts.answer_the_dispute,
        alice(is_("captured", dispute_response=None)),
        left=alice(is_("disputed")),
    ),
    "a dispute that is given up": Flow(
        acts.captured(DISPUTES), acts.give_the_dispute_up, alice(is_("disputed", dispute_response=None))
    ),
    "an event that is cancelled": Flow(
        acts.two_bookings,
        acts.cancel_the_event,
        everybody(alice=is_("released", outcome="event_cancelled"), bob=is_("refunded", refunded=3000, fee=0)),
        left=everybody(alice=HELD, bob=is_("captured")),
    ),
    "an event that is moved": Flow(
        acts.late,
        acts.move_the_event,
        alice(is_("released", outcome="cancelled", fee=0)),
        left=alice(or_(HELD, CAPTURED_FEE)),
    ),
    "moved to another event": Flow(acts.two_events, acts.move_the_booking, alice(CAPTURED_FEE), left=alice(HELD)),
    "another price": Flow(
        acts.held,
        acts.dearer,
        alice(lambda b: HELD(b) and b.hold is not None and b.hold.amount == 7200),
        left=alice(HELD),
        refused=alice(HELD),
    ),
    "a night that finds a drift": Flow(
        acts.a_day_with_a_drift,
        acts.reconcile,
        everybody(alice=or_(is_("expired"), HELD), bob=is_("captured", captured=3000)),
    ),
}
