"""What a call to Stripe can end in, beside its result: what is proved, and what is not. Pure, and cheap to import."""

from __future__ import annotations

from holdfast.stripe_objects import Decline, PaymentIntent


class CallFailed(Exception):
    """Root of what a call to Stripe can end in, beside its result."""


class NothingExecuted(CallFailed):
    """Proved: Stripe did not execute the call (it never left, or was turned away by a limit)."""


class OutcomeUnknown(CallFailed):
    """The call may have been executed.

    `answered` is true where Stripe answered with a server error: then the call is over, and looking at the object
    proves what it did. Without an answer it may still be running. `replayed` is true where that answer was stored
    before: this call did nothing at all, and none under this key ever will.
    """

    def __init__(self, message: str, *, answered: bool, replayed: bool = False) -> None:
        super().__init__(message)
        self.answered = answered
        self.replayed = replayed


class KeySpoilt(CallFailed):
    """Stripe answered with a server error, which it repeats under this key for a day, and is proved to have done
    nothing.
    """


class CardRefused(CallFailed):
    """402: the bank said no, or wants the customer."""

    def __init__(self, decline: Decline, intent: PaymentIntent | None) -> None:
        super().__init__(decline.code)
        self.decline = decline
        self.intent = intent


class CallRefused(CallFailed):
    """400 or 404: Stripe will never execute this call. `code` is Stripe's, or `invalid_request`."""

    def __init__(self, code: str, message: str, *, param: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.status = status
