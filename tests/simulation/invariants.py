"""What must be true of the money whenever nothing is under way: one small function for each rule, with its sentence.

Pure. Each rule compares Stripe's side with ours, or ours with itself, and names whatever breaks it. `RULES` is the list
that an auditor signs; `violations` applies it. Changes that somebody made outside (in the dashboard, at the bank) and
that Stripe has not told us of yet are set apart by name, nothing else is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from holdfast.booking import HoldState, Outcome, Status
from holdfast.coverage import coverage
from holdfast.log import Line, verify
from holdfast.next_step import due_at
from holdfast.store.items import booking_item, event_item, sortable
from tests.simulation.books import Books, Violation
from tests.simulation.log_words import (
    KEEP_AT_MOST_A_FEE,
    MOVES,
    for_a_person,
    has_nothing_to_do,
    is_a_later_word,
    is_our_capture,
    is_said_by,
    took,
    took_the_hold,
    under_way,
)
from tests.simulation.sides import BookSide, Intent, Kept, Returned, StripeSide

__all__ = ["AT_REST_ONLY", "RULES", "Books", "Violation", "violations"]

Found = Iterator[tuple[str | None, str]]
Rule = Callable[[Books], Found]


# --- money ------------------------------------------------------------------------------------------------------------


def captured_is_what_the_log_says(books: Books) -> Found:
    """For each booking, Stripe received exactly what its log says was captured, and the booking says the same."""
    for kept in books.at_rest():
        booking = kept.booking
        logged = sum(line["amount"] for line in kept.lines if took_the_hold(line))
        if booking.captured != logged:
            yield booking.booking_id, f"the booking says {booking.captured} was captured, its log {logged}"
        own = books.stripe.intents.get(booking.hold.payment_intent_id) if booking.hold else None
        # What somebody captured of a declined authorization is none of the booking's: it has its line, and a person.
        received = own.received if own and own.intent_id not in booking.captured_strangers else 0
        if received != booking.captured and not (own and own.untold and not is_our_capture(kept, own)):
            yield booking.booking_id, f"Stripe received {received} for the hold, the booking says {booking.captured}"


def refunded_is_what_the_log_says(books: Books) -> Found:
    """For each booking, what Stripe sent back is what its log and its facts say, refund by refund."""
    for kept in books.at_rest():
        logged = kept.account
        booking = kept.booking
        if booking.refunded != logged.refunded:
            yield booking.booking_id, f"the booking says {booking.refunded} was refunded, its log {logged.refunded}"
        for intent in books.intents(kept):
            for refund in intent.refunds:
                known = next((each for each in booking.refunds if each.refund_id == refund.refund_id), None)
                if known is None:
                    continue  # a movement without its line: another rule's
                if (known.counts, known.amount) != (refund.counts, refund.amount) and not intent.untold:
                    yield booking.booking_id, f"{refund.refund_id} is {refund.status} at Stripe, here {known.status}"


def the_sums_agree(books: Books) -> Found:
    """In sum, by currency, what Stripe's balance took in and gave back is what all logs together say."""
    if any(intent.untold for intent in books.stripe.intents.values()):
        return
    if any(kept.booking.operation for kept in books.book.bookings.values()):
        return
    ours: dict[str, list[int]] = {}
    for kept in books.book.bookings.values():
        sums = ours.setdefault(kept.booking.currency, [0, 0])
        sums[0] += sum(line["amount"] for line in kept.lines if took(line))
        sums[1] += kept.account.refunded
    for currency in ours.keys() | books.stripe.balance.keys():
        logged, moved = tuple(ours.get(currency, (0, 0))), books.stripe.balance.get(currency, (0, 0))
        if logged != moved:
            yield None, f"{currency}: captured and refunded are {moved} at Stripe, {logged} in the logs"


def never_more_than_was_authorized(books: Books) -> Found:
    """No capture is larger than the authorization that the customer agreed to."""
    for intent in books.stripe.intents.values():
        if intent.received > intent.authorized:
            yield intent.booking_id, f"{intent.intent_id} took {intent.received} of {intent.authorized}"
    for kept in books.book.bookings.values():
        hold = kept.booking.hold
        if kept.booking.captured > (hold.amount if hold else 0):
            yield kept.booking.booking_id, f"{kept.booking.captured} captured of {hold.amount if hold else 'no'} hold"


def never_more_back_than_was_taken(books: Books) -> Found:
    """Refunds together never exceed what was captured."""
    for intent in books.stripe.intents.values():
        if intent.refunded > intent.received:
            yield intent.booking_id, f"{intent.intent_id} took {intent.received} and sent back {intent.refunded}"
    for kept in books.book.bookings.values():
        if kept.booking.refunded > kept.booking.captured:
            booking = kept.booking
            yield booking.booking_id, f"{booking.refunded} refunded of {booking.captured} captured"


