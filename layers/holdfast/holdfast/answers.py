"""The final answer of a request: what is kept in its idempotency record and replayed, whoever settled its operation.

An answer is `{"body": …}` or `{"error": …}`; `api` gives it a status code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdfast.booking import Booking, Kind, Operation
from holdfast.errors import (
    CardDeclined,
    Conflict,
    FieldError,
    HoldfastError,
    NotFound,
    OperationInProgress,
    RuleRefused,
    TooFarAhead,
)
from holdfast.refund_rules import disputed
from holdfast.served import booking_view, refund_view
from holdfast.settlement import PLACING, Abandoned, Authorized, Declined, NeedsAction, Refunded, Refused, Verdict

Answer = dict[str, Any]

# Final by the contract: 402, 404, 409 by state, 422 by rule. Everything else lets the same key continue.
FINAL: Final[Mapping[str, type[HoldfastError]]] = {
    kind.__name__: kind for kind in (CardDeclined, NotFound, Conflict, RuleRefused, TooFarAhead)
}


def is_final(error: HoldfastError) -> bool:
    return type(error).__name__ in FINAL and not isinstance(error, OperationInProgress)


def answer_to(operation: Operation, verdict: Verdict, after: Booking) -> Answer | None:
    """What the request that began this operation is told. None: its wish goes on with another operation."""
    match verdict:
        case Refunded(refund) if operation.kind is Kind.REFUND and operation.outcome is None:
            return {"body": refund_view(after, operation, refund)}
        case Refunded() if after.is_open and after.cancel_requested_at is not None:
            return None
        case Declined() | NeedsAction() | Refused() if operation.off_session:
            return None  # no customer is there to be told: the wish goes on without a hold, or later
        case Declined(decline, _):
            shown = CardDeclined(decline.message, decline_code=decline.shown, booking_id=after.booking_id)
            if decline.shown == "generic_decline":
                shown = CardDeclined(
                    "The card was declined.", decline_code="generic_decline", booking_id=after.booking_id
                )
            return error_answer(shown)
        case Authorized() if after.is_open and after.cancel_requested_at is not None:
            return None  # the fee is authorized; next it is captured
        case Abandoned():
            return error_answer(
                Conflict("The hold could not be placed in time, and nothing is blocked on the card. Book again.")
            )
        case Refused(code, _, _):
            return _refused(operation, code, after)
        case _:
            return {"body": booking_view(after)}


def _refused(operation: Operation, code: str, after: Booking) -> Answer | None:
    if operation.kind in PLACING:
        return error_answer(CardDeclined("This card cannot be used.", decline_code=None, booking_id=after.booking_id))
    if operation.kind is Kind.REFUND and operation.outcome is None:
        if after.barred_by is not None:
            return error_answer(Conflict(disputed(after.barred_by)))
        if code == "charge_disputed":
            return error_answer(Conflict("The charge is disputed: the bank decides, it cannot be refunded."))
        return error_answer(RuleRefused.at("/amount", f"The refund was refused; {after.refundable} is left to refund."))
    if operation.outcome is not None and after.outcome is operation.outcome:
        return {"body": booking_view(after)}
    if after.is_open and after.cancel_requested_at is not None:
        return None
    return error_answer(Conflict(f"The hold was changed outside ({code}): the booking is {after.payment_status} now."))


def error_answer(error: HoldfastError) -> Answer:
    answer: dict[str, Any] = {"class": type(error).__name__, "detail": error.detail}
    if isinstance(error, CardDeclined):
        answer |= {"decline_code": error.decline_code, "booking_id": error.booking_id}
    if isinstance(error, RuleRefused):
        answer["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in error.errors]
    return {"error": answer}


def error_of(answer: Mapping[str, Any]) -> HoldfastError:
    """The error that an `{"error": …}` answer was made of."""
    kept = answer["error"]
    kind = FINAL[kept["class"]]
    if issubclass(kind, CardDeclined):
        return kind(kept["detail"], decline_code=kept["decline_code"], booking_id=kept["booking_id"])
    if issubclass(kind, RuleRefused):
        return kind(kept["detail"], [FieldError(**fault) for fault in kept["errors"]])
    return kind(kept["detail"])
