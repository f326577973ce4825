"""The story: one gala of three days, eight bookings, and everything that can happen to them in half a year."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from local.time_machine.machine import Machine, Refused

GALA: Final = "winter-gala"
PRICE: Final = 10_000
POLICY: Final = {
    "free_cancellation_hours": 48,
    "cancellation_tiers": [{"hours_before": 48, "percent": 50}, {"hours_before": 12, "percent": 100}],
    "no_show_capture": "always",
    "no_show_contest_minutes": 240,
    "settle_hours": 24,
}


@dataclass
class Guest:
    """One booking: whose, and what has to be true of it in the end."""

    name: str
    card: str
    about: str
    expected: dict[str, Any]
    booking_id: str = ""
    printed: int = 0


@dataclass
class Story:
    machine: Machine
    guests: dict[str, Guest] = field(default_factory=dict)

    def play(self) -> bool:
        """Whether every booking ended where it should."""
        self.starts = self.machine.now() + timedelta(days=60, hours=8)
        self.day = timedelta(days=1)
        try:
            self._sixty_days_before()
            self._before_the_gala()
            self._the_gala()
            self._afterwards()
        except Refused as refused:
            print(f"\nThe time machine stopped: {refused}", flush=True)
            return False
        return self._judge()

    # --- what happens -------------------------------------------------------------------------------------------------

    def _sixty_days_before(self) -> None:
        self._say("A gala of three days, in sixty days. Eight guests book; their cards are saved, nothing is held yet.")
        self.machine.ask("staff", "PUT", "/events/{event_id}", self._described(), status=201, event_id=GALA)
        for guest in _GUESTS:
            self._book(guest)

    def _described(self) -> dict[str, Any]:
        return {
            "title": "Winter gala",
            "price": {"amount": PRICE, "currency": "eur"},
            "starts_at": self.starts.isoformat(),
            "ends_at": (self.starts + timedelta(days=3)).isoformat(),
            "timezone": "Europe/Berlin",
            "policy": POLICY,
        }

    def _book(self, guest: Guest) -> None:
        self.guests[guest.name] = guest
        card = self.machine.ask(guest.name, "POST", "/payment-methods", {"payment_method_id": guest.card}, status=201)[
            "id"
        ]
        wanted = {"event_id": GALA, "payment_method_id": card}
        booking = self.machine.ask(guest.name, "POST", "/holds", wanted, status=201)
        guest.booking_id = booking["booking_id"]
        self.machine.bookings.append(guest.booking_id)
        self._show()

    def _before_the_gala(self) -> None:
        self._until(-20, "heidi cancels: free.")
        self._on("heidi", "cancel")
        for name, code in (("bob", "authentication_required"), ("erin", "lost_card"), ("grace", "expired_card")):
            self._bank(name, code)
        self._bank("frank", "insufficient_funds", times=1)
        self._until(-3, "the holds come due. Bob's bank wants him, erin's and grace's cards are dead, frank is short.")
        self._until(-2.9, "bob authenticates on his phone; erin offers another card.")
        secret = self._booking("bob")["next_action"]["client_secret"]
        self.machine.control(f"payment_intents/{secret.split('_secret_')[0]}/authenticate", {"outcome": "succeeded"})
        self._on("bob", "confirm", resource="/holds/{booking_id}/confirm")
        card = self.machine.ask(
            "erin", "POST", "/payment-methods", {"payment_method_id": "pm_card_createDispute"}, status=201
        )["id"]
        self._on("erin", "payment-method", {"payment_method_id": card}, method="PUT")
        self._until(-1, "carol's bank takes her hold back early; the clock places another.")
        hold = self._booking("carol")["hold"]["payment_intent_id"]
        self.machine.control(f"payment_intents/{hold}/expire", {})
        self._until(-20 / 24, "carol cancels, too late to be free: half the price.")
        self._on("carol", "cancel")

    def _the_gala(self) -> None:
        self._until(0.01, "the gala begins: alice, bob, erin and frank are checked in. Dave is not there.")
        for name in ("alice", "bob", "erin", "frank"):
            self._on(name, "check-in", who="staff")
        self._until(0.03, "dave is told that he will be charged as a no-show, and contests it.")
        self._on("dave", "contest", {"reason": "I was at the back door."})
        self._until(0.5, "staff have looked: nobody was at the back door.")
        self._on("dave", "no-show", {"reason": "The camera shows nobody."}, who="staff")
        self._until(3, "the gala is over. Bob left early and pays less; erin and frank pay the price.")
        self._on("bob", "complete", {"amount": 8000}, who="staff")
        for name in ("erin", "frank"):
            self._on(name, "complete", who="staff")
        self._until(
            4.2, "nobody completed alice: the clock captures the price, from a hold that was renewed meanwhile."
        )

    def _afterwards(self) -> None:
        self._until(6, "dave is given half back; his bank returns it.")
        body = {"booking_id": self.guests["dave"].booking_id, "amount": 5000, "reason": "goodwill"}
        self.machine.ask("staff", "POST", "/refunds", body, status=201)
        self._show()
        self._until(10, "erin's card had disputed the charge when it was captured; staff answer, and win.")
        self._answer_the_dispute()
        self._until(40, "frank's bank disputes his charge, too, and nobody answers.")
        intent = self._booking("frank")["hold"]["payment_intent_id"]
        self.machine.control("disputes", {"payment_intent": intent})
        self._until(120, "half a year is over.")

    def _answer_the_dispute(self) -> None:
        """The evidence is assembled from the log; the text that Stripe takes for winning in its test mode is added."""
        evidence = {"evidence": {"uncategorized_text": "winning_evidence"}}
        self._on("erin", "dispute/evidence", evidence, who="staff", method="PUT")
        self._on("erin", "dispute/submit", {}, who="staff")

    # --- how it is told -----------------------------------------------------------------------------------------------

    def _until(self, days: float, what: str) -> None:
        for _ in self.machine.until(self.starts + self.day * days):
            self._show()
        self._say(what)

    def _say(self, what: str) -> None:
        print(f"\nday {self._days():+6.1f}  {what}", flush=True)

    def _days(self, moment: datetime | None = None) -> float:
        return ((moment or self.machine.now()) - self.starts) / timedelta(days=1)

    def _bank(self, name: str, decline_code: str, **more: Any) -> None:
        cards = self.machine.ask(name, "GET", "/payment-methods")["items"]
        rule = {"payment_method": cards[0]["id"], "decline_code": decline_code, "when": "off_session", **more}
        self.machine.control("cards", rule)

    def _booking(self, name: str) -> dict[str, Any]:
        booking_id = self.guests[name].booking_id
        found: dict[str, Any] = self.machine.ask("staff", "GET", "/bookings/{booking_id}", booking_id=booking_id)
        return found

    def _on(
        self,
        name: str,
        verb: str,
        body: Any = None,
        *,
        who: str | None = None,
        method: str = "POST",
        resource: str | None = None,
    ) -> None:
        route = resource or f"/bookings/{{booking_id}}/{verb}"
        self.machine.ask(who or name, method, route, body, booking_id=self.guests[name].booking_id)
        self.machine.settle()
        self._show()

    def _show(self) -> None:
        """The lines of every log that are new."""
        for guest in self.guests.values():
            lines = self.machine.log(guest.booking_id)
            for line in lines[guest.printed :]:
                at = self._days(datetime.fromisoformat(line["created_at"]))
                amount = "" if line["amount"] is None else f"{line['amount'] / 100:.2f} EUR"
                why = f"{line['actor']}: {line['reason']}" if line["reason"] else line["actor"]
                print(f"  {at:+7.2f}  {guest.name:<6} {line['kind']:<16} {line['status']:<17} {amount:>10}  {why}")
            guest.printed = len(lines)

    def _judge(self) -> bool:
        print("\nWhere each booking ended:")
        well = True
        for guest in self.guests.values():
            booking = self._booking(guest.name)
            wrong = {name: booking[name] for name, wanted in guest.expected.items() if booking[name] != wanted}
            well = well and not wrong
            where = (
                f"{booking['payment_status']:<10} {booking['outcome']:<10} captured {booking['captured'] / 100:7.2f}"
            )
            mark = "BAD" if wrong else "ok "
            print(f"  {mark} {guest.name:<6} {where}  fee {booking['fee'] / 100:7.2f}  {guest.about} {wrong or ''}")
        return well


def _ends(payment_status: str, outcome: str, captured: int, fee: int = 0, refunded: int = 0) -> dict[str, Any]:
    return {
        "payment_status": payment_status,
        "outcome": outcome,
        "captured": captured,
        "fee": fee,
        "refunded": refunded,
    }


_GUESTS: Final = (
    Guest("alice", "pm_card_visa", "a hold that was renewed in the middle", _ends("captured", "completed", 10_000)),
    Guest("bob", "pm_card_visa", "3-D Secure without being there", _ends("captured", "completed", 8_000)),
    Guest(
        "carol", "pm_card_visa", "a hold that lapsed, a late cancellation", _ends("captured", "cancelled", 5_000, 5_000)
    ),
    Guest(
        "dave",
        "pm_card_refundFail",
        "a contested no-show, a refund that failed",
        _ends("captured", "no_show", 10_000, 10_000),
    ),
    Guest("erin", "pm_card_mastercard", "a dead card mended, a dispute won", _ends("captured", "completed", 10_000)),
    Guest("frank", "pm_card_amex", "a soft decline retried, a dispute lost", _ends("disputed", "completed", 10_000)),
    Guest("grace", "pm_card_visa", "a dead card that nobody mended", _ends("declined", "declined", 0)),
    Guest("heidi", "pm_card_visa", "cancelled in time", _ends("released", "cancelled", 0)),
)
