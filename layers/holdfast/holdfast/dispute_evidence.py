"""Assembles a dispute's evidence from the log and the booking, as exactly the text fields that Stripe takes.

Pure. Which fields are filled follows from the reason of the dispute: a bank that asks why a charge was not refunded is
not helped by an account of the customer's log-ins. Only what is on record is claimed; a field for which we have nothing
(a name, an address, an IP address) is left to staff. Source for what banks look at by reason:
docs.stripe.com/disputes/categories, for bookings and reservations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from holdfast.booking import Booking, Outcome, RefundStatus
from holdfast.dispute import Dispute
from holdfast.dispute_story import chronology, elapsed, moment, repriced, span, when, why_charged
from holdfast.evidence_fields import TEXT_FIELDS, Evidence, shortened
from holdfast.log import Line
from holdfast.money import Money
from holdfast.policy import free_cancellation_until, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything that evidence is drawn from. `title` is the event's, if it is known; `others` are bookings by the same
    customer, newest first.
    """

    booking: Booking
    dispute: Dispute
    lines: Sequence[Line]
    title: str | None = None
    others: Sequence[Booking] = ()

    @property
    def charged(self) -> Line | None:
        """The line of the capture, or of the capture that somebody made outside."""
        return next(
            (
                line
                for line in self.lines
                if (line["kind"] == "capture" and line["status"] == "succeeded")
                or (line["kind"] == "external" and line["reason"] == "captured")
            ),
            None,
        )

    @property
    def clause(self) -> str | None:
        """The clause of the accepted terms that the charge follows, as it was logged when the capture began."""
        begun = next((each for each in self.lines if each["kind"] == "capture" and each["status"] == "started"), None)
        clause = begun["details"].get("clause") if begun else None
        # Where no term of a policy decided, the clause is one word, and says no more than the reason does.
        return clause if isinstance(clause, str) and " " in clause else None

    @property
    def asked_to_cancel(self) -> Line | None:
        return next((line for line in self.lines if line["kind"] == "cancel_request"), None)

    def money(self, amount: int) -> Money:
        return Money(amount, self.booking.currency)


# A bank may not read the language in which the customer accepted the terms.
ENGLISH: Final = "en"
_FRAUD: Final = frozenset({"fraudulent", "unrecognized", "debit_not_authorized"})
_NOT_RECEIVED: Final = frozenset({"product_not_received", "product_unacceptable"})
_CREDIT: Final = frozenset({"credit_not_processed", "subscription_canceled"})
_ALWAYS: Final = (
    "product_description",
    "service_date",
    "cancellation_policy_disclosure",
    "access_activity_log",
    "uncategorized_text",
)
_ABOUT_REFUNDS: Final = ("cancellation_rebuttal", "refund_policy_disclosure", "refund_refusal_explanation")


def fields_for(reason: str) -> tuple[str, ...]:
    """The fields that are filled for a dispute with this reason; all of them where the reason says little."""
    if reason in _FRAUD:
        return _ALWAYS
    if reason == "duplicate":
        return (*_ALWAYS, "duplicate_charge_explanation", "duplicate_charge_id")
    return (*_ALWAYS, *_ABOUT_REFUNDS)


def assembled(case: Case) -> Evidence:
    """The evidence that we can give, field by field, each within its limit; nothing where we have nothing to say."""
    texts = {name: _WRITERS[name](case) for name in fields_for(case.dispute.reason)}
    return {name: shortened(text.split("\n"), TEXT_FIELDS[name]) for name, text in texts.items() if text}


def _product_description(case: Case) -> str:
    booking = case.booking
    title = f"“{case.title}”" if case.title else "an event"
    return (
        f"One place at {title}: {_span(booking)}. The customer booked it with us on "
        f"{moment(booking.created_at, booking.timezone)} for {booking.price}. It is a service at a fixed time, for "
        "which the place is kept for the customer; nothing is shipped."
    )


def _span(booking: Booking) -> str:
    return span(booking.starts_at, booking.ends_at, booking.timezone)


def _service_date(case: Case) -> str:
    return _span(case.booking)


def _accepted(case: Case) -> list[str]:
    """Each wording of the terms that the customer accepted, with its time and hash, and each price agreed since."""
    told: list[str] = []
    for line in case.lines:
        if isinstance(line["details"].get("policy_text"), str):
            told += _terms(line, case)
        elif line["kind"] == "reprice" and told:
            told.append(f"On {when(line, case.booking)}: {repriced(line)}")
    return told


