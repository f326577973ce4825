"""Tells a booking's log in plain English, for somebody at a bank who has never heard of us.

Pure. Only what the log proves is said; texts that staff typed for themselves (why a fee was waived, why something was
refunded) are not repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from holdfast.booking import Booking
from holdfast.log import Line
from holdfast.money import Money

Told = str | None
_Teller = Callable[[Line], Told]


def chronology(lines: Iterable[Line]) -> list[str]:
    """One sentence with its time in UTC for each line that a bank can make something of, oldest first."""
    told = ((line, sentence(line)) for line in lines)
    return [f"{_stamp(line['created_at'])}  {said}" for line, said in told if said is not None]


def sentence(line: Line) -> Told:
    """What happened in this line; None where it is of no use to a bank, or of a kind that is not known here."""
    teller = _TELLERS.get((line["kind"], line["status"])) or _TELLERS.get((line["kind"], "*"))
    return teller(line) if teller is not None else None


def amount_in(line: Line) -> str:
    """The line's amount, as people write it."""
    return str(Money(line["amount"] or 0, line["currency"]))


def span(starts_at: datetime, ends_at: datetime, zone: str) -> str:
    """From when to when, as it stands on a ticket: in the venue's zone, with the instant of the start in UTC."""
    first, last = starts_at.astimezone(ZoneInfo(zone)), ends_at.astimezone(ZoneInfo(zone))
    until = f"{last:%H:%M}" if first.date() == last.date() else f"{day(last)}, {last:%H:%M}"
    return f"{day(first)}, {first:%H:%M} to {until} {zone} time (start {_utc(starts_at)})"


