"""What can go wrong, in the words of the domain; `api` alone decides which HTTP status each becomes.

HoldfastError
├── InvalidRequest          the request itself is malformed
├── Unauthenticated         no token, or one that does not verify
├── CardDeclined            the bank (or the bank's 3-D Secure) said no
├── Forbidden               the caller's role may not do this
├── NotFound                it does not exist, or not for this caller
├── Conflict                the state forbids it
│   └── OperationInProgress another movement of money on this booking is under way
├── TooLarge                the body is over the limit
├── UnsupportedMediaType    the body is not JSON by its own declaration
├── RuleRefused             well-formed, and against a rule
│   └── TooFarAhead         no single authorization reaches the settlement
├── IdempotencyMismatch     the key was used with another body
├── RateLimited             the caller's token bucket is empty
└── StripeUnavailable       nothing was sent to Stripe, or Stripe executed nothing
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of the input: where (a JSON pointer, or the name of a query parameter or header) and what."""

    pointer: str
    detail: str


class HoldfastError(Exception):
    """Root of everything Holdfast raises on purpose. The message is safe to show to the caller."""

    @property
    def detail(self) -> str:
        return str(self)


class InvalidRequest(HoldfastError):
    """Malformed input; `errors` name each fault."""

    def __init__(self, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.errors = tuple(errors)

    @classmethod
    def at(cls, pointer: str, detail: str) -> InvalidRequest:
        return cls(detail, [FieldError(pointer, detail)])


class Unauthenticated(HoldfastError):
    """The token is missing, malformed, expired or not signed by whom it claims."""


class CardDeclined(HoldfastError):
    """The bank refused. `decline_code` only where Stripe lets the customer see it."""

    def __init__(self, detail: str, *, decline_code: str | None = None, booking_id: str | None = None) -> None:
        super().__init__(detail)
        self.decline_code = decline_code
        self.booking_id = booking_id


class Forbidden(HoldfastError):
    """The caller is known, and may not do this."""


class NotFound(HoldfastError):
    """Absent, or somebody else's: the answer is the same so that ids cannot be probed."""


class Conflict(HoldfastError):
    """The state of the booking (event, card) forbids it."""


class OperationInProgress(Conflict):
    """Somebody else moves this booking's money, or the same request is still under way.

    Try again in `retry_after` seconds.
    """

    def __init__(
        self, detail: str = "Another operation on this booking is under way.", *, retry_after: int = 2
    ) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class TooLarge(HoldfastError):
    """The body is over 64 KiB."""


class UnsupportedMediaType(HoldfastError):
    """The body is not application/json."""


class RuleRefused(HoldfastError):
    """Well-formed, but a rule forbids it (currency, amounts above what is held or left, times); `errors` as in
    InvalidRequest.
    """

    def __init__(self, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.errors = tuple(errors)

    @classmethod
    def at(cls, pointer: str, detail: str) -> RuleRefused:
        return cls(detail, [FieldError(pointer, detail)])


class TooFarAhead(RuleRefused):
    """The event settles later than one authorization can live."""


class IdempotencyMismatch(HoldfastError):
    """The same Idempotency-Key came with another body."""


class RateLimited(HoldfastError):
    """The caller's bucket for this class of operation is empty; full enough again in `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many requests of this kind. Wait and try again.")
        self.retry_after = retry_after


class StripeUnavailable(HoldfastError):
    """Nothing was sent to Stripe (or Stripe said that it executed nothing): safe to try again in `retry_after`
    seconds.
    """

    def __init__(
        self, detail: str = "The payment provider cannot be reached. Try again.", *, retry_after: int = 5
    ) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