def one_live_hold(books: Books) -> Found:
    """A booking has at most one authorization that can still take money; two only while a renewal waits for its
    customer; and it is the one that the booking knows.
    """
    for kept in books.at_rest():
        booking = kept.booking
        live = [each for each in books.intents(kept) if each.can_take_money]
        allowed = {
            hold.payment_intent_id
            for hold in (booking.hold, booking.renewal)
            if hold is not None and hold.state in (HoldState.LIVE, HoldState.ACTION_REQUIRED)
        }
        for intent in live:
            if intent.intent_id not in allowed and not (intent.untold and intent.operation_id is None):
                yield booking.booking_id, f"{intent.intent_id} is {intent.status} and the booking does not use it"
        if sum(each.status == "requires_capture" for each in live) > 1 and not any(each.untold for each in live):
            yield booking.booking_id, f"{len(live)} authorizations are held at once"


def a_hold_is_really_held(books: Books) -> Found:
    """A booking that says that money is held has an authorization of that amount at Stripe."""
    for kept in books.at_rest():
        hold = kept.booking.hold
        if hold is None or hold.state not in (HoldState.LIVE, HoldState.ACTION_REQUIRED):
            continue
        intent = books.stripe.intents.get(hold.payment_intent_id)
        if intent is None:
            yield kept.booking.booking_id, f"Stripe knows no {hold.payment_intent_id}"
            continue
        wanted = (
            ("requires_capture",) if hold.state is HoldState.LIVE else ("requires_action", "requires_payment_method")
        )
        if intent.status not in wanted and not intent.untold:
            yield kept.booking.booking_id, f"{intent.intent_id} is {intent.status}, the booking says {hold.state}"
        if intent.authorized != hold.amount:
            yield kept.booking.booking_id, f"{intent.authorized} is authorized, the booking says {hold.amount}"


def nothing_is_owed(books: Books) -> Found:
    """Whoever was released or refunded is owed nothing: no money is held, and no more is kept than the fee, unless a
    person has it on their list or the bank has the charge in dispute.
    """
    for kept in books.at_rest():
        booking, intents = kept.booking, books.intents(kept)
        if any(intent.untold for intent in intents):
            continue
        if booking.payment_status in (Status.RELEASED, Status.DECLINED) and not booking.is_open:
            held = [intent.intent_id for intent in intents if intent.can_take_money]
            known = booking.captured_strangers  # staff were told of them
            if held or any(each.received > each.refunded for each in intents if each.intent_id not in known):
                yield booking.booking_id, f"{booking.payment_status}, but Stripe still has money of it: {held}"
        if booking.outcome in KEEP_AT_MOST_A_FEE and not for_a_person(booking):
            own = next(
                (each for each in intents if booking.hold and each.intent_id == booking.hold.payment_intent_id), None
            )
            left = own.received - own.refunded if own else 0
            most = 0 if booking.outcome is Outcome.EVENT_CANCELLED else booking.fee
            if left > most:
                yield booking.booking_id, f"{booking.outcome}: {left} is kept, and {most} may be"
        if booking.payment_status is Status.REFUNDED and booking.refunded != booking.captured:
            yield booking.booking_id, f"refunded, but {booking.captured - booking.refunded} is still here"


def fees_are_the_policy_s(books: Books) -> Found:
    """A fee is what the accepted policy said at the instant that counts."""
    for kept in books.at_rest():
        derived = kept.account.fee
        if kept.booking.fee != derived:
            yield kept.booking.booking_id, f"the fee is {kept.booking.fee}, the log comes to {derived}"


def every_amount_follows_from_the_log(books: Books) -> Found:
    """Every amount that was charged, kept or sent back under the policy can be derived again from the log alone:
    clause, tier, rounding and cap, and whatever the line says that it follows from, byte for byte.
    """
    for kept in books.book.bookings.values():
        for fault in kept.account.faults:
            yield kept.booking.booking_id, f"line {fault.sequence}: {fault.what}"


# --- lines and movements ----------------------------------------------------------------------------------------------


