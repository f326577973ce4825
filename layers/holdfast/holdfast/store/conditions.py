"""What it means when a conditional write is refused."""

from __future__ import annotations


class ConditionFailed(Exception):
    """A condition of a write did not hold; nothing of it was written."""


class ConcurrentChange(ConditionFailed):
    """Somebody changed the booking (or event) since it was read. Read again and decide again."""


class RecordTaken(ConditionFailed):
    """The idempotency record of this request exists already: the same request is being served elsewhere."""


class EventChanged(ConditionFailed):
    """The event was edited, moved or cancelled since it was read."""


class PaymentMethodGone(ConditionFailed):
    """The card was detached since it was read."""


class AlreadySeen(ConditionFailed):
    """This event of Stripe's was applied before."""
