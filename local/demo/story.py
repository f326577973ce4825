"""The story: two events, three customers, seven bookings, and the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from local.demo.doors import Doors
from local.demo.lives import Life, Lives, amount


def say(text: str) -> None:
    print(f"\n{text}", flush=True)


@dataclass
class Story:
    doors: Doors
    lives: Lives
    yoga_at: datetime
    supper_at: datetime
    suffix: str

    @classmethod
    def begin(cls, doors: Doors) -> Story:
        now = doors.now().replace(minute=0, second=0, microsecond=0)
        suffix = now.strftime("%m%d%H")
        return cls(doors, Lives(doors), now + timedelta(days=2, hours=9), now + timedelta(days=3, hours=9), suffix)

    def play(self) -> bool:
        """Whether every booking ended where it should."""
        self.put_events()
        self.save_cards()
        yoga, late = self.book()
        self.cancel_in_time(yoga["cancelled"])
        self.go_to_yoga(yoga)
        self.cancel_late(late)
        self.have_supper()
        return self.lives.judge()

    @property
    def yoga(self) -> str:
        return f"yoga-{self.suffix}"

    @property
    def supper(self) -> str:
        return f"supper-{self.suffix}"

    def put_events(self) -> None:
        say("Staff put two events in; the customer sees the price, the hold and the policy before booking.")
        for event_id, title, price, starts_at in (
            (self.yoga, "Yoga class", 2500, self.yoga_at),
            (self.supper, "Supper club", 8000, self.supper_at),
        ):
            body = {
                "title": title,
                "price": {"amount": price, "currency": "eur"},
                "starts_at": starts_at.isoformat(),
                "ends_at": (starts_at + timedelta(hours=2)).isoformat(),
                "timezone": "Europe/Berlin",
            }
            self.doors.must(201, "staff", "PUT", f"/events/{event_id}", body)
            event = self.doors.must(200, "alice", "GET", f"/events/{event_id}")
            print(
                f"  {title}: {amount(price, 'eur')}, hold {amount(event['hold_amount'], 'eur')}, {event['starts_at']}"
            )
        print(f"  Policy: {event['policy']['text']}")

    def save_cards(self) -> None:
        say("Three customers save cards.")
        for who in ("alice", "bob", "carol"):
            card = self.doors.must(201, who, "POST", "/payment-methods", {"payment_method_id": "pm_card_visa"})
            print(f"  {who}: {card['brand']} ending in {card['last4']}")
        self.bad_card = self._card("carol", "pm_card_4000000000000341")
        self.careful_card = self._card("carol", "pm_card_threeDSecure2Required")

    def _card(self, who: str, card: str) -> str:
        return str(self.doors.must(201, who, "POST", "/payment-methods", {"payment_method_id": card})["id"])

    def _hold(self, who: str, event_id: str, name: str, **expected: Any) -> Life:
        booking = self.doors.must(201, who, "POST", "/holds", {"event_id": event_id})
        return self.lives.add(name, booking["booking_id"], **expected)

    def book(self) -> tuple[dict[str, Life], Life]:
        say("They book; each gets a hold of 120 % of the price.")
        yoga = {
            "attends": self._hold(
                "alice", self.yoga, "alice, yoga", payment_status="captured", outcome="completed", captured=1800
            ),
            "absent": self._hold(
                "bob", self.yoga, "bob, yoga", payment_status="captured", outcome="no_show", captured=2500, fee=2500
            ),
            "cancelled": self._hold(
                "carol", self.yoga, "carol, yoga", payment_status="released", outcome="cancelled", captured=0, fee=0
            ),
        }
        late = self._hold(
            "alice",
            self.supper,
            "alice, supper",
            payment_status="captured",
            outcome="cancelled",
            captured=8000,
            fee=8000,
        )
        self.refunded = self._hold(
            "bob",
            self.supper,
            "bob, supper",
            payment_status="refunded",
            outcome="completed",
            captured=8000,
            refunded=8000,
        )
        self._book_with_a_declined_card()
        self._book_with_three_d_secure()
        return yoga, late

    def _book_with_a_declined_card(self) -> None:
        wanted = {"event_id": self.supper, "payment_method_id": self.bad_card}
        problem = self.doors.must(402, "carol", "POST", "/holds", wanted)
        print(f"  (carol was told: {problem['detail']} {problem.get('decline_code', '')})")
        self.lives.add(
            "carol, supper (declined)", problem["booking_id"], payment_status="declined", outcome="declined", captured=0
        )

    def _book_with_three_d_secure(self) -> None:
        wanted = {"event_id": self.supper, "payment_method_id": self.careful_card}
        booking = self.doors.must(202, "carol", "POST", "/holds", wanted)
        self.authenticated = self.lives.add(
            "carol, supper (3-D S)",
            booking["booking_id"],
            payment_status="captured",
            outcome="completed",
            captured=8000,
        )
        secret = booking["next_action"]["client_secret"]
        self.doors.authenticate(secret.split("_secret_")[0])
        self.doors.must(200, "carol", "POST", f"/holds/{booking['booking_id']}/confirm")
        self.lives.show()

    def _move_to(self, moment: datetime, why: str) -> None:
        self.doors.move_clock_to(moment)
        say(f"{moment:%Y-%m-%d %H:%M} UTC: {why}")

    def cancel_in_time(self, life: Life) -> None:
        self._move_to(
            self.yoga_at - timedelta(hours=24, minutes=5), "carol cancels yoga, more than 24 hours before it."
        )
        self.doors.must(200, "carol", "POST", f"/bookings/{life.booking_id}/cancel")
        self.lives.show()

    def go_to_yoga(self, yoga: dict[str, Life]) -> None:
        self._move_to(self.yoga_at - timedelta(minutes=10), "alice is checked in at yoga; bob does not come.")
        self.doors.must(200, "staff", "POST", f"/bookings/{yoga['attends'].booking_id}/check-in")
        self.lives.show()
        self._move_to(self.yoga_at + timedelta(minutes=30), "the clock finds the no-show.")
        self.doors.sweep()
        self.lives.wait_for(yoga["absent"], payment_status="captured")
        self._move_to(self.yoga_at + timedelta(hours=2), "staff complete alice's booking with a smaller amount.")
        self.doors.must(200, "staff", "POST", f"/bookings/{yoga['attends'].booking_id}/complete", {"amount": 1800})
        self.lives.show()

    def cancel_late(self, life: Life) -> None:
        self._move_to(self.supper_at - timedelta(hours=20), "alice cancels supper, too late to be free.")
        self.doors.must(200, "alice", "POST", f"/bookings/{life.booking_id}/cancel")
        self.lives.show()

    def have_supper(self) -> None:
        self._move_to(self.supper_at, "bob and carol come to supper.")
        self.doors.must(200, "staff", "POST", f"/bookings/{self.refunded.booking_id}/complete")
        self.doors.must(200, "staff", "POST", f"/bookings/{self.authenticated.booking_id}/check-in")
        self.lives.show()
        self._move_to(self.supper_at + timedelta(hours=3), "supper was cold: bob is refunded in two parts.")
        for part in (3000, 5000):
            body = {"booking_id": self.refunded.booking_id, "amount": part, "reason": "supper was cold"}
            self.doors.must(201, "staff", "POST", "/refunds", body)
        self.lives.show()
        settled_at = self.supper_at + timedelta(hours=2 + 24)
        self._move_to(settled_at, "nobody completed carol's booking: the clock captures the price of whoever attended.")
        self.doors.sweep()
        self.lives.wait_for(self.authenticated, payment_status="captured")