def moment(at: datetime, zone: str) -> str:
    """An instant in the venue's zone, and in UTC."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{day(local)}, {local:%H:%M} {zone} time ({_utc(at)})"


def when(line: Line, booking: Booking) -> str:
    return moment(datetime.fromisoformat(line["created_at"]), booking.timezone)


def day(local: datetime) -> str:
    return f"{local:%A}, {local.day} {local:%B} {local.year}"


def elapsed(seconds: float) -> str:
    """A span of time in days, hours and minutes, down to the minute."""
    minutes = int(seconds) // 60
    parts = ((minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute"))
    said = [f"{number} {unit}{'' if number == 1 else 's'}" for number, unit in parts if number]
    return " ".join(said) or "less than a minute"


def _stamp(wire: str) -> str:
    return wire.replace("T", " ").replace("Z", " UTC")


def _utc(at: datetime) -> str:
    return f"{at.astimezone(ZoneInfo('UTC')):%Y-%m-%d %H:%M} UTC"


def _said(text: str) -> _Teller:
    return lambda _: text


def _with_amount(text: str) -> _Teller:
    return lambda line: text.format(amount=amount_in(line), id=line["stripe_id"])


def _asked_for_a_hold(line: Line) -> Told:
    if "policy_text" in line["details"]:
        return f"The customer booked and accepted the terms; a hold of {amount_in(line)} was asked for."
    return f"A hold of {amount_in(line)} was asked for."


def _held(line: Line) -> Told:
    authenticated = "The customer authenticated with 3-D Secure; " if line["reason"] == "authenticated" else ""
    text = f"{authenticated}a hold of {amount_in(line)} was placed on the card ({line['stripe_id']})."
    return text[0].upper() + text[1:]


def _saving(line: Line) -> Told:
    if "policy_text" in line["details"]:
        return "The customer booked and accepted the terms, with a card that is saved for a hold placed later."
    return None


def _cancel_request(line: Line) -> Told:
    if line["actor"] == "customer":
        return "The customer asked to cancel."
    return "The organiser cancelled the booking."


_CHARGED: Final[Mapping[str, str]] = {
    "completed": "the customer attended",
    "attended": "the customer attended",
    "no_show": "the customer did not come",
    "late_cancellation": "the customer cancelled after the free window",
}


def why_charged(reason: str | None) -> str | None:
    """Why a capture was made, by the reason in its line; None where it was made outside."""
    return _CHARGED.get(reason or "")


def _captured(line: Line) -> Told:
    why = why_charged(line["reason"])
    return f"{amount_in(line)} was charged{f': {why}' if why else ''}. The rest of the hold was given back."


def _event_moved(line: Line) -> Told:
    before, after = (" to ".join(map(_stamp, line["details"][name])) for name in ("from", "to"))
    return f"The organiser moved the event from {before}, to {after}."


def _moved(line: Line) -> Told:
    who = "customer" if line["actor"] == "customer" else "organiser"
    before, after = (_stamp(line["details"][name]["starts_at"]) for name in ("from", "to"))
    return f"The {who} moved the booking from the date that starts at {before} to the one that starts at {after}."


def repriced(line: Line) -> str:
    """What the price became, and how the customer agreed, in the words that staff recorded for this purpose."""
    details: Mapping[str, Any] = line["details"]
    before, after = (Money(details[name], line["currency"]) for name in ("from", "to"))
    return f"The price was changed from {before} to {after} with the customer's consent: “{details['consent']}”."


def _reminded(line: Line) -> Told:
    about = {
        "hold_coming": "the hold was about to be placed",
        "free_cancellation_ending": "the time in which cancelling is free was about to end",
    }.get(line["reason"] or "")
    return f"The customer was sent a reminder that {about}." if about else "The customer was sent a reminder."


def _no_show_notice(line: Line) -> Told:
    fee, at = amount_in(line), _stamp(line["details"]["charge_at"])
    return f"The customer was told that {fee} would be charged as a no-show fee from {at} on, unless they contest it."


def _refund(line: Line) -> Told:
    word = {
        "succeeded": "was made",
        "pending": "is on its way at the bank",
        "failed": "came back from the bank",
        "canceled": "was canceled before it reached the customer",
    }.get(line["status"])
    return f"A refund of {amount_in(line)} {word} ({line['stripe_id']})." if word else None


def _outside(line: Line) -> Told:
    match line["reason"]:
        case "captured":
            return f"{amount_in(line)} was charged."
        case "hold_released":
            return "The hold was given back."
        case "hold_expired":
            return "The hold lapsed."
        case _ if str(line["stripe_id"]).startswith("re_"):
            return _refund(line)
        case _:
            return None


def _authentication(line: Line) -> Told:
    if line["reason"] == "authentication_failed":
        return "The customer did not pass 3-D Secure, and could try again."
    return "The bank asked the customer for 3-D Secure."


_TELLERS: Final[Mapping[tuple[str, str], _Teller]] = {
    ("authorize", "started"): _asked_for_a_hold,
    ("authorize", "pending"): _authentication,
    ("authorize", "succeeded"): _held,
    ("authorize", "failed"): _said("The bank did not allow the hold."),
    ("authorize", "canceled"): _said("The hold was not placed."),
    ("schedule", "started"): _saving,
    ("schedule", "pending"): _said("The bank asked the customer for 3-D Secure to save the card."),
    ("schedule", "succeeded"): _said("The card is saved for a hold that is placed later."),
    ("renew", "succeeded"): _with_amount("The hold of {amount} was renewed ({id})."),
    ("check_in", "succeeded"): _said("Staff at the venue recorded that the customer arrived."),
    ("waive", "succeeded"): _said("The organiser waived the no-show fee."),
    ("cancel_request", "succeeded"): _cancel_request,
    ("event_moved", "succeeded"): _event_moved,
    ("event_cancelled", "succeeded"): _said("The organiser cancelled the event."),
    ("moved", "succeeded"): _moved,
    ("reprice", "succeeded"): repriced,
    ("reminder", "succeeded"): _reminded,
    ("no_show_notice", "succeeded"): _no_show_notice,
    ("contest", "succeeded"): _said("The customer contested the no-show."),
    ("no_show", "succeeded"): _said("Staff of the venue stated that the customer did not come."),
    ("capture", "succeeded"): _captured,
    ("release", "succeeded"): _with_amount("The hold was given back ({id})."),
    ("refund", "*"): _refund,
    ("external", "*"): _outside,
}