def _terms(line: Line, case: Case) -> list[str]:
    details = line["details"]
    at = datetime.fromisoformat(details.get("accepted_at") or line["created_at"])
    price = case.money(details["price"]) if "price" in details else case.booking.price
    blocked = details.get("hold") or line["amount"] or case.booking.hold_amount
    accepted = (
        f"On {moment(at, case.booking.timezone)}, before the card was charged or blocked, the customer was shown these "
        f"terms in the app and accepted them by booking (SHA-256 of the terms: {details.get('policy_hash')}):"
    )
    told = [accepted, details["policy_text"]]
    if details.get("policy_locale") not in (None, ENGLISH):
        told += ["In English:", text(case.booking.policy, price, case.booking.timezone, ENGLISH)]
    return [*told, f"The price and the amount to be blocked were shown with them: {price} and {case.money(blocked)}."]


def _cancellation_policy_disclosure(case: Case) -> str:
    return "\n".join(_accepted(case))


def _refund_policy_disclosure(case: Case) -> str:
    accepted = _accepted(case)
    if not accepted:
        return ""
    return "\n".join(
        ["What is refunded follows the same terms as a cancellation; there are no others.", *accepted],
    )


def _cancellation_rebuttal(case: Case) -> str:
    booking = case.booking
    request = case.asked_to_cancel
    free_until = free_cancellation_until(
        booking.policy, starts_at=booking.fees_count_from, created_at=booking.created_at, moved_at=booking.moved_at
    )
    free = f"Under the accepted terms cancelling was free until {moment(free_until, booking.timezone)}."
    if booking.fees_count_from != booking.starts_at:
        free += f" It counts from the date that was booked first ({moment(booking.fees_count_from, booking.timezone)})."
    if request is None:
        return f"The customer did not cancel: our log of this booking has no request to cancel. {free}"
    if request["actor"] != "customer":
        return f"The organiser cancelled the booking on {when(request, booking)}. {_what_was_charged(case)}"
    asked_at = datetime.fromisoformat(request["created_at"])
    left = (booking.starts_at - asked_at).total_seconds()
    distance = f"{elapsed(left)} before the start" if left > 0 else "after the start"
    return f"The customer asked to cancel on {when(request, booking)}, {distance}. {free} {_what_was_charged(case)}"


def _what_was_charged(case: Case) -> str:
    charged = case.charged
    if charged is None:
        return "Nothing was charged."
    why = why_charged(charged["reason"])
    because = f", because {why}" if why else ""
    clause = f" (clause: {case.clause})" if case.clause else ""
    return f"{case.money(case.booking.captured)} was charged on {when(charged, case.booking)}{because}{clause}."


def _refund_refusal_explanation(case: Case) -> str:
    booking = case.booking
    told = [_what_was_charged(case), _refunds(case)]
    if booking.refunded >= booking.captured > 0:
        told.append("Everything that was charged has been refunded, so nothing is left to refund.")
    elif why := _why_it_is_owed(booking):
        told.append(f"{case.money(booking.refundable)} is not refunded, because {why}.")
    return " ".join(told)


def _refunds(case: Case) -> str:
    counted = [refund for refund in case.booking.refunds if refund.counts]
    if not counted:
        return "Nothing was refunded so far."
    words = {RefundStatus.SUCCEEDED: "refunded", RefundStatus.PENDING: "refund under way at the bank"}
    each = [f"{case.money(refund.amount)} ({refund.refund_id}, {words[refund.status]})" for refund in counted]
    return f"Refunds of this charge: {', '.join(each)}."


def _why_it_is_owed(booking: Booking) -> str | None:
    match booking.outcome:
        case Outcome.COMPLETED if booking.checked_in_at is not None:
            return "the customer attended, and this is what attending costs under the accepted terms"
        case Outcome.NO_SHOW:
            return "the customer neither came nor cancelled, and this is the no-show fee of the accepted terms"
        case Outcome.CANCELLED if booking.fee:
            return "the customer cancelled after the free window, and this is the fee of the accepted terms"
        case _:
            return None