def no_movement_without_its_line(books: Books) -> Found:
    """Whatever moved at Stripe for one of our bookings has its line, once, with its amount; what somebody did outside
    and we have not been told of yet is apart.
    """
    for intent in books.stripe.intents.values():
        kept = books.book.bookings.get(intent.booking_id or "")
        if kept is None:
            if intent.booking_id is not None and (intent.was_held or intent.can_take_money):
                yield intent.booking_id, f"{intent.intent_id} is for a booking that does not exist"
            continue
        if kept.booking.operation is not None:
            continue
        lines = [line for line in kept.lines if line["stripe_id"] == intent.intent_id]
        outside = intent.untold and not is_our_capture(kept, intent)
        taken = [line["amount"] for line in lines if took(line)]
        if intent.received and taken != [intent.received] and not (outside and not taken):
            yield intent.booking_id, f"{intent.intent_id} received {intent.received}, lines say {taken}"
        if intent.was_held and not lines and not (intent.untold and intent.operation_id is None):
            yield intent.booking_id, f"{intent.intent_id} was authorized, and no line names it"
        yield from _refunds_without_a_line(intent, kept)


def _refunds_without_a_line(intent: Intent, kept: Kept) -> Found:
    for refund in intent.refunds:
        amounts = {line["amount"] for line in kept.lines if line["stripe_id"] == refund.refund_id}
        if not amounts and not (intent.untold and refund.operation_id is None):
            yield intent.booking_id, f"{refund.refund_id} sent back {refund.amount}, and no line says so"
        elif amounts and amounts != {refund.amount}:
            yield intent.booking_id, f"{refund.refund_id} sent back {refund.amount}, lines say {sorted(amounts)}"


def no_line_without_its_movement(books: Books) -> Found:
    """A line that says that something succeeded has the movement at Stripe that it names, of that amount, and no other
    line claims the same.
    """
    refunds = {each.refund_id: each for intent in books.stripe.intents.values() for each in intent.refunds}
    for kept in books.book.bookings.values():
        claimed: set[tuple[str, str]] = set()
        for line in kept.lines:
            if line["status"] != "succeeded" or line["actor"] == "stripe" or line["kind"] not in MOVES:
                continue
            if (claim := (line["kind"], line["stripe_id"])) in claimed:
                yield kept.booking.booking_id, f"line {line['sequence']}: {claim[1]} was said to {claim[0]} before"
            claimed.add(claim)
            if not _has_moved(line, books, refunds):
                yield (
                    kept.booking.booking_id,
                    f"line {line['sequence']}: no {line['kind']} of {line['amount']} at Stripe",
                )


def _has_moved(line: Line, books: Books, refunds: dict[str, Returned]) -> bool:
    if line["kind"] == "refund":
        refund = refunds.get(line["stripe_id"])
        return refund is not None and refund.amount == line["amount"]
    intent = books.stripe.intents.get(line["stripe_id"])
    if intent is None:
        return False
    match line["kind"]:
        case "capture":
            return intent.received == line["amount"]
        case "release":
            return intent.status == "canceled" and intent.received == 0
        case _:
            return intent.was_held and intent.authorized == line["amount"]


def no_operation_acts_twice(books: Books) -> Found:
    """Each operation has at most one effect at Stripe, and its own line says so: what we did is never taken for
    somebody else's.
    """
    for kept in books.at_rest():
        intents = books.intents(kept)
        refunds = [refund for intent in intents for refund in intent.refunds if refund.operation_id is not None]
        effects = Counter([each.operation_id for each in intents] + [each.operation_id for each in refunds])
        for operation_id, count in effects.items():
            if operation_id is not None and count > 1:
                yield kept.booking.booking_id, f"{operation_id} acted {count} times at Stripe"
        for intent in intents:
            if intent.received and is_our_capture(kept, intent) and not is_said_by(kept, intent):
                yield kept.booking.booking_id, f"{intent.operation_id} captured {intent.received} and does not say so"
        for refund in refunds:
            owners = {line["operation_id"] for line in kept.lines if line["stripe_id"] == refund.refund_id}
            if owners and owners != {refund.operation_id}:
                yield kept.booking.booking_id, f"{refund.refund_id} is {refund.operation_id}'s, lines say {owners}"


def every_operation_ends_once(books: Books) -> Found:
    """Each line `started` has exactly one end, and nothing ends that was not started; what waits for its customer or
    its bank may move on by Stripe's word.
    """
    for kept in books.book.bookings.values():
        groups: dict[str, list[Line]] = {}
        for line in kept.lines:
            if line["operation_id"] is not None:
                groups.setdefault(line["operation_id"], []).append(line)
        for operation_id, lines in groups.items():
            started = [line for line in lines if line["status"] == "started"]
            ends = [line for line in lines if line["status"] != "started" and not is_a_later_word(line, lines)]
            if len(started) != 1 or lines[0] is not started[0]:
                yield kept.booking.booking_id, f"{operation_id} was started {len(started)} times"
            if len(ends) != 1 and not (not ends and under_way(kept.booking) == operation_id):
                yield kept.booking.booking_id, f"{operation_id} ended {len(ends)} times: {[e['status'] for e in ends]}"


