"""What an operation's result does to the booking and to the log.

Pure: an operation under way and a verdict in, the next facts and the lines out. A verdict is what was proved about the
effect; while nothing is proved there is no verdict, and the operation stays under way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from holdfast.booking import (
    Booking,
    Hold,
    HoldState,
    Kind,
    Operation,
    Outcome,
    Refund,
    with_refund,
)
from holdfast.log import Entry, wire_time
from holdfast.next_step import too_short
from holdfast.reconcile import observe
from holdfast.stripe_objects import Decline, Observation, PaymentIntent, StripeRefund

# How long a customer who was asked for 3-D Secure has to come back (design: 30 minutes on-session).
ACTION_WINDOW: Final = timedelta(minutes=30)
_FIRST_RETRY: Final = timedelta(minutes=1)
_LONGEST_RETRY: Final = timedelta(hours=6)
# From this many failures on, a person has to look: about two hours after the first.
ATTEMPTS_BEFORE_STAFF: Final = 7
_MENDED_BY_SUCCESS: Final = frozenset({"operation_in_doubt", "step_failed", "refused_by_stripe"})
# A refund is how staff decide these.
_MENDED_BY_REFUND: Final = frozenset(
    {"refund_failed", "refund_owed", "checked_in_after_no_show_capture", "waived_after_no_show_capture"}
)


@dataclass(frozen=True, slots=True)
class Authorized:
    intent: PaymentIntent


@dataclass(frozen=True, slots=True)
class NeedsAction:
    intent: PaymentIntent


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


Verdict = Authorized | NeedsAction | Declined | Abandoned | Captured | Released | Refunded | Refused


def backoff(attempts: int) -> timedelta:
    """1, 2, 4 … minutes, at most 6 hours."""
    doublings: int = min(max(attempts - 1, 0), 10)
    return min(_FIRST_RETRY * (1 << doublings), _LONGEST_RETRY)


def failed_attempt(booking: Booking, now: datetime, *, what: str) -> Booking:
    """One more step failed: later again, and in the end a person has to look."""
    attempts = booking.attempts + 1
    attention = what if attempts >= ATTEMPTS_BEFORE_STAFF else None
    return noticed(replace(booking, attempts=attempts, retry_at=now + backoff(attempts)), attention, now)


def noticed(booking: Booking, attention: str | None, now: datetime) -> Booking:
    """The booking on the staff's list, if there is something to notice and it is not there already."""
    if attention is None or booking.attention is not None:
        return booking
    return replace(booking, attention=attention, attention_since=now)


def settled(booking: Booking, operation: Operation, verdict: Verdict, now: datetime) -> tuple[Booking, Sequence[Entry]]:
    """The booking after this verdict, with the operation over, and the lines that say so."""
    idle = replace(booking, operation=None)
    match verdict:
        case Authorized(intent):
            hold = _hold(intent, operation, HoldState.LIVE, now)
            done = _fresh(replace(idle, hold=hold, action_deadline=None))
            done = noticed(done, "hold_too_short" if too_short(done) else None, now)
            return done, [_entry(operation, "succeeded", stripe_id=intent.id, details=_hold_details(hold))]
        case NeedsAction(intent):
            hold = _hold(intent, operation, HoldState.ACTION_REQUIRED, now)
            done = _fresh(replace(idle, hold=hold, action_deadline=now + ACTION_WINDOW))
            return done, [_entry(operation, "pending", stripe_id=intent.id, reason="requires_action")]
        case Declined(decline, refused):
            hold_or_none = _hold(refused, operation, HoldState.DECLINED, now) if refused else None
            because = decline.decline_code or decline.code
            done = _fresh(replace(idle, hold=hold_or_none, outcome=Outcome.DECLINED, declined_because=because))
            stripe_id = refused.id if refused else None
            details = {"code": decline.code, "decline_code": decline.shown}
            return done, [
                _entry(
                    operation,
                    "failed",
                    stripe_id=stripe_id,
                    reason=decline.shown,
                    details=details,
                )
            ]
        case Abandoned(found):
            stale = idle.superseded if found is None else (*idle.superseded, found.id)
            done = _fresh(replace(idle, hold=None, outcome=Outcome.DECLINED, superseded=stale))
            return done, [_entry(operation, "failed", stripe_id=found.id if found else None, reason="abandoned")]
        case Captured(intent):
            return _captured(idle, operation, intent, now)
        case Released(intent):
            return _released(idle, operation, intent)
        case Refunded(refund):
            return _refunded(idle, operation, refund, now)
        case Refused():
            return _refused(idle, operation, verdict, now)