def _duplicate_charge_explanation(case: Case) -> str:
    booking = case.booking
    this = (
        f"This charge ({_charge_of(booking)}) pays for booking {booking.booking_id}: {_span(booking)}. A booking is "
        "charged at most once: our log has one capture for it, and the payment has one charge."
    )
    others = _paid(case)
    if not others:
        return f"{this} We charged this customer for no other booking."
    told = [this, "Every other charge to this customer by us is for another place, booked separately:"]
    told += [
        f"{_charge_of(each)}, {each.price}, {Money(each.captured, each.currency)} charged: booking {each.booking_id} "
        f"of {moment(each.created_at, each.timezone)}, for {_span(each)}"
        for each in others
    ]
    return "\n".join(told)


def _duplicate_charge_id(case: Case) -> str:
    """The charge that this one is most likely taken for: of the same amount, and nearest in time."""
    booking = case.booking
    alike = [each for each in _paid(case) if each.captured == booking.captured and each.currency == booking.currency]
    nearest = min(alike, key=lambda each: abs(each.created_at - booking.created_at), default=None)
    return _charge_of(nearest) if nearest is not None else ""


def _paid(case: Case) -> list[Booking]:
    return [each for each in case.others if each.captured > 0 and each.booking_id != case.booking.booking_id]


def _charge_of(booking: Booking) -> str:
    return (booking.hold.charge_id if booking.hold else None) or "charge not known"


def _access_activity_log(case: Case) -> str:
    story = chronology(case.lines)
    return "\n".join(["Our log of this booking, times in UTC:", *story]) if story else ""


def _uncategorized_text(case: Case) -> str:
    booking = case.booking
    told = [
        f"Summary of booking {booking.booking_id}, payment {_payment(booking)}, charge {_charge_of(booking)}.",
        f"Service: {_span(booking)}. Price {booking.price}.",
        _what_was_charged(case),
        _attendance(case),
        _refunds(case),
    ]
    if case.dispute.reason in _FRAUD:
        told += _who_booked(case)
    if any(line["kind"] == "event_moved" for line in case.lines):
        told.append("The organiser moved the event after the booking; the log above says when and whereto.")
    told.append("All of this is from a log to which lines are only added, each with the hash of the line before it.")
    return "\n".join(told)


def _payment(booking: Booking) -> str:
    return booking.hold.payment_intent_id if booking.hold else "not known"


def _attendance(case: Case) -> str:
    arrived = [line for line in case.lines if line["kind"] == "check_in"]
    if case.booking.checked_in_at is not None and arrived:
        return f"The customer attended: staff at the venue recorded the arrival on {when(arrived[-1], case.booking)}."
    if case.booking.outcome is Outcome.NO_SHOW:
        return "The customer did not attend: no arrival was recorded, and the place stayed reserved for the customer."
    return "No arrival of the customer is on record."


def _who_booked(case: Case) -> list[str]:
    """What speaks for the cardholder having booked: the account, the bank's own check, what was paid before."""
    booking = case.booking
    account = f"The booking was made by the signed-in account {booking.user_id}"
    told = [f"{account}, with a card ({booking.payment_method_id}) that was saved to this account."]
    if any(line["kind"] == "authorize" and line["reason"] == "authenticated" for line in case.lines):
        told.append("The cardholder's bank authenticated the cardholder with 3-D Secure for this payment.")
    earlier = [each for each in _paid(case) if each.created_at < booking.created_at and not each.disputes]
    same_card = [each for each in earlier if each.payment_method_id == booking.payment_method_id]
    if same_card:
        told.append("The same account paid for earlier bookings with the same card, and none of them was disputed:")
        told += [
            f"{_charge_of(each)}, {Money(each.captured, each.currency)}, booked on "
            f"{moment(each.created_at, each.timezone)}"
            for each in same_card[:10]
        ]
    return told


_WRITERS: Final[Mapping[str, Callable[[Case], str]]] = {
    "product_description": _product_description,
    "service_date": _service_date,
    "cancellation_policy_disclosure": _cancellation_policy_disclosure,
    "cancellation_rebuttal": _cancellation_rebuttal,
    "refund_policy_disclosure": _refund_policy_disclosure,
    "refund_refusal_explanation": _refund_refusal_explanation,
    "duplicate_charge_explanation": _duplicate_charge_explanation,
    "duplicate_charge_id": _duplicate_charge_id,
    "access_activity_log": _access_activity_log,
    "uncategorized_text": _uncategorized_text,
}