def nothing_is_left_under_way(books: Books) -> Found:
    """Every operation reaches an end: none is left started, and no authorization is left that has to go."""
    for kept in books.book.bookings.values():
        booking = kept.booking
        if booking.operation is not None:
            yield booking.booking_id, f"{booking.operation.kind} {booking.operation.operation_id} is under way"
        if booking.dispute_response is not None:
            yield booking.booking_id, "an answer to a dispute is under way"
        if booking.superseded:
            yield booking.booking_id, f"not let go yet: {booking.superseded}"


def every_request_has_its_answer(books: Books) -> Found:
    """A request whose operation is over has its answer kept, so that a retry is told the same."""
    for key, record in books.book.records.items():
        kept = books.book.bookings.get(record.get("booking_id") or "")
        if record.get("operation_id") is None or record.get("answer") is not None or kept is None:
            continue
        waits = kept.booking.is_open and kept.booking.cancel_request_key == key
        if waits or under_way(kept.booking) == record["operation_id"]:
            continue  # its wish goes on with another operation, which answers it
        yield kept.booking.booking_id, f"the request of {record['operation_id']} has no answer"


# --- the book itself --------------------------------------------------------------------------------------------------


def the_chain_holds(books: Books) -> Found:
    """Each booking's log is complete, in order and unaltered, and ends where the booking says; no line belongs to
    nobody.
    """
    for kept in books.book.bookings.values():
        booking = kept.booking
        for fault in verify(kept.lines, expected_length=booking.sequence, expected_head=booking.chain_head):
            yield booking.booking_id, f"line {fault.sequence}: {fault.what}"
    for booking_id in books.book.stray_lines:
        yield booking_id, "lines without a booking"


def the_due_index_is_the_state_s(books: Books) -> Found:
    """What the clock sweeps by is what the facts need: the item's due attributes (and every other that an index reads)
    are those of its facts, a closed booking with nothing to do is in no shard, and an open one is never forgotten.
    """
    for kept in books.book.bookings.values():
        booking, item = kept.booking, kept.item
        true = {name: value for name, value in booking_item(booking).items() if value is not None}
        for name in sorted((true.keys() | item.keys()) - {"facts"}):
            if true.get(name) != item.get(name):
                yield booking.booking_id, f"{name} is {item.get(name)!r}, the facts say {true.get(name)!r}"
        due = due_at(booking)
        if item.get("due_at") != (sortable(due) if due else None):
            yield booking.booking_id, f"due_at is {item.get('due_at')}, next_step says {due}"
        if has_nothing_to_do(booking) and ("due_shard" in item or "due_at" in item):
            yield booking.booking_id, "closed with nothing to do, and still in a due shard"
        if booking.is_open and coverage(booking, books.now) is None:
            yield booking.booking_id, "open, and nobody will look at it again"
    for kept_event in books.book.events.values():
        true = {name: value for name, value in event_item(kept_event.event).items() if value is not None}
        for name in ("due_shard", "due_at", "version"):
            if true.get(name) != kept_event.item.get(name):
                yield None, f"event {kept_event.event.event_id}: {name} is {kept_event.item.get(name)!r}"


def nothing_due_is_left(books: Books) -> Found:
    """The clock has done everything that was due."""
    for kept in books.book.bookings.values():
        due = due_at(kept.booking)
        if due is not None and due <= books.now:
            yield kept.booking.booking_id, f"due since {due:%Y-%m-%d %H:%M:%S}"


RULES: Final[tuple[Rule, ...]] = (
    captured_is_what_the_log_says,
    refunded_is_what_the_log_says,
    the_sums_agree,
    never_more_than_was_authorized,
    never_more_back_than_was_taken,
    one_live_hold,
    a_hold_is_really_held,
    nothing_is_owed,
    fees_are_the_policy_s,
    every_amount_follows_from_the_log,
    no_movement_without_its_line,
    no_line_without_its_movement,
    no_operation_acts_twice,
    every_operation_ends_once,
    nothing_is_left_under_way,
    every_request_has_its_answer,
    the_chain_holds,
    the_due_index_is_the_state_s,
    nothing_due_is_left,
)

# These ask that nothing is under way anywhere; while somebody is at it, the others hold for everything that rests.
AT_REST_ONLY: Final = frozenset({nothing_is_left_under_way, nothing_due_is_left, every_request_has_its_answer})


def violations(stripe: StripeSide, book: BookSide, now: datetime, *, rules: Sequence[Rule] = RULES) -> list[Violation]:
    """Every place where a rule does not hold."""
    books = Books(stripe, book, now)
    return [Violation(rule.__name__, booking_id, what) for rule in rules for booking_id, what in rule(books)]