def _hold(intent: PaymentIntent, operation: Operation, state: HoldState, now: datetime) -> Hold:
    live = state is HoldState.LIVE
    return Hold(
        payment_intent_id=intent.id,
        amount=intent.amount,
        state=state,
        operation_id=operation.operation_id,
        charge_id=intent.charge_id,
        expires_at=intent.capture_before if live else None,
        placed_at=now if live else None,
        client_secret=intent.client_secret if state is HoldState.ACTION_REQUIRED else None,
    )


def _hold_details(hold: Hold) -> dict[str, str | None]:
    return {"charge_id": hold.charge_id, "expires_at": wire_time(hold.expires_at) if hold.expires_at else None}


def _fresh(booking: Booking) -> Booking:
    """Something worked: earlier failures of ours no longer count. What a person has to decide stays."""
    return _seen_to(replace(booking, attempts=0, retry_at=None), _MENDED_BY_SUCCESS)


def _seen_to(booking: Booking, reasons: frozenset[str]) -> Booking:
    return replace(booking, attention=None, attention_since=None) if booking.attention in reasons else booking


def _entry(
    operation: Operation,
    status: str,
    *,
    amount: int | None = None,
    stripe_id: str | None = None,
    reason: str | None = None,
    details: Mapping[str, str | None] | None = None,
) -> Entry:
    return Entry(
        kind=str(operation.kind),
        status=status,
        actor=operation.actor,
        amount=operation.amount if amount is None else amount,
        operation_id=operation.operation_id,
        reason=reason or operation.reason,
        stripe_id=stripe_id or operation.payment_intent_id,
        details=details or {},
    )


def _captured(
    idle: Booking, operation: Operation, intent: PaymentIntent, now: datetime
) -> tuple[Booking, Sequence[Entry]]:
    assert idle.hold is not None
    done = replace(
        idle,
        hold=replace(idle.hold, state=HoldState.CAPTURED, charge_id=intent.charge_id or idle.hold.charge_id),
        captured=intent.amount_received,
        fee=operation.fee,
        outcome=operation.outcome or idle.outcome,
    )
    done = _too_late_for_the_fee(_fresh(_ended(done, now)), now)
    return done, [_entry(operation, "succeeded", amount=intent.amount_received, stripe_id=intent.id)]


def _too_late_for_the_fee(booking: Booking, now: datetime) -> Booking:
    """Somebody was checked in or waived while the no-show fee was on its way: staff have to decide."""
    if booking.outcome is not Outcome.NO_SHOW:
        return booking
    if booking.checked_in_at is not None:
        return noticed(booking, "checked_in_after_no_show_capture", now)
    return noticed(booking, "waived_after_no_show_capture" if booking.waived_at is not None else None, now)


def _ended(booking: Booking, now: datetime) -> Booking:
    if booking.outcome is Outcome.CANCELLED and booking.cancelled_at is None:
        return replace(booking, cancelled_at=booking.cancel_requested_at or now)
    if booking.outcome is Outcome.EVENT_CANCELLED and booking.cancelled_at is None:
        return replace(booking, cancelled_at=now)
    return booking


def _released(idle: Booking, operation: Operation, intent: PaymentIntent) -> tuple[Booking, Sequence[Entry]]:
    entry = _entry(operation, "succeeded", stripe_id=intent.id)
    if operation.superseded:
        return _fresh(replace(idle, superseded=tuple(i for i in idle.superseded if i != intent.id))), [entry]
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
        done = _seen_to(_fresh(_ended(done, now)), _MENDED_BY_REFUND)
    else:
        done = failed_attempt(noticed(done, "refund_failed", now), now, what="refund_failed")
    entry = _entry(
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
    failed = _entry(operation, "failed", reason=verdict.code, details={"message": verdict.message})
    if operation.kind is Kind.AUTHORIZE:
        return _fresh(replace(idle, hold=None, outcome=Outcome.DECLINED)), [failed]
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
        # It was to be let go, and it is gone: the intention is met.
        return _fresh(_ended(replace(changed, outcome=operation.outcome or changed.outcome), now)), [failed, *outside]
    changed = noticed(changed, "changed_outside" if outside else "refused_by_stripe", now)
    return failed_attempt(changed, now, what="refused_by_stripe"), [failed, *outside]


def _superseded_refused(
    idle: Booking, operation: Operation, verdict: Refused, failed: Entry, now: datetime
) -> tuple[Booking, Sequence[Entry]]:
    """A hold that nobody uses is forgotten only when Stripe shows it gone; captured by somebody, it is for staff."""
    status = verdict.seen.intent.status if verdict.seen else None
    forgotten = replace(idle, superseded=tuple(i for i in idle.superseded if i != operation.payment_intent_id))
    if status == "canceled":
        return _fresh(forgotten), [failed]
    if status == "succeeded":
        return noticed(forgotten, "unused_authorization_captured", now), [failed]
    return failed_attempt(noticed(idle, "refused_by_stripe", now), now, what="refused_by_stripe"), [failed]
