"""What an operation's result does to the booking and to the log.

Pure: an operation under way and a verdict in, the next facts and the lines out. A verdict is what was proved about the
effect; while nothing is proved there is no verdict, and the operation stays under way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from holdfast import hold_settlement
from holdfast.booking import HOLD_PLACING, Booking, HoldState, Kind, Operation, Outcome, Refund, with_refund
from holdfast.coverage import planned_at
from holdfast.hold_settlement import ACTION_WINDOW, entry_of
from holdfast.log import Entry
from holdfast.reconcile import observe
from holdfast.staffs_list import cleared, noticed
from holdfast.stripe_objects import Decline, Observation, PaymentIntent, SetupIntent, StripeRefund

__all__ = ["ACTION_WINDOW"]

PLACING: Final = HOLD_PLACING | {Kind.SCHEDULE}
_FIRST_RETRY: Final = timedelta(minutes=1)
_LONGEST_RETRY: Final = timedelta(hours=6)
_WHILE_A_HOLD_LIVES: Final = timedelta(minutes=30)
# From this many failures on, a person has to look: about two hours after the first.
ATTEMPTS_BEFORE_STAFF: Final = 7
_MENDED_BY_SUCCESS: Final = frozenset({"operation_in_doubt", "step_failed", "refused_by_stripe"})
# A refund is how staff decide these.
_MENDED_BY_REFUND: Final = frozenset(
    {
        "refund_failed",
        "refund_owed",
        "checked_in_after_no_show_capture",
        "waived_after_no_show_capture",
        "moved_after_no_show_capture",
    }
)
# Of a release that nothing waits for, where Stripe has not said what became of it.
NOT_RELEASED_YET: Final = "not_released_yet"
# What nothing can be taken of any more, as Stripe names it.
_GONE: Final = frozenset({"canceled", "expired", "requires_reauthorization"})


@dataclass(frozen=True, slots=True)
class Authorized:
    intent: PaymentIntent


@dataclass(frozen=True, slots=True)
class NeedsAction:
    intent: PaymentIntent


@dataclass(frozen=True, slots=True)
class CardSaved:
    setup: SetupIntent


@dataclass(frozen=True, slots=True)
class CardNeedsAction:
    setup: SetupIntent


@dataclass(frozen=True, slots=True)
class Declined:
    decline: Decline
    intent: PaymentIntent | None


@dataclass(frozen=True, slots=True)
class Abandoned:
    """Nobody waits for this authorization any more; what was found of it (None: nothing) has to go."""

    intent: PaymentIntent | None


@dataclass(frozen=True, slots=True)
class Captured:
    intent: PaymentIntent


@dataclass(frozen=True, slots=True)
class Released:
    intent: PaymentIntent


@dataclass(frozen=True, slots=True)
class Refunded:
    refund: StripeRefund


@dataclass(frozen=True, slots=True)
class Refused:
    """Stripe refused for good. `seen` is what Stripe holds now, which usually says why."""

    code: str
    message: str
    seen: Observation | None


Verdict = (
    Authorized
    | NeedsAction
    | CardSaved
    | CardNeedsAction
    | Declined
    | Abandoned
    | Captured
    | Released
    | Refunded
    | Refused
)


def backoff(attempts: int) -> timedelta:
    """1, 2, 4 … minutes, at most 6 hours."""
    doublings: int = min(max(attempts - 1, 0), 10)
    return min(_FIRST_RETRY * (1 << doublings), _LONGEST_RETRY)


def failed_attempt(booking: Booking, now: datetime, *, what: str) -> Booking:
    """One more step failed: later again, and in the end a person has to look."""
    attempts = booking.attempts + 1
    attention = what if attempts >= ATTEMPTS_BEFORE_STAFF else None
    # What a hold is to be used for comes again before the hold ends: the margin (HOLD_SAFETY) sees several tries.
    wait = min(backoff(attempts), _WHILE_A_HOLD_LIVES) if booking.is_held else backoff(attempts)
    return noticed(replace(booking, attempts=attempts, retry_at=now + wait), attention, now)


def settled(booking: Booking, operation: Operation, verdict: Verdict, now: datetime) -> tuple[Booking, Sequence[Entry]]:
    """The booking after this verdict, with the operation over, and the lines that say so."""
    idle = replace(booking, operation=None)
    if operation.kind in PLACING:
        changed, entries = _of_a_card(idle, operation, verdict, now)
        return _fresh(changed), entries
    match verdict:
        case Captured(intent):
            return _captured(idle, operation, intent, now)
        case Released(intent):
            return _released(idle, operation, intent)
        case Refunded(refund):
            return _refunded(idle, operation, refund, now)
        case Refused():
            return _refused(idle, operation, verdict, now)
        case _:
            raise ValueError(f"{type(verdict).__name__} is no result of a {operation.kind}")


def _of_a_card(idle: Booking, operation: Operation, verdict: Verdict, now: datetime) -> tuple[Booking, Sequence[Entry]]:
    """Authorizations, renewals, and cards that are saved for later."""
    match verdict:
        case Authorized(intent):
            return hold_settlement.placed(idle, operation, intent, now)
        case NeedsAction(intent):
            return hold_settlement.needs_action(idle, operation, intent, now)
        case CardSaved(setup):
            hold_at = planned_at(idle)
            return hold_settlement.card_saved(idle, operation, setup, hold_at)
        case CardNeedsAction(setup):
            return hold_settlement.card_needs_action(idle, operation, setup, now)
        case Declined(decline, found):
            return hold_settlement.declined(idle, operation, decline, found, now)
        case Abandoned(found):
            return hold_settlement.abandoned(idle, operation, found)
        case Refused(code, message, _):
            return hold_settlement.refused(idle, operation, code, message, now)
        case _:
            raise ValueError(f"{type(verdict).__name__} is no result of a {operation.kind}")


def _fresh(booking: Booking) -> Booking:
    """Something worked: earlier failures of ours no longer count. What a person has to decide stays."""
    return cleared(replace(booking, attempts=0, retry_at=None), _MENDED_BY_SUCCESS)


def _captured(
    idle: Booking, operation: Operation, intent: PaymentIntent, now: datetime
) -> tuple[Booking, Sequence[Entry]]:
    assert idle.hold is not None
    # Staff who cancelled meanwhile are answered next: what they do not want charged goes back.
    clocks_own = operation.outcome in (Outcome.NO_SHOW, Outcome.COMPLETED)
    wished_otherwise = idle.cancel_requested_at is not None and clocks_own
    done = replace(
        idle,
        hold=replace(idle.hold, state=HoldState.CAPTURED, charge_id=intent.charge_id or idle.hold.charge_id),
        captured=intent.amount_received,
        fee=0 if wished_otherwise else operation.fee,
        outcome=idle.outcome if wished_otherwise else operation.outcome or idle.outcome,
    )
    done = _too_late_for_the_fee(_fresh(_ended(done, now)), operation, now)
    done = noticed(done, "captured_less_than_owed" if _falls_short(idle, operation, intent) else None, now)
    return done, [entry_of(operation, "succeeded", amount=intent.amount_received)]


def _falls_short(booking: Booking, operation: Operation, intent: PaymentIntent) -> bool:
    """All of a hold was taken that is smaller than was agreed (the larger one of a new price could not be placed), and
    the clock would have taken more.
    """
    assert booking.hold is not None
    whole = intent.amount_received == booking.hold.amount < booking.hold_amount
    return whole and operation.actor == "clock" and intent.amount_received < booking.price.amount


def _too_late_for_the_fee(booking: Booking, operation: Operation, now: datetime) -> Booking:
    """Somebody was checked in or waived, or the event moved, while the no-show fee was on its way: staff have to
    decide.
    """
    if booking.outcome is not Outcome.NO_SHOW:
        return booking
    if booking.moved_at is not None and booking.moved_at >= operation.started_at:
        return noticed(booking, "moved_after_no_show_capture", now)
    if booking.checked_in_at is not None:
        return noticed(booking, "checked_in_after_no_show_capture", now)
    return noticed(booking, "waived_after_no_show_capture" if booking.waived_at is not None else None, now)


def _ended(booking: Booking, now: datetime) -> Booking:
    booking = booking if booking.is_open else hold_settlement.hold_not_missed(booking)
    if booking.outcome is Outcome.CANCELLED and booking.cancelled_at is None:
        return replace(booking, cancelled_at=booking.cancel_requested_at or now)
    if booking.outcome is Outcome.EVENT_CANCELLED and booking.cancelled_at is None:
        return replace(booking, cancelled_at=now)
    return booking


def _released(idle: Booking, operation: Operation, intent: PaymentIntent) -> tuple[Booking, Sequence[Entry]]:
    entry = entry_of(operation, "succeeded")
    if operation.superseded:
        rest = tuple(each for each in idle.superseded if each != intent.id)
        return _fresh(replace(idle, superseded=rest, drop_after=None)), [entry]
    assert idle.hold is not None
    state = HoldState.DECLINED if operation.outcome is Outcome.DECLINED else HoldState.RELEASED
    done = replace(
        idle,
        hold=replace(idle.hold, state=state, client_secret=None),
        outcome=operation.outcome or idle.outcome,
        action_deadline=None,
    )
    done = _fresh(_ended(done, idle.cancel_requested_at or operation.started_at))
    missed = done.checked_in_at is not None and done.outcome in (Outcome.NO_SHOW, Outcome.WAIVED)
    return noticed(done, "checked_in_during_release" if missed else None, operation.started_at), [entry]


def _refunded(
    idle: Booking, operation: Operation, refund: StripeRefund, now: datetime
) -> tuple[Booking, Sequence[Entry]]:
    known = Refund(
        refund_id=refund.id,
        amount=refund.amount,
        status=refund.status,
        operation_id=operation.operation_id,
        reason=operation.reason,
    )
    done = with_refund(idle, known)
    if known.counts:
        done = replace(done, outcome=operation.outcome or idle.outcome, fee=_fee_after(idle, operation))
        done = cleared(_fresh(_ended(done, now)), _MENDED_BY_REFUND)
    else:
        done = failed_attempt(noticed(done, "refund_failed", now), now, what="refund_failed")
    entry = entry_of(
        operation,
        str(refund.status),
        amount=refund.amount,
        stripe_id=refund.id,
        details={"failure_reason": refund.failure_reason} | _waits_for(refund),
    )
    return done, [entry]


def _waits_for(refund: StripeRefund) -> dict[str, str | None]:
    return {"pending_reason": refund.pending_reason} if refund.pending_reason else {}


def _fee_after(idle: Booking, operation: Operation) -> int:
    """A refund that carries out a cancellation leaves the fee; one for a cancelled event leaves none; any other changes
    nothing.
    """
    match operation.outcome:
        case Outcome.CANCELLED:
            return operation.fee
        case Outcome.EVENT_CANCELLED:
            return 0
        case _:
            return idle.fee


def _refused(idle: Booking, operation: Operation, verdict: Refused, now: datetime) -> tuple[Booking, Sequence[Entry]]:
    """The refusal usually means that somebody was faster, in the dashboard or at the bank: take what is there, then
    plan again.
    """
    failed = entry_of(operation, "failed", reason=verdict.code, details={"message": verdict.message})
    if operation.superseded:
        return _superseded_refused(idle, operation, verdict, failed, now)
    if verdict.seen is None:
        return failed_attempt(noticed(idle, "refused_by_stripe", now), now, what="refused_by_stripe"), [failed]
    changed, outside = observe(idle, verdict.seen, now)
    if operation.kind is Kind.REFUND and operation.outcome is None:
        return changed, [failed, *outside]  # whoever asked for this refund is told; nobody repeats it for them
    if (
        operation.kind is Kind.RELEASE
        and changed.hold is not None
        and not changed.holds_money
        and changed.captured == 0
    ):
        # It was to be let go, and it is gone: the intention is met, and says whether that is a cancellation.
        gone = replace(changed, outcome=operation.outcome or changed.outcome, cancelled_at=idle.cancelled_at)
        return _fresh(_ended(gone, now)), [failed, *outside]
    changed = noticed(changed, "changed_outside" if outside else "refused_by_stripe", now)
    return failed_attempt(changed, now, what="refused_by_stripe"), [failed, *outside]


def _superseded_refused(
    idle: Booking, operation: Operation, verdict: Refused, failed: Entry, now: datetime
) -> tuple[Booking, Sequence[Entry]]:
    """A hold that nobody uses is forgotten only when Stripe shows it gone; captured by somebody, it is for staff. One
    that stays for now is tried again, and meanwhile nothing waits for it.
    """
    status = verdict.seen.intent.status if verdict.seen else None
    rest = tuple(each for each in idle.superseded if each != operation.payment_intent_id)
    forgotten = replace(idle, superseded=rest, drop_after=None)
    if status in _GONE or verdict.code == "resource_missing":
        return _fresh(forgotten), [failed]
    if status == "succeeded":
        return noticed(forgotten, "unused_authorization_captured", now), [failed]
    attempts = idle.attempts + 1
    later = replace(idle, attempts=attempts, drop_after=now + backoff(attempts))
    listed = verdict.code != NOT_RELEASED_YET or attempts >= ATTEMPTS_BEFORE_STAFF
    return noticed(later, "refused_by_stripe" if listed else None, now), [failed]
