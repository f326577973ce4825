"""What every use case works with: the ports, bundled for one request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from holdfast.booking import Booking, HoldTerms
from holdfast.budget import Budget
from holdfast.clock import Clock
from holdfast.errors import NotFound
from holdfast.event import Event
from holdfast.log import NOBODY, Origin
from holdfast.operations import Operations
from holdfast.policy import Policy
from holdfast.store import Store

if TYPE_CHECKING:
    from holdfast.desk.messages import Steps
    from holdfast.stripe_gateway import StripeGateway


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One request's desk. Ports that a use case does not touch are never built."""

    store: Store
    clock: Clock
    new_id: Callable[[str], str]
    budget: Budget
    make_gateway: Callable[[Budget], StripeGateway]
    make_steps: Callable[[], Steps]
    default_policy: Callable[[], Policy]
    hold_terms: Callable[[], HoldTerms] = HoldTerms
    origin: Origin = NOBODY
    notice: Callable[..., None] = lambda **_: None

    @cached_property
    def gateway(self) -> StripeGateway:
        return self.make_gateway(self.budget)

    @cached_property
    def steps(self) -> Steps:
        return self.make_steps()

    @cached_property
    def operations(self) -> Operations:
        return Operations(
            store=self.store,
            gateway=lambda: self.gateway,
            clock=self.clock,
            new_id=self.new_id,
            budget=self.budget,
            origin=self.origin,
            notice=self.notice,
        )

    def event(self, event_id: str) -> Event:
        event = self.store.events.get(event_id)
        if event is None:
            raise NotFound("There is no such event.")
        return event

    def booking(self, booking_id: str, *, owner: str | None = None) -> Booking:
        """The booking; for anybody but its owner (None: staff, who see all) it does not exist."""
        booking = self.store.bookings.get(booking_id)
        if booking is None or (owner is not None and booking.user_id != owner):
            raise NotFound("There is no such booking.")
        return booking
